"""Literals with a type before them: `DECIMAL '1.5'`, `TIMESTAMP '2001-01-02 Europe/Berlin'`.

sqlglot writes a CAST without the precision that Trino takes from the digits: 1.5 becomes 2, 'abc' becomes 'a', a zone
is lost. Here the type is written in full. What is no literal of its type is refused as Trino does at analysis; a CAST
would fail later, or over no rows not at all.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches.strings import string_value
from catalog.dialect.syntax import place
from catalog.dialect.tokens import TYPE
from catalog.dialect.types import TYPE_NAMES
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Patch, Writer

_DATE = r"([-+]?[0-9]{4,9})-([0-9]{1,2})-([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]+))?)?"
_LONGEST_FRACTION = 12
_DATE_ONLY = re.compile(_DATE)
_TIMESTAMP = re.compile(rf"{_DATE}(?: (?:{_CLOCK})?\s*(.+)?)?")
_TIME = re.compile(rf"{_CLOCK}\s*([+-][0-9]{{2}}:[0-9]{{2}})?")
_DECIMAL = re.compile(r"[-+]?0*([0-9]*)(?:\.([0-9]*))?")
_BASE_16 = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][-+]?[0-9]+[fFdD]?"
_DOUBLE = re.compile(rf"\s*[-+]?(?:{_BASE_16}|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[fFdD]?|NaN|Infinity)\s*")
_NO_ZONES = frozenset({"EST", "FACTORY", "HST", "MST", "ROC"})
"""Names of the tz database that are none to Trino 476."""
_PREFIXED = re.compile(r"(?:UTC|GMT|UT|Z|Etc)\b", re.IGNORECASE)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BOOLEAN = re.compile(r"true|false|t|f|1|0", re.IGNORECASE)
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "INT": 32, "BIGINT": 64}


def typed_literal(writer: Writer, at: int) -> int:
    """Write a typed literal as a CAST to its full type, or the name that the word is elsewhere."""
    lexemes = writer.lexemes
    lexeme, word = lexemes[at], lexemes[at].upper
    value_at = at + 2 if word == "DOUBLE" and lexemes[at + 1].upper == "PRECISION" else at + 1
    if lexemes[value_at].kind not in (Kind.STRING, Kind.UNICODE_STRING) or lexemes[at - 1].text == ".":
        writer.write(TokenType.VAR, lexeme)
        return at + 1
    value, end = string_value(lexemes, value_at)
    _check_precision(word, value, lexeme)
    full_type = _full_type(word, value)
    if full_type is None:
        raise Refusal(ErrorCode.INVALID_LITERAL, f"'{value}' is not a valid {word} literal", location=place(lexeme))
    if word == "JSON":
        writer.write(TokenType.VAR, lexeme, "json_parse")
        writer.write(TokenType.L_PAREN, lexeme, "(")
        writer.literal(value_at)
    else:
        writer.write(TokenType.VAR, lexeme, "CAST")
        writer.write(TokenType.L_PAREN, lexeme, "(")
        if word == "DECIMAL":
            writer.write(TokenType.STRING, lexemes[value_at], value.replace("_", ""))
        else:
            writer.literal(value_at)
        writer.write(TokenType.ALIAS, lexeme, "AS")
        writer.write(TYPE, lexeme, full_type)
    writer.write(TokenType.R_PAREN, lexemes[end - 1], ")")
    return end


def _check_precision(word: str, value: str, lexeme: Lexeme) -> None:
    """Refuse more digits of a second than there are, as Trino does. Raises Refusal NUMERIC_VALUE_OUT_OF_RANGE."""
    match = _TIMESTAMP.fullmatch(value) if word == "TIMESTAMP" else _TIME.fullmatch(value) if word == "TIME" else None
    digits = len((match[7] if word == "TIMESTAMP" else match[4]) or "") if match else 0
    if digits > _LONGEST_FRACTION:
        what = f"{word} precision must be in range [0, {_LONGEST_FRACTION}]: {digits}"
        raise Refusal(ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, what, location=place(lexeme))


def _full_type(word: str, value: str) -> str | None:
    """Return the type a literal has, None when it is no literal of that type."""
    check = _CHECKS.get(word)
    return check(word, value) if check else word


def _decimal(word: str, value: str) -> str | None:
    match = _DECIMAL.fullmatch(value.replace("_", ""))
    if not match or not any(c.isdigit() for c in value):
        return None
    scale = len(match[2] or "")
    precision = max(len(match[1]) + scale, 1)
    return f"DECIMAL({precision}, {scale})" if precision <= 38 else None


def _char(word: str, value: str) -> str:
    return f"CHAR({len(value)})"


def _date(word: str, value: str) -> str | None:
    match = _DATE_ONLY.fullmatch(value.strip())
    return word if match and _is_day(*match.groups()) else None


def _timestamp(word: str, value: str) -> str | None:
    match = _TIMESTAMP.fullmatch(value)
    if not match or not _is_day(*match.groups()[:3]) or not _is_clock(*match.groups()[3:6]):
        return None
    if match[8] and (_is_no_zone(match[8]) or _is_skipped(*match.groups()[:5], zone=match[8])):
        return None
    return f"TIMESTAMP({len(match[7] or '')}){' WITH TIME ZONE' if match[8] else ''}"


def _time(word: str, value: str) -> str | None:
    match = _TIME.fullmatch(value)
    if not match or not _is_clock(*match.groups()[:3]):
        return None
    return f"TIME({len(match[4] or '')}){' WITH TIME ZONE' if match[5] else ''}"


def _integer(word: str, value: str) -> str | None:
    half = 2 ** (_BITS[word] - 1)
    fits = _INTEGER.fullmatch(value) and len(value) < 25 and -half <= int(value) < half
    return ("INTEGER" if word == "INT" else word) if fits else None


def _double(word: str, value: str) -> str | None:
    return word if _DOUBLE.fullmatch(value) else None


def _boolean(word: str, value: str) -> str | None:
    return word if _BOOLEAN.fullmatch(value) else None


def _is_day(year: str, month: str, day: str) -> bool:
    number = int(year)
    try:
        # The calendar repeats every 400 years; Python's ends in 9999.
        date(number % 400 + 400, int(month), int(day))
    except ValueError:
        return False
    return True


def _is_clock(hour: str | None, minute: str | None, second: str | None) -> bool:
    return hour is None or (int(hour) < 24 and int(minute or 0) < 60 and int(second or 0) < 60)


def _is_no_zone(zone: str) -> bool:
    """Tell whether a zone is surely none. Offsets and names with a prefix as `UTC+3` are left to the engine."""
    if not zone[0].isalpha() or _PREFIXED.match(zone):
        return False
    if zone.upper() in _NO_ZONES:
        return True
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return True
    return False


def _json(word: str, value: str) -> str | None:
    """Refuse what no reader of JSON takes; what is doubtful is left to the engine."""
    try:
        json.loads(value)
    except json.JSONDecodeError:
        return None
    except (ValueError, RecursionError):
        return word
    return word


def _address(word: str, value: str) -> str | None:
    try:
        ip_address(value)
    except ValueError:
        return None
    return word


def _is_skipped(year: str, month: str, day: str, hour: str | None, minute: str | None, *, zone: str) -> bool:
    """Tell whether the zone's clocks never showed this time, since they were put forward: no literal in Trino."""
    if zone[0] in "+-" or not 1 < int(year) < 9999:
        return False
    try:
        rules = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    shown = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=rules)
    return shown.astimezone(UTC).astimezone(rules).replace(tzinfo=None) != shown.replace(tzinfo=None)


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CHECKS: dict[str, Callable[[str, str], str | None]] = {
    "DECIMAL": _decimal,
    "CHAR": _char,
    "DATE": _date,
    "TIMESTAMP": _timestamp,
    "TIME": _time,
    "DOUBLE": _double,
    "REAL": _double,
    "BOOLEAN": _boolean,
    "IPADDRESS": _address,
    "JSON": _json,
    "UUID": lambda word, value: word if _UUID.fullmatch(value) else None,
    **dict.fromkeys(_BITS, _integer),
}

PATCHES: dict[str, Patch] = dict.fromkeys(TYPE_NAMES - {"ARRAY", "MAP", "ROW"}, typed_literal)
