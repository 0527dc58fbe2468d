"""Expressions over moments that a view's buckets may or may not decide, for one zone."""

from __future__ import annotations

from collections.abc import Iterator

_LOCAL_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_FIELDS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_week",
    "day_of_year",
    "year_of_week",
    "hour",
    "minute",
    "second",
)


def buckets_of_instants(zone: str) -> Iterator[str]:
    """Write keys of a view over instants."""
    for unit in ("second", "minute", "hour", "day", "month"):
        yield f"date_trunc('{unit}', tz)"
        yield f"date_trunc('{unit}', tz AT TIME ZONE '{zone}')"
    for outer in ("day", "week", "month", "year"):
        yield f"date_trunc('{outer}', CAST(tz AT TIME ZONE '{zone}' AS date))"
    yield "CAST(tz AS date)"


def expressions_of_instants(zone: str) -> Iterator[str]:
    """Write what may be asked about instants."""
    for clock in ("tz", f"tz AT TIME ZONE '{zone}'", f"(tz - INTERVAL '9' HOUR) AT TIME ZONE '{zone}'"):
        yield f"CAST({clock} AS date)"
        for unit in _LOCAL_UNITS[1:]:
            yield f"date_trunc('{unit}', {clock})"
        for name in _FIELDS[:-1]:
            yield f"{name}({clock})"
        yield f"hour({clock}) BETWEEN 7 AND 22 AND day_of_week({clock}) <= 5"
        yield f"last_day_of_month({clock})"
        yield f"date_trunc('week', CAST({clock} AS date))"
    for day in ("2011-12-30", "2018-11-04", "2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03"):
        yield f"tz >= TIMESTAMP '{day} 04:00:00 UTC' AND tz < TIMESTAMP '{day} 15:30:00 UTC'"
        yield f"CAST(tz AT TIME ZONE '{zone}' AS date) = DATE '{day}'"
        yield f"tz >= TIMESTAMP '{day} 12:00:00 {zone}'"


def buckets_of_local_time() -> Iterator[str]:
    """Write keys of a view over moments without a zone."""
    for unit in _LOCAL_UNITS:
        yield f"date_trunc('{unit}', ts)"
    yield "CAST(ts AS date)"
    yield "date_trunc('month', CAST(ts AS date))"


def expressions_of_local_time() -> Iterator[str]:
    """Write what may be asked about moments without a zone."""
    for clock in (
        "ts",
        "(ts - INTERVAL '9' HOUR)",
        "(ts + INTERVAL '45' MINUTE)",
        "date_add('month', 1, ts)",
        "date_add('day', -3, ts)",
    ):
        yield f"CAST({clock} AS date)"
        for unit in _LOCAL_UNITS:
            yield f"date_trunc('{unit}', {clock})"
        for name in _FIELDS:
            yield f"{name}({clock})"
    for pattern in ("%Y-%m", "%Y-%m-%d %H", "%x-%v", "%Y-%v", "%a %M", "%H:%i"):
        yield f"date_format(ts, '{pattern}')"
    yield "date_format(date_trunc('second', ts), '%H:%i')"
    for sign in ("=", "<>", "<", "<=", ">", ">="):
        for moment in (
            "DATE '2024-03-10'",
            "TIMESTAMP '2024-03-10 10:00:00'",
            "TIMESTAMP '2024-03-09 23:59:59.999999'",
        ):
            yield f"ts {sign} {moment}"
            yield f"date_trunc('week', ts) {sign} {moment}"
            yield f"CAST(ts AS date) {sign} {moment}"
    yield "ts IS NULL"
    yield "ts IS NULL OR ts >= DATE '2024-03-01'"
    yield "NOT (ts >= DATE '2024-03-01')"
    yield "ts BETWEEN DATE '2024-03-01' AND TIMESTAMP '2024-03-31 23:59:59.999999'"
    yield "ts NOT BETWEEN DATE '2024-03-01' AND TIMESTAMP '2024-03-31 23:59:59.999999'"
    yield "year(ts) IN (2024, 2026) OR month(ts) = 7"
    yield "coalesce(month(ts), 0) * 100 + day(ts)"
    yield "CASE WHEN day_of_week(ts) > 5 THEN 'weekend' ELSE upper(CAST(CAST(ts AS date) AS varchar)) END"
