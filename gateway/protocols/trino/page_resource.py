"""GET, HEAD and DELETE on page addresses: whoever holds the token and is its owner, on whichever worker."""

from __future__ import annotations

import asyncio
from typing import Literal, cast

import msgspec

from catalog.errors import ErrorCode, Refusal
from engines.base import Engine, ResultPage
from engines.executions import PageGone, PageUnknown
from engines.rows import Progress
from gateway.budgets.bounds import beyond
from gateway.events import PageServed
from gateway.protocols.http import Request, Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NoLonger, NotAllowed, NotHere
from gateway.protocols.trino.failures import LOST, canceled
from gateway.protocols.trino.identity import check_owner
from gateway.protocols.trino.pages import refusal_members, render_members
from gateway.protocols.trino.peer_calls import PageCall
from gateway.protocols.trino.polling import page_of
from gateway.protocols.trino.running import RunningQuery, ServedPage
from gateway.protocols.trino.serving import PARTIAL, clean_page, client_headers, respond, with_segments
from gateway.protocols.trino.tokens import PagePlace
from gateway.received import Principal

Method = Literal["GET", "HEAD", "DELETE"]
FORGOTTEN = "The query has ended and is no longer kept"
GONE_WORKER = "The gateway worker that held the query is gone"


class PageAsked(msgspec.Struct, frozen=True):
    """One request for a page, its owner checked."""

    method: Method
    base: str
    token: str
    place: PagePlace
    number: int
    queued: bool


async def page_resource(
    door: Door, request: Request, query_id: str, token: str, number: str, *, queued: bool
) -> Response:
    """Answer on `/v1/statement/{queued|executing}/{id}/{token}/{page}`."""
    if request.method not in ("GET", "HEAD", "DELETE"):
        raise NotAllowed("GET", "HEAD", "DELETE")
    place = door.tokens.open(token, door.ports.clock())
    if place.query_id != query_id or place.page == PARTIAL or not (number.isascii() and number.isdigit()):
        raise NotHere
    await check_owner(door, request, place)
    method = cast(Method, request.method)
    asked = PageAsked(method, door.addresses.base(request), token, place, _number(number), queued)
    query = local_query(door, place)
    if query is not None:
        return await answer_here(door, query, asked)
    return await _answer_elsewhere(door, asked)


def _number(text: str) -> int:
    if len(text) > 18 or (text != "0" and text.startswith("0")):
        raise NotHere
    return int(text)


def local_query(door: Door, place: PagePlace) -> RunningQuery | None:
    """Return the query a token belongs to, if this worker has it."""
    query = door.queries.get(place.query_id)
    if query is None or query.received.query_id != (place.own_id or place.query_id):
        return None
    return query


async def answer_here(door: Door, query: RunningQuery, asked: PageAsked) -> Response:
    """Answer for a query of this worker."""
    if asked.method == "DELETE":
        door.queries.stop(query, canceled())
        return Response(204)
    if asked.method == "HEAD":
        return await _heartbeat(door, query)
    page = await page_of(door, query, asked.place, asked.number, queued=asked.queued)
    return respond(asked.base, query.id, page)


async def _heartbeat(door: Door, query: RunningQuery) -> Response:
    """Keep a query alive, here and on its engine, without moving it."""
    door.queries.touch(query)
    if query.engine is not None and query.cursor is not None and not query.ended:
        try:
            alive = await query.engine.heartbeat(query.cursor)
        except Refusal:
            alive = True
        if not alive:
            raise NotHere
    return Response(200)


async def _answer_elsewhere(door: Door, asked: PageAsked) -> Response:
    place = asked.place
    if place.home == door.settings.worker:
        if asked.method == "DELETE":
            return Response(204)
        raise NoLonger(FORGOTTEN)
    call = PageCall(asked.method, asked.base, asked.token, asked.number, asked.queued)
    engine = door.ports.engines.get(place.engine)
    relayed = engine is not None and engine.kind == "trino"
    wait_seconds = 0.0 if relayed else door.settings.new_worker_seconds
    answer = await door.peers.call(place.home, call, wait_seconds=wait_seconds)
    if answer is not None:
        return answer
    # Of a caller whose access may end in the midst nobody is left who could review what he still may see.
    bound = asked.method != "DELETE" and door.ports.bound(Principal(place.user, place.authenticated))
    if engine is not None and relayed and not bound:
        return await _answer_from_engine(door, engine, asked)
    return _worker_gone(asked)


def _worker_gone(asked: PageAsked) -> Response:
    if asked.method == "DELETE":
        return Response(204)
    if asked.method == "HEAD":
        raise NotHere
    return _error_page(asked, Refusal(ErrorCode.REMOTE_HOST_GONE, GONE_WORKER))


async def _answer_from_engine(door: Door, engine: Engine, asked: PageAsked) -> Response:
    """Serve from the token alone, in place of a worker that is gone; the engine keeps the page."""
    place = asked.place
    if asked.method == "DELETE":
        door.queries.background(_cancel(engine, place.cursor))
        return Response(204)
    if asked.number != place.page:
        raise NoLonger if asked.number < place.page else NotHere
    try:
        if asked.method == "HEAD":
            if not await engine.heartbeat(place.cursor):
                raise NotHere
            return Response(200)
        if place.unattested:
            door.queries.background(_cancel(engine, place.cursor))
            return _error_page(asked, Refusal(ErrorCode.REMOTE_HOST_GONE, GONE_WORKER))
        page = await engine.page(place.cursor)
    except PageGone:
        raise NoLonger from None
    except PageUnknown:
        raise NotHere from None
    except Refusal as refusal:
        code = ErrorCode.REMOTE_HOST_GONE if refusal.code in LOST else refusal.code
        return _error_page(
            asked, Refusal(code, f"The engine could not finish the query. Ask for query {place.query_id}")
        )
    return _given_out(door, engine, asked, page)


def _given_out(door: Door, engine: Engine, asked: PageAsked, page: ResultPage) -> Response:
    """Give out an engine's page, or say why its statement goes no further, since its own worker watches it no more."""
    place = asked.place
    stop = beyond(place.bounds, page.scanned_bytes, door.ports.clock()) if page.next is not None else None
    if stop is not None and page.next is not None:
        door.queries.background(_cancel(engine, page.next))
        door.ports.publish(stop.event)
        return _error_page(asked, stop.refusal)
    cleaned = clean_page(page, place.query_id, policed=place.policed, warnings=(), rows=page.rows, size=page.bytes)
    following = partial = None
    if page.next is not None:
        following = door.tokens.seal(msgspec.structs.replace(place, page=place.page + 1, cursor=page.next))
    if page.partial_cancel is not None:
        partial = door.tokens.seal(msgspec.structs.replace(place, page=PARTIAL, cursor=page.partial_cancel))
    door.ports.publish(PageServed(place.own_id or place.query_id, engine.name, page.rows, page.bytes))
    members = cleaned.members
    if page.spooled is not None:
        members = with_segments(door, members, page.spooled, engine.name, place)
    rendered = render_members(members)
    headers = client_headers(door, page.headers, engine.name, place) if page.headers else ()
    queued, spooled = page.state == "QUEUED", page.spooled is not None
    served = ServedPage(asked.number, asked.queued, rendered, headers, following, queued, partial, spooled)
    return respond(asked.base, place.query_id, served)


async def partial_cancel(door: Door, request: Request, query_id: str, token: str) -> Response:
    """Answer DELETE on the address that cancels one stage of a query."""
    if request.method != "DELETE":
        raise NotAllowed("DELETE")
    place = door.tokens.open(token, door.ports.clock())
    engine = door.ports.engines.get(place.engine)
    if place.query_id != query_id or place.page != PARTIAL or engine is None:
        raise NotHere
    await check_owner(door, request, place)
    door.queries.background(_cancel(engine, place.cursor))
    return Response(204)


async def _cancel(engine: Engine, cursor: str) -> None:
    for pause in (0.0, 1.0, 4.0):
        await asyncio.sleep(pause)
        try:
            await engine.cancel(cursor)
        except Refusal:
            continue
        return


def _error_page(asked: PageAsked, refusal: Refusal) -> Response:
    rendered = render_members(refusal_members(refusal, Progress("FAILED")))
    page = ServedPage(asked.number, asked.queued, rendered, (), None)
    return respond(asked.base, asked.place.query_id, page)
