"""What the door tells about queries: to their owners, and to those who may kill them."""

from __future__ import annotations

from datetime import UTC, datetime

from catalog.errors import ErrorCode
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.running import RunningQuery
from gateway.protocols.trino.serving import info_uri


def describe(door: Door, query: RunningQuery, base: str, *, most_text: int | None = None) -> dict[str, object]:
    """Return a query's info in the form of Trino's `/v1/query`; the text is the user's own, never the governed one."""
    received = query.received
    session = received.session
    ended = query.ended_at
    info: dict[str, object] = {
        "queryId": query.id,
        "state": query.state,
        "scheduled": query.state != "QUEUED",
        "finalQueryInfo": query.ended,
        "self": info_uri(base, query.id),
        "query": received.sql[:most_text],
        "queryType": query.plan.kind if query.plan else None,
        "updateType": query.plan.update_type if query.plan else None,
        "session": {
            "queryId": query.id,
            "user": received.principal.user,
            "principal": received.principal.authenticated,
            "source": session.source,
            "catalog": session.catalog,
            "schema": session.schema,
            "timeZone": session.time_zone,
            "clientTags": list(session.client_tags),
            "clientInfo": session.client_info,
        },
        "queryStats": _stats(door, query, ended),
        "warnings": [],
    }
    if query.error_code is not None:
        info.update(_error(query.error_code, query.error_message))
    return info


_ANALYSIS = frozenset({"parse", "resolve", "expand", "authorize", "analyze"})
"""Stages of the pipeline that are analysis in Trino's words; the other ones are its planning."""


def _stats(door: Door, query: RunningQuery, ended: float | None) -> dict[str, object]:
    now = door.ports.clock()
    created = query.received.received_at
    stages = query.planned.stage_ms if query.planned is not None else {}
    queued, analysis = stages.get("identify", 0.0), sum(stages.get(name, 0.0) for name in _ANALYSIS)
    planning = sum(stages.values()) - queued - analysis
    return {
        "createTime": _time(created),
        "executionStartTime": _time(created + sum(stages.values()) / 1000) if stages else None,
        "lastHeartbeat": _time(now - (door.ports.monotonic() - query.last_contact)),
        "endTime": _time(ended) if ended is not None else None,
        "elapsedTime": duration((ended if ended is not None else now) - created),
        "queuedTime": duration(queued / 1000),
        "analysisTime": duration(analysis / 1000),
        "planningTime": duration(planning / 1000),
        "processedInputPositions": query.rows,
        "outputPositions": query.rows,
        "outputDataSize": f"{query.size}B",
    }


def _error(name: str, message: str | None) -> dict[str, object]:
    info: dict[str, object] = {"name": name}
    if name in ErrorCode.__members__:
        code = ErrorCode[name]
        info.update(code=code.number, type=code.kind.value)
    failure = {"type": "io.trino.spi.TrinoException", "message": message, "errorInfo": info}
    empty: dict[str, object] = {"suppressed": [], "stack": []}
    return {"errorType": info.get("type"), "errorCode": info, "failureInfo": {**failure, **empty}}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """Return a duration as Trino writes it: `1.50s`, `2.00m`, `3.25h`, `1.00d`."""
    for unit, size in (("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)):
        if seconds >= size:
            return f"{seconds / size:.2f}{unit}"
    return f"{max(0.0, seconds) * 1000:.2f}ms"
