"""Casts between dates and timestamps, with and without zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.names import fold_trino
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.constants import known_zone
from rewrite_rules.translate_clickhouse.conversion import Conversion, refuse
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import MAX_TIMESTAMP_DIGITS, cast
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, operator, string, unsupported_value

_ZONE_KEEPERS = frozenset(
    {"date_add", "date_trunc", "max", "min", "coalesce", "lag", "lead", "first_value", "last_value"}
)


def zone_of(node: exp.Expr, scope: Scope) -> str | None:
    """Return the zone that all values of a `timestamp with time zone` expression carry; None if not known."""
    node = node.unnest()
    if isinstance(node, exp.Column):
        found = scope.find([fold_trino(part.name) for part in node.parts])
        return found.zone if found is not None else None  # a field of a row is no column: of its zone nothing is known
    if isinstance(node, exp.AtTimeZone):
        zone = node.args["zone"]
        return zone.name if isinstance(zone, exp.Literal) else None
    if isinstance(node, exp.Add | exp.Sub):
        return zone_of(node.this, scope)
    if isinstance(node, exp.CurrentTimestamp):
        return scope.build.time_zone
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
        zone = node.this.name.rpartition(" ")[2]
        return zone if zone == "UTC" else None
    if isinstance(node, exp.Anonymous):
        return _zone_of_call(node, scope)
    return None


def _zone_of_call(node: exp.Anonymous, scope: Scope) -> str | None:
    name, arguments = node.name.lower(), node.expressions
    if name == "now" or (name == "from_unixtime" and len(arguments) == 1):
        return scope.build.time_zone
    if name in ("with_timezone", "at_timezone", "from_unixtime") and isinstance(arguments[-1], exp.Literal):
        return str(arguments[-1].name)
    if name in _ZONE_KEEPERS and arguments:
        at = {"date_add": 2, "date_trunc": 1}.get(name, 0)
        return zone_of(arguments[at], scope) if at < len(arguments) else None
    return None


def ticks(value: str, digits: int) -> str:
    """Write a timestamp as a whole number of its smallest units since 1970."""
    if digits in _UNITS:
        return call(f"toUnixTimestamp64{_UNITS[digits]}", value)
    return call("toInt64", f"(CAST({value}, 'Nullable(Decimal(38, {digits}))') * {10**digits})")


def from_ticks(units: str, digits: int) -> str:
    """Write a timestamp from a whole number of its smallest units."""
    if digits in _UNITS:
        return call(f"fromUnixTimestamp64{_UNITS[digits]}", units)
    seconds = f"(CAST({units}, 'Nullable(Decimal(38, {digits}))') / {10**digits})"
    return call("CAST", seconds, string(f"Nullable(DateTime64({digits}))"))


_MILLIS = 3
_UNITS = {0: "Second", 3: "Milli", 6: "Micro", 9: "Nano"}


def floored_to_millis(value: str, digits: int) -> str:
    """Write a timestamp cut off to milliseconds, also before 1970; the result has three digits and no zone."""
    if digits <= _MILLIS:
        return call("CAST", value, string(f"Nullable(DateTime64({_MILLIS}))"))
    units, size = ticks(value, digits), call("toInt64", str(10 ** (digits - _MILLIS)))
    return call("fromUnixTimestamp64Milli", f"(intDiv({units}, {size}) - ({units} % {size} < 0))")


def rounded_to_millis(value: str, kind: TrinoType) -> str:
    """Write a timestamp rounded half up to milliseconds, if it has more digits."""
    if kind.numbers[0] <= _MILLIS:
        return value
    return _timestamp_to_timestamp(Conversion(value, kind, TrinoType("timestamp", (_MILLIS,))))


def _date_to_timestamp(job: Conversion) -> str:
    return _within_range(job.sql, job.target, cast(job.sql, job.target))


def _within_range(value: str, target: TrinoType, result: str) -> str:
    """Guard DateTime64(9), which holds fewer years than Trino's timestamp(9)."""
    if target.numbers[0] < MAX_TIMESTAMP_DIGITS:
        return result
    year = call("toYear", value)
    bad = operator("OR", (f"{year} < 1678", f"{year} > 2261"))
    return unsupported_value(bad, "A timestamp(9) before 1678 or after 2261", result)


def _timestamp_to_date(job: Conversion) -> str:
    return call("toDate32", job.sql)


def _timestamp_to_timestamp(job: Conversion) -> str:
    """Change the number of digits; to fewer, rounding half up, also before 1970."""
    p1, p2 = job.source.numbers[0], job.target.numbers[0]
    if p2 > MAX_TIMESTAMP_DIGITS:
        return refuse(job)
    if p2 >= p1:
        return _within_range(job.sql, job.target, cast(job.sql, job.target))
    unit = 10 ** (p1 - p2)
    # Wider than the ticks themselves, which may stand at the end of their range.
    moved = operator("+", (call("toInt128", ticks(job.sql, p1)), str(unit // 2)))
    whole = operator("-", (moved, call("positiveModulo", moved, call("toInt128", str(unit)))))
    return from_ticks(call("toInt64", call("intDiv", whole, call("toInt128", str(unit)))), p2)


def _zoned_to_zoned(job: Conversion) -> str:
    p1, p2 = job.source.numbers[0], job.target.numbers[0]
    if p2 < p1 or job.value_zone is None or p2 > MAX_TIMESTAMP_DIGITS:
        return refuse(job)
    zone = string(job.value_zone)
    return call("toTimeZone", call("CAST", job.sql, string(f"Nullable(DateTime64({p2}, {zone}))")), zone)


def _zoned_to_timestamp(job: Conversion) -> str:
    """Take the local time in the value's own zone."""
    p1, p2 = job.source.numbers[0], job.target.numbers[0]
    if p2 < p1:
        return refuse(job)
    if job.value_zone == "UTC":
        return cast(job.sql, job.target)
    return call("toDateTime64", call("toString", job.sql), str(p2))


def _to_zoned(job: Conversion) -> str:
    """Read a local time in the session's zone."""
    digits = job.target.numbers[0]
    if job.zone is None or digits > MAX_TIMESTAMP_DIGITS:
        return refuse(job)
    if job.source.base == "timestamp" and job.source.numbers[0] > digits:
        return refuse(job)
    if job.zone == "UTC":
        result = call("CAST", job.sql, string(f"Nullable(DateTime64({digits}, 'UTC'))"))
        return _within_range(job.sql, job.target, result)
    known_zone(job.zone, job.node)
    return local_in_zone(cast(job.sql, TrinoType("timestamp", (digits,))), digits, job.zone)


def local_in_zone(value: str, digits: int, zone: str) -> str:
    """Read a timestamp as a local time in a named zone.

    Where the clock of the zone changes, the two sides judge the missing and the doubled hour differently, and in far
    years their tables of zones differ, so such values raise.
    """
    shown = call("toString", value)
    moment = call("toDateTime64", shown, str(digits), string(zone))
    missing = f"toString({moment}) != {shown}"
    doubled = [f"toString(addSeconds({moment}, {shift})) = {shown}" for shift in _CLOCK_CHANGES]
    far = f"toYear({value}) < 1902 OR toYear({value}) > 2036"
    bad = operator("OR", (far, missing, *doubled))
    return unsupported_value(bad, "A local time at a change of its zone's clock, or so far away,", moment)


_CLOCK_CHANGES = (-7200, -3600, -1800, 1800, 3600, 7200)


def at_time_zone(node: exp.Expr, scope: Scope) -> str:
    """Translate AT TIME ZONE with a literal zone."""
    zone = node.args["zone"]
    if not isinstance(zone, exp.Literal):
        raise unsupported("A time zone that is not a literal", node)
    known_zone(zone.name, node)
    kind = scope.type_of(node.this)
    value = scope.value(node.this)
    if kind.base == "timestamp":
        target = TrinoType("timestamp with time zone", kind.parameters)
        value = _to_zoned(Conversion(value, kind, target, zone=scope.build.time_zone, node=node))
    elif kind.base != "timestamp with time zone":
        raise unsupported(f"AT TIME ZONE of {kind}", node)
    moved = call("toTimeZone", value, string(zone.name))
    if zone.name == "UTC":
        return moved
    bad = operator("OR", (f"toYear({value}) <= 1", f"toYear({value}) >= 9999"))
    return unsupported_value(bad, "A local time outside of the years 1 to 9999", moved)


TIMES: Mapping[tuple[str, str], Callable[[Conversion], str]] = {
    ("date", "timestamp"): _date_to_timestamp,
    ("timestamp", "date"): _timestamp_to_date,
    ("timestamp with time zone", "date"): _timestamp_to_date,
    ("timestamp", "timestamp"): _timestamp_to_timestamp,
    ("timestamp with time zone", "timestamp with time zone"): _zoned_to_zoned,
    ("timestamp with time zone", "timestamp"): _zoned_to_timestamp,
    ("timestamp", "timestamp with time zone"): _to_zoned,
    ("date", "timestamp with time zone"): _to_zoned,
}
