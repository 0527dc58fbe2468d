"""Segments of spooled results: addresses of ours, sealed for the query's owner; the bytes pass through unread."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from catalog.errors import Refusal
from engines.spooled import Spooled, SpoolingEngine, write_spooled
from gateway.protocols.http import Request, Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NoLonger, NotAllowed, NotHere, TryLater, TurnedAway
from gateway.protocols.trino.identity import check_owner
from gateway.protocols.trino.segment_tokens import SegmentPlace

BASE = f"penstock-{secrets.token_hex(16)}"
"""Stands for the base of addresses in a page that is kept: who asks for it says where the door is."""


def seal_segments(door: Door, spooled: Spooled, engine: str, user: str, authenticated: str) -> bytes:
    """Return the `data` member with addresses of ours."""
    expires = int(door.ports.clock() + door.settings.segment_token_seconds)

    def address(path: str, names: Sequence[str]) -> str:
        place = SegmentPlace(engine, path, user, authenticated, expires, tuple(name.lower() for name in names))
        verb = path.split("/")[3]
        return f"{BASE}/v1/spooled/{verb}/{door.segments.seal(place)}"

    return write_spooled(spooled, address)


async def segment_resource(door: Door, request: Request, verb: str, token: str) -> Response:
    """Answer on `/v1/spooled/{download|ack}/{token}`: whoever holds the token and is nobody else than its owner."""
    if request.method != "GET":
        raise NotAllowed("GET")
    place = door.segments.open(token, door.ports.clock())
    engine = _spooling(door.ports.engines.get(place.engine))
    if engine is None or place.path.split("/")[3] != verb:
        raise NotHere("Segment not found")
    await check_owner(door, request, place)
    headers = {name: value for name in place.headers if (value := request.headers.get(name)) is not None}
    try:
        answer = await engine.segment(place.path, headers)
    except Refusal:
        raise TryLater("The segment cannot be had at the moment") from None
    if answer.status == 200:
        kept = (*answer.headers, ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
        return Response(200, kept, chunks=answer.chunks)
    if answer.status == 204:
        return Response(204)
    raise _turned_away(answer.status)


def _spooling(engine: object) -> SpoolingEngine | None:
    return engine if isinstance(engine, SpoolingEngine) and engine.spooling else None


def _turned_away(status: int) -> TurnedAway:
    if status in (404, 410):
        return NoLonger("The segment is gone")
    if status in (429, 502, 503, 504):
        return TryLater("The segment cannot be had at the moment")
    return NotHere("Segment not found")
