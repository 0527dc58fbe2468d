"""Explicit transactions at the door: what happens beside the engine that keeps them.

The engine aborts a transaction in which a statement failed. What the gateway itself refuses or answers within one never
reached the engine: so it is asked whether the transaction still stands, or told that it is to end.
"""

from __future__ import annotations

import asyncio
import logging

from catalog.errors import ErrorCode, Refusal
from engines.base import Engine, EngineStatement, ResultPage
from gateway.models import NotPlanned
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.redaction import clean_message, read_error
from gateway.protocols.trino.running import RunningQuery

_log = logging.getLogger("penstock.door")
_ASKS = "SELECT 1"
_FAILS = "START TRANSACTION"
"""What Trino always fails within a transaction, and so aborts it."""
_BEFORE = frozenset(
    {
        ErrorCode.SYNTAX_ERROR,
        ErrorCode.NOT_FOUND,
        ErrorCode.INVALID_PARAMETER_USAGE,
        ErrorCode.QUERY_TEXT_TOO_LARGE,
    }
)
"""What fails before a statement is understood, and on Trino leaves its transaction alone."""
_ENDED = (ErrorCode.TRANSACTION_ALREADY_ABORTED, ErrorCode.UNKNOWN_TRANSACTION)


_ENDED_NAMES = frozenset(code.name for code in _ENDED)


async def check_standing(door: Door, query: RunningQuery) -> None:
    """Fail a statement that the gateway answers within a transaction that does not stand any more."""
    last = await _run(door, query, _ASKS)
    if last is not None and "error" not in last.members:
        return
    error = read_error(last.members["error"]) if last is not None else None
    for code in _ENDED:
        if error is not None and error.error_name == code.name:
            door.queries.fail(query, Refusal(code, clean_message(error, query.id, policed=True)))
    lost = Refusal(ErrorCode.REMOTE_HOST_GONE, "The engine that keeps the transaction does not answer for it")
    door.queries.fail(query, lost)  # unless it is settled by now


async def abort_if_failed(door: Door, query: RunningQuery) -> None:
    """Have the engine abort the transaction of a statement that failed without the engine's knowing."""
    transaction = query.received.transaction
    if transaction is None or not query.ended or query.outcome == "FINISHED":
        return
    planned = query.planned
    if isinstance(planned, NotPlanned) and planned.stage == "parse" and planned.refusal.code in _BEFORE:
        return
    told = query.failure is None and query.engine is not None and query.engine.name == transaction.engine
    if not told:
        await _abort(door, query)


async def _abort(door: Door, query: RunningQuery) -> None:
    """Fail statements in a transaction until the engine says that it is aborted, which is a moment after the first."""
    for pause in (0.0, 0.0, 0.1, 1.0):
        await asyncio.sleep(pause)
        last = await _run(door, query, _FAILS)
        if last is not None and last.failed in _ENDED_NAMES:
            return
    _log.warning("query %s: its transaction could not be aborted", query.received.query_id)


async def _run(door: Door, query: RunningQuery, sql: str) -> ResultPage | None:
    """Run a statement of the gateway's own in a query's transaction; None when the engine is lost."""
    transaction = query.received.transaction
    engine: Engine | None = door.ports.engines.get(transaction.engine) if transaction is not None else None
    if transaction is None or engine is None:
        return None
    user, trace = query.received.principal.user, query.received.query_id
    source = (("X-Trino-Source", "penstock-transaction"),)
    statement = EngineStatement(sql, user, None, None, "UTC", headers=source, transaction=transaction.id, trace=trace)
    try:
        submission = await engine.submit(statement, trace)
        page = submission.page or await engine.page(submission.cursor)
        while page.next is not None:
            page = await engine.page(page.next)
    except Refusal as refusal:
        _log.warning("query %s: its transaction's engine does not answer: %s", trace, refusal.code.name)
        return None
    return page
