"""`TABLE t` as a query: the same as SELECT * FROM t, and written so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokens import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def table(writer: Writer, at: int) -> int:
    """Write a table query as a selection; before a bracket stands a table function."""
    lexeme = writer.lexemes[at]
    if writer.lexemes[at + 1].text == "(":
        writer.write(TokenType.TABLE, lexeme)
    else:
        writer.write(TokenType.SELECT, lexeme, "SELECT")
        writer.write(TokenType.STAR, lexeme, "*")
        writer.write(TokenType.FROM, lexeme, "FROM")
    return at + 1


PATCHES: dict[str, Patch] = {"TABLE": table}
