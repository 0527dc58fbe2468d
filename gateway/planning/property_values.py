"""What the values of session properties may be, in Trino's words: durations, sizes, choices, numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from catalog.errors import Refusal
from gateway.planning.instants import instant_of
from gateway.protocols.trino.time_zones import canonical_zone

_DURATION = re.compile(r"\s*\d+(?:\.\d+)?\s*(ns|us|ms|s|m|h|d)\s*")
_NUMBER_AND_UNIT = re.compile(r"\s*\d+(?:\.\d+)?\s*([A-Za-z]+)\s*")
_SIZES = frozenset({"B", "kB", "MB", "GB", "TB", "PB", "EB"})
_MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value cannot be taken. `named`: sent in a header, Trino puts the property's name before the reason."""

    reason: str
    named: bool = True


Check = Callable[[str, str], Wrong | None]
"""Takes a property's name and a value as text."""


def _duration(_: str, value: str) -> Wrong | None:
    if not value:
        return Wrong("duration is empty")
    return None if _DURATION.fullmatch(value) else Wrong(f"duration is not a valid data duration string: {_cut(value)}")


def _size(_: str, value: str) -> Wrong | None:
    if not value:
        return Wrong("size is empty")
    found = _NUMBER_AND_UNIT.fullmatch(value)
    if found is None:
        return Wrong(f"size is not a valid data size string: {_cut(value)}")
    return None if found.group(1) in _SIZES else Wrong(f"Unknown unit: {_cut(found.group(1))}")


def _one_of(*choices: str) -> Check:
    def check(_: str, value: str) -> Wrong | None:
        known = value.upper() in choices
        return None if known else Wrong(f"Invalid value [{_cut(value)}]. Valid values: [{', '.join(choices)}]")

    return check


def _power_of_two(name: str, value: str) -> Wrong | None:
    number = int(value)
    whole = number > 0 and number & (number - 1) == 0
    return None if whole else Wrong(f"{name} must be a power of 2: {number}", named=False)


def _positive(name: str, value: str) -> Wrong | None:
    return None if int(value) >= 1 else Wrong(f"{name} must be equal or greater than 1", named=False)


def _cut(value: str) -> str:
    return value[:_MAX_SHOWN]


def _instant(_: str, value: str) -> Wrong | None:
    try:
        if value:
            instant_of(value, "UTC")
    except Refusal:
        return Wrong(f"not a date or timestamp: {_cut(value)}")
    return None


def _boolean(_: str, value: str) -> Wrong | None:
    known = value.lower() in ("true", "false")
    return None if known else Wrong(f"Invalid value [{_cut(value)}]. Valid values: [true, false]")


def _zone(_: str, value: str) -> Wrong | None:
    return None if canonical_zone(value) is not None else Wrong(f"Time zone not supported: {_cut(value)}")


_CHECKS: Mapping[str, Check] = {
    "materialized_views": _boolean,
    "max_staleness": _duration,
    "min_grade": _one_of("EXACT", "FLOAT", "APPROXIMATE"),
    "as_of": _instant,
    "autofix": _boolean,
    "integrity": _one_of("ENFORCED", "TRUSTED", "STALE_TOLERATED"),
    "join_distribution_type": _one_of("BROADCAST", "PARTITIONED", "AUTOMATIC"),
    "join_reordering_strategy": _one_of("NONE", "ELIMINATE_CROSS_JOINS", "AUTOMATIC"),
    "max_recursion_depth": _positive,
    "query_max_cpu_time": _duration,
    "query_max_execution_time": _duration,
    "query_max_planning_time": _duration,
    "query_max_run_time": _duration,
    "query_max_scan_physical_bytes": _size,
    "task_concurrency": _power_of_two,
    "task_max_writer_count": _power_of_two,
    "time_zone_id": _zone,
}
_INTEGER = re.compile(r"[+-]?[0-9]{1,10}")


def wrong_value(name: str, kind: str, value: str) -> Wrong | None:
    """Return what is wrong with a property's value, given as text; None for a good one."""
    if kind == "integer" and not (_INTEGER.fullmatch(value) and -(2**31) <= int(value) < 2**31):
        return Wrong(f'For input string: "{_cut(value)}"', named=False)
    check = _CHECKS.get(name)
    return check(name, value) if check is not None else None
