"""/v1/query: the caller's own queries, described, listed and ended by id. What is not theirs looks like nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from catalog.errors import ErrorCode, Refusal
from gateway.events import OthersQueries
from gateway.protocols.http import Request, Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NoLonger, NotAllowed, NotHere
from gateway.protocols.trino.failures import canceled
from gateway.protocols.trino.identity import authenticate
from gateway.protocols.trino.ids import QUERY_ID
from gateway.protocols.trino.peer_calls import EndCall, InfoCall, ListCall
from gateway.protocols.trino.query_info import describe
from gateway.protocols.trino.running import RunningQuery
from gateway.protocols.trino.serving import json_response

Manner = Literal["cancel", "kill", "preempt"]
_STATES = frozenset({"QUEUED", "RUNNING", "FINISHED", "FAILED"})
_CODES = {"kill": ErrorCode.ADMINISTRATIVELY_KILLED, "preempt": ErrorCode.ADMINISTRATIVELY_PREEMPTED}
_LISTED_TEXT = 4_000
"""How many characters of a statement a list shows, so that a list's size is bounded."""
_WORDS = {"kill": "Query killed.", "preempt": "Query preempted."}


async def query_resource(door: Door, request: Request, query_id: str) -> Response:
    """Answer GET and DELETE on `/v1/query/{id}`: unknown is 410 for the one, 204 for the other."""
    if request.method not in ("GET", "HEAD", "DELETE"):
        raise NotAllowed("HEAD", "DELETE", "GET")
    principal = await authenticate(door, door.addresses.credentials(request))
    if not QUERY_ID.fullmatch(query_id):
        raise NotHere
    if request.method == "DELETE":
        anybody = door.ports.may_kill(principal, "kill")
        await end_anywhere(door, EndCall(query_id, principal.user, anybody, "cancel"))
        return Response(204)
    call = InfoCall(query_id, principal.user, door.ports.may_kill(principal, "view"), door.addresses.base(request))
    found = info_here(door, call)
    if found is not None:
        return json_response(found)
    for answer in await door.peers.ask_all(call):
        return answer
    raise NoLonger("HTTP 410 Gone")


async def kill_resource(door: Door, request: Request, query_id: str, verb: str) -> Response:
    """Answer PUT on `/v1/query/{id}/killed` and `/preempted`: 202, 409 when it is over, 410 when unknown."""
    if request.method != "PUT":
        raise NotAllowed("PUT")
    principal = await authenticate(door, door.addresses.credentials(request))
    manner: Manner = "kill" if verb == "killed" else "preempt"
    message = request.body[:2_000].decode("utf-8", "replace")
    anybody = door.ports.may_kill(principal, "kill")
    status = await end_anywhere(door, EndCall(query_id, principal.user, anybody, manner, message))
    if status == NoLonger.status:
        raise NoLonger("HTTP 410 Gone")
    return Response(status)


async def list_resource(door: Door, request: Request) -> Response:
    """Answer GET on `/v1/query`: the caller's own queries, for who may view others' all, newest first, bounded."""
    if request.method not in ("GET", "HEAD"):
        raise NotAllowed("HEAD", "GET")
    principal = await authenticate(door, door.addresses.credentials(request))
    state = parse_qs(request.query, max_num_fields=20).get("state", [""])[0].upper() or None
    if state is not None and state not in _STATES:
        return json_response([])
    anybody = door.ports.may_kill(principal, "view")
    return json_response(
        await list_anywhere(door, ListCall(principal.user, state, door.addresses.base(request), anybody))
    )


async def list_anywhere(door: Door, call: ListCall) -> list[dict[str, object]]:
    """Describe the queries that a caller may see on all workers, the newest first, bounded."""
    lists = [list_here(door, call)]
    lists += [msgspec.json.decode(a.body, type=list[dict[str, object]]) for a in await door.peers.ask_all(call)]
    return _newest((info for infos in lists for info in infos), door.settings.list_length)


def _newest(infos: Iterable[dict[str, object]], length: int) -> list[dict[str, object]]:
    return sorted(infos, key=lambda info: str(info["queryId"]), reverse=True)[:length]


async def end_anywhere(door: Door, call: EndCall) -> int:
    """End a query wherever it is; return 202, 409 when it is over, 410 when nobody knows it as one of the caller's."""
    status = end_here(door, call)
    if status == 410 and QUERY_ID.fullmatch(call.query_id):
        answers = await door.peers.ask_all(call)
        found = [int(answer.body) for answer in answers if answer.body in (b"202", b"409")]
        status = found[0] if found else 410
    return status


def end_here(door: Door, call: EndCall) -> int:
    """End a query of this worker; the same statuses."""
    query = door.queries.get(call.query_id)
    if query is None or not (call.anybody or query.user == call.user):
        return 410
    if not door.queries.stop(query, _ending(call)):
        return 409
    _tell(door, "kill", call.user, [query])
    return 202


def info_here(door: Door, call: InfoCall) -> dict[str, object] | None:
    """Describe a query of this worker."""
    query = door.queries.get(call.query_id)
    if query is None or not (call.anybody or query.user == call.user):
        return None
    _tell(door, "view", call.user, [query])
    return describe(door, query, call.base)


def list_here(door: Door, call: ListCall) -> list[dict[str, object]]:
    """Describe the queries on this worker that the caller may see, long texts cut short."""
    shown = (q for q in door.queries if (call.anybody or q.user == call.user) and call.state in (None, q.state))
    queries = list(islice(shown, door.settings.list_length))
    _tell(door, "view", call.user, queries)
    return [describe(door, query, call.base, most_text=_LISTED_TEXT) for query in queries]


def _tell(door: Door, way: Literal["view", "kill"], user: str, queries: Iterable[RunningQuery]) -> None:
    """Say which queries of others somebody saw or ended."""
    others = tuple((query.received.query_id, query.user) for query in queries if query.user != user)
    if others:
        door.ports.publish(OthersQueries(way, user, others))


def _ending(call: EndCall) -> Refusal:
    if call.manner == "cancel":
        return canceled()
    said = f"Message: {call.message}" if call.message else "No message provided."
    return Refusal(_CODES[call.manner], f"{_WORDS[call.manner]} {said}")
