"""What comparisons came to, counted in the store by all workers together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore
from gateway.recording.rewriting_tables import comparisons
from gateway.rewriting.shadow.comparing import upper_bound

EQUAL, DIFFERENT = "equal", "different"
"""Outcomes of a comparison; every other one is why there was none."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of comparisons over one view, or over all."""

    outcomes: Mapping[str, int]

    @property
    def compared(self) -> int:
        """Return how many answers were compared."""
        return self.outcomes.get(EQUAL, 0) + self.outcomes.get(DIFFERENT, 0)

    @property
    def skipped(self) -> Mapping[str, int]:
        """Return how many were not, by the reason."""
        return {name: count for name, count in self.outcomes.items() if name not in (EQUAL, DIFFERENT)}

    @property
    def bound(self) -> float | None:
        """Return the rate of wrong answers that is not exceeded, at 95 % confidence."""
        return upper_bound(self.outcomes.get(DIFFERENT, 0), self.compared)


class ComparisonStore:
    """Count comparisons. Methods raise StoreAway."""

    def __init__(self, database: BoundedStore) -> None:
        """Share a database."""
        self._database = database
        insert = (postgresql.insert if database.dialect == "postgresql" else sqlite.insert)(comparisons)
        self._add = insert.on_conflict_do_update(
            index_elements=["view", "outcome"],
            set_={"count": comparisons.c["count"] + insert.excluded["count"], "last_at": insert.excluded.last_at},
        )

    async def add(self, found: Mapping[tuple[str, str], int], now: float) -> None:
        """Add so many of each (view, outcome)."""
        rows = [
            {"view": view, "outcome": outcome, "count": count, "first_at": now, "last_at": now}
            for (view, outcome), count in sorted(found.items())
        ]
        if not rows:
            return

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(self._add, rows)

        await self._database.within(work)

    async def by_view(self) -> Mapping[str, Counted]:
        """Return what came of comparisons, by the view's name."""

        async def work(connection: AsyncConnection) -> Mapping[str, Counted]:
            query = select(comparisons.c.view, comparisons.c.outcome, comparisons.c["count"])
            found: dict[str, dict[str, int]] = {}
            for view, outcome, count in await connection.execute(query.order_by(comparisons.c.view)):
                found.setdefault(view, {})[outcome] = int(count)
            return {view: Counted(outcomes) for view, outcomes in found.items()}

        return await self._database.read(work)


def together(each: Mapping[str, Counted]) -> Counted:
    """Return what came of the comparisons over all views."""
    total: Counter[str] = Counter()
    for counted in each.values():
        total.update(counted.outcomes)
    return Counted(dict(total))
