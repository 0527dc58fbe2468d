"""Statements that change policies: the change is made once, and every worker that answers has it before the client."""

from __future__ import annotations

import asyncio
import logging

from catalog.errors import ErrorCode, Refusal
from gateway.policy_store.edits import PolicyEdit
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.peer_calls import PoliciesCall
from gateway.protocols.trino.running import RunningQuery

_log = logging.getLogger("penstock.door")


async def make_change(door: Door, query: RunningQuery, edit: PolicyEdit) -> None:
    """Change the stored policies, however often a page is asked for; a change that is refused ends the query."""
    if query.changing is None:
        query.changing = asyncio.ensure_future(_change(door, query, edit))
    await asyncio.shield(query.changing)  # a client that goes away must not cut it off


async def _change(door: Door, query: RunningQuery, edit: PolicyEdit) -> None:
    try:
        await door.ports.change_policies(edit, query.received)
    except Refusal as refusal:
        door.queries.fail(query, refusal)
        return
    except Exception:  # noqa: BLE001  (whatever it is, the client gets an error page)
        _log.exception("query %s: changing policies failed", query.received.query_id)
        text = f"Internal error. Ask an administrator for query {query.received.query_id}"
        door.queries.fail(query, Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, text))
        return
    await door.peers.ask_all(PoliciesCall())  # who does not answer finds the change in the store soon
