"""Hold results back until their engine has said what it reads, and end those that would hold anything else."""

from __future__ import annotations

import asyncio
import logging

from catalog.objects import TableName
from engines.base import ResultPage
from engines.rows import stats_json
from gateway.attestation.attesting import Verdict
from gateway.events import StatementRefused
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.ports import Planned
from gateway.protocols.trino.redaction import read_error
from gateway.protocols.trino.running import RunningQuery

_log = logging.getLogger("penstock.door")
_NOT_BEGUN = frozenset({"QUEUED", "WAITING_FOR_RESOURCES", "DISPATCHING", "PLANNING"})
"""States in which a Trino query has not decided yet what it reads."""


async def attest_ahead(door: Door, query: RunningQuery) -> bool:
    """Wait for the engine's word before a statement begins; True where it ends by it and is not handed over.

    Raises Refusal where its views are other than was authorised.
    """
    attesting = query.attesting
    if attesting is None or not attesting.ahead:
        return False
    verdict = await attesting.before_running()
    if not attesting.pending or verdict.error is not None:
        attesting.close()
        query.attesting = None
    if verdict.error is not None:
        query.waiting = _failed_page(door, query, verdict.error)
        return True
    if verdict.refusal is not None and _reads_views(query):
        raise verdict.refusal  # the base is read instead, which is attested for itself
    _refuse(door, query, verdict)
    return query.ended


def _reads_views(query: RunningQuery) -> bool:
    return isinstance(query.planned, Planned) and query.planned.base is not None


async def attest_page(door: Door, query: RunningQuery, page: ResultPage) -> None:
    """Settle a statement's attestation with the first page that could tell anything; the query fails where it must."""
    attesting = query.attesting
    if attesting is None or not _may_tell(page):
        return
    verdict = await attesting.settle(query.engine_query_id, failed=page.failed is not None)
    query.attesting = None
    query.unconfirmed = not verdict.confirmed
    if verdict.refusal is not None:
        _refuse(door, query, verdict)
        door.queries.cancel_on_engine(query)


def _may_tell(page: ResultPage) -> bool:
    """Tell whether a page is more than the word that the statement waits: rows, an end, or figures of its work."""
    return bool(page.rows or page.spooled) or page.next is None or page.state not in _NOT_BEGUN


def _refuse(door: Door, query: RunningQuery, verdict: Verdict) -> None:
    """End a statement by its attestation, and have the catalog read again what it named: it was other than known."""
    if query.ended or verdict.refusal is None:
        return
    door.ports.publish(StatementRefused(query.received.query_id, verdict.refusal.code, "attest"))
    door.queries.fail(query, verdict.refusal, "REFUSED")
    if query.plan is not None:
        door.queries.background(_read_again(door, {table.name for table in query.plan.engine_tables}))


async def _read_again(door: Door, names: set[TableName]) -> None:
    """Read tables anew on every worker; each once at a time, since a second reading would put the first one off."""
    wanted = tuple(names - door.rereading)
    door.rereading.update(wanted)
    try:
        await asyncio.gather(door.ports.invalidate(wanted, False), door.peers.invalidate(wanted, schemas=False))
    except Exception:  # noqa: BLE001  (the statement is refused anyway, and the catalog is refreshed by time)
        _log.exception("the catalog could not be read again")
    finally:
        door.rereading.difference_update(wanted)


def _failed_page(door: Door, query: RunningQuery, error: bytes) -> ResultPage:
    """Return the page that the statement itself would have come to: the engine met the same error in the question."""
    stats = stats_json(query.progress("FAILED", door.ports.monotonic()))
    return ResultPage({"stats": stats, "error": error}, None, state="FAILED", failed=read_error(error).error_name)
