"""system.runtime.queries from the gateway's own record: statements as they were written, never the governed text."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

_DURATION = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def query_row(info: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the row of a statement, from what `/v1/query` says of it."""
    stats, session = info["queryStats"], info["session"]
    error = info.get("errorCode") or {}
    return (
        info["queryId"],
        info["state"],
        session["user"],
        session["source"],
        info["query"],
        None,  # the gateway has no resource groups, and the engine's are its own business
        milliseconds(stats["queuedTime"]),
        milliseconds(stats["analysisTime"]),
        milliseconds(stats["planningTime"]),
        _instant(stats["createTime"]),
        _instant(stats["executionStartTime"]),
        _instant(stats["lastHeartbeat"]),
        _instant(stats["endTime"]),
        error.get("type"),
        error.get("name"),
    )


def milliseconds(duration: str) -> int:
    """Read a duration as Trino writes it, in whole milliseconds."""
    found = _DURATION.fullmatch(duration)
    return round(float(found[1]) * _MILLISECONDS[found[2]]) if found else 0


def _instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text is not None else None
