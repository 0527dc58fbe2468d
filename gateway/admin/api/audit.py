"""`/api/v1/audit`: what happened, and whether the chain that keeps it is what was written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from gateway.admin.api.callers import Auditor
from gateway.admin.api.moments import Moment, moment_of
from gateway.admin.api.paging import After, Limit, next_of, no_such_page
from gateway.admin.api.problems import Fault, Problem
from gateway.admin.api.rooms import WithRooms
from gateway.audit.links import START, Head, Link
from gateway.audit.reading import AuditReader, Wanted
from gateway.audit.walking import WalkError, walk

router = APIRouter(prefix="/audit", tags=["audit"])

Name = Annotated[str | None, Query(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
Kind = Annotated[
    str | None,
    Query(
        max_length=64,
        pattern=r"^[a-z]+(\.[a-z]+)?$",
        description="A kind (`token.issue`), or its first part (`token`).",
        examples=["policy"],
    ),
]
Since = Annotated[Moment | None, Query(alias="from", description="From when.")]
Until = Annotated[Moment | None, Query(alias="to", description="Until when, itself excluded.")]
Known = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{1,18}:[0-9a-f]{64}$",
        description="A link that is known, SEQ:HASH, to begin behind: what is before was archived.",
    ),
]
_walks: WeakKeyDictionary[AuditReader, asyncio.Lock] = WeakKeyDictionary()
"""One walk at a time: they read the whole chain."""


class Entry(BaseModel):
    """One link of the chain."""

    seq: int
    id: str
    at: datetime
    kind: str
    outcome: str
    actor: str = Field(description="Who proved to be somebody; empty where nobody did.")
    user: str = Field(description="As whom.")
    subject: str = Field(description="What it was done to.")
    detail: Any
    key_id: str
    prev: str
    hash: str


class Entries(BaseModel):
    """A page of entries, the newest first."""

    items: list[Entry]
    next: str | None


class Place(BaseModel):
    """A link's number and hash."""

    seq: int
    hash: str


class Wrong(BaseModel):
    """One place at which the chain is not what was written."""

    seq: int = Field(description="The first link that is wrong or missing.")
    kind: str
    text: str


class Verified(BaseModel):
    """What a walk over the chain found."""

    intact: bool
    links: int
    head: Place = Field(description="The chain's end: keep it elsewhere, it is an anchor.")
    anchors: int = Field(description="Anchors of this host that were held against the chain.")
    unkeyed: int = Field(description="Links whose hashes need no key.")
    fault_count: int
    faults: list[Wrong]
    seconds: float


@router.get("")
async def list_entries(
    _: Auditor,
    rooms: WithRooms,
    after: After,
    limit: Limit = 100,
    kind: Kind = None,
    actor: Name = None,
    user: Name = None,
    since: Since = None,
    until: Until = None,
) -> Entries:
    """List entries, the newest first. This does not verify them. `user` is whom it was for, or who did it."""
    wanted = Wanted(_microseconds(since), _microseconds(until), user, actor, kind, before=_number(after))
    with _answering():
        found = await rooms.house.audit.newest(wanted, limit + 1)
    return Entries(items=[_entry(link) for link in found[:limit]], next=next_of(found, limit, lambda x: str(x.seq)))


@router.get("/verify")
async def verify_chain(_: Auditor, rooms: WithRooms, after: Known = None) -> Verified:
    """Walk the whole chain and tell what is wrong with it. This takes a minute for a million links.

    The walk goes on beside statements, a long one in a process of its own; one at a time is made.
    """
    lock = _walks.setdefault(rooms.house.audit, asyncio.Lock())
    if lock.locked():
        fault = Fault(field="", reason="a walk is under way", fix="Wait for it, then ask again.")
        raise Problem(409, "walking", "Somebody has the chain verified already.", errors=[fault])
    async with lock:
        with _answering():
            return Verified.model_validate(await walk(rooms.house.config, _head(after)))


@contextmanager
def _answering() -> Iterator[None]:
    """Say 503 where the store does not answer."""
    try:
        yield
    except (SQLAlchemyError, OSError, WalkError):
        raise Problem(503, "store_away", "The audit cannot be read: the store does not answer.") from None


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000_000)


def _number(after: str) -> int | None:
    if not after:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise no_such_page()
    return int(after)


def _head(text: str | None) -> Head:
    if text is None:
        return START
    number, _, digest = text.partition(":")
    return Head(int(number), digest)


def _entry(link: Link) -> Entry:
    """Return a link as it is shown; what somebody bent is shown as text."""
    try:
        detail = json.loads(link.detail)
    except (ValueError, RecursionError):
        detail = _plain(link.detail)
    return Entry(
        seq=link.seq,
        id=_plain(link.id),
        at=moment_of(min(max(link.at, 0), _LAST) / 1_000_000),
        kind=_plain(link.kind),
        outcome=_plain(link.outcome),
        actor=_plain(link.actor),
        user=_plain(link.user_name),
        subject=_plain(link.subject),
        detail=detail,
        key_id=_plain(link.key_id),
        prev=_plain(link.prev),
        hash=_plain(link.hash),
    )


_LAST = 253_402_300_799_000_000
"""The last second of the year 9999, in microseconds."""


def _plain(text: str) -> str:
    """Return a text that can be written as UTF-8, whatever somebody put into the table."""
    return text.encode("utf-8", "backslashreplace").decode()
