"""Clean what engines say before a client hears it. Source: policy-semantics sections 2 (step 16) and 7.

Errors are written anew from their code and, where nothing can be disclosed, their message: positions and stacks refer
to governed text. What a policed statement's engine error says may quote hidden rows, and its statistics count them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
import orjson

_POSITION = re.compile(r"\Aline \d+:\d+: ")
_HARMLESS = frozenset(
    {
        "ABANDONED_QUERY",
        "USER_CANCELED",
        "ADMINISTRATIVELY_KILLED",
        "ADMINISTRATIVELY_PREEMPTED",
        "QUERY_QUEUE_FULL",
        "EXCEEDED_TIME_LIMIT",
        "EXCEEDED_CPU_LIMIT",
        "EXCEEDED_SCAN_LIMIT",
        "EXCEEDED_GLOBAL_MEMORY_LIMIT",
        "EXCEEDED_LOCAL_MEMORY_LIMIT",
        "SERVER_SHUTTING_DOWN",
        "SERVER_STARTING_UP",
        "TRANSACTION_ALREADY_ABORTED",
    }
)
"""Errors whose message depends on no data and names no place."""
_SHOWN_STATS = frozenset(
    {
        "state",
        "queued",
        "scheduled",
        "done",
        "stageId",
        "coordinatorOnly",
        "nodes",
        "failedTasks",
        "progressPercentage",
        "runningPercentage",
        "totalSplits",
        "queuedSplits",
        "runningSplits",
        "completedSplits",
        "planningTimeMillis",
        "analysisTimeMillis",
        "cpuTimeMillis",
        "wallTimeMillis",
        "queuedTimeMillis",
        "elapsedTimeMillis",
        "finishingTimeMillis",
    }
)
_DEEPEST = 100


class EngineError(msgspec.Struct, rename="camel"):
    """The parts of a Trino error that are read."""

    message: str = "the engine reported an error without a message"
    error_code: int = 65_536
    error_name: str = "GENERIC_INTERNAL_ERROR"
    error_type: Literal["USER_ERROR", "INTERNAL_ERROR", "INSUFFICIENT_RESOURCES", "EXTERNAL"] = "INTERNAL_ERROR"
    sql_state: str | None = None


_ERROR = msgspec.json.Decoder(EngineError)


def read_error(raw: bytes) -> EngineError:
    """Return the engine's error; one that cannot be read is an internal error without words."""
    try:
        return _ERROR.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return EngineError()


def clean_error(error: EngineError, query_id: str, *, policed: bool) -> tuple[bytes, str]:
    """Return the `error` member for the client, and its message.

    The code stays. The message stays where it is the user's own mistake on a statement without filters and masks;
    internal and external errors name machines, and a policed statement's errors may quote what is hidden.
    """
    message = clean_message(error, query_id, policed=policed)
    info = {"code": error.error_code, "name": error.error_name, "type": error.error_type}
    failure = {"type": "io.trino.spi.TrinoException", "message": message}
    cleaned = {
        "message": message,
        "errorCode": error.error_code,
        "errorName": error.error_name,
        "errorType": error.error_type,
        "failureInfo": {**failure, "suppressed": [], "stack": [], "errorInfo": info},
    }
    return orjson.dumps(cleaned), message


def clean_message(error: EngineError, query_id: str, *, policed: bool) -> str:
    """Return the message as the client may hear it."""
    if error.error_name in _HARMLESS:
        return error.message
    if error.error_name == "UNKNOWN_TRANSACTION":  # the engine's text tells its own id, which is not the client's
        return "Unknown transaction ID. Possibly expired? Commands ignored until end of transaction block"
    if policed or error.error_type in ("INTERNAL_ERROR", "EXTERNAL"):
        return f"The engine could not finish the query ({error.error_name}). Ask for query {query_id}"
    return _POSITION.sub("", error.message)


def clean_stats(raw: bytes, rows: int, size: int) -> bytes:
    """Return the `stats` member with what was read replaced by what was put out: `rows` and `size` (bytes)."""
    try:
        stats = orjson.loads(raw)
    except orjson.JSONDecodeError:
        stats = {}
    return orjson.dumps(_clean(stats if isinstance(stats, dict) else {}, rows, size, 0))


def _clean(stats: Mapping[str, object], rows: int, size: int, depth: int) -> dict[str, object]:
    cleaned: dict[str, object] = {}
    for name, value in stats.items():
        if name == "subStages":
            cleaned[name] = _clean_stages(value, depth)
        elif name == "rootStage":
            cleaned[name] = _clean(value, rows, size, depth + 1) if isinstance(value, dict) else None
        elif name in _SHOWN_STATS:
            cleaned[name] = value
        elif isinstance(value, int | float):
            cleaned[name] = {"processedRows": rows, "processedBytes": size}.get(name, 0) if depth < 2 else 0
    return cleaned


def _clean_stages(stages: object, depth: int) -> list[dict[str, object]]:
    if not isinstance(stages, list) or depth >= _DEEPEST:
        return []
    return [_clean(stage, 0, 0, depth + 2) for stage in stages if isinstance(stage, dict)]
