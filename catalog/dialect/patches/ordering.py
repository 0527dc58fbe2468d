"""Sort items: NULLS LAST is Trino's default and not written by sqlglot; ASC and DESC are also names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_DIRECTIONS = {"ASC": TokenType.ASC, "DESC": TokenType.DESC}


def direction(writer: Writer, at: int) -> int:
    """Write ASC or DESC behind a sort item, else the name."""
    lexeme = writer.lexemes[at]
    sorts = writer.frames[-1].order and writer.after_operand(at)
    writer.write(_DIRECTIONS[lexeme.upper] if sorts else TokenType.VAR, lexeme)
    return at + 1


def nulls(writer: Writer, at: int) -> int:
    """Leave out NULLS LAST behind a sort item."""
    if writer.frames[-1].order and writer.lexemes[at + 1].upper == "LAST" and writer.after_operand(at):
        return at + 2
    writer.write(TokenType.VAR, writer.lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {"ASC": direction, "DESC": direction, "NULLS": nulls}
