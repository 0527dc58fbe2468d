"""`make bench-enforcement`: what policies cost a cold 4 kB query, apart from parsing and generating it.

The query goes through the whole pipeline, each time with another literal; the time of the parser and of writing and
reading the governed text again is measured apart. What is left resolves, decides, analyzes, governs and verifies.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

from sqlglot import exp

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from gateway.collector import calm_collector
from gateway.models import Planned
from gateway.pipeline import Pipeline
from gateway.planning import query
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.received import Principal, Received, Session
from loadtests.plan import POLICIES, Source

ROUNDS, WARM_UP = 300, 50
MONTH = """
{name} AS (
  SELECT date_trunc('day', t.trade_ts) AS day, n.zone_id AS zone, t.side AS side, count(*) AS trades,
         sum(t.qty_mwh) AS volume, sum(t.qty_mwh * t.price) / nullif(sum(t.qty_mwh), 0) AS vwap,
         approx_percentile(CAST(t.price AS double), 0.95) AS p95, max_by(t.node_id, t.price) AS dearest
  FROM lake.trading.trades t JOIN lake.trading.nodes n ON t.node_id = n.node_id
  WHERE t.trade_ts >= TIMESTAMP '2026-{month:02}-01 00:00:00 UTC' AND t.status IN ('FILLED', 'SETTLED', 'AMENDED')
    AND n.zone_id <> 'Z{number}' AND t.price BETWEEN DECIMAL '-150.00' AND DECIMAL '2000.00'
    AND (t.side = 'BUY' OR t.qty_mwh > 10) AND lower(t.node_id) NOT LIKE 'test%' AND t.trade_id IS NOT NULL
  GROUP BY 1, 2, 3 HAVING count(*) > 5)"""
SHOWN = """
SELECT {name}.day, {name}.zone, {name}.side, {name}.trades, round({name}.volume, 2) AS volume, {name}.vwap,
       rank() OVER (PARTITION BY {name}.zone ORDER BY {name}.volume DESC) AS place,
       CASE WHEN {name}.vwap > 100 THEN 'high' WHEN {name}.vwap > 50 THEN 'middle' ELSE 'low' END AS level
FROM {name}"""
MONTHS = {"january": 1, "february": 2, "march": 3, "april": 4}


def dashboard(number: int) -> str:
    """Return the query, with a number in it that no other has."""
    parts = (MONTH.format(name=name, month=month, number=number) for name, month in MONTHS.items())
    shown = " UNION ALL ".join(SHOWN.format(name=name) for name in MONTHS)
    return f"WITH {', '.join(parts)}{shown} ORDER BY 1 DESC, 5 DESC LIMIT 1000"


@dataclass
class _Clock:
    """How long writing and reading again took, in one plan."""

    spent_ms: float = 0.0


def _timed(clock: _Clock) -> None:
    """Have the planner's writing and reading again measured."""
    plain = query.write_and_read

    def timed(tree: exp.Expr) -> tuple[str, exp.Expr]:
        start = time.perf_counter()
        try:
            return plain(tree)
        finally:
            clock.spent_ms += (time.perf_counter() - start) * 1000

    query.write_and_read = timed


async def _measure() -> tuple[list[float], list[float]]:
    """Return the milliseconds of policies, and those of the whole plan, for each round."""
    cache = CatalogCache([Source()])
    await cache.refresh("lake")
    policies = load_policy_files([POLICIES])
    pipeline = Pipeline(
        lambda: policies, cache, EngineKinds({"lake": "trino", "system": "system"}, "lake"), Limits(), outlines=False
    )
    user = "trader1"
    principal = Principal(user, user, policies.roles_of(user), policies.attributes_of(user), "bench")
    clock = _Clock()
    _timed(clock)
    calm_collector()  # as the gateway does before it is ready
    enforced, whole = [], []
    for number in range(WARM_UP + ROUNDS):
        received = Received("q", dashboard(number), principal, Session(), time.time())
        clock.spent_ms = 0.0
        start = time.perf_counter()
        planned = await pipeline.plan(received)
        took = (time.perf_counter() - start) * 1000
        if not isinstance(planned, Planned) or planned.cached or (planned.plan.sql or "").count("CAISO") < len(MONTHS):
            raise SystemExit(f"the query was not planned as it should be: {planned}")
        whole.append(took)
        enforced.append(took - clock.spent_ms - planned.stage_ms["parse"])
        await asyncio.sleep(0)  # as between two statements, where the loop turns
    return enforced[WARM_UP:], whole[WARM_UP:]


def main() -> None:
    """Measure and print; the last line is for machines."""
    print(f"a query of {len(dashboard(0).encode())} bytes, {ROUNDS} plans, none from the cache")
    enforced, whole = (sorted(times) for times in asyncio.run(_measure()))
    print(f"whole plan: p50 {statistics.median(whole):.2f} ms, p99 {whole[int(len(whole) * 0.99)]:.2f} ms")
    p50, p99 = statistics.median(enforced), enforced[int(len(enforced) * 0.99)]
    print(f"enforce_p50_ms={p50:.2f} enforce_p99_ms={p99:.2f}")


if __name__ == "__main__":
    main()
