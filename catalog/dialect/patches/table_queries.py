"""`TABLE t` as a query, and `TABLE(t)` as an argument: the same as SELECT * FROM t, and written so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets
from catalog.dialect.patches.casts import upper_names, write_type
from catalog.dialect.patches.lone_relations import alone
from catalog.dialect.syntax import mismatched
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


_FOLLOWERS = frozenset({")", "", "UNION", "EXCEPT", "INTERSECT", "ORDER"})
_LIMITS = frozenset({"LIMIT", "OFFSET", "FETCH"})


def table(writer: Writer, at: int) -> int:
    """Write a table query as a selection; before a bracket stands a table function."""
    lexeme = writer.lexemes[at]
    if writer.lexemes[at + 1].text == "(":
        writer.write(TokenType.TABLE, lexeme)
        end = _end_of_name(writer, at + 2)
        if writer.lexemes[end].text == ")":
            return _argument(writer, at + 1, end)
        return _function(writer, at + 1)
    writer.write(TokenType.SELECT, lexeme, "SELECT")
    writer.write(TokenType.STAR, lexeme, "*")
    writer.write(TokenType.FROM, lexeme, "FROM")
    return _name(writer, at + 1)


def _end_of_name(writer: Writer, at: int) -> int:
    """Return the index behind a dotted name, or the index itself where none stands."""
    lexemes = writer.lexemes
    while lexemes[at].is_name and (lexemes[at].kind is Kind.QUOTED or lexemes[at].upper not in RESERVED):
        if lexemes[at + 1].text != ".":
            return at + 1
        at += 2
    return at


def _argument(writer: Writer, at: int, end: int) -> int:
    """Write a table's name as the query that it stands for."""
    lexeme = writer.lexemes[at]
    at = brackets.opened(writer, at)
    for kind, text in ((TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"), (TokenType.FROM, "FROM")):
        writer.write(kind, lexeme, text)
    return writer.between(at, end)


def _function(writer: Writer, at: int) -> int:
    """Write a table function's call, and its alias if columns are named: Trino shows these in upper case."""
    end = writer.end_of(at + 1)
    if writer.lexemes[end].text != ")":
        raise mismatched(writer.lexemes[end])
    at = writer.between(at, end + 1)
    name = at + 1 if writer.lexemes[at].upper == "AS" else at
    lexeme = writer.lexemes[name]
    named = lexeme.is_name and lexeme.upper not in RESERVED and lexeme.upper != "MATCH_RECOGNIZE"
    if not named or writer.lexemes[name + 1].text != "(":
        return at
    return upper_names(writer, writer.between(at, name + 1))


def _name(writer: Writer, at: int) -> int:
    """Write the table's name; only what may follow a whole query may follow it."""
    while True:
        lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
        if not lexeme.is_name or (lexeme.kind is Kind.WORD and lexeme.upper in RESERVED):
            raise mismatched(lexeme, "<identifier>")
        writer.write(TokenType.IDENTIFIER, lexeme, lexeme.identifier)
        if following.text != ".":
            break
        writer.write(TokenType.DOT, following)
        at += 2
    limits = following.upper in _LIMITS and (writer.lexemes[at + 2].kind is Kind.NUMBER or _limited(writer, at + 2))
    if following.upper not in _FOLLOWERS and not limits:
        raise mismatched(following)
    return at + 1


def _limited(writer: Writer, at: int) -> bool:
    return writer.lexemes[at].upper in ("?", "ALL", "FIRST", "NEXT")


def descriptor(writer: Writer, at: int) -> int:
    """Write DESCRIPTOR and its fields, whose types are one token each, or the name."""
    lexemes = writer.lexemes
    writer.write(TokenType.VAR, lexemes[at])
    if lexemes[at + 1].text != "(" or lexemes[at - 1].text not in ("(", ",", "=>"):
        return at + 1
    at = brackets.opened(writer, at + 1)
    while lexemes[at].text != ")":
        lexeme = lexemes[at]
        if not lexeme.is_name or (lexeme.kind is Kind.WORD and lexeme.upper in RESERVED):
            return at  # the expression of a call by that name
        writer.write(TokenType.IDENTIFIER if lexeme.kind is Kind.QUOTED else TokenType.VAR, lexeme, lexeme.identifier)
        at += 1
        if lexemes[at].is_name:
            at = write_type(writer, at)
        if lexemes[at].text != ",":
            break
        at = brackets.comma(writer, at)
    return at


PATCHES: dict[str, Patch] = {"TABLE": alone(table), "DESCRIPTOR": descriptor}
