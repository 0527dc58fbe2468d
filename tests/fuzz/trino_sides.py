"""A policy set up on the real Trino: the gateway before it, and Trino itself over a copy in a schema of its own."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from gateway.compare.arena import start_gateway
from gateway.compare.client import Answer as Told
from gateway.compare.client import Side
from tests.fuzz.answers import CRASH, Answer
from tests.fuzz.masks import KEY, KEY_VARIABLE
from tests.fuzz.policies import USER, Policy
from tests.fuzz.reduction import reduce_world
from tests.fuzz.sql.statements import Step
from tests.fuzz.tables import trino_table
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, WORLD, Relation

MEMORY = "memory"
_SOMEBODY = "somebody-who-sees-the-new-policy"
_SECONDS = 120.0
_ENGINES_OWN = "TRINO_BROKE_DOWN"
_APART = f"{SANDBOX}_copy"
"""Where Trino itself writes; no policy that is drawn grants it."""


class _Watching(Side):
    """A client that keeps all that the server said, word for word."""

    seen: list[str]

    async def _fetch(self, method: str, url: str, body: str | None) -> tuple[dict[str, Any], Any]:
        page, headers = await super()._fetch(method, url, body)
        self.seen.append(f"{json.dumps(page)} {dict(headers)}")
        return page, headers

    async def ask(self, step: Step, role: str = "ALL") -> tuple[Told, str]:
        """Run a statement in a new session."""
        self.reset()
        self.seen = []
        self._prepared = dict(step.prepared)
        if role != "ALL":
            self._roles = {"system": "NONE" if role == "NONE" else f"ROLE{{{role}}}"}
        told = await self.run(step.sql)
        return told, " ".join(self.seen)


class TrinoSides:
    """One gateway whose policy file is written anew for each policy, and a new schema for each copy."""

    engine = "trino"
    world = WORLD

    def __init__(self, trino: str, gateway: str, policy_file: Path) -> None:
        self._trino, self._gateway, self._file = trino, gateway, policy_file
        self._number = 0
        self._chosen = "ALL"

    async def furnish(self) -> None:
        """Make the world."""
        for schema in (SCHEMA, SANDBOX, _APART):
            await self._make(f"CREATE SCHEMA {MEMORY}.{schema}")
        for relation in WORLD.values():
            for sql in trino_table(f"{MEMORY}.{SCHEMA}.{relation.name}", relation):
                await self._make(sql)

    async def set_up(self, policy: Policy) -> Mapping[str, Relation]:
        """Put a policy in force and write its copy; return the copy."""
        self._number += 1
        self._chosen = policy.chosen
        copy = reduce_world(policy, WORLD)
        await self._make(f"CREATE SCHEMA {MEMORY}.copy{self._number}")
        for relation in copy.values():
            for sql in trino_table(f"{MEMORY}.copy{self._number}.{relation.name}", relation):
                await self._make(sql)
        document = json.loads(json.dumps(policy.document).replace(f"{CATALOG}.", f"{MEMORY}."))
        marker = f"{_SOMEBODY}-{self._number}"
        document["grants"].append({"users": [marker], "assets": f"{MEMORY}.{_APART}.*", "allow": ["read"]})
        self._file.write_text(yaml.safe_dump(document, sort_keys=False))
        await self._wait_for(marker)
        return copy

    async def governed(self, step: Step) -> Answer:
        """Run a statement through the gateway."""
        written = _with_catalog(step, SCHEMA, SANDBOX)
        async with _Watching(self._gateway, USER, MEMORY, SCHEMA, seconds=_SECONDS) as side:
            return _answer(*await side.ask(written, self._chosen))

    async def copy(self, step: Step) -> Answer:
        """Run it on Trino itself, over the copy."""
        schema = f"copy{self._number}"
        written = _with_catalog(step, schema, _APART)
        async with _Watching(self._trino, USER, MEMORY, schema, seconds=_SECONDS) as side:
            return _answer(*await side.ask(written), direct=True)

    async def elsewhere(self, steps: Sequence[Step], *, as_many: bool) -> Answer | None:
        """Return nothing: there is one world on a Trino, and Trino runs a query's text much as it is written."""
        return None

    async def _make(self, sql: str) -> None:
        async with Side(self._trino, "root", MEMORY, SCHEMA) as side:
            told = await side.run(sql)
        assert told.error is None, (sql, told.error)

    async def _wait_for(self, marker: str) -> None:
        """Wait until the gateway has read the new policy: somebody sees what only the new one grants."""
        deadline = time.monotonic() + 120
        async with Side(self._gateway, marker, MEMORY, SCHEMA) as side:
            while time.monotonic() < deadline:
                if (await side.run(f"SHOW SCHEMAS FROM {MEMORY} LIKE '{_APART}'")).rows:
                    return
        raise AssertionError("the gateway did not take the policy")


def _with_catalog(step: Step, schema: str, sandbox: str) -> Step:
    def written(sql: str) -> str:
        sql = re.sub(rf"\b{CATALOG}\.", f"{MEMORY}.", sql)
        sql = re.sub(rf"\b{SCHEMA}\b", schema, sql)
        return re.sub(rf"\b{MEMORY}\.{SANDBOX}\.", f"{MEMORY}.{sandbox}.", sql)

    return Step(written(step.sql), step.ordered, step.compared, {n: written(sql) for n, sql in step.prepared.items()})


def _is_engines_own(error: str | None, message: str, direct: bool) -> bool:
    """Tell whether Trino itself broke down, which it does now and then, rather than the gateway."""
    return error == CRASH and (direct or message.startswith("The engine could not finish"))


def _answer(told: Told, seen: str, *, direct: bool = False) -> Answer:
    if told.error is not None:
        message = str(told.error.get("message"))
        return Answer(
            error=_ENGINES_OWN if _is_engines_own(told.error_name, message, direct) else told.error_name,
            message=message,
            seen=seen,
        )
    columns = tuple((str(c["name"]), str(c["type"])) for c in told.columns or ())
    return Answer(columns, told.rows, seen=seen, update_type=told.update_type)


@contextmanager
def trino_sides(trino: str, catalogs: tuple[str, ...], folder: Path) -> Iterator[TrinoSides]:
    """Run a gateway before a Trino until the block ends."""
    os.environ[KEY_VARIABLE] = KEY
    first = {"version": 1, "users": {USER: {}}, "grants": [{"users": [USER], "assets": "*", "allow": ["read"]}]}
    with start_gateway(folder, trino, catalogs, lambda _: None, policies=first) as url:
        yield TrinoSides(trino, url, folder / "policies.yaml")
