"""Words that begin a relation or its suffix in one place and are names in all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.syntax import mismatched

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


_BEFORE_QUERY = frozenset({"(", ")", "UNION", "EXCEPT", "INTERSECT", "ALL", "DISTINCT"})


def lateral(writer: Writer, at: int) -> int:
    """Write LATERAL before a bracket, else the name."""
    begins = writer.lexemes[at + 1].text == "("
    writer.write(TokenType.LATERAL if begins else TokenType.VAR, writer.lexemes[at])
    return at + 1


def ordinality(writer: Writer, at: int) -> int:
    """Write ORDINALITY behind WITH, else the name."""
    follows = at > 0 and writer.lexemes[at - 1].upper == "WITH"
    writer.write(TokenType.ORDINALITY if follows else TokenType.VAR, writer.lexemes[at])
    return at + 1


def tablesample(writer: Writer, at: int) -> int:
    """Write TABLESAMPLE before its method, else the name."""
    samples = writer.lexemes[at + 1].upper in ("BERNOULLI", "SYSTEM") and writer.lexemes[at + 2].text == "("
    writer.write(TokenType.TABLE_SAMPLE if samples else TokenType.VAR, writer.lexemes[at])
    return at + 1


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
    writer.write(TokenType.VALUES, lexeme)
    return at + 1


PATCHES: dict[str, Patch] = {
    "LATERAL": lateral,
    "ORDINALITY": ordinality,
    "TABLESAMPLE": tablesample,
    "USING": using,
    "VALUES": values,
}
