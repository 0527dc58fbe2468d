"""The other side of `peer_calls`: answer what another worker of the cluster asks."""

from __future__ import annotations

import orjson

from catalog.objects import TableName
from gateway.protocols.http import Request, Response, text_response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NoLonger, TurnedAway
from gateway.protocols.trino.page_resource import FORGOTTEN, PageAsked, answer_here, local_query
from gateway.protocols.trino.peer_calls import (
    PATH,
    PROOF,
    SIGNATURE,
    BudgetsCall,
    Call,
    EndCall,
    ForgedCall,
    HelloCall,
    InfoCall,
    InvalidateCall,
    ListCall,
    PageCall,
    PoliciesCall,
    Signatures,
    WritersCall,
)
from gateway.protocols.trino.policy_changes import writes_into
from gateway.protocols.trino.query_resource import end_here, info_here, list_here
from gateway.protocols.trino.serving import json_response


async def answer_peer(door: Door, signatures: Signatures, request: Request) -> Response:
    """Answer one call; 404 for whatever is not signed for this worker, now."""
    if request.method != "POST" or request.path != PATH:
        return text_response(404, "Not found")
    signature = request.headers.get(SIGNATURE) or ""
    try:
        call = signatures.check(signature, request.body, door.settings.worker, door.ports.clock())
    except ForgedCall:
        return text_response(404, "Not found")
    try:
        answer = await _answer(door, call)
    except TurnedAway as turned_away:
        answer = turned_away.answer(request.method)
    proof = signatures.sign_answer(signature, answer.status, answer.body)
    return Response(answer.status, (*answer.headers, (PROOF, proof)), answer.body)


async def _answer(door: Door, call: Call) -> Response:
    if isinstance(call, PageCall):
        return await _page(door, call)
    if isinstance(call, EndCall):
        return Response(200, body=str(end_here(door, call)).encode("ascii"))
    if isinstance(call, InfoCall):
        found = info_here(door, call)
        return json_response(found) if found is not None else text_response(404, "Not found")
    if isinstance(call, ListCall):
        return Response(200, body=orjson.dumps(list_here(door, call)))
    if isinstance(call, HelloCall):
        door.ports.greeted(call.worker, call.address)
        return Response(200)
    if isinstance(call, BudgetsCall):
        await door.queries.settling.settled()  # what is over holds nothing then
        return Response(200 if await door.ports.give_back(call.accounts) else 503)
    if isinstance(call, WritersCall):
        return Response(503 if writes_into(door, TableName(*call.table)) else 200)
    if isinstance(call, PoliciesCall):
        await door.ports.refresh_policies()
        return Response(200)
    await _invalidate(door, call)
    return Response(200)


async def _page(door: Door, call: PageCall) -> Response:
    """Serve a page; the worker that asks has checked its owner, the token is checked again."""
    place = door.tokens.open(call.token, door.ports.clock())
    query = local_query(door, place)
    if query is None:
        if call.method == "DELETE":
            return Response(204)
        raise NoLonger(FORGOTTEN)
    return await answer_here(
        door, query, PageAsked(call.method, call.base, call.token, place, call.number, call.queued)
    )


async def _invalidate(door: Door, call: InvalidateCall) -> None:
    await door.ports.invalidate([TableName(*parts) for parts in call.tables], call.schemas)
