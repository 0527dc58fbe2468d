"""Versions of policy documents in SQLite or Postgres: one is live, and only who knows it may replace it."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Entry, entry
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.database import store_url
from gateway.recording.schema import pending
from gateway.recording.tables import policies

T = TypeVar("T")

State = Literal["live", "replaced"]
"""A version is in force, or was until another took its place."""
REVISION = "policies_0004"
_LOCK_NUMBER = 0x70656E706F6C69
"""The advisory lock's number in Postgres: held by whoever changes policies, until the transaction ends."""


class PolicyStoreError(StoreAway):
    """The store of policies does not answer."""


class ChangeUnknown(PolicyStoreError):  # noqa: N818  (an answer to a writer, who looks later)
    """The store fell silent in the midst of a change: it is written whole or not at all, but which is not known."""


class Declined(Exception):  # noqa: N818  (an answer to a writer)
    """What a writer's transaction found does not let it go on; nothing was written."""


class StaleVersion(Declined):
    """The version that a writer began with is not the live one any more; nothing was written."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a policy document: its text, and who made it of which version."""

    id: str
    name: str
    version: int
    parent: int
    """0 where there was none before."""
    state: State
    author: str
    note: str
    made_at: float
    """Unix seconds."""
    document: str
    """JSON in the policy language; kept as text, since policies are compared by their bytes."""


class PolicyStore(BoundedStore):
    """Keep policy documents. Methods raise PolicyStoreError."""

    away, in_doubt, answers = PolicyStoreError, ChangeUnknown, (Declined,)

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 5.0,
        chain: Chain | None = None,
        appended: Callable[[Appended], None] = lambda _: None,
    ) -> None:
        """Name the store, as BoundedStore does.

        Every change is an entry of the audit's `chain`, in the same transaction; `appended` hears of it afterwards.
        """
        super().__init__(url, timeout=timeout)
        self._chain = chain
        self._appended = appended

    async def live(self) -> tuple[Version, ...]:
        """Return the live version of every document, by name."""
        query = select(policies).where(policies.c.state == "live").order_by(policies.c.name)
        return await self._versions(query)

    async def heads(self) -> Mapping[str, str]:
        """Return the ids of the live versions by document: all that changes when anything does."""
        return await self.read(read_heads)

    async def history(self, name: str) -> tuple[Version, ...]:
        """Return all versions of a document, oldest first."""
        query = select(policies).where(policies.c.name == name).order_by(policies.c.version)
        return await self._versions(query)

    async def version(self, version_id: str) -> Version | None:
        """Return one version by its id, live or not."""
        found = await self._versions(select(policies).where(policies.c.id == version_id))
        return found[0] if found else None

    async def replace(
        self, name: str, parent: int, document: str, *, author: str, note: str, beside: Mapping[str, str] | None = None
    ) -> Version:
        """Make a document's next version live in the place of `parent`, or its first one where that is 0.

        `beside` are the heads of all other documents that it was found to go with. Raises StaleVersion where another
        version is live, of this document or of those, PolicyStoreError where nothing was written, and ChangeUnknown
        where nobody can tell.
        """
        made = Version(str(uuid.uuid4()), name, 0, parent, "live", author, note, time.time(), document)

        async def work(connection: AsyncConnection) -> Version:
            await alone(connection)
            found = await read_heads(connection)
            if beside is not None and {other: head for other, head in found.items() if other != name} != dict(beside):
                raise StaleVersion(name)
            return await put_version(connection, made)

        async def written(connection: AsyncConnection) -> Version | None:
            rows = (await connection.execute(select(policies).where(policies.c.id == made.id))).mappings()
            return next((Version(**row) for row in rows), None)

        return await self.write(work, lambda found: [change_entry(found)], written)

    async def write(
        self,
        work: Callable[[AsyncConnection], Awaitable[T]],
        told: Callable[[T], Sequence[Entry]],
        written: Callable[[AsyncConnection], Awaitable[T | None]],
    ) -> T:
        """Do work and keep what the audit is `told` of it, in one transaction; `written` looks it up when asked again.

        Raises Declined as work does, and StaleVersion where another wrote the same first; PolicyStoreError where
        nothing was written, and ChangeUnknown where nobody can tell.
        """

        async def found() -> tuple[T] | None:
            made = await self.read(written)
            return None if made is None else (made,)

        return await self.lasting(self._write(work, told), found)

    async def _versions(self, query: Any) -> tuple[Version, ...]:
        async def work(connection: AsyncConnection) -> tuple[Version, ...]:
            return tuple(Version(**row) for row in (await connection.execute(query)).mappings())

        return await self.read(work)

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]], told: Callable[[T], Sequence[Entry]]) -> T:
        await self._prepare()
        appended: Appended | None = None
        try:
            async with self._engine.begin() as connection:
                done = await work(connection)
                if self._chain is not None:
                    appended = await self._chain.append(connection, told(done))
        except IntegrityError:
            raise StaleVersion from None
        if appended is not None:
            self._appended(appended)
        return done


def change_entry(made: Version) -> Entry:
    """Return what the audit keeps of a change: which version came of which, not what policies say."""
    digest = hashlib.sha256(made.document.encode()).hexdigest()
    detail = {"version": made.version, "parent": made.parent, "note": made.note, "document_sha256": digest}
    return entry(
        "policy.change",
        actor=made.author,
        subject=made.name,
        detail=detail,
        entry_id=f"policy.change:{made.id}",
        at=made.made_at,
    )


async def alone(connection: AsyncConnection) -> None:
    """Keep others from changing policies until the transaction ends: what compiles with the rest must stay so."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
    else:  # a write that hits nothing takes the database's one lock for writing
        await connection.execute(delete(policies).where(policies.c.id.is_(None)))


async def read_heads(connection: AsyncConnection) -> dict[str, str]:
    """Return the ids of the live versions by document."""
    query = select(policies.c.name, policies.c.id).where(policies.c.state == "live")
    return {row.name: row.id for row in await connection.execute(query)}


async def put_version(connection: AsyncConnection, made: Version) -> Version:
    """Make a version live in the place of its parent, numbered after all of its document. Raises StaleVersion."""
    if made.parent:
        await retire(connection, made.name, made.parent)
    last = select(func.coalesce(func.max(policies.c.version), 0)).where(policies.c.name == made.name)
    version = int((await connection.execute(last)).scalar_one()) + 1
    row = {**{column.name: getattr(made, column.name) for column in policies.c}, "version": version}
    await connection.execute(insert(policies).values(row))
    return Version(**row)


async def retire(connection: AsyncConnection, name: str, version: int) -> None:
    """Take a document's live version out of force. Raises StaleVersion where it is not the live one."""
    before = (policies.c.name == name, policies.c.version == version, policies.c.state == "live")
    changed = await connection.execute(update(policies).where(*before).values(state="replaced"))
    if changed.rowcount != 1:
        raise StaleVersion(name)


async def read_only(url: str) -> tuple[Version, ...]:
    """Return the live versions without making a store or its tables. Raises as PolicyStore's methods, and OSError."""
    where = store_url(url)
    if where.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(where.database or "").exists):
        return ()  # connecting would make it
    if REVISION in await pending(url):
        return ()
    store = PolicyStore(url)
    try:
        return await store.live()
    finally:
        await store.close()
