"""Our cases of clocks and conditions, without engines: what is matched is believed by the checker, which matches nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.materialized_views import Bound, Definition, Facts, Freshness, MaterializedView, Watermark
from catalog.objects import Column, Table, TableName
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.certificates.check import check
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import CATALOG, SCHEMA, name, table

CASES = Path(__file__).parents[2] / "fixtures" / "substitution" / "cases" / "clocks.yaml"
DOCUMENT: dict[str, Any] = yaml.load(CASES.read_text("utf-8"), Loader=yaml.CSafeLoader)
GROUND = Ground(
    {
        name(each): table(each, ", ".join(f"{column} {kind}" for column, kind in shape["columns"].items()))
        for each, shape in DOCUMENT["fixtures"]["clocks"]["tables"].items()
    }
)
VIEW = TableName("clickhouse", "views", "v")
BOUNDS = (Bound("h", "TIMESTAMP '2011-12-30 09:00:00 UTC'", "TIMESTAMP '2024-11-04 08:00:00 UTC'", nulls=True),)
"""Between which instants the rows of the feed lie."""


def _typed(sql: str) -> tuple[exp.Expr, tuple[Column, ...]]:
    tree = resolve(parse_query(sql), CATALOG, SCHEMA).tree
    shown = analyze(tree, AnalysisContext(CATALOG, SCHEMA, GROUND.tables, strict=True)).columns
    return tree, tuple(Column(each.name, each.type) for each in shown if each.type is not None)


def _view(sql: str) -> MaterializedView:
    tree, columns = _typed(sql)
    (base,) = {node.meta["table"] for node in tree.find_all(exp.Table)}
    bounds = BOUNDS if base.table == "feed" else ()
    definition = Definition(VIEW, sql, CATALOG, SCHEMA)
    versions = {base: "1"}
    return MaterializedView(
        definition,
        Table(VIEW, columns, "clickhouse"),
        Watermark(versions, 0.0),
        Freshness(versions),
        10,
        10,
        bounds=bounds,
    )


def _behind_barriers(sql: str) -> exp.Expr:
    for known, described in GROUND.tables.items():
        columns = ", ".join(column.name for column in described.columns)
        sql = sql.replace(f"FROM {known.table}", f"FROM (SELECT {columns} FROM {known}) AS {known.table}")
    return _typed(sql)[0]


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["id"])
def test_what_is_matched_is_believed(case: dict[str, Any]) -> None:
    view = _view(case["views"][0]["sql"])
    terms = Terms(time_zone=case.get("session", {}).get("time_zone", "UTC"))
    index = ViewIndex([prepare(view, GROUND)], GROUND)
    found = substitute(_behind_barriers(case["query"]), index, GROUND, terms).rewritings
    if not found:
        assert case["expect"] != "must"
        return
    assert case["expect"] != "never" or found[0].base_tables
    rejections = check(
        found[0].certificate,
        {**GROUND.tables, VIEW: view.table},
        facts=Facts(),
        freshness={VIEW: Freshness({})} if view.freshness is None else {VIEW: view.freshness},
        bounds={VIEW: view.bounds},
    )
    assert case["expect"] != "must" or not rejections
