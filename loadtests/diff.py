"""`make bench-diff`: how long a comparison of a draft with 10,000 recorded statements takes.

The statements are distinct: 100 people ask 30 tables dashboard queries of some 300 to 600 bytes; each twentieth was
refused, each twentieth looks at metadata. They are rows of a store in SQLite, and are read, decided and planned by the
gateway's own comparing processes. A first draft is about three of the tables; a second about every table, so that
nothing can be decided without plans. Beside it is measured how late the gateway's loop would wake.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import yaml
from msgspec.structs import replace

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import parse_type
from gateway.asked import Asked
from gateway.collector import calm_collector
from gateway.plan_cache import fingerprint
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.recording.entries import _NOTHING
from gateway.recording.store import UsageStore
from gateway.replay.diff import Found
from gateway.replay.dividing import divided, parts_for
from gateway.replay.messages import DiffAsked
from gateway.replay.process import ComparingProcess
from gateway.usage_record import UsageRecord
from policies.index import PolicySet

QUERIES, TABLES, PEOPLE = 10_000, 30, 100
LAYOUT = "id bigint|desk varchar|trader_id bigint|node_id varchar|side varchar|qty decimal(12,3)|price decimal(10,4)"
LAYOUT += "|at timestamp(6) with time zone|status varchar"
COLUMNS = ("id", "desk", "node_id", "side", "qty", "price", "at", "status")
KINDS = EngineKinds({"lake": "trino", "system": "system"}, "lake")
PLAIN = """
SELECT date_trunc('day', t.at) AS day, t.side, count(*) AS trades, sum(t.qty) AS volume, sum(t.qty * t.price) AS worth
FROM lake.trading.t{one} t WHERE t.at >= TIMESTAMP '2026-01-01 00:00:00 UTC' AND t.status IN ('FILLED', 'SETTLED')
  AND t.desk <> 'D{number}' GROUP BY 1, 2 ORDER BY day DESC LIMIT 1000
"""
JOINED = """
SELECT date_trunc('day', t.at) AS day, n.node_id AS node, t.side AS side, count(*) AS trades, sum(t.qty) AS volume,
       sum(t.qty * t.price) / sum(t.qty) AS vwap, max(t.price) AS high, min(t.price) AS low
FROM lake.trading.t{one} t JOIN lake.trading.t{other} n ON t.node_id = n.node_id
WHERE t.at >= TIMESTAMP '2026-01-01 00:00:00 UTC' AND t.at < TIMESTAMP '2026-02-01 00:00:00 UTC'
  AND t.status IN ('FILLED', 'SETTLED') AND n.desk <> 'D{number}' AND t.price BETWEEN DECIMAL '-150' AND DECIMAL '2000'
GROUP BY 1, 2, 3 HAVING count(*) > 5 ORDER BY day DESC, volume DESC LIMIT 1000
"""


class Source:
    """Declared tables, so that comparing is measured and no engine."""

    name = "lake"
    catalogs = ("lake",)

    def __init__(self) -> None:
        """Declare them."""
        parts = (part.split(" ", 1) for part in LAYOUT.split("|"))
        columns = tuple(Column(column, parse_type(kind)) for column, kind in parts)
        names = [TableName("lake", "trading", f"t{number}") for number in range(TABLES)]
        self.there = {name: Table(name, columns, "lake") for name in names}

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the one schema."""
        return [SchemaName(catalog, "trading")]

    async def tables(self, catalog: str) -> Sequence[Table]:
        """List the tables."""
        return list(self.there.values())

    async def describe(self, name: TableName) -> Table | None:
        """Find one by name."""
        return self.there.get(name)


def policies(folder: Path, name: str, changed: range) -> PolicySet:
    """Compile policies of a filter and a mask for each table; those of `changed` tables say something else."""
    tables = [(f"lake.trading.t{number}", number in changed) for number in range(TABLES)]
    document = {
        "version": 1,
        "roles": {"trader": {}},
        "users": {f"u{n}": {"roles": ["trader"], "attributes": {"desk": f"D{n % 7}"}} for n in range(PEOPLE)},
        "grants": [{"id": "read", "roles": ["trader"], "assets": "lake.trading.*", "allow": ["read"]}],
        "row_filters": [
            {"table": table, "roles": ["trader"], "filter": "desk = attr('desk')" + " AND id > 0" * new}
            for table, new in tables
        ],
        "column_masks": [
            {"table": table, "column": "trader_id", "roles": ["trader"], "mask": "null"} for table, _ in tables
        ],
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return load_policy_files([path])


def record(number: int, now: float) -> UsageRecord:
    """Return the row of one statement."""
    user, one, other = f"u{number % PEOPLE}", number % TABLES, (number * 7 + 1) % TABLES
    known = replace(
        _NOTHING,
        query_id=f"q{number:06}",
        received_at=now - number,
        finished_at=now - number,
        outcome="FINISHED",
        user=user,
        authenticated=user,
        auth_method="jwt",
        roles=("trader",),
        asked=Asked("lake", "trading"),
    )
    if number % 20 == 0:
        sql = f"SELECT nothing, {number} FROM t{one}"
        return replace(known, sql=sql, outcome="REFUSED", decision="refuse", fingerprint=fingerprint(sql))
    if number % 20 == 1:
        sql = f"SHOW COLUMNS FROM t{one} LIKE 'x{number}'"
        return replace(known, sql=sql, kind="SHOW COLUMNS", decision="allow")
    joined = number % 2 == 0 and one != other
    read = [f"lake.trading.t{one}", *([f"lake.trading.t{other}"] if joined else [])]
    return replace(
        known,
        sql=(JOINED if joined else PLAIN).format(one=one, other=other, number=number),
        kind="SELECT",
        decision="allow",
        tables=tuple((name, "select", COLUMNS) for name in read),
    )


async def _late(lags: list[float]) -> None:
    """Note by how much later than asked the loop wakes."""
    while True:
        start = time.perf_counter()
        await asyncio.sleep(0.01)
        lags.append((time.perf_counter() - start - 0.01) * 1000)


async def _compare(catalog: CatalogCache, url: str, live: PolicySet, draft: PolicySet) -> tuple[float, Found]:
    processes = [ComparingProcess(catalog, KINDS, Limits()) for _ in range(parts_for(QUERIES))]
    start, now = time.perf_counter(), time.time()
    try:
        asked = DiffAsked(url, now - 86_400, now, now, 0)
        found = await divided(processes, live, draft, asked, lambda _done, _total: None)
    finally:
        for process in processes:
            await process.close()
    return time.perf_counter() - start, found


async def _measure(folder: Path) -> None:
    catalog = CatalogCache([Source()])
    await catalog.refresh("lake")
    url, now = f"sqlite:///{folder / 'usage.db'}", time.time()
    store = UsageStore(url)
    for start in range(0, QUERIES, 500):
        await store.insert([record(number, now) for number in range(start, start + 500)])
    await store.close()
    live = policies(folder, "live", range(0))
    calm_collector()
    for name, changed in (("three tables", range(3)), ("every table", range(TABLES))):
        lags: list[float] = []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        watching = asyncio.create_task(_late(lags))
        seconds, found = await _compare(catalog, url, live, policies(folder, "draft", changed))
        watching.cancel()
        tally, lags = found.tally, sorted(lags)
        if tally.errors or tally.distinct != QUERIES or not tally.kinds["changed_filter"]:
            raise SystemExit(f"the comparison is not what it should be: {tally.errors} {tally.kinds}")
        late = lags[int(len(lags) * 0.99)]
        print(f"a draft about {name}: {dict(tally.kinds)}; the loop was late by {late:.1f} ms at most in 99 % of turns")
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
        print(f"diff_cpu_seconds={cpu:.1f}")
        print(f"diff_seconds={seconds:.1f} queries={tally.distinct} planned={tally.planned} n={os.cpu_count()}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="penstock-diff-") as folder:
        asyncio.run(_measure(Path(folder)))


if __name__ == "__main__":
    main()
