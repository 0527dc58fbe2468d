"""Hand a planned statement to its engine; and to that of its base, where a view that was to answer it has failed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import msgspec

from catalog.errors import ErrorCode, Refusal
from engines.base import Engine
from gateway.events import StatementPlanned, StatementRefused, StatementSubmitted
from gateway.models import Plan
from gateway.protocols.trino.attestations import attest_ahead
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.failures import engine_refusal
from gateway.protocols.trino.policy_changes import make_change
from gateway.protocols.trino.ports import NotPlanned, Planned
from gateway.protocols.trino.running import RunningQuery

_log = logging.getLogger("penstock.door")
_CANCEL_SECONDS = 2.0
_FINAL = frozenset(
    {
        ErrorCode.USER_CANCELED,
        ErrorCode.ABANDONED_QUERY,
        ErrorCode.ADMINISTRATIVELY_KILLED,
        ErrorCode.ADMINISTRATIVELY_PREEMPTED,
        ErrorCode.SERVER_SHUTTING_DOWN,
        ErrorCode.EXCEEDED_TIME_LIMIT,
    }
)
"""Ends that somebody wanted, and that no other engine is to undo."""
AFTER_ALL = "answered from its base tables after all: a materialized view could not be read"


async def submit(door: Door, query: RunningQuery, plan: Plan, *, known: bool = False) -> None:
    """Hand over a statement; every way out leaves the query either running or settled.

    `known` says that its client has been told the query's id, which then stays.
    """
    before = door.ports.monotonic()
    engine = door.ports.engines.get(plan.engine or "")
    if engine is None:
        door.queries.fail(query, Refusal(ErrorCode.NO_NODES_AVAILABLE, "No engine serves this statement"))
        return
    if plan.policy_edit is not None:
        await make_change(door, query, plan.policy_edit)
        if query.ended:
            return
    query.engine = engine
    try:
        statement = door.ports.engine_statement(plan, query.received)
        query.attesting = door.ports.attest(plan, statement, engine)
        if await attest_ahead(door, query):
            return
        submission = await engine.submit(statement, query.received.query_id)
    except Exception as error:  # noqa: BLE001  (whatever it is, the client gets an error page)
        await _not_taken(door, query, error, known=known)
        return
    _let_rows_go(query)
    query.submit_ms += (door.ports.monotonic() - before) * 1000
    query.cursor = submission.cursor or None
    if submission.page is not None and submission.page.next is None:
        query.waiting = submission.page
    if submission.query_id is not None:
        query.engine_query_id = submission.query_id
        if not known:
            door.queries.rename(query, submission.query_id)
    if query.ended:  # the gateway began to shut down meanwhile
        door.queries.cancel_on_engine(query)
        return
    door.ports.publish(StatementSubmitted(query.received.query_id, engine.name, submission.query_id))


async def _not_taken(door: Door, query: RunningQuery, error: Exception, *, known: bool) -> None:
    """Turn to the base where an engine does not take a statement that was to read views; else end it."""
    refusal = error if isinstance(error, Refusal) else None
    if refusal is None:
        _log.error("query %s: submitting failed", query.received.query_id, exc_info=error)
    if not await fall_back(door, query, refusal.code if refusal else None, known=known):
        door.queries.fail(query, engine_refusal(refusal, query) if refusal else internal(query))


def _let_rows_go(query: RunningQuery) -> None:
    """Keep a statement without the rows of views that its text was sent with: ended queries are remembered for long."""
    planned = query.planned
    if isinstance(planned, Planned) and planned.rewritten is not None and planned.rewritten.stages:
        query.plan_is(msgspec.structs.replace(planned, plan=planned.rewritten.plan))


def _in_vain(query: RunningQuery, planned: Planned) -> int:
    """Return the bytes that the failed engine says it has scanned."""
    return max(0, (query.scanned or 0) - planned.staged_bytes)


def internal(query: RunningQuery) -> Refusal:
    """Return what a client is told of a fault of the gateway's own."""
    return Refusal(
        ErrorCode.GENERIC_INTERNAL_ERROR, f"Internal error. Ask an administrator for query {query.received.query_id}"
    )


def can_fall_back(query: RunningQuery) -> bool:
    """Tell whether a query may still be answered from its base: it reads views, and no row of it has left."""
    planned = query.planned
    return isinstance(planned, Planned) and planned.base is not None and not query.rows and not query.ended


async def _canceled(engine: Engine, cursor: str) -> None:
    """End what an engine may still do for a statement before it is handed over anew: perhaps to the very same engine.

    One that does not answer ends it by itself.
    """
    with suppress(Exception):
        await asyncio.wait_for(engine.cancel(cursor), _CANCEL_SECONDS)


async def fall_back(door: Door, query: RunningQuery, code: ErrorCode | None, *, known: bool = True) -> bool:
    """Answer from the base a query whose views failed before they gave a row; False where that is not to be.

    It is priced and admitted anew, and may be refused for that: the query is settled then.
    """
    planned = query.planned
    if code in _FINAL or not can_fall_back(query) or not isinstance(planned, Planned):
        return False
    _log.warning(
        "query %s: views could not answer it (%s), its base does", query.received.query_id, code.name if code else "?"
    )
    if query.engine is not None and query.cursor is not None:
        await _canceled(query.engine, query.cursor)
    if query.attesting is not None:
        query.attesting.close()
    query.attesting = query.engine = query.cursor = query.columns = query.waiting = None
    query.unconfirmed = False
    said = f"a view could not be read: {code.name if code else 'an internal error'}"
    instead = await door.ports.over_base(planned, query.received, "failed", said, _in_vain(query, planned))
    if known and isinstance(instead, Planned):  # its client has been told of the view
        instead = msgspec.structs.replace(instead, warnings=(*instead.warnings, AFTER_ALL))
    query.plan_is(instead)
    if isinstance(instead, NotPlanned):
        door.ports.publish(StatementRefused(query.received.query_id, instead.refusal.code, instead.stage))
        door.queries.fail(query, instead.refusal, "REFUSED")
        return True
    if query.ended:
        door.ports.release(query.received.query_id)
        return True
    query.scanned = None
    door.ports.publish(StatementPlanned(query.received.query_id, instead.plan, instead.cached, instead.stage_ms))
    await submit(door, query, instead.plan, known=known)
    return True
