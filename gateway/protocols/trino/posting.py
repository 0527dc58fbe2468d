"""POST /v1/statement: take a statement in, plan it, hand it over. The answer is QUEUED with nextUri, whatever happened.

A refusal is told on the first page, so that every client shows its text.
"""

from __future__ import annotations

import codecs
import logging
import re
from dataclasses import replace

from catalog.errors import ErrorCode, Refusal
from gateway.auth.credentials import Forbidden
from gateway.events import StatementPlanned, StatementRefused
from gateway.protocols.http import Request, Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import BadRequest, TooMany, TryLater
from gateway.protocols.trino.headers import known_session
from gateway.protocols.trino.identity import authenticate
from gateway.protocols.trino.pages import (
    JSON_HEADERS,
    QUEUED_STATS,
    PageAddresses,
    render_members,
    render_page,
    warnings_json,
)
from gateway.protocols.trino.ports import NotPlanned, Planned
from gateway.protocols.trino.running import RunningQuery
from gateway.protocols.trino.serving import info_uri, page_uri, place_of
from gateway.protocols.trino.submitting import internal, submit
from gateway.protocols.trino.transactions import check_standing
from gateway.received import Principal, Received, Session, TooOften

_log = logging.getLogger("penstock.door")
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1"})
_QUEUED = render_members({"stats": QUEUED_STATS, "warnings": b"[]"})


async def post_statement(door: Door, request: Request) -> Response:
    """Answer a statement. Raises TurnedAway, Unauthorized or Forbidden for what never becomes one.

    What is turned away although its sender is known leaves its usage row too.
    """
    if door.draining:
        raise TryLater("The server is shutting down", door.settings.drain_retry_seconds)
    shown = door.addresses.credentials(request)
    principal: Principal | None = None
    try:
        principal = await authenticate(door, shown)
        await door.ports.pace(principal)
        base = door.addresses.base(request)
        session = known_session(request.headers, shown.remote_address)
        sql = read_sql(request)
    except TooOften as refused:
        raise TooMany(refused.text, refused.seconds) from None  # a flood leaves no rows: it is counted
    except Forbidden as refused:
        _record(door, request, refused.principal, Refusal(ErrorCode.PERMISSION_DENIED, refused.text))
        raise
    except BadRequest as refused:
        _record(door, request, principal, Refusal(ErrorCode.GENERIC_USER_ERROR, refused.message))
        raise
    if session.data_encodings and door.ports.bound(principal):
        session = replace(session, data_encodings=())  # segments could be fetched for hours
    now = door.ports.clock()
    transaction = door.transactions.open(session.transaction, principal, now)
    received = Received(door.ids.next(now), sql, principal, session, now, transaction)
    query = door.queries.open(received)
    if not query.ended:
        await _start(door, query)
    if isinstance(query.failure, TooOften):
        query.next_page = None
        raise TooMany(query.failure.text, query.failure.seconds)
    return _queued(door, query, base)


def _record(door: Door, request: Request, principal: Principal | None, refusal: Refusal) -> None:
    """Leave the usage row of a POST that never became a statement; who sent what nobody knows leaves none."""
    if principal is None:
        return
    now = door.ports.clock()
    session = Session(remote_address=door.addresses.client(request))
    received = Received(door.ids.next(now), request.body.decode("utf-8", "replace"), principal, session, now)
    query = door.queries.open(received)
    query.next_page = None  # nobody was told of a page to fetch
    if not query.ended:
        door.ports.publish(StatementRefused(received.query_id, refusal.code, "request"))
        door.queries.fail(query, refusal, "REFUSED")


def read_sql(request: Request) -> str:
    """Return the statement's text. Whatever the content type says it is, the body is SQL (JavaScript posts a form).

    Raises BadRequest for an empty body, an unknown charset, and bytes that are none of the charset's.
    """
    if not request.body:
        raise BadRequest("SQL statement is empty")
    coding = (request.headers.get("content-encoding") or "identity").lower()
    if coding != "identity":
        raise BadRequest("Compressed statements are not supported")
    try:
        return request.body.decode(_charset(request.headers.get("content-type")))
    except UnicodeDecodeError:
        raise BadRequest("SQL statement is not valid UTF-8") from None


def _charset(content_type: str | None) -> str:
    """Return the codec of a body. Raises BadRequest."""
    if content_type is None:
        return "utf-8"
    match = _CHARSET.search(content_type)
    try:
        name = codecs.lookup(match.group(1) if match else "utf-8").name
    except LookupError:
        name = ""
    if name not in _CHARSETS:
        raise BadRequest("The charset is not supported: send UTF-8")
    return "utf-8" if name == "ascii" else name


async def _start(door: Door, query: RunningQuery) -> None:
    """Plan and submit; every way out leaves the query either running or settled."""
    try:
        planned = await door.ports.plan(query.received)
    except Refusal as refusal:
        planned = NotPlanned(refusal)
    except Exception:  # noqa: BLE001  (whatever it is, the client gets an error page)
        _log.exception("query %s: planning failed", query.received.query_id)
        door.queries.fail(query, internal(query))
        return
    query.plan_is(planned)
    if query.ended:
        door.ports.release(query.received.query_id)
    if isinstance(planned, NotPlanned):
        door.ports.publish(StatementRefused(query.received.query_id, planned.refusal.code, planned.stage))
        door.queries.fail(query, planned.refusal, "REFUSED")
        return
    _announce(door, query, planned)
    transaction = query.received.transaction
    if transaction is not None and planned.plan.engine != transaction.engine:
        await check_standing(door, query)
    if not query.ended and planned.plan.route == "engine":
        await submit(door, query, planned.plan)


def _announce(door: Door, query: RunningQuery, planned: Planned) -> None:
    door.ports.publish(StatementPlanned(query.received.query_id, planned.plan, planned.cached, planned.stage_ms))


def _queued(door: Door, query: RunningQuery, base: str) -> Response:
    token = door.tokens.seal(place_of(door, query, 1, query.cursor or ""))
    addresses = PageAddresses(query.id, info_uri(base, query.id), page_uri(base, query.id, token, 1, queued=True))
    return Response(200, JSON_HEADERS, render_page(addresses, _first_members(query)), compressible=True)


def _first_members(query: RunningQuery) -> bytes:
    """Return what the first page says: its warnings, too, since Trino's Python client reads those of no other page."""
    if not query.warnings:
        return _QUEUED
    return render_members({"stats": QUEUED_STATS, "warnings": warnings_json(query.warnings, None)})
