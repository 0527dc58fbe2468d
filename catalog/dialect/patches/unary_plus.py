"""Unary plus: a no-op that sqlglot drops without a trace.

The token keeps its place, so that a misplaced one is an error, and loses its text, so that nobody misses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import starts_operand

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def plus(writer: Writer, at: int) -> int:
    """Write the operator between operands, or the sign without its text."""
    following = writer.lexemes[at + 1]
    between = writer.after_operand(at)
    if not between and not (starts_operand(following) or following.text in ("(", "[", "+", "-", "?")):
        raise mismatched(following, "<expression>")
    writer.write(TokenType.PLUS, writer.lexemes[at], None if between else "")
    return at + 1


PATCHES: dict[str, Patch] = {"+": plus}
