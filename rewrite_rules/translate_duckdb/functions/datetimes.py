"""Functions of dates, times and timestamps."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode, Refusal
from catalog.types import DATE
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.casts_of_time import date_text, in_zone, offset_text, timestamp_text, whole_micros
from rewrite_rules.translate_duckdb.context import UTC, ZONED
from rewrite_rules.translate_duckdb.functions import date_formats
from rewrite_rules.translate_duckdb.functions.call import Call, Function, template
from rewrite_rules.translate_duckdb.operators import add_months
from rewrite_rules.translate_duckdb.text import (
    as_type,
    case,
    duckdb_type,
    icu_zone,
    let,
    raising,
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


def _part(expression: str) -> Function:
    """Return the writer of a function that takes one field out of a date or timestamp."""

    def write(call: Call) -> str:
        value = call.args[0] if call.types[0].base == "time" else _local(call)
        return as_type(expression.format(value), call.result)

    return write


def _local(call: Call) -> str:
    """Write the local time that a date or timestamp shows, of microseconds at most."""
    local, kind = call.local(0), call.types[0]
    return whole_micros(local, kind.numbers[0]) if kind.base == "timestamp" else local


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
        # Trino counts in the calendar of the first value's zone; but with more than 3 digits it counts in UTC.
        zone = call.zone if kind.numbers[0] <= 3 else UTC
        first, second = (f"timezone({icu_zone(zone)}, {value})" for value in (first, second))
    if unit in _MONTHS:
        first, second = (f"date_trunc('millisecond', {value})" for value in (first, second))
        return f"(date_sub('month', {first}, {second}) // {_MONTHS[unit]})"
    return f"(({_epoch_millis(second)} - {_epoch_millis(first)}) // {_MICROS[unit] // 1000})"


def _epoch_millis(value: str) -> str:
    """Count milliseconds, rounded down, which is what Trino compares."""
    return let(f"epoch_us({value})", "v", lambda v: f"(({v} - (({v} % 1000) + 1000) % 1000) // 1000)")


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
        return f"ltrim({let(call.args[0], 'v', date_text)}, '+')"
    if kind.base == "timestamp":
        return let(call.args[0], "v", lambda v: f"replace({timestamp_text(v, kind.numbers[0])}, ' ', 'T')")
    if kind.base != ZONED:
        raise unsupported(f"to_iso8601() of {kind}")
    local = f"timezone({icu_zone(call.zone)}, {call.args[0]})"
    text = let(local, "v", lambda v: f"replace({timestamp_text(v, kind.numbers[0])}, ' ', 'T')")
    return f"({text} || {offset_text(call.args[0], call.zone)})"


def _at_timezone(call: Call) -> str:
    if call.types[1].base != "varchar":
        raise unsupported("at_timezone() with an interval")
    return call.args[0]


def _with_timezone(call: Call) -> str:
    """Move local times that a zone's clocks never showed on by the gap, and let the earlier of two stand."""
    return in_zone(call.args[0], canonical(call.literal(1)))


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
    return f"last_day(CAST({_local(call)} AS DATE))"


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
    **date_formats.SCALARS,
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
