"""Unary plus: a no-op that sqlglot drops without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokens import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def plus(writer: Writer, at: int) -> int:
    """Write the operator between operands; leave out the sign."""
    if writer.after_operand(at):
        writer.write(TokenType.PLUS, writer.lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {"+": plus}
