"""`make bench-plan`: what a governed plan costs when it is not in the cache.

One 600-byte dashboard query over a table with a row filter and a mask goes through the whole pipeline, from text to
verified text, 300 times after warm-up; each time it differs in a literal, so that nothing can come from the plan cache.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import parse_type
from gateway.collector import calm_collector
from gateway.models import Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.received import Principal, Received, Session

ROUNDS, WARM_UP = 300, 50
POLICIES = Path(__file__).with_name("policies.yaml")
LAYOUT = "trade_id bigint|desk varchar|trader_id bigint|node_id varchar|side varchar|qty_mwh decimal(12,3)"
LAYOUT += "|price decimal(10,4)|trade_ts timestamp(6) with time zone|status varchar"
DASHBOARD = """
SELECT date_trunc('day', t.trade_ts) AS day, n.zone_id AS zone, t.side AS side, count(*) AS trades,
       sum(t.qty_mwh) AS volume, sum(t.qty_mwh * t.price) / sum(t.qty_mwh) AS vwap,
       max(t.price) AS high, min(t.price) AS low
FROM lake.trading.trades t JOIN lake.trading.nodes n ON t.node_id = n.node_id
WHERE t.trade_ts >= TIMESTAMP '2026-01-01 00:00:00 UTC' AND t.trade_ts < TIMESTAMP '2026-02-01 00:00:00 UTC'
  AND t.status IN ('FILLED', 'SETTLED') AND n.zone_id <> 'Z{number}'
  AND t.price BETWEEN DECIMAL '-150.00' AND DECIMAL '2000.00'
GROUP BY 1, 2, 3 HAVING count(*) > 5 ORDER BY day DESC, volume DESC LIMIT 1000
"""


class Source:
    """Two declared tables, so that planning is measured and no engine."""

    name = "lake"
    catalogs = ("lake",)

    async def schemas(self, catalog: str) -> list[SchemaName]:
        """List the one schema."""
        return [SchemaName(catalog, "trading")]

    async def tables(self, catalog: str) -> list[Table]:
        """List the two tables."""
        layouts = {"trades": LAYOUT, "nodes": "node_id varchar|zone_id varchar|hub_id varchar"}
        return [_table(TableName(catalog, "trading", name), layout) for name, layout in layouts.items()]

    async def describe(self, name: TableName) -> Table | None:
        """Find one by name."""
        return next((table for table in await self.tables(name.catalog) if table.name == name), None)


def _table(name: TableName, layout: str) -> Table:
    parts = (part.split(" ", 1) for part in layout.split("|"))
    return Table(name, tuple(Column(column, parse_type(kind)) for column, kind in parts), "lake")


async def _measure() -> list[float]:
    cache = CatalogCache([Source()])
    await cache.refresh("lake")
    policies = load_policy_files([POLICIES])
    pipeline = Pipeline(
        lambda: policies, cache, EngineKinds({"lake": "trino", "system": "system"}, "lake"), Limits(), outlines=False
    )
    user = "trader1"
    principal = Principal(user, user, policies.roles_of(user), policies.attributes_of(user), "bench")
    calm_collector()  # as the gateway does before it is ready
    times = []
    for number in range(WARM_UP + ROUNDS):
        received = Received("q", DASHBOARD.format(number=number), principal, Session(), time.time())
        start = time.perf_counter()
        planned = await pipeline.plan(received)
        times.append((time.perf_counter() - start) * 1000)
        if not isinstance(planned, Planned) or planned.cached or "CAISO" not in (planned.plan.sql or ""):
            raise SystemExit(f"the query was not planned as it should be: {planned}")
        await asyncio.sleep(0)  # as between two statements, where the loop turns
    return times[WARM_UP:]


def main() -> None:
    """Measure and print."""
    print(f"a query of {len(DASHBOARD.encode())} bytes, {ROUNDS} plans, none from the cache")
    times = sorted(asyncio.run(_measure()))
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    print(f"cold_p50_ms={p50:.2f} cold_p99_ms={p99:.2f}")


if __name__ == "__main__":
    main()
