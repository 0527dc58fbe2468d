"""Words that begin a relation or its suffix in one place and are names in all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets
from catalog.dialect.patches.lone_relations import alone, enclose_sampled
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import WRITTEN
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


_BEFORE_RELATION = frozenset({"FROM", "JOIN", ",", "("})
_QUERY_GOES_ON = frozenset({"UNION", "EXCEPT", "INTERSECT", "ORDER", "LIMIT", "OFFSET", "FETCH"})
_GROUP_GOES_ON = frozenset({"AS", "CROSS", "FULL", "INNER", "JOIN", "LEFT", "NATURAL", "RIGHT"})
_BEFORE_QUERY = frozenset({"(", ")", "UNION", "EXCEPT", "INTERSECT", "ALL", "DISTINCT"})


def lateral(writer: Writer, at: int) -> int:
    """Write LATERAL before a bracket, else the name."""
    begins = writer.lexemes[at + 1].text == "("
    writer.write(TokenType.LATERAL if begins else TokenType.VAR, writer.lexemes[at])
    return at + 1


def unnest(writer: Writer, at: int) -> int:
    """Write UNNEST."""
    writer.write(TokenType.UNNEST, writer.lexemes[at])
    return at + 1


def ordinality(writer: Writer, at: int) -> int:
    """Write ORDINALITY behind WITH, else the name."""
    follows = at > 0 and writer.lexemes[at - 1].upper == "WITH"
    writer.write(TokenType.ORDINALITY if follows else TokenType.VAR, writer.lexemes[at])
    return at + 1


def tablesample(writer: Writer, at: int) -> int:
    """Write TABLESAMPLE before its method, else the name."""
    lexemes = writer.lexemes
    samples = lexemes[at + 1].upper in ("BERNOULLI", "SYSTEM") and lexemes[at + 2].text == "("
    if samples:
        enclose_sampled(writer, at)
    writer.write(TokenType.TABLE_SAMPLE if samples else TokenType.VAR, lexemes[at])
    if not samples or (lexemes[at + 3].kind is Kind.NUMBER and lexemes[at + 4].text == ")"):
        return at + 1
    writer.write(TokenType.VAR, lexemes[at + 1])
    inside = brackets.opened(writer, at + 2)
    return _enclosed(writer, inside, writer.end_of(inside))  # sqlglot reads one number there


def using(writer: Writer, at: int) -> int:
    """Write USING before its bracket."""
    if writer.lexemes[at + 1].text != "(":
        raise mismatched(writer.lexemes[at + 1], "'('")
    writer.write(TokenType.USING, writer.lexemes[at])
    return at + 1


def values(writer: Writer, at: int) -> int:
    """Write VALUES where a query begins; as a relation it needs parentheses."""
    lexeme = writer.lexemes[at]
    if at > 0 and writer.lexemes[at - 1].upper not in _BEFORE_QUERY:
        raise mismatched(lexeme)
    if at > 1 and writer.lexemes[at - 1].text == "(" and writer.lexemes[at - 2].upper in _BEFORE_RELATION:
        return _relation(writer, at)
    writer.write(TokenType.VALUES, lexeme)
    return at + 1


def _relation(writer: Writer, at: int) -> int:
    """Write VALUES as a relation; if more of a query or a join follows, the rows get own brackets for sqlglot."""
    end = writer.end_of(at + 1, _QUERY_GOES_ON)
    if writer.lexemes[end].upper in _QUERY_GOES_ON or begins_group(writer, at, end):
        writer.write(TokenType.L_PAREN, writer.lexemes[at], "(", WRITTEN)
        writer.write(TokenType.VALUES, writer.lexemes[at])
        end = writer.between(at + 1, end)
        writer.write(TokenType.R_PAREN, writer.lexemes[end], ")")
        return end
    writer.write(TokenType.VALUES, writer.lexemes[at])
    return at + 1


def begins_group(writer: Writer, at: int, end: int) -> bool:
    """Tell whether VALUES in brackets is named or joined inside of others: `((VALUES 1) AS t JOIN u ON true)`.

    Such rows are written in brackets of their own, else sqlglot takes them for a table.
    """
    behind = writer.lexemes[end + 1]
    named = behind.kind is Kind.QUOTED or (behind.kind is Kind.WORD and behind.upper not in RESERVED)
    return writer.lexemes[at - 2].text == "(" and (named or behind.upper in _GROUP_GOES_ON)


def _enclosed(writer: Writer, start: int, end: int) -> int:
    """Write what stands between two indices in brackets of its own."""
    writer.write(TokenType.L_PAREN, writer.lexemes[start], "(", WRITTEN)
    end = writer.between(start, end)
    writer.write(TokenType.R_PAREN, writer.lexemes[end], ")")
    return end


PATCHES: dict[str, Patch] = {
    "LATERAL": alone(lateral),
    "ORDINALITY": ordinality,
    "TABLESAMPLE": tablesample,
    "UNNEST": alone(unnest),
    "USING": using,
    "VALUES": values,
}
