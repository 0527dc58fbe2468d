"""Statements that change policies: the change is made once, and every worker that answers has it before the client."""

from __future__ import annotations

import asyncio
import logging

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.policy_store.edits import PolicyEdit
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.peer_calls import PoliciesCall
from gateway.protocols.trino.running import RunningQuery

_log = logging.getLogger("penstock.door")
_LATE_SECONDS = 60.0
"""How long an engine may take to end a statement that was cancelled."""


def writes_into(door: Door, table: TableName, *, besides: RunningQuery | None = None) -> bool:
    """Tell whether a statement of this worker may yet bring rows into a table, and what follows them."""
    since = door.ports.clock() - _LATE_SECONDS
    for query in door.queries:
        edit = query.plan.policy_edit if query.plan is not None else None
        if edit is not None and edit.into == table and query is not besides and _may_write(query, since):
            return True
    return False


def _may_write(query: RunningQuery, since: float) -> bool:
    """Tell whether a statement goes on; one that was ended from outside may have been at its last step."""
    return not query.ended or (query.outcome in ("CANCELED", "ABANDONED") and (query.ended_at or since) > since)


async def make_change(door: Door, query: RunningQuery, edit: PolicyEdit) -> None:
    """Change the stored policies, however often a page is asked for; a change that is refused ends the query."""
    if query.changing is None:
        query.changing = asyncio.ensure_future(_change(door, query, edit))
    await asyncio.shield(query.changing)  # a client that goes away must not cut it off


async def _change(door: Door, query: RunningQuery, edit: PolicyEdit) -> None:
    async def alone(table: TableName) -> bool:
        return not writes_into(door, table, besides=query) and await door.peers.nobody_writes(table)

    try:
        await door.ports.change_policies(edit, query.received, alone)
    except Refusal as refusal:
        door.queries.fail(query, refusal)
        return
    except Exception:  # noqa: BLE001  (whatever it is, the client gets an error page)
        _log.exception("query %s: changing policies failed", query.received.query_id)
        text = f"Internal error. Ask an administrator for query {query.received.query_id}"
        door.queries.fail(query, Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, text))
        return
    await door.peers.ask_all(PoliciesCall())  # who does not answer finds the change in the store soon
