"""Limits of single statements that clients set as session properties."""

from __future__ import annotations

import re
from collections.abc import Mapping

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def longest_run(properties: Mapping[str, str]) -> float | None:
    """Return how many seconds a statement may take by its session's `query_max_run_time`; None for no limit.

    JDBC's query timeout arrives as this property. What is no duration sets no limit: the gateway has checked it.
    """
    match = _DURATION.fullmatch(properties.get("query_max_run_time", ""))
    return float(match[1]) * _SECONDS[match[2]] if match else None
