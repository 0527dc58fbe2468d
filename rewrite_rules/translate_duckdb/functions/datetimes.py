"""Functions of dates, times and timestamps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode, Refusal
from catalog.types import DATE
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.casts_of_time import date_text, in_zone, timestamp_text
from rewrite_rules.translate_duckdb.context import ZONED
from rewrite_rules.translate_duckdb.functions.call import Call, Function, template
from rewrite_rules.translate_duckdb.operators import add_months
from rewrite_rules.translate_duckdb.text import (
    as_type,
    case,
    duckdb_type,
    icu_zone,
    let,
    raising,
    refusing,
    string,
    unsupported,
)
from rewrite_rules.translate_duckdb.zones import canonical

_MICROS = {
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DATE_UNITS = ("day", "week", "month", "quarter", "year")
_ALL_UNITS = (*_MICROS, *_MONTHS)


def _unit(call: Call, allowed: tuple[str, ...], what: str) -> str:
    unit = call.literal(0).lower()
    if unit not in allowed:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"'{call.literal(0)}' is not a valid {what} field")
    return unit


def _local(call: Call, place: int) -> str:
    """Return a date or timestamp as the local time it shows."""
    kind = call.types[place]
    if kind.base == ZONED:
        return f"timezone({icu_zone(call.zone)}, {call.args[place]})"
    if kind.base in ("time", "time with time zone") or kind.base.startswith("interval"):
        raise unsupported(f"{call.name}() of {kind}")
    return call.args[place]


def _part(expression: str) -> Function:
    """Return the writer of a function that takes one field out of a date or timestamp."""
    return lambda call: as_type(expression.format(_local(call, 0)), call.result)


def _trunc(call: Call) -> str:
    kind = call.types[1]
    value = call.args[1]
    if kind.base == "date":
        unit = _unit(call, _DATE_UNITS, "DATE")
        return f"CAST(date_trunc('{unit}', {value}) AS DATE)"
    unit = _unit(call, _ALL_UNITS, "Timestamp")
    if duckdb_type(kind) == "TIMESTAMP_NS" or kind.base.startswith("time "):
        raise unsupported(f"date_trunc() of {kind}")
    if kind.base == ZONED:
        return _trunc_zoned(unit, value, call.zone)
    if kind.base != "timestamp":
        raise unsupported(f"date_trunc() of {kind}")
    return f"date_trunc('{unit}', {value})"


def _trunc_zoned(unit: str, value: str, zone: str) -> str:
    """Cut hours and less off the instant, so that an hour that comes twice stays itself; days in the calendar."""
    local = f"timezone({icu_zone(zone)}, {{}})"
    if unit in ("millisecond", "second", "minute", "hour"):
        return let(
            value,
            "v",
            lambda v: f"({v} - ({local.format(v)} - date_trunc('{unit}', {local.format(v)})))",
        )
    return in_zone(f"date_trunc('{unit}', {local.format(value)})", zone)


def _add(call: Call) -> str:
    kind, amount, value = call.types[2], call.args[1], call.args[2]
    if kind.base in ("time", "time with time zone"):
        raise unsupported(f"date_add() of {kind}")
    unit = _unit(call, *((_DATE_UNITS, "DATE") if kind.base == "date" else (_ALL_UNITS, "Timestamp")))
    if unit in _MONTHS:
        return add_months(value, f"({amount} * {_MONTHS[unit]})", kind, call.zone)
    if kind.base == "date":
        return f"({value} + CAST({amount} * {7 if unit == 'week' else 1} AS INTEGER))"
    if duckdb_type(kind) == "TIMESTAMP_NS":
        raise unsupported(f"date_add() of {kind}")
    if kind.base == ZONED and unit in ("day", "week"):
        local = f"timezone({icu_zone(call.zone)}, {value})"
        return in_zone(f"({local} + to_days(CAST({amount} * {7 if unit == 'week' else 1} AS INTEGER)))", call.zone)
    return f"({value} + to_microseconds({amount} * {_MICROS[unit]}))"


def _diff(call: Call) -> str:
    kind = call.types[1]
    first, second = call.args[1], call.args[2]
    if kind.base == "date":
        unit = _unit(call, _DATE_UNITS, "DATE")
        if unit in _MONTHS:
            return f"(date_sub('month', {first}, {second}) // {_MONTHS[unit]})"
        return f"(CAST({second} - {first} AS BIGINT) // {7 if unit == 'week' else 1})"
    unit = _unit(call, _ALL_UNITS, "Timestamp")
    if kind.base not in ("timestamp", ZONED) or duckdb_type(kind) == "TIMESTAMP_NS":
        raise unsupported(f"date_diff() of {kind}")
    if kind.base == ZONED and unit in ("day", "week", *_MONTHS):
        first, second = _local(call, 1), _local(call, 2)
    if unit in _MONTHS:
        first, second = (f"date_trunc('millisecond', {value})" for value in (first, second))
        return f"(date_sub('month', {first}, {second}) // {_MONTHS[unit]})"
    return f"(({_epoch_millis(second)} - {_epoch_millis(first)}) // {_MICROS[unit] // 1000})"


def _epoch_millis(value: str) -> str:
    """Count milliseconds, rounded down, which is what Trino compares."""
    return let(f"epoch_us({value})", "v", lambda v: f"(({v} - (({v} % 1000) + 1000) % 1000) // 1000)")


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
_PARSED = frozenset("YmdHisSeckT")


def _mysql_format(call: Call, text: str, allowed: frozenset[str] | None = None) -> str:
    parts: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char != "%":
            parts.append("%%" if char == "%" else char)
            at += 1
            continue
        letter = text[at + 1 : at + 2]
        if letter in _REFUSED_FORMATS:
            message = f"%{letter} not supported in date format string"
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)
        if letter not in _FORMATS or (allowed is not None and letter not in allowed):
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


def _format(call: Call) -> str:
    text = _mysql_format(call, call.literal(1))
    local = f"date_trunc('millisecond', {_local(call, 0)})"
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
_JODA_TOKEN = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+")


def _joda_format(call: Call) -> str:
    parts = []
    for match in _JODA_TOKEN.finditer(call.literal(1)):
        if match[2] is not None:
            parts.append((match[2].replace("''", "'") or "'").replace("%", "%%"))
        elif match[1] is None:
            parts.append(match[0].replace("%", "%%"))
        elif match[0] in _JODA:
            parts.append(_JODA[match[0]])
        else:
            raise unsupported("format_datetime() with this format")
    text = "".join(parts)
    local = f"date_trunc('millisecond', {_local(call, 0)})"
    return _within_calendar(local, lambda v: f"strftime({v}, {string(text)})")


def _parse(call: Call) -> str:
    text = _mysql_format(call, call.literal(1), _PARSED).replace("%-", "%")
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Invalid format: the text does not fit the pattern")
    return let(
        call.args[0],
        "v",
        lambda v: case((f"{v} IS NULL", "NULL"), otherwise=f"coalesce(try_strptime({v}, {string(text)}), {bad})"),
    )


def _from_unixtime(call: Call) -> str:
    if len(call.args) == 3:
        raise unsupported("from_unixtime() with an offset")
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "from_unixtime() out of range")
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"NOT isfinite({v}) OR abs({v}) > 9e10", bad),
            otherwise=f"make_timestamptz(CAST(floor({v} * 1000e0 + 0.5e0) AS BIGINT) * 1000)",
        ),
    )


def _to_unixtime(call: Call) -> str:
    micros = f"epoch_us({call.args[0]})"
    if call.types[0].numbers[0] <= 3:
        return f"(CAST({micros} // 1000 AS DOUBLE) / 1000e0)"
    return f"(CAST({micros} AS DOUBLE) / 1000000e0)"


def _to_iso(call: Call) -> str:
    kind = call.types[0]
    if kind.base == "date":
        return let(call.args[0], "v", date_text)
    if kind.base == "timestamp":
        return let(call.args[0], "v", lambda v: f"replace({timestamp_text(v, kind.numbers[0])}, ' ', 'T')")
    raise unsupported("to_iso8601() of a timestamp with a time zone")


def _at_timezone(call: Call) -> str:
    return call.args[0]


def _with_timezone(call: Call) -> str:
    """Refuse local times that a zone does not have, as Trino does, and let the earlier of two stand."""
    zone = canonical(call.literal(1))
    gap = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Illegal instant due to time zone offset transition")

    def written(v: str) -> str:
        instant = in_zone(v, zone)
        return case((f"timezone({icu_zone(zone)}, {instant}) <> {v}", gap), otherwise=instant)

    return let(call.args[0], "v", written)


def _zone_part(call: Call, seconds: str) -> str:
    local = f"timezone({icu_zone(call.zone)}, {call.args[0]})"
    offset = f"((epoch_us({local}) - epoch_us({call.args[0]})) // 1000000)"
    return as_type(seconds.format(offset), call.result)


def _date(call: Call) -> str:
    zone = call.zone if call.types[0].base == ZONED else call.context.time_zone
    return cast(call.args[0], call.types[0], DATE, zone)


def _now(call: Call) -> str:
    return "date_trunc('millisecond', now())"


def _current_timezone(call: Call) -> str:
    return string(call.context.time_zone)


def _interval_part(unit: int, modulus: int | None, fallback: Function) -> Function:
    def write(call: Call) -> str:
        if call.types[0].base != "interval day to second":
            return fallback(call)
        whole = f"({call.args[0]} // {unit})"
        return f"({whole} % {modulus})" if modulus else whole

    return write


def _last_day(call: Call) -> str:
    return f"last_day(CAST({_local(call, 0)} AS DATE))"


_SECOND = _part("second({})")
_MINUTE = _part("minute({})")
_HOUR = _part("hour({})")
_DAY = _part("day({})")
_MILLISECOND = _part("(date_part('millisecond', {}) % 1000)")
_YEAR = _part("year({})")
_MONTH = _part("month({})")
_WEEK = _part("week({})")
_WEEKDAY = _part("isodow({})")
_YEARDAY = _part("dayofyear({})")
_WEEKYEAR = _part("isoyear({})")


def _months_part(kind: str, fallback: Function) -> Function:
    def write(call: Call) -> str:
        if call.types[0].base != "interval year to month":
            return fallback(call)
        return as_type(f"({call.args[0]} // 12)" if kind == "year" else f"({call.args[0]} % 12)", call.result)

    return write


SCALARS: Mapping[str, Function] = {
    "date_trunc": _trunc,
    "date_add": _add,
    "date_diff": _diff,
    "date_format": _format,
    "format_datetime": _joda_format,
    "date_parse": _parse,
    "from_unixtime": _from_unixtime,
    "to_unixtime": _to_unixtime,
    "to_iso8601": _to_iso,
    "at_timezone": _at_timezone,
    "with_timezone": _with_timezone,
    "date": _date,
    "now": _now,
    "current_timezone": _current_timezone,
    "last_day_of_month": _last_day,
    "year": _months_part("year", _YEAR),
    "month": _months_part("month", _MONTH),
    "quarter": _part("quarter({})"),
    "week": _WEEK,
    "week_of_year": _WEEK,
    "day": _interval_part(86_400_000, None, _DAY),
    "day_of_month": _interval_part(86_400_000, None, _DAY),
    "day_of_week": _WEEKDAY,
    "dow": _WEEKDAY,
    "day_of_year": _YEARDAY,
    "doy": _YEARDAY,
    "year_of_week": _WEEKYEAR,
    "yow": _WEEKYEAR,
    "hour": _interval_part(3_600_000, 24, _HOUR),
    "minute": _interval_part(60_000, 60, _MINUTE),
    "second": _interval_part(1000, 60, _SECOND),
    "millisecond": _interval_part(1, 1000, _MILLISECOND),
    "timezone_hour": lambda call: _zone_part(call, "({} // 3600)"),
    "timezone_minute": lambda call: _zone_part(call, "({} % 3600 // 60)"),
    "to_milliseconds": template("{0}"),
}
