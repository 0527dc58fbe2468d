"""Valid Trino syntax that sqlglot neither reads nor writes faithfully: refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.syntax import not_supported

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def in_window(writer: Writer, at: int) -> int:
    """Refuse row pattern recognition inside a window; the words are names otherwise."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    if writer.frames[-1].kind == "WINDOW" and (following.is_name or following.text == "("):
        raise not_supported("Row pattern recognition in a window", lexeme)
    writer.write(TokenType.VAR, lexeme)
    return at + 1


PATCHES: dict[str, Patch] = {
    "MEASURES": in_window,
    "DEFINE": in_window,
}
