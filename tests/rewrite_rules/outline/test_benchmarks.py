"""Every query of TPC-H and TPC-DS has an outline, in Trino's words, governed, with each table that it names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.errors import Refusal
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, DATE, DOUBLE, VARCHAR, TrinoType, decimal
from loadtests.estimate.queries import queries
from loadtests.estimate.tables import SETS, build_tables, queries_in
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.outline.describe import describe
from rewrite_rules.resolve import resolve

_TYPES = {"string": VARCHAR, "date32[day]": DATE, "double": DOUBLE}


@dataclass(frozen=True, slots=True)
class Open:
    """All of a table may be read."""

    columns: tuple[str, ...]
    allowed: bool = True
    row_filter: exp.Expr | None = None
    masks: dict[str, exp.Expr] = field(default_factory=dict)


def _type(written: str) -> TrinoType:
    if written.startswith("decimal"):
        precision, scale = written[written.index("(") + 1 : -1].split(",")
        return decimal(int(precision), int(scale))
    return _TYPES.get(written, BIGINT)


@pytest.mark.long
def test_every_query_of_tpc_h_and_tpc_ds_has_an_outline() -> None:
    folder = build_tables(0.1)
    tables = {
        (name := TableName("lake", each, file.stem)): Table(
            name, tuple(Column(f.name, _type(str(f.type))) for f in pq.read_schema(file)), "lake"
        )
        for each in SETS
        for file in sorted((folder / each).glob("*.parquet"))
    }
    decisions = {name: Open(tuple(table.by_name)) for name, table in tables.items()}
    counts = Counter[str]()
    for asked in queries(queries_in(folder), 0):
        resolved = resolve(parse_query(asked.sql), "lake", asked.schema)
        named = Counter(leaf.table for leaf in resolved.leaves)
        try:
            analyze(resolved.tree, AnalysisContext(catalog="lake", schema=asked.schema, tables=tables, strict=False))
        except Refusal:  # what Trino would not take either: GROUP BY an alias
            counts["refused"] += 1
            continue
        outline = describe(govern(resolved.tree, decisions, tables).tree, tables)
        found = Counter(scan.table for scan in outline.scans)
        assert all(found[name] >= count for name, count in named.items()), asked.name
        assert not outline.metadata_only
        counts[asked.schema] += 1
    assert counts["refused"] <= 4, counts
    assert counts.total() == 22 + 99
