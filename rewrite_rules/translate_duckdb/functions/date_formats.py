"""Dates as text by a pattern: MySQL's letters (date_format) and Joda's (format_datetime)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_duckdb.casts_of_time import offset_text, timestamp_precision
from rewrite_rules.translate_duckdb.context import ZONED
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import case, let, refusing, string, unsupported

_FORMATS = {
    "a": "%a",
    "b": "%b",
    "c": "%-m",
    "d": "%d",
    "e": "%-d",
    "f": "%f",
    "H": "%H",
    "h": "%I",
    "I": "%I",
    "i": "%M",
    "j": "%j",
    "k": "%-H",
    "l": "%-I",
    "M": "%B",
    "m": "%m",
    "p": "%p",
    "r": "%I:%M:%S %p",
    "S": "%S",
    "s": "%S",
    "T": "%H:%M:%S",
    "v": "%V",
    "W": "%A",
    "x": "%G",
    "Y": "%Y",
    "y": "%y",
    "%": "%%",
}
"""MySQL's letters, as Trino knows them, in those of strftime."""
_REFUSED_FORMATS = frozenset("DUuVwX")


def check_mysql_letter(letter: str) -> None:
    """Refuse the letters that Trino refuses itself. Raises Refusal INVALID_FUNCTION_ARGUMENT."""
    if letter in _REFUSED_FORMATS:
        message = f"%{letter} not supported in date format string"
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)


def _mysql_format(call: Call, text: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char != "%":
            parts.append(char)
            at += 1
            continue
        letter = text[at + 1 : at + 2]
        check_mysql_letter(letter)
        if letter not in _FORMATS:
            raise unsupported(f"{call.name}() with this format")
        parts.append(_FORMATS[letter])
        at += 2
    return "".join(parts)


def _within_calendar(value: str, body: Callable[[str], str]) -> str:
    return let(
        value,
        "v",
        lambda v: case(
            (f"{v} IS NULL", "NULL"),
            (f"year({v}) NOT BETWEEN 1 AND 9999", refusing("formatting a date outside the years 1 to 9999")),
            otherwise=body(v),
        ),
    )


def _millis(call: Call) -> str:
    """Return the local time rounded to milliseconds, which is what Trino formats."""
    kind = call.types[0]
    return call.local(0) if kind.base == "date" else timestamp_precision(call.local(0), kind.numbers[0], 3)


def _format(call: Call) -> str:
    text = _mysql_format(call, call.literal(1))
    local = _millis(call)
    return _within_calendar(local, lambda v: f"strftime({v}, {string(text)})")


_JODA = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "EEEE": "%A",
    "EEE": "%a",
    "EE": "%a",
    "E": "%a",
    "e": "%u",
    "a": "%p",
    "ww": "%V",
    "xxxx": "%G",
    "DDD": "%j",
}
JODA_TOKEN = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+")
"""A run of one letter, quoted text, or other characters, of a Joda pattern."""
_ZONE_LETTERS = frozenset({"Z", "ZZ", "ZZZ"})


def _joda_format(call: Call) -> str:
    parts: list[str] = []
    for match in JODA_TOKEN.finditer(call.literal(1)):
        if match[2] is not None:
            parts.append((match[2].replace("''", "'") or "'").replace("%", "%%"))
        elif match[1] is None:
            parts.append(match[0].replace("%", "%%"))
        elif match[0] in _JODA:
            parts.append(_JODA[match[0]])
        elif match[0] in _ZONE_LETTERS and call.types[0].base == ZONED:
            parts.append(f"\0{match[0]}\0")
        else:
            raise unsupported("format_datetime() with this format")
    segments = "".join(parts).split("\0")

    def written(v: str) -> str:
        texts = [
            _zone_text(call, each) if i % 2 else f"strftime({v}, {string(each)})"
            for i, each in enumerate(segments)
            if each  # an empty format is an error to strftime
        ]
        return f"({' || '.join(texts)})"

    return _within_calendar(_millis(call), written)


def _zone_text(call: Call, letters: str) -> str:
    if letters == "ZZZ":
        return string(call.zone)
    text = offset_text(call.args[0], call.zone)
    colon = "" if letters == "Z" else ":"
    return f"replace(replace({text}, 'Z', '+00:00'), ':', '{colon}')"


SCALARS: Mapping[str, Function] = {
    "date_format": _format,
    "format_datetime": _joda_format,
}
