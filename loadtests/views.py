"""`make bench-views`: what it costs to look among 1,000 materialized views for one that answers a query.

Fifty views lie over each of twenty tables. Measured is a whole substitution (finding candidates, laying each over the
query, building scans and certificate, analyzing the result) and, of it, the matching alone: from a typed tree to the
answers. Queries that a view answers and queries that none answers, each with another literal every time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from itertools import combinations

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.materialized_views import Definition, Freshness, MaterializedView, Watermark
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from gateway.collector import calm_collector
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.scans import scan_name
from rewrite_rules.substitution.substitute import substitute
from rewrite_rules.substitution.trying import answers

TABLES, VIEWS_A_TABLE = 20, 50
_KEYS = ("iso", "node", "hub", "zone", "desk")
_UNITS = ("hour", "day")
_ROUNDS, _WARM_UP = 400, 40
_COLUMNS = tuple(
    Column(name, parse_type(kind))
    for name, kind in (
        *((key, "varchar") for key in _KEYS),
        ("ts", "timestamp(6)"),
        ("lmp", "decimal(10,2)"),
        ("mw", "integer"),
        ("loss", "double"),
    )
)
_MEASURES = (
    "count(*) AS n, count(lmp) AS n_lmp, sum(lmp) AS sum_lmp, min(lmp) AS min_lmp",
    "count(*) AS n, sum(mw) AS sum_mw, max(mw) AS max_mw",
)
HIT = """
SELECT iso, date_trunc('day', ts) AS day, avg(lmp) AS average, count(*) AS n FROM lake.grid.t{table:02}
WHERE node = 'N{number}' AND ts >= TIMESTAMP '2026-01-01 00:00:00' GROUP BY 1, 2 HAVING count(*) > 3 ORDER BY 1, 2"""
MISS = """
SELECT iso, date_trunc('minute', ts) AS minute, sum(loss) AS loss FROM lake.grid.t{table:02}
WHERE node = 'N{number}' AND mw > 5 GROUP BY 1, 2 ORDER BY 1, 2"""


def main() -> None:
    """Measure and print; the last line is for machines."""
    calm_collector()
    ground = Ground({table.name: table for table in map(_table, range(TABLES))})
    began = time.perf_counter()
    index = ViewIndex([prepare(view, ground) for view in _views(ground)], ground)
    print(f"{len(index.views)} views prepared in {time.perf_counter() - began:.1f} s")
    terms = Terms()
    figures = {}
    for name, text in (("hit", HIT), ("miss", MISS)):
        matched = _timed(
            ground, text, lambda tree: answers(tree, lambda: None, index, ground, terms, scan_name(0), enough=1)
        )
        whole = _timed(ground, text, lambda tree: substitute(tree, index, ground, terms, enough=1))
        found = substitute(_tree(ground, text, 0), index, ground, terms)
        figures[name] = matched
        print(
            f"{name}: {len(found.rewritings)} rewritings; matching p50 {_part(matched, 50):.2f} ms p95 "
            f"{_part(matched, 95):.2f} ms; whole p50 {_part(whole, 50):.2f} ms p95 {_part(whole, 95):.2f} ms"
        )
    print(
        f"hit_p50_ms={_part(figures['hit'], 50):.2f} hit_p95_ms={_part(figures['hit'], 95):.2f} "
        f"miss_p50_ms={_part(figures['miss'], 50):.2f} miss_p95_ms={_part(figures['miss'], 95):.2f} "
        f"views={len(index.views)}"
    )


def _timed(ground: Ground, text: str, work: Callable[[exp.Expr], object]) -> list[float]:
    """Return milliseconds of one piece of work over many queries."""
    spent = []
    for number in range(_ROUNDS + _WARM_UP):
        tree = _tree(ground, text, number)
        began = time.perf_counter()
        work(tree)
        spent.append((time.perf_counter() - began) * 1000)
    return spent[_WARM_UP:]


def _part(times: Sequence[float], part: int) -> float:
    return statistics.quantiles(times, n=100)[part - 1]


def _tree(ground: Ground, text: str, number: int) -> exp.Expr:
    """Return a query as planning hands it over: every leaf behind its barrier, typed."""
    table = number % TABLES
    barrier = f"(SELECT {', '.join(column.name for column in _COLUMNS)} FROM lake.grid.t{table:02}) AS t"
    sql = text.format(table=table, number=number).replace(f"lake.grid.t{table:02}", barrier)
    tree = resolve(parse_query(sql), None, None).tree
    analyze(tree, AnalysisContext(tables=ground.tables, strict=True))
    return tree


def _table(number: int) -> Table:
    return Table(TableName("lake", "grid", f"t{number:02}"), _COLUMNS, "lake")


def _views(ground: Ground) -> list[MaterializedView]:
    found = []
    for name in ground.tables:
        shapes = [
            (keys, unit, measures)
            for size in (2, 3, 4)
            for keys in combinations(_KEYS, size)
            for unit in _UNITS
            for measures in _MEASURES
        ]
        found += [_view(name, number, *shape) for number, shape in enumerate(shapes[:VIEWS_A_TABLE])]
    return found


def _view(base: TableName, number: int, keys: Sequence[str], unit: str, measures: str) -> MaterializedView:
    grouped = ", ".join(keys)
    bucket = f"date_trunc('{unit}', ts)"
    sql = f"SELECT {grouped}, {bucket} AS bucket, {measures} FROM {base} GROUP BY {grouped}, {bucket}"
    name = TableName("ch", "views", f"{base.table}_{number:02}")
    tree = resolve(parse_query(sql), None, None).tree
    shown = analyze(tree, AnalysisContext(tables={base: Table(base, _COLUMNS, "lake")}, strict=True)).columns
    table = Table(name, tuple(Column(c.name, c.type) for c in shown if c.type is not None), "ch")
    versions = {base: "1"}
    return MaterializedView(
        Definition(name, sql), table, Watermark(versions, 0.0), Freshness(versions), rows=1000, bytes=100_000
    )


if __name__ == "__main__":
    main()
