"""Limits of single statements that clients set as session properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from catalog.errors import ErrorCode, Refusal

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_BYTES = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40, "PB": 2**50, "EB": 2**60}
SCAN_PROPERTY = "query_max_scan_physical_bytes"
_WORDS = {
    "query_max_run_time": "Query exceeded maximum time limit of",
    "query_max_execution_time": "Query exceeded the maximum execution time limit of",
}
"""The properties, and what Trino says of a statement that took longer."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """Say how long a statement may take, and what is said when it took longer."""

    seconds: float
    text: str


def time_limit(properties: Mapping[str, str]) -> TimeLimit | None:
    """Return the shortest time that a statement's session gives it; None for no limit.

    JDBC's query timeout arrives as `query_max_run_time`. Raises Refusal INVALID_SESSION_PROPERTY for no duration.
    """
    limits = [_limit(name, properties[name]) for name in _WORDS if properties.get(name)]
    return min(limits, key=lambda limit: limit.seconds, default=None)


def seconds_of(duration: str) -> float | None:
    """Return the seconds of a duration such as '5m'; None for what is none."""
    match = _DURATION.fullmatch(duration)
    return None if match is None else float(match[1]) * _SECONDS[match[2]]


def scan_limit(properties: Mapping[str, str], most: int | None) -> int | None:
    """Return how many bytes a statement may read: the least of `most` and what its session says; None for any number.

    Raises Refusal INVALID_SESSION_PROPERTY for no size.
    """
    own = properties.get(SCAN_PROPERTY)
    if not own:
        return most
    match = _SIZE.fullmatch(own)
    unit = _BYTES.get(match[2]) if match is not None else None
    if match is None or unit is None:
        raise Refusal(
            ErrorCode.INVALID_SESSION_PROPERTY,
            f"Session property '{SCAN_PROPERTY}' is invalid: size is not a valid data size string: {own[:100]}",
        )
    asked = int(Decimal(match[1]) * unit)
    return asked if most is None else min(asked, most)


def _limit(name: str, value: str) -> TimeLimit:
    match = _DURATION.fullmatch(value)
    if match is None:
        raise Refusal(
            ErrorCode.INVALID_SESSION_PROPERTY,
            f"Session property '{name}' is invalid: duration is not a valid data duration string: {value[:100]}",
        )
    number, unit = float(match[1]), match[2]
    return TimeLimit(number * _SECONDS[unit], f"{_WORDS[name]} {number:.2f}{unit}")
