"""Pages of a running query: the next one, the same one again, or why not. Source: trino-protocol sections 4 and 18."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from catalog.errors import ErrorCode, Refusal
from engines.base import ResultPage
from engines.executions import PageGone, PageUnknown
from gateway.events import PageServed
from gateway.models import Kill, LocalAnswer, Owed, Plan
from gateway.protocols.trino.attestations import attest_page
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NoLonger, NotHere, TryLater
from gateway.protocols.trino.failures import LOST, engine_refusal
from gateway.protocols.trino.pages import local_members, refusal_members
from gateway.protocols.trino.peer_calls import EndCall
from gateway.protocols.trino.policy_changes import make_change
from gateway.protocols.trino.ports import Planned
from gateway.protocols.trino.query_resource import end_anywhere
from gateway.protocols.trino.running import RunningQuery, ServedPage
from gateway.protocols.trino.serving import Cleaned, clean_page, make_page
from gateway.protocols.trino.submitting import fall_back
from gateway.protocols.trino.tokens import PagePlace
from gateway.protocols.trino.transactions import abort_if_failed
from gateway.usage_record import Outcome

_log = logging.getLogger("penstock.door")
_OUTCOMES: dict[str, Outcome] = {
    "USER_CANCELED": "CANCELED",
    "ADMINISTRATIVELY_KILLED": "CANCELED",
    "ADMINISTRATIVELY_PREEMPTED": "CANCELED",
    "ABANDONED_QUERY": "ABANDONED",
}


async def page_of(door: Door, query: RunningQuery, place: PagePlace, number: int, *, queued: bool) -> ServedPage:
    """Return page `number` of a query; two who ask for the same get the same.

    Raises NoLonger (410) for a page before the last one, NotHere (404) for one that is not due, TryLater (503) while
    a lost engine may come back.
    """
    door.queries.touch(query)
    served = query.find(number, queued=queued)
    if served is None:
        async with query.lock:
            served = query.find(number, queued=queued)
            if served is None:
                _check_turn(query, place, number)
                served = await _make(door, query, number, queued=queued)
                if query.received.transaction is not None:
                    await abort_if_failed(door, query)
                query.keep(served)
                door.queries.weigh(query)
        door.queries.touch(query)
    return served


def _check_turn(query: RunningQuery, place: PagePlace, number: int) -> None:
    due = query.next_page
    if number == due:
        return
    if (due is not None and number < due) or (due is None and query.kept is not None and number < query.kept.number):
        raise NoLonger
    if due is not None and place.page == number and query.relayed:
        query.cursor = place.cursor  # another replica served the pages between, as its sealed token proves
        return
    raise NotHere


async def _make(door: Door, query: RunningQuery, number: int, *, queued: bool) -> ServedPage:
    plan = query.plan
    door.queries.review(query)
    if query.failure is None and plan is not None and plan.route == "local":
        if plan.kill is not None:
            await _kill(door, query, plan.kill)
        if plan.policy_edit is not None:
            await make_change(door, query, plan.policy_edit)
        answer = plan.answer if plan.reveal is None else await _revealed(door, query, plan)
        return _local(door, query, answer, number, queued=queued)
    page = query.waiting if query.failure is None else None
    query.waiting = None
    if page is None and query.failure is None:
        page = await _fetch(door, query)
    if page is not None and page.failed is not None and await fall_back(door, query, _code_of(page.failed)):
        page = await _fetch(door, query) if query.failure is None else None
    if page is not None and query.failure is None:
        _check_columns(door, query, page)
        if query.attesting is not None and query.failure is None:
            await attest_page(door, query, page)
        if query.failure is None:
            _watch(door, query, page)
    if page is None or query.failure is not None:
        return _failed(door, query, number, queued=queued)
    return await _relayed(door, query, page, number, queued=queued)


def _watch(door: Door, query: RunningQuery, page: ResultPage) -> None:
    """Note what a query has scanned, and end one that goes no further; what is on its last page is done anyway.

    An engine that says nothing of what it reads is watched for its time.
    """
    if page.scanned_bytes is not None:
        before = query.planned.staged_bytes if isinstance(query.planned, Planned) else 0
        query.scanned = before + page.scanned_bytes
    if page.scanned_soon and query.engine is not None:
        query.owed.append(Owed(query.engine.name, query.received.query_id, query.engine_query_id))
    refusal = door.ports.watch(query.received.query_id, query.scanned or 0)
    if refusal is not None and page.next is not None:
        _give_up(door, query, refusal)


async def _kill(door: Door, query: RunningQuery, asked: Kill) -> None:
    """End the query that a statement names; the statement fails when that is not there, over, or not the caller's."""
    call = EndCall(asked.query_id, query.user, asked.anybody, "kill", asked.message)
    status = await end_anywhere(door, call)
    if status == 410:
        door.queries.fail(query, Refusal(ErrorCode.NOT_FOUND, f"Target query not found: {asked.query_id}"))
    elif status == 409:
        door.queries.fail(query, Refusal(ErrorCode.NOT_SUPPORTED, f"Target query is not running: {asked.query_id}"))


async def _revealed(door: Door, query: RunningQuery, plan: Plan) -> LocalAnswer | None:
    """Turn back the token that a statement names; the statement fails when it may not be, or is not kept."""
    if plan.reveal is None or plan.answer is None:
        return plan.answer
    try:
        value = await door.ports.reveal(plan.reveal, query.received)
    except Refusal as refusal:
        door.queries.fail(query, refusal)
        return None
    return replace(plan.answer, rows=((value,),))


def _local(door: Door, query: RunningQuery, answer: LocalAnswer | None, number: int, *, queued: bool) -> ServedPage:
    plan = query.plan
    if query.failure is not None:
        return _failed(door, query, number, queued=queued)
    if plan is None or answer is None:
        refusal = Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, f"Internal error. Ask for query {query.received.query_id}")
        door.queries.fail(query, refusal)
        return _failed(door, query, number, queued=queued)
    query.rows = len(answer.rows)
    progress = query.progress("FINISHED", door.ports.monotonic())
    members = local_members(answer, query.received.session.capabilities, progress, query.warnings)
    query.size = len(members.get("data", b""))
    source = ResultPage(members, None, headers=answer.headers)
    page = make_page(door, query, number, members, queued=queued, source=source)
    door.ports.publish(PageServed(query.received.query_id, None, query.rows, query.size))
    door.queries.end(query, "FINISHED")
    return page


def _failed(door: Door, query: RunningQuery, number: int, *, queued: bool) -> ServedPage:
    refusal = query.failure or Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The query has ended")
    progress = query.progress("FAILED", door.ports.monotonic())
    return make_page(door, query, number, refusal_members(refusal, progress, query.warnings), queued=queued)


async def _fetch(door: Door, query: RunningQuery) -> ResultPage | None:
    """Ask the engine for the next page; None when the query has failed instead, see `query.failure`."""
    if query.engine is None or query.cursor is None:
        door.queries.fail(query, Refusal(ErrorCode.REMOTE_HOST_GONE, "The engine does not know the query any more"))
        return None
    query.fetching = asyncio.current_task()
    failure: Exception
    try:
        page = await query.engine.page(query.cursor)
    except asyncio.CancelledError:
        if query.failure is None or query.fetching is None:
            raise
        query.fetching.uncancel()  # the query was ended from outside, see RunningQuery.interrupt
        return None
    except PageGone:
        raise NoLonger from None
    except Exception as error:  # noqa: BLE001  (whatever it is, the client gets an error page)
        failure = error
    else:
        query.lost_polls = 0
        return page
    finally:
        query.fetching = None
    return await _after_failure(door, query, failure)


async def _after_failure(door: Door, query: RunningQuery, failure: Exception) -> ResultPage | None:
    """Turn to the base where views failed; else end the query."""
    unknown = isinstance(failure, PageUnknown)
    code = failure.code if isinstance(failure, Refusal) else ErrorCode.REMOTE_HOST_GONE if unknown else None
    if code is None:
        _log.error("query %s: fetching a page failed", query.received.query_id, exc_info=failure)
    if await fall_back(door, query, code):
        return await _fetch(door, query) if query.failure is None else None
    if isinstance(failure, Refusal):
        _refused(door, query, failure)
    elif unknown:
        door.queries.fail(query, Refusal(ErrorCode.REMOTE_HOST_GONE, "The engine does not know the query any more"))
    else:
        text = f"Internal error. Ask an administrator for query {query.id}"
        _give_up(door, query, Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, text))
    return None


def _code_of(name: str) -> ErrorCode | None:
    return ErrorCode.__members__.get(name)


def _refused(door: Door, query: RunningQuery, refusal: Refusal) -> None:
    if refusal.code in LOST and query.lost_polls < door.settings.lost_engine_polls:
        query.lost_polls += 1
        raise TryLater("The engine is not reachable at the moment")
    if refusal.code in LOST:
        refusal = Refusal(ErrorCode.REMOTE_HOST_GONE, "The engine that ran the query was lost", detail=refusal.detail)
    _give_up(door, query, engine_refusal(refusal, query))


def _give_up(door: Door, query: RunningQuery, refusal: Refusal) -> None:
    door.queries.fail(query, refusal, _OUTCOMES.get(refusal.code.name, "FAILED"))
    door.queries.cancel_on_engine(query)


def _check_columns(door: Door, query: RunningQuery, page: ResultPage) -> None:
    """Fail a query whose columns change in its midst: rows would be read under the names of others."""
    columns = page.members.get("columns")
    if columns is None or page.failed is not None:
        return
    told = hash(columns)
    if query.columns is None:
        query.columns = told
    elif query.columns != told:
        text = "The engine changed the result's columns in its midst"
        _give_up(door, query, Refusal(ErrorCode.GENERIC_EXTERNAL, text))


async def _relayed(door: Door, query: RunningQuery, page: ResultPage, number: int, *, queued: bool) -> ServedPage:
    query.rows += page.rows
    query.size += page.bytes
    query.state = page.state
    if query.first_page_ms is None and (page.rows or page.next is None):
        query.first_page_ms = (door.ports.monotonic() - query.started) * 1000
    policed = query.policed or query.unconfirmed
    cleaned = clean_page(page, query.id, policed=policed, warnings=query.warnings, rows=query.rows, size=query.size)
    served = make_page(door, query, number, cleaned.members, queued=queued, source=page)
    engine = query.engine.name if query.engine is not None else None
    door.ports.publish(PageServed(query.received.query_id, engine, page.rows, page.bytes))
    if page.next is None:
        await _finish(door, query, cleaned)
    query.cursor = page.next
    return served


async def _finish(door: Door, query: RunningQuery, cleaned: Cleaned) -> None:
    """Settle a query whose last page has come, after everybody knows what it changed."""
    plan = query.plan
    if plan is not None and (plan.invalidates or plan.invalidates_schemas):
        await _invalidate(door, query)
    if cleaned.error_code is None:
        door.queries.end(query, "FINISHED")
        return
    query.error_code, query.error_message = cleaned.error_code, cleaned.error_message
    door.queries.end(query, _OUTCOMES.get(cleaned.error_code, "FAILED"))


async def _invalidate(door: Door, query: RunningQuery) -> None:
    plan = query.plan
    if plan is None:
        return
    try:
        await asyncio.gather(
            door.ports.invalidate(plan.invalidates, plan.invalidates_schemas),
            door.peers.invalidate(plan.invalidates, schemas=plan.invalidates_schemas),
        )
    except Exception:  # noqa: BLE001  (the statement itself has succeeded)
        _log.exception("query %s: the catalog could not be read again", query.received.query_id)
