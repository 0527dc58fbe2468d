"""Append to the chain in the store, inside a transaction of the caller's: one writer at a time, each entry once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import delete, func, insert, select, text

from gateway.audit.entries import Entry, entry, origin
from gateway.audit.links import START, ChainKeys, Head, Link
from gateway.recording.tables import audit

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK_NUMBER = 0x70656E6175646974
"""The advisory lock's number in Postgres: held by whoever appends, until the transaction ends."""
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of entries handed to the chain."""

    new: tuple[Link, ...]
    known: tuple[Link, ...]
    """Links of entries that were there already: sent again after a crash or a lost answer."""
    head: Head
    broken: tuple[Head, Head] | None = None
    """Set where the chain no longer holds a head that this process knew: that one, and the one found."""


class Chain:
    """The chain as one process knows it: the keys, and the last head that it saw committed."""

    def __init__(self, keys: ChainKeys | None = None, seen: Head = START) -> None:
        """Begin with the head that an anchor tells of, if there is one."""
        self.keys = keys or ChainKeys()
        self._seen = seen

    async def append(self, connection: AsyncConnection, entries: Iterable[Entry]) -> Appended:
        """Put entries at the end, those already there left out. The caller's transaction decides whether it counts.

        Others who append wait until that transaction ends: call this last in it. Where the chain was cut or
        replaced since this process last looked, an entry says so.
        """
        wanted = {each.id: each for each in entries}
        await _alone(connection)
        head = await read_head(connection)
        known = await _known(connection, tuple(wanted))
        fresh = [each for each in wanted.values() if each.id not in known]
        fresh += await self._displaced(connection, [wanted[i] for i, link in known.items() if not self._ours(link)])
        broken = None if await self._holds(connection, head) else (self._seen, head)
        if broken is not None:
            fresh.insert(0, _broken(*broken))
        links = []
        for each in fresh:
            link = self.keys.link(each, head)
            head = Head(link.seq, link.hash)
            links.append(link)
        if links:
            await connection.execute(insert(audit), [msgspec.structs.asdict(link) for link in links])
        return Appended(tuple(links), tuple(known.values()), head, broken)

    def _ours(self, link: Link) -> bool:
        """Tell whether a link was made with a key of the gateway's, where it has one."""
        if not self.keys.knows(link.key_id) or bool(self.keys.current) > bool(link.key_id):
            return False
        return self.keys.hash(link) == link.hash

    async def _displaced(self, connection: AsyncConnection, entries: Sequence[Entry]) -> list[Entry]:
        """Return entries that keep what somebody took the place of: he put in links of his own under their ids."""
        kept = [
            entry(
                "audit.broken",
                actor=each.actor,
                user=each.user,
                subject=each.id,
                outcome="failed",
                detail={"entry": msgspec.structs.asdict(each)},
                entry_id=f"audit.broken:{each.id}",
                at=each.at / 1_000_000,
            )
            for each in entries
        ]
        there = await _known(connection, [each.id for each in kept])
        return [each for each in kept if each.id not in there]

    def committed(self, appended: Appended) -> None:
        """Remember the head of a transaction that was committed."""
        if appended.broken is not None or appended.head.seq > self._seen.seq:
            self._seen = appended.head

    async def _holds(self, connection: AsyncConnection, head: Head) -> bool:
        """Tell whether the chain still has the link that this process saw last."""
        if self._seen in (START, head):
            return True
        if self._seen.seq >= head.seq:
            return False
        found = await connection.execute(select(audit.c.hash).where(audit.c.seq == self._seen.seq))
        return bool(found.scalar_one_or_none() == self._seen.hash)


def _broken(expected: Head, found: Head) -> Entry:
    detail = {"expected": list(expected), "found": list(found), **origin()}
    return entry("audit.broken", subject=str(expected.seq), outcome="failed", detail=detail)


async def read_head(connection: AsyncConnection) -> Head:
    """Return the chain's last number and hash."""
    last = select(func.max(audit.c.seq)).scalar_subquery()
    row = (await connection.execute(select(audit.c.seq, audit.c.hash).where(audit.c.seq == last))).one_or_none()
    return Head(int(row[0]), str(row[1])) if row is not None else START


async def _alone(connection: AsyncConnection) -> None:
    """Keep others from appending until the transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    else:  # a write that hits nothing takes the database's one lock for writing
        await connection.execute(delete(audit).where(audit.c.seq.is_(None)))


async def _known(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Link]:
    """Return the links of those entries that are in the chain, by id."""
    found: dict[str, Link] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        query = select(audit).where(audit.c.id.in_(ids[start : start + _IDS_AT_ONCE])).order_by(audit.c.seq)
        found.update((row["id"], to_link(row)) for row in (await connection.execute(query)).mappings())
    return found


def to_link(row: Any) -> Link:
    """Return the link that a row of the store holds."""
    return Link(**row)
