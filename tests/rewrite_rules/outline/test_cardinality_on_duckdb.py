"""What DuckDB's operators really make lies within the bounds that an outline gives, whatever the query."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import duckdb
import pytest

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.statistics import ALL_ROWS, Basis, ColumnStatistics, Interval, Scan, ScanEstimate, TableStatistics
from catalog.types import BIGINT, VARCHAR
from rewrite_rules.outline.cardinality import comes_out, widest
from rewrite_rules.outline.describe import describe
from tests.rewrite_rules.outline.random_queries import TABLES, Queries, make_tables

NAMES = {name: TableName("memory", "main", name) for name in TABLES}
DESCRIBED = {
    full: Table(full, (*(Column(c, BIGINT) for c in "kab"), Column("s", VARCHAR)), "lake") for full in NAMES.values()
}


def statistics(lake: duckdb.DuckDBPyConnection) -> dict[TableName, TableStatistics]:
    found = {}
    for name, full in NAMES.items():
        (rows,) = lake.execute(f"SELECT count(*) FROM {name}").fetchall()[0]
        counts = lake.execute(f"SELECT {', '.join(f'count(DISTINCT {c})' for c in 'kabs')} FROM {name}").fetchall()[0]
        columns = {c: ColumnStatistics(distinct=float(n)) for c, n in zip("kabs", counts, strict=True)}
        found[full] = TableStatistics(full, rows, rows * 10, columns, keys=(("k",),), basis=Basis("statistics"))
    return found


def estimated(scan: Scan, known: TableStatistics) -> ScanEstimate:
    rows = float(known.rows or 0)
    low = rows if scan.condition == ALL_ROWS else 0.0
    return ScanEstimate(scan, Interval(0, 0, 0), Interval(low, rows, rows), known.basis, statistics=known)


def operators(node: dict[str, object]) -> Iterator[tuple[str, int]]:
    if "intermediate_rows" in node:
        yield str(node["type"]), int(str(node["intermediate_rows"]))
    for key in ("operator", "children"):
        children = node.get(key)
        for child in children if isinstance(children, list) else ():
            yield from operators(child)


def profile(lake: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[str, int]]:
    text = lake.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").fetchall()[0][1]
    found = list(operators(json.loads(text)))
    assert found
    return found


def check(seed: int, queries: int) -> int:
    rng = random.Random(seed)
    lake = duckdb.connect()
    lake.execute("SET threads = 1")
    checked = 0
    for number in range(queries):
        if number % 10 == 0:
            for statement in make_tables(rng):
                lake.execute(statement)
            known = statistics(lake)
        sql = Queries(rng).query()
        try:
            made = profile(lake, sql)
        except duckdb.BinderException:
            continue
        rows = lake.execute(f"SELECT count(*) FROM ({sql}) AS q").fetchall()[0][0]
        outline = describe(parse_query(sql), DESCRIBED)
        scans = [estimated(scan, known[scan.table]) for scan in outline.scans]
        peak, out = widest(outline, scans, built=False), comes_out(outline, scans, built=False)
        most = max((count for _, count in made), default=0)
        assert peak.rows.low <= most <= peak.rows.high, (seed, number, peak, made, sql)
        assert out.low <= rows <= out.high, (seed, number, out, rows, sql)
        assert peak.rows.low <= peak.rows.likely <= peak.rows.high, (seed, number, peak, sql)
        checked += 1
    return checked


def test_what_operators_make_lies_within_the_bounds() -> None:
    assert check(7, 120) > 100


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(40))
def test_what_operators_make_lies_within_the_bounds_of_many_more(seed: int) -> None:
    assert check(1000 + seed, 500) > 300
