"""Text read as a moment by a pattern: date_parse, parse_datetime, from_iso8601_timestamp.

DuckDB's reader is laxer than Joda's in places and stricter in others; so a regular expression made from the pattern
tells first which texts both read alike. What Joda might read too is refused, the rest gets Trino's error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.casts_of_time import in_zone
from rewrite_rules.translate_duckdb.context import UTC
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.functions.date_formats import JODA_TOKEN, check_mysql_letter
from rewrite_rules.translate_duckdb.moments import iso_instant
from rewrite_rules.translate_duckdb.text import case, let, raising, refusing, string, unsupported

_NUMBER, _NAME = "[+-]?[0-9]+", "[A-Za-z.]+"
_TWO = "[0-9]{1,2}"
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_BAD = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Invalid format: the text does not fit the pattern")


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a pattern: DuckDB's letter, what both read, and its exact width next to another number."""

    letter: str
    strict: str
    width: int = 0

    @property
    def loose(self) -> str:
        """Return what Joda might read."""
        return _NUMBER if self.width else _NAME


_YEAR = _Field("%Y", "[0-9]{1,4}", 4)
_SHORT_YEAR = _Field("%y", "([0-57-9][0-9]|6[0-8])", 2)
"""DuckDB takes 69 for 1969, Joda for 2069."""
_MONTH, _DAY = _Field("%m", _TWO, 2), _Field("%d", _TWO, 2)
_HOUR, _TWELVE, _MINUTE, _SECOND = (_Field(letter, _TWO, 2) for letter in ("%H", "%I", "%M", "%S"))
_HALF = _Field("%p", "(AM|PM)")
_FRACTION = _Field("%f", "[0-9]{1,6}", 6)
_MYSQL: Mapping[str, tuple[_Field | str, ...]] = {
    "Y": (_YEAR,),
    "y": (_SHORT_YEAR,),
    "m": (_MONTH,),
    "c": (_MONTH,),
    "d": (_DAY,),
    "e": (_DAY,),
    "H": (_HOUR,),
    "k": (_HOUR,),
    "h": (_TWELVE,),
    "I": (_TWELVE,),
    "l": (_TWELVE,),
    "i": (_MINUTE,),
    "S": (_SECOND,),
    "s": (_SECOND,),
    "f": (_FRACTION,),
    "p": (_HALF,),
    "b": (_Field("%b", f"({_SHORT_MONTHS})"),),
    "M": (_Field("%B", f"({_MONTHS})"),),
    "T": (_HOUR, ":", _MINUTE, ":", _SECOND),
    "r": (_TWELVE, ":", _MINUTE, ":", _SECOND, " ", _HALF),
    "%": ("%",),
}
_JODA: Mapping[str, _Field] = {
    "yyyy": _Field("%Y", "[0-9]{4}", 4),
    "MM": _MONTH,
    "M": _MONTH,
    "dd": _DAY,
    "d": _DAY,
    "HH": _HOUR,
    "H": _HOUR,
    "mm": _MINUTE,
    "m": _MINUTE,
    "ss": _SECOND,
    "s": _SECOND,
    "SSS": _Field("%f", "[0-9]{1,3}", 3),
    "SSSSSS": _FRACTION,
}
_DATED, _CLOCKED = frozenset({"%m", "%d", "%b", "%B"}), frozenset({"%Y", "%y"})
Parts = list["_Field | str"]


def _mysql_parts(call: Call) -> Parts:
    text, parts, at = call.literal(1), list[_Field | str](), 0
    while at < len(text):
        if text[at] != "%":
            parts.append(text[at])
            at += 1
            continue
        letter = text[at + 1 : at + 2]
        check_mysql_letter(letter)
        if letter not in _MYSQL:
            raise unsupported(f"{call.name}() with this format")
        parts += _MYSQL[letter]
        at += 2
    return parts


def _joda_parts(call: Call) -> Parts:
    parts: Parts = []
    for match in JODA_TOKEN.finditer(call.literal(1)):
        if match[1] is None:
            parts.append((match[2].replace("''", "'") or "'") if match[2] is not None else match[0])
        elif match[0] in _JODA:
            parts.append(_JODA[match[0]])
        else:
            raise unsupported(f"{call.name}() with this format")
    return parts


def _parsed(call: Call, parts: Parts) -> str:
    """Write the local time a text gives, to the millisecond; a year that is not given is 2000, or 1970 for a clock."""
    letters = {part.letter for part in parts if isinstance(part, _Field)}
    _check_letters(call, letters)
    prefix, year = "", ""
    if not letters & _CLOCKED:
        prefix, year = ("2000 " if letters & _DATED else "1970 "), "%Y "
    pattern = year + "".join(p.replace("%", "%%") if isinstance(p, str) else p.letter for p in parts)

    def read(v: str) -> str:
        text = f"({string(prefix)} || {v})" if prefix else v
        moment = f"date_trunc('millisecond', coalesce(try_strptime({text}, {string(pattern)}), {_BAD}))"
        return case(
            (f"{v} IS NULL", "NULL"),
            (f"regexp_full_match({v}, {string(_strict(parts))})", moment),
            (f"regexp_full_match({v}, {string(_loose(parts))})", refusing(f"{call.name}() of such text")),
            otherwise=_BAD,
        )

    return let(call.args[0], "v", read)


def _check_letters(call: Call, letters: set[str]) -> None:
    """Refuse combinations in which a reader must guess: half a day without its half, a day without a month."""
    halves = ("%I" in letters) != ("%p" in letters)
    months = len(letters & {"%m", "%b", "%B"})
    if halves or months > 1 or ("%d" in letters and not months) or len(letters & _CLOCKED) > 1 or not letters:
        raise unsupported(f"{call.name}() with this format")


def _strict(parts: Parts) -> str:
    texts = []
    for place, part in enumerate(parts):
        if isinstance(part, str):
            texts.append(re.escape(part))
            continue
        around = (*parts[max(0, place - 1) : place], *parts[place + 1 : place + 2])
        exact = part.width and any(isinstance(other, _Field) and other.width for other in around)
        texts.append(f"[0-9]{{{part.width}}}" if exact and part is not _SHORT_YEAR else part.strict)
    return "".join(texts)


def _loose(parts: Parts) -> str:
    return "(?i)" + "".join(re.escape(p) if isinstance(p, str) else p.loose for p in parts)


def _date_parse(call: Call) -> str:
    return _parsed(call, _mysql_parts(call))


def _parse_datetime(call: Call) -> str:
    """The text's local time is one of the session's zone."""
    zone = call.context.time_zone
    if zone != UTC:
        raise unsupported("parse_datetime() in a time zone other than UTC")
    return in_zone(_parsed(call, _joda_parts(call)), zone)


_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?"


def _from_iso(call: Call) -> str:
    """Read a literal now; other texts must be in UTC, so that all rows show one zone."""
    if call.is_text(0):
        micros, _ = iso_instant(call.literal(0), call.context.time_zone)
        return f"make_timestamptz({micros}::BIGINT)"
    if call.context.time_zone != UTC:
        raise unsupported("from_iso8601_timestamp() of a column in a time zone other than UTC")
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Invalid format of an ISO 8601 timestamp")

    def read(v: str) -> str:
        clock = f"replace(rtrim({v}, 'Z'), 'T', ' ')"
        full = f"CASE WHEN length({clock}) = 16 THEN {clock} || ':00' ELSE {clock} END"
        return case(
            (f"{v} IS NULL", "NULL"),
            (
                f"regexp_full_match({v}, '{_ISO}')",
                f"timezone('UTC', date_trunc('millisecond', coalesce(TRY_CAST({full} AS TIMESTAMP), {bad})))",
            ),
            otherwise=refusing("from_iso8601_timestamp() of such text"),
        )

    return let(call.args[0], "v", read)


def _from_iso_date(call: Call) -> str:
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Invalid format of an ISO 8601 date")
    day = f"coalesce(TRY_CAST({{0}} AS DATE), {bad})"
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"{v} IS NULL", "NULL"),
            (f"regexp_full_match({v}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')", day.format(v)),
            otherwise=refusing("from_iso8601_date() of such text"),
        ),
    )


SCALARS: Mapping[str, Function] = {
    "date_parse": _date_parse,
    "parse_datetime": _parse_datetime,
    "from_iso8601_timestamp": _from_iso,
    "from_iso8601_date": _from_iso_date,
}
