"""Clean what engines say before a client hears it. Source: policy-semantics sections 2 (step 16) and 7.

Errors are written anew from their code and, where nothing can be disclosed, their message: positions and stacks refer
to governed text. What a policed statement's engine error says may quote hidden rows, and its statistics count them.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
import orjson

from engines.rows import Progress, stats_json

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
_STATES = frozenset(
    {
        "QUEUED",
        "WAITING_FOR_RESOURCES",
        "DISPATCHING",
        "PLANNING",
        "STARTING",
        "RUNNING",
        "FINISHING",
        "FINISHED",
        "FAILED",
    }
)


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


class _Stats(msgspec.Struct, rename="camel"):
    """The members of an engine's statistics that a policed statement's client may know."""

    state: str = "RUNNING"
    queued_time_millis: int = 0
    elapsed_time_millis: int = 0


_STATS = msgspec.json.Decoder(_Stats)


def clean_stats(raw: bytes, rows: int, size: int) -> bytes:
    """Return the `stats` member as the gateway writes its own: state, times, and what was put out (`size` in bytes).

    All else that an engine counts grows with the rows that a filter hides (CPU time, splits, memory, bytes read), and
    its tree of stages shows what a filter did to the plan.
    """
    try:
        stats = _STATS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        stats = _Stats()
    state = stats.state if stats.state in _STATES else "RUNNING"
    return stats_json(Progress(state, stats.queued_time_millis, stats.elapsed_time_millis, rows, size))
