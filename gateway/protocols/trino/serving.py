"""Pages as answers: tokens sealed into addresses, members cleaned, everything assembled."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import orjson

from engines.base import STARTED_TRANSACTION, ResultPage
from engines.spooled import Spooled
from gateway.budgets.bounds import Bounds
from gateway.protocols.http import Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.identity import Owned
from gateway.protocols.trino.pages import JSON_HEADERS, PageAddresses, render_members, render_page, warnings_json
from gateway.protocols.trino.ports import Planned
from gateway.protocols.trino.redaction import clean_error, clean_stats, read_error
from gateway.protocols.trino.running import RunningQuery, ServedPage
from gateway.protocols.trino.spooling import BASE, seal_segments
from gateway.protocols.trino.tokens import PagePlace
from gateway.received import Transaction

PARTIAL = 0
"""Page number of tokens that open a partial cancel and no page."""


class Cleaned(msgspec.Struct, frozen=True):
    """An engine's page as the client may see it."""

    members: Mapping[str, bytes]
    error_code: str | None = None
    error_message: str | None = None


def clean_page(
    page: ResultPage, query_id: str, *, policed: bool, warnings: tuple[str, ...], rows: int, size: int
) -> Cleaned:
    """Redact an engine's page; `rows` and `size` are what the whole statement has put out so far."""
    members = dict(page.members)
    code = message = None
    if "error" in members:
        error = read_error(members["error"])
        members["error"], message = clean_error(error, query_id, policed=policed)
        code = error.error_name
    if policed:
        members["stats"] = clean_stats(members.get("stats", b"{}"), rows, size)
    members["warnings"] = warnings_json(warnings, None if policed else members.get("warnings"))
    return Cleaned(members, code, message)


def place_of(door: Door, query: RunningQuery, number: int, cursor: str) -> PagePlace:
    """Return what the token of one of a query's pages says."""
    return PagePlace(
        home=door.settings.worker,
        engine=query.engine.name if query.engine is not None else "",
        cursor=cursor,
        query_id=query.id,
        user=query.user,
        authenticated=query.received.principal.authenticated,
        page=number,
        expires=int(door.ports.clock() + door.settings.page_token_seconds),
        policed=query.policed,
        own_id=query.received.query_id if query.id != query.received.query_id else "",
        unattested=query.attesting is not None and query.attesting.strict and query.attesting.pending,
        bounds=_bounds(door, query) if query.relayed else None,
    )


def _bounds(door: Door, query: RunningQuery) -> Bounds | None:
    """Return what holds a query whose engine counts only what it reads itself."""
    bounds = door.ports.bounds(query.received.query_id)
    if bounds is None or not isinstance(query.planned, Planned):
        return bounds
    return bounds.after(query.planned.staged_bytes)


def make_page(
    door: Door,
    query: RunningQuery,
    number: int,
    members: Mapping[str, bytes],
    *,
    queued: bool,
    source: ResultPage | None = None,
) -> ServedPage:
    """Turn members into a page that can be given out, again and again the same; `source` says what follows."""
    following = source.next if source is not None else None
    partial = source.partial_cancel if source is not None else None
    headers = source.headers if source is not None else ()
    own = query.plan.headers if query.plan is not None and query.failure is None else ()
    seal = door.tokens.seal
    if source is not None and source.spooled is not None and query.engine is not None:
        members = with_segments(door, members, source.spooled, query.engine.name, query.received.principal)
    if headers and query.engine is not None:
        headers = client_headers(door, headers, query.engine.name, query.received.principal)
    return ServedPage(
        number=number,
        queued=queued,
        rendered=render_members(members),
        headers=(*headers, *own),
        next_token=seal(place_of(door, query, number + 1, following)) if following is not None else None,
        next_queued=source is not None and source.state == "QUEUED",
        partial_token=seal(place_of(door, query, PARTIAL, partial)) if partial is not None else None,
        spooled=source is not None and source.spooled is not None,
    )


def with_segments(
    door: Door, members: Mapping[str, bytes], spooled: Spooled, engine: str, owner: Owned
) -> Mapping[str, bytes]:
    """Return the members of a page with its segments, at addresses sealed for their owner."""
    return {**members, "data": seal_segments(door, spooled, engine, owner.user, owner.authenticated)}


def client_headers(
    door: Door, headers: tuple[tuple[str, str], ...], engine: str, owner: Owned
) -> tuple[tuple[str, str], ...]:
    """Return an engine's headers as its client gets them: the id of a new transaction is sealed for its owner."""
    expires = int(door.ports.clock() + door.settings.page_token_seconds)
    return tuple(
        (name, door.transactions.seal(Transaction(engine, value), owner.user, owner.authenticated, expires))
        if name == STARTED_TRANSACTION
        else (name, value)
        for name, value in headers
    )


def respond(base: str, query_id: str, page: ServedPage) -> Response:
    """Return the answer that gives out a page."""
    following = partial = None
    if page.next_token is not None:
        following = page_uri(base, query_id, page.next_token, page.number + 1, queued=page.next_queued)
    if page.partial_token is not None:
        partial = f"{base}/v1/statement/executing/partialCancel/{query_id}/{page.partial_token}/{PARTIAL}"
    addresses = PageAddresses(query_id, info_uri(base, query_id), following, partial)
    rendered = page.rendered.replace(BASE.encode(), base.encode()) if page.spooled else page.rendered
    return Response(200, (*JSON_HEADERS, *page.headers), render_page(addresses, rendered), compressible=True)


def page_uri(base: str, query_id: str, token: str, number: int, *, queued: bool) -> str:
    """Return the address of a page."""
    return f"{base}/v1/statement/{'queued' if queued else 'executing'}/{query_id}/{token}/{number}"


def info_uri(base: str, query_id: str) -> str:
    """Return the address where the owner can read about a query: ours, never the engine's."""
    return f"{base}/v1/query/{query_id}"


def json_response(value: object, status: int = 200) -> Response:
    """Answer with a JSON value."""
    return Response(status, JSON_HEADERS, orjson.dumps(value), compressible=True)
