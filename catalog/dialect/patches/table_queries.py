"""`TABLE t` as a query: the same as SELECT * FROM t, and written so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
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
        return at + 1
    writer.write(TokenType.SELECT, lexeme, "SELECT")
    writer.write(TokenType.STAR, lexeme, "*")
    writer.write(TokenType.FROM, lexeme, "FROM")
    return _name(writer, at + 1)


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


PATCHES: dict[str, Patch] = {"TABLE": table}
