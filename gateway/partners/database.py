"""The registry's way to the store: reads that are bounded, and changes that are whole, told to the audit, and counted.

Changes of what partners may raise the one revision, by which replicas notice them. Each change takes its row first, and
so makes writers wait for one another: what a change finds is still so when it writes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Entry
from gateway.recording.bounded import BoundedStore, StoreAway
from gateway.recording.partner_tables import partner_revision
from gateway.recording.tables import audit

T = TypeVar("T")


class RegistryError(StoreAway):
    """The store does not answer the registry, and nothing was changed."""


class ChangeUnknown(RegistryError):  # noqa: N818  (an answer to a writer, who looks later)
    """The store fell silent in the midst of a change: it is made whole or not at all, but which is not known."""


class Refused(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """The registry does not hold what a change begins from: nothing was changed."""

    def __init__(self, text: str, *, field: str = "", fix: str = "") -> None:
        """Say what stands in the way, in which field, and what to do."""
        super().__init__(text)
        self.text = text
        self.field = field
        self.fix = fix


class Missing(Refused):
    """There is no such thing."""


class Taken(Refused):
    """Something is there already, or is not in the state for this."""


class Stale(Refused):
    """The thing was changed since the caller read it."""


class Beyond(Refused):
    """More is asked for than was granted."""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What a change came to, and what the audit keeps of it; None where all was so already."""

    result: T
    entry: Entry | None
    acts: bool = True
    """What partners may is another now: replicas must read it."""


Change = Callable[[AsyncConnection], Awaitable[Done[T]]]
"""Makes a change on a connection, within its transaction. Raises Refused."""


class Database(BoundedStore):
    """Run reads and changes; methods raise RegistryError."""

    away, in_doubt, answers = RegistryError, ChangeUnknown, (Refused,)

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
        self._chain = chain or Chain()
        self._appended = appended

    async def rows(self, *queries: Select[Any]) -> list[list[Any]]:
        """Return the rows of several queries, by name."""

        async def work(connection: AsyncConnection) -> list[list[Any]]:
            return [list((await connection.execute(query)).mappings()) for query in queries]

        return await self.read(work)

    async def change(self, work: Change[T]) -> T:
        """Make a change in one transaction. Raises Refused, RegistryError, or ChangeUnknown where nobody can tell."""
        made: list[Done[T]] = []

        async def found() -> tuple[T] | None:
            """Return the result if the change was made and only the answer was lost: the audit has its entry then."""
            if made and made[0].entry is not None and await self._settled(made[0].entry.id):
                return (made[0].result,)
            return None

        return await self.lasting(self._write(work, made), found)

    async def _settled(self, entry_id: str) -> bool:
        """Tell whether the audit has an entry, once no change is under way any more that could still add it."""
        async with self._engine.connect() as connection, connection.begin() as transaction:
            await _alone(connection)
            found = await connection.execute(select(audit.c.seq).where(audit.c.id == entry_id))
            settled = found.scalar_one_or_none() is not None
            await transaction.rollback()
        return settled

    async def _write(self, work: Change[T], made: list[Done[T]]) -> T:
        await self._prepare()
        appended: Appended | None = None
        async with self._engine.connect() as connection, connection.begin() as transaction:
            await _alone(connection)
            done = await work(connection)
            if done.entry is None:
                await transaction.rollback()
                return done.result
            if done.acts:
                await connection.execute(update(partner_revision).values(revision=partner_revision.c.revision + 1))
            made.append(done)
            appended = await self._chain.append(connection, [done.entry])  # last: who appends too waits from here
        self._appended(appended)
        return done.result


async def _alone(connection: AsyncConnection) -> None:
    """Keep others from changing the registry until the transaction ends."""
    await connection.execute(update(partner_revision).values(revision=partner_revision.c.revision))
