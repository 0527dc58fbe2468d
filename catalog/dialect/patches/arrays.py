"""`ARRAY[...]`: sqlglot takes any name `array` before a bracket for the constructor, quoted and qualified ones too.

It also tries `ARRAY` as a type first and starts over, which doubles the time at each level of nesting. A bare bracket
is the constructor to it and nothing else, so the word is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.tokens import Frame

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def array(writer: Writer, at: int) -> int:
    """Write the bracket of a constructor, or the name `array`."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    if following.text == "[" and writer.lexemes[at - 1].text != "." and not writer.after_operand(at):
        writer.write(TokenType.L_BRACKET, following, "ARRAY [")
        writer.frames.append(Frame())
        return at + 2
    writer.write(TokenType.VAR, lexeme)
    return at + 1


PATCHES: dict[str, Patch] = {"ARRAY": array}
