"""Interval literals: a quoted number and a field, nothing else.

sqlglot reads `INTERVAL '1 day'`, `INTERVAL 1 DAY` and a sum written as `INTERVAL '1' DAY '2' HOUR`, and takes the
number in `INTERVAL '1' DAY + 2 * x` for part of such a sum.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched, place, unknown_type
from catalog.dialect.tokens import WRITTEN
from catalog.dialect.words import INTERVAL_FIELDS
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Patch, Writer

_FIELDS = "'DAY', 'HOUR', 'MINUTE', 'MONTH', 'SECOND', 'YEAR'"
_VALUE = re.compile(r"'[-+]?[0-9][0-9 :.-]*'")
_NOTHING = ("''", "'-'")
"""Texts without a number, which Trino takes for nothing of any field."""
_LITERALS = (Kind.STRING, Kind.UNICODE_STRING, Kind.NUMBER)


def interval(writer: Writer, at: int) -> int:
    """Write an interval literal, or the name `interval`."""
    lexemes = writer.lexemes
    signed = lexemes[at + 1].text in ("+", "-")
    value = at + 2 if signed else at + 1
    literal = lexemes[value].kind is Kind.STRING
    if not literal or (signed and lexemes[value + 1].upper not in INTERVAL_FIELDS):
        writer.write(TokenType.VAR, lexemes[at])
        return at + 1
    end = value + 2
    if lexemes[value + 1].upper not in INTERVAL_FIELDS:
        raise unknown_type(lexemes[at])
    if lexemes[end].upper == "TO":
        _check_field(lexemes[end + 1])
        end += 2
    nothing = lexemes[value].text in _NOTHING
    if not nothing and not _VALUE.fullmatch(lexemes[value].text):
        raise Refusal(
            ErrorCode.INVALID_LITERAL,
            f"{lexemes[value].text} is not a valid INTERVAL literal",
            location=place(lexemes[at]),
        )
    if lexemes[end].kind in _LITERALS or lexemes[end].text == "(":
        raise mismatched(lexemes[end])
    _write(writer, at, value, end, nothing=nothing)
    return end


def _write(writer: Writer, at: int, value: int, end: int, *, nothing: bool) -> None:
    lexemes = writer.lexemes
    wrapped = lexemes[end].text == "+" and lexemes[end + 1].kind in _LITERALS
    if wrapped:
        writer.write(TokenType.L_PAREN, lexemes[at], "(", WRITTEN)
    writer.write(TokenType.INTERVAL, lexemes[at])
    if lexemes[at + 1].text == "-":
        writer.write(TokenType.DASH, lexemes[at + 1])
    if nothing:  # written as every engine reads it: none of the first field
        writer.write(TokenType.STRING, lexemes[value], "0")
        writer.write(TokenType.VAR, lexemes[value + 1])
    else:
        writer.literal(value)
        for field in lexemes[value + 1 : end]:
            writer.write(TokenType.VAR, field)
    if wrapped:
        writer.write(TokenType.R_PAREN, lexemes[end - 1], ")")


def _check_field(lexeme: Lexeme) -> None:
    if lexeme.upper not in INTERVAL_FIELDS:
        raise mismatched(lexeme, _FIELDS)


PATCHES: dict[str, Patch] = {"INTERVAL": interval}
