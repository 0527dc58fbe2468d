"""A lake of one table whose reading costs a known sum, people with a budget for fifty readings each, and the storm."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

from loadtests.budget_storm.books import Books, audited, held
from loadtests.budget_storm.clients import Wave, storm
from loadtests.budget_storm.servers import Server, server, serving

SQL = "SELECT id, price, note FROM lake.curated.prices"
_USD_PER_TB = 100_000
"""So that one reading costs some cents."""
_QUIET_SECONDS = 60.0
_SMALL_WAVES, _IDLE_WAVES, _AT_ONCE = 30, 5, 6
_POLICIES = """\
version: 1
roles: {{reader: }}
users: {{probe: {{roles: [reader]}}, {users}}}
grants: [{{id: reading, roles: [reader], assets: "lake.curated.*", allow: [read]}}]
budgets: [{{id: storm, users: [{names}], each: user, period: month, usd: "{usd:f}"}}]
"""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a storm is."""

    statements: int = 200
    affordable: int = 50
    waves: int = 3
    kill_after: float = 0.6
    """Seconds into each wave but the last."""
    leaving: int = 7
    """One statement in so many is cancelled while it runs: its engine says later what it had read."""


Killing = Callable[[Sequence[Server], int], Server | None]
"""Kills something in the midst of a wave; returns the gateway that must be started again."""


def make_lake(folder: Path, rows: int = 60_000) -> dict[str, Any]:
    """Make the table; return the engine's section of the configuration."""
    folder.mkdir()
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    catalog.create_namespace("curated")
    columns = {
        "id": pa.array(range(rows), pa.int64()),
        "price": pa.array([number * 0.37 % 91 for number in range(rows)]),
        "note": pa.array([f"interval {number * 7919 % rows}" for number in range(rows)]),
    }
    table = pa.table(columns)
    catalog.create_table("curated.prices", schema=table.schema).append(table)
    catalog.close()
    return {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}


def price_of_one(folder: Path, lake: dict[str, Any]) -> int:
    """Return what one reading costs in nanodollars, as a gateway bills it."""
    store = folder / "probe.db"
    shared = {**_shared(lake), "store": {"url": f"sqlite:///{store}"}}
    probe = server(folder / "probe", shared, _policies([], 1))
    with serving([probe]):
        wave = asyncio.run(storm([probe.url], "probe", SQL, 1))
    if not wave.ends["finished"]:
        raise SystemExit(f"the probe was not answered: {dict(wave.ends)}")
    with closing(sqlite3.connect(store)) as connection:
        (bill,) = connection.execute("SELECT bill FROM penstock_usage").fetchone()
    return int(orjson.loads(bill)["nano"])


def contend(
    folder: Path, lake: dict[str, Any], store: str, price: int, scale: Scale, kill: Killing, gateways: int, workers: int
) -> tuple[Books, int]:
    """Let the storm pass over gateways of so many workers on one store; return its books and how many were sent."""
    folder.mkdir()
    users = [f"storm{number}" for number in range(scale.waves)]
    limit = scale.affordable * price
    shared = {**_shared(lake), "store": {"url": store}, "workers": workers}
    servers = [server(folder / f"gateway-{n}", shared, _policies(users, limit)) for n in range(gateways)]
    with serving(servers):
        waves = [_wave(servers, user, number, scale, kill) for number, user in enumerate(users)]
    if held(store):  # by who was killed last: whoever starts again on its folder reads what it left
        with serving(servers):
            _wait_until_quiet(store)
    answered = {each for wave in waves for each in wave.answered}
    books = audited(store, answered, limit)
    for name, spent in sorted(books.spent.items()):
        print(f"  {name}: spent {Decimal(spent) / price:.2f} readings of {scale.affordable}")
    return books, len(answered) + sum(wave.in_doubt for wave in waves)


def _wave(servers: Sequence[Server], user: str, number: int, scale: Scale, kill: Killing) -> Wave:
    """Send a wave, kill in its midst, start again what died, and spend what the wave left of the budget."""
    last = number == scale.waves - 1

    async def both() -> Wave:
        wave = Wave(user)
        urls = [each.url for each in servers]
        running = asyncio.create_task(storm(urls, user, SQL, scale.statements, wave, leaving=scale.leaving))
        if not last:
            await asyncio.sleep(scale.kill_after)
            dead = await asyncio.to_thread(kill, servers, number)
            if dead is not None:
                await asyncio.to_thread(dead.start)
                await asyncio.to_thread(dead.wait)
        await running
        idle = 0
        for _ in range(_SMALL_WAVES):  # of those at once each holds more than it takes: what it did not is there now
            finished = wave.ends["finished"]
            await storm(urls, user, SQL, _AT_ONCE, wave)
            idle = idle + 1 if wave.ends["finished"] == finished else 0
            if idle > _IDLE_WAVES:
                break
            if idle:
                await asyncio.sleep(1.0)  # what was cancelled is held until its engine has said the last word of it
        return wave

    wave = asyncio.run(both())
    told = ", ".join(f"{count} {end}" for end, count in sorted(wave.ends.items()))
    print(f"  wave {number + 1} as {user}: {told}, {wave.in_doubt} in doubt", flush=True)
    return wave


def _wait_until_quiet(store: str) -> None:
    """Wait until nobody holds anything of a budget any more: what dead workers left is settled."""
    deadline = time.monotonic() + _QUIET_SECONDS
    while held(store) and time.monotonic() < deadline:
        time.sleep(0.2)


def _shared(lake: dict[str, Any]) -> dict[str, Any]:
    return {
        "engines": [lake],
        "prices": {"entries": [{"usd_per_tb": _USD_PER_TB}]},
        "coaching": {"seconds": 0.001},
        "breaker": {"enabled": False},
    }


def _policies(users: Sequence[str], limit: int) -> str:
    named = ", ".join(f"{user}: {{roles: [reader]}}" for user in users)
    names = ", ".join(users) or "nobody_else"
    people = named or "nobody_else: {roles: [reader]}"
    return _POLICIES.format(users=people, names=names, usd=Decimal(limit) / 10**9)
