"""What becomes of an engine's refusal before it is told to a client."""

from __future__ import annotations

from catalog.errors import ErrorCode, Refusal
from gateway.protocols.trino.redaction import EngineError, clean_message
from gateway.protocols.trino.running import RunningQuery

LOST = frozenset({ErrorCode.REMOTE_HOST_GONE, ErrorCode.NO_NODES_AVAILABLE})
"""Codes that say the engine is away, not that the statement is wrong."""
_OWN_WORDS = LOST | {ErrorCode.NOT_SUPPORTED, ErrorCode.GENERIC_EXTERNAL, ErrorCode.GENERIC_INSUFFICIENT_RESOURCES}
"""Codes whose texts the engine rooms write themselves."""


def engine_refusal(refusal: Refusal, query: RunningQuery) -> Refusal:
    """Return the refusal as the client may hear it: on a policed statement, without words that depend on data."""
    if not query.policed or refusal.code in _OWN_WORDS:
        return Refusal(refusal.code, refusal.message, hint=refusal.hint, detail=refusal.detail)
    error = EngineError(refusal.text, refusal.code.number, refusal.code.name, refusal.code.kind.value)
    return Refusal(refusal.code, clean_message(error, query.id, policed=True), detail=refusal.detail)


def canceled() -> Refusal:
    """Return what a canceled query tells."""
    return Refusal(ErrorCode.USER_CANCELED, "Query was canceled")
