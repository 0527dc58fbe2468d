"""Numbers: sqlglot cuts `0b101`, `0o17` and `1_000` in two and reads `0xFF` as bytes; here they are plain digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.syntax import syntax_error

if TYPE_CHECKING:
    from catalog.dialect.tokens import Writer

_LARGEST = 2**63 - 1
_BASES = {"x": 16, "X": 16, "o": 8, "O": 8, "b": 2, "B": 2}


def number(writer: Writer, at: int) -> int:
    """Write a number as Trino reads it: integers in decimal digits, decimals and doubles as written."""
    lexeme = writer.lexemes[at]
    text = lexeme.text.replace("_", "")
    base = _BASES.get(text[1:2], 10)
    if base != 10 or (text.isdigit() and len(text) > 18):
        value = _integer(text if base == 10 else text[2:], base)
        negated = writer.lexemes[at - 1].text == "-" and not writer.after_operand(at - 1)
        if value is None or value > _LARGEST + negated:
            raise syntax_error(f"Invalid numeric literal: {lexeme.text[:80]}", lexeme)
        text = text if base == 10 else str(value)
    writer.write(TokenType.NUMBER, lexeme, text)
    return at + 1


def _integer(digits: str, base: int) -> int | None:
    """Return the value of digits, None for more digits than a number of 64 bits can have in any base."""
    digits = digits.lstrip("0")
    return int(digits or "0", base) if len(digits) <= 64 else None
