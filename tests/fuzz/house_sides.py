"""A policy set up on an engine in houses of one process: the world under it, the copy that it leaves, another world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any

from tests.fuzz.answers import Answer
from tests.fuzz.clickhouse import CLICKHOUSE, clickhouse_store
from tests.fuzz.house import Caller, House
from tests.fuzz.lake import LakeStore
from tests.fuzz.policies import USER, Policy
from tests.fuzz.reduction import reduce_world, sees_schema, with_other_secrets
from tests.fuzz.sql.statements import Step
from tests.fuzz.stores import Store
from tests.fuzz.world import CATALOG, IN_CLICKHOUSE, SANDBOX, SCHEMA, WITH_VIEWS, Relation

OPEN = {
    "version": 1,
    "users": {USER: {}},
    "grants": [{"users": [USER], "assets": f"{CATALOG}.{schema}.*", "allow": ["all"]} for schema in (SCHEMA, SANDBOX)],
}
"""What holds over the copy: all that is the world's is open to the one who asks."""


class HouseSides:
    """Three houses that are furnished anew for each policy."""

    def __init__(self, folder: Path, stores: Sequence[Store], world: Mapping[str, Relation]) -> None:
        """Take an empty store for each of the houses, and the world that fits them."""
        self.engine, self.world = stores[0].kind, world
        self._world, self._copy, self._other = (House(folder, store) for store in stores)
        self._filled: object = None
        self._caller = Caller((), {})
        self._policy: Policy | None = None

    def close(self) -> None:
        """Close the houses."""
        for house in (self._world, self._copy, self._other):
            house.close()

    async def set_up(self, policy: Policy) -> Mapping[str, Relation]:
        """Put a policy in force and write its copy; return the copy."""
        copy = reduce_world(policy, self.world)
        caller = Caller(policy.roles, policy.attributes, policy.chosen)
        await self.put(policy.document, caller, self.world, copy, schema=sees_schema(policy))
        self._policy = policy
        return copy

    async def put(
        self,
        document: Mapping[str, Any],
        caller: Caller,
        world: Mapping[str, Relation],
        copy: Mapping[str, Relation],
        *,
        schema: bool = True,
    ) -> None:
        """Put a policy file in force over a world, beside a copy that is given."""
        self._caller, self._policy = caller, None
        await self._world.furnish(world, document, write=self._filled is not world)
        self._filled = world
        await self._copy.furnish(copy, OPEN, hidden=not schema)

    async def faults(self) -> list[str]:
        """Return what is wrong with the policy in force; the fuzzer draws good ones."""
        return await self._world.faults()

    async def governed(self, step: Step) -> Answer:
        """Run a statement over the world, under the policy."""
        return await self._world.run(step.sql, self._caller, step.prepared)

    async def copy(self, step: Step) -> Answer:
        """Run it over the copy."""
        return await self._copy.run(step.sql, Caller((), {}), step.prepared)

    async def elsewhere(self, steps: Sequence[Step], *, as_many: bool) -> Answer | None:
        """Run statements under the policy where what it hides is other; past finds have no policy that tells it."""
        if self._policy is None:
            return None
        await self._other.furnish(with_other_secrets(self._policy, self.world, as_many=as_many), self._policy.document)
        answers = [await self._other.run(step.sql, self._caller, step.prepared) for step in steps]
        return answers[-1]


def lake_sides(folder: Path) -> HouseSides:
    """Make houses over the embedded lake."""
    return HouseSides(folder, [LakeStore() for _ in range(3)], WITH_VIEWS)


@asynccontextmanager
async def clickhouse_sides(folder: Path) -> AsyncIterator[HouseSides]:
    """Run two ClickHouse servers until the block ends; the copy lies on the lake, which has a translation of its own."""
    async with AsyncExitStack() as stack:
        world, other = [await stack.enter_async_context(clickhouse_store(folder / f"clickhouse-{n}")) for n in (1, 2)]
        sides = HouseSides(folder, [world, LakeStore(), other], IN_CLICKHOUSE)
        stack.callback(sides.close)
        yield sides


@asynccontextmanager
async def sides_of(engine: str, folder: Path) -> AsyncIterator[HouseSides]:
    """Open the houses of an engine until the block ends."""
    if engine == CLICKHOUSE:
        async with clickhouse_sides(folder) as sides:
            yield sides
        return
    with closing(lake_sides(folder)) as sides:
        yield sides
