"""What failed exchanges with a Trino cluster mean to clients; the engine's own words stay in the log."""

from __future__ import annotations

from catalog.errors import ErrorCode, Refusal
from engines.trino.http import Answer, Fault, UpstreamError

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses after which a repeatable request is sent again."""


def rejected(engine: str, answer: Answer) -> Refusal:
    """Say what an unexpected status means."""
    detail = f"status {answer.status}: {answer.body[:500].decode('utf-8', 'replace')}"
    if answer.status in TRANSIENT:
        return Refusal(ErrorCode.NO_NODES_AVAILABLE, f"The engine {engine} takes no queries now", detail=detail)
    if answer.status in (401, 403):
        text = f"The engine {engine} refused the gateway's own sign-in"
        return Refusal(ErrorCode.GENERIC_EXTERNAL, text, detail=detail)
    if answer.status == 400:
        text = f"The engine {engine} did not accept the session of this query"
        return Refusal(ErrorCode.GENERIC_USER_ERROR, text, detail=detail)
    return nonsense(detail)


def lost(engine: str, error: UpstreamError, *, started: bool) -> Refusal:
    """Say what an exchange without an answer means; `started` where the query may be running."""
    if error.fault is Fault.NONSENSE:
        return nonsense(str(error))
    if error.fault is Fault.TOO_LARGE:
        text = "A single page of the result is too large to be relayed"
        return Refusal(ErrorCode.GENERIC_INSUFFICIENT_RESOURCES, text, detail=str(error))
    if started:
        return Refusal(ErrorCode.REMOTE_HOST_GONE, f"The engine {engine} was lost", detail=str(error))
    return Refusal(ErrorCode.NO_NODES_AVAILABLE, f"The engine {engine} does not answer", detail=str(error))


def nonsense(detail: str) -> Refusal:
    """Say that an answer is none of Trino's."""
    return Refusal(ErrorCode.GENERIC_EXTERNAL, "The engine gave an answer that is no Trino result", detail=detail)
