"""Strings: values decoded by Trino's rules.

sqlglot reads `U&` strings only to write them again, refuses blanks in `X'00 ff'` and joins adjacent strings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched, syntax_error

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Writer

_BLANKS = re.compile(r"[ \r\n\t]")
_HEX = re.compile(r"[0-9A-F]*")


def string(writer: Writer, at: int) -> int:
    """Write a plain string."""
    writer.write(TokenType.STRING, writer.lexemes[at], string_value(writer.lexemes, at)[0])
    return _checked(writer, at + 1)


def unicode_string(writer: Writer, at: int) -> int:
    """Write a string with Unicode escapes as the characters it stands for."""
    value, end = string_value(writer.lexemes, at)
    writer.write(TokenType.STRING, writer.lexemes[at], value)
    return _checked(writer, end)


def binary(writer: Writer, at: int) -> int:
    """Write a binary literal as plain hexadecimal digits."""
    lexeme = writer.lexemes[at]
    digits = _BLANKS.sub("", lexeme.text[2:-1]).upper()
    if not _HEX.fullmatch(digits):
        raise syntax_error("Binary literal can only contain hexadecimal digits", lexeme)
    if len(digits) % 2:
        raise syntax_error("Binary literal must contain an even number of digits", lexeme)
    writer.write(TokenType.HEX_STRING, lexeme, digits)
    return at + 1


def string_value(lexemes: list[Lexeme], at: int) -> tuple[str, int]:
    """Return the value of the string at an index and the index after it; raise Refusal SYNTAX_ERROR for none."""
    lexeme = lexemes[at]
    if lexeme.kind is Kind.STRING:
        return lexeme.text[1:-1].replace("''", "'"), at + 1
    if lexeme.kind is not Kind.UNICODE_STRING:
        raise mismatched(lexeme, "<string>")
    escape = "\\"
    end = at + 1
    if lexemes[end].upper == "UESCAPE":
        if lexemes[end + 1].kind is not Kind.STRING:
            raise mismatched(lexemes[end + 1], "<string>")
        escape, end = string_value(lexemes, end + 1)
        if len(escape) != 1 or escape in "+'\"" or escape.isspace() or escape in "0123456789abcdefABCDEF":
            raise syntax_error("Invalid Unicode escape character", lexemes[at + 1])
    return _decode(lexeme, escape), end


def _decode(lexeme: Lexeme, escape: str) -> str:
    body = lexeme.text[3:-1].replace("''", "'")
    mark = re.escape(escape)

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return escape
        code = int(match[1].removeprefix("+"), 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise syntax_error(f"Invalid escaped character: {match[1].removeprefix('+')}", lexeme)
        return chr(code)

    pattern = re.compile(rf"{mark}(?:{mark}|(\+[0-9A-Fa-f]{{6}}|[0-9A-Fa-f]{{4}}))")
    if escape in pattern.sub("", body):
        raise syntax_error("Incomplete escape sequence", lexeme)
    return pattern.sub(replaced, body)


def _checked(writer: Writer, at: int) -> int:
    """Refuse a string right behind a string: no concatenation in Trino."""
    if writer.lexemes[at].kind in (Kind.STRING, Kind.UNICODE_STRING):
        raise mismatched(writer.lexemes[at])
    return at
