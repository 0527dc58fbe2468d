"""A policy set up on the embedded lake: the world under it, and the copy that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.answers import Answer
from tests.fuzz.lake import ENGINE, Caller, House
from tests.fuzz.policies import USER, Policy
from tests.fuzz.reduction import reduce_world, sees_schema, with_other_secrets
from tests.fuzz.sql.statements import Step
from tests.fuzz.world import WITH_VIEWS, Relation

OPEN = {"version": 1, "users": {USER: {}}, "grants": [{"users": [USER], "assets": "*", "allow": ["all"]}]}
"""What holds over the copy: all is open to the one who asks."""


class LakeSides:
    """Two houses that are furnished anew for each policy."""

    engine = ENGINE
    world = WITH_VIEWS

    def __init__(self, folder: Path) -> None:
        self._world, self._copy, self._other = House(folder), House(folder), House(folder)
        self._filled: object = None
        self._caller = Caller((), {})
        self._policy: Policy | None = None

    def close(self) -> None:
        """Close the databases."""
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

    def faults(self) -> list[str]:
        """Return what is wrong with the policy in force; the fuzzer draws good ones."""
        return self._world.faults()

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
