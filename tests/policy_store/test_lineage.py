"""What is copied keeps its protection: lineage through every form of a query, and tags and masks that follow it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from policies.inheritance import NOTHING, join_masks
from policies.mask_specs import RedactMask
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from tests.operations.gateway_process import POLICIES, Gateway, make_gateway, running
from tests.operations.lake import make_lake

FLOWS = yaml.safe_load((Path(__file__).parents[1] / "fixtures" / "policy_store" / "lineage.yaml").read_text())
LAYOUTS = {
    "t": {"a": "varchar", "b": "varchar", "n": "bigint", "arr": "array(varchar)", "r": "row(x varchar, y bigint)"},
    "u": {"a": "varchar", "k": "bigint"},
}
TABLES = {
    TableName("c", "s", name): Table(
        TableName("c", "s", name), tuple(Column(each, parse_type(kind)) for each, kind in layout.items()), "e"
    )
    for name, layout in LAYOUTS.items()
}


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow["sql"][:70])
def test_each_result_column_knows_the_columns_that_its_values_come_from(flow: dict[str, Any]) -> None:
    tree = resolve(parse_query(flow["sql"]), "c", "s").tree
    context = AnalysisContext(catalog="c", schema="s", tables=TABLES, strict=False, lineage=True)
    found = analyze(tree, context).lineage
    assert [sorted(f"{table.table}.{column}" for table, column in each) for each in found] == flow["comes_from"]


def test_values_of_two_origins_need_a_word_for_both_and_the_stricter_counts() -> None:
    redact = RedactMask(kind="redact")
    one = {"role:viewer": redact, "role:trader": None, "role:admin": None}
    other = {"role:viewer": NOTHING, "role:admin": None}
    assert join_masks(one, other) == {"role:viewer": NOTHING, "role:admin": None}


PROTECTED = """
tags:
  - {table: lake.trading.trades, columns: {desk: [pii.desk]}}
column_masks:
  - {tag: pii, roles: [analyst], mask: {kind: constant, value: TAGGED}}
  - {tag: pii, roles: [admin], mask: none}
"""
_numbers = itertools.count()
DESK = "lake.trading.trades"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("lineage")
    found = make_gateway(folder / "gateway", [make_lake(folder / "lake")])
    found.policies.write_text(POLICIES.replace("allow: [all]", "allow: [all, manage_policies]") + PROTECTED)
    with running(found):
        yield found


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (f"SELECT id, upper(desk) AS d, length(desk) AS l FROM {DESK}", {"id": "plain", "d": "TAGGED", "l": None}),
        (f"WITH x AS (SELECT desk AS q FROM {DESK}) SELECT max(q) AS d FROM x", {"d": "TAGGED"}),
        (f"SELECT 'a' AS d UNION ALL SELECT desk FROM {DESK}", {"d": "TAGGED"}),
        (f"SELECT id, (SELECT min(desk) FROM {DESK}) AS d FROM {DESK}", {"id": "plain", "d": "TAGGED"}),
        (f"SELECT count(*) AS n FROM {DESK} WHERE desk = 'CAISO'", {"n": "plain"}),
    ],
    ids=["expressions", "aggregate in a CTE", "union", "subquery", "a count"],
)
def test_a_copy_of_tagged_columns_is_tagged(gateway: Gateway, query: str, shown: dict[str, str | None]) -> None:
    name = f"lake.trading.copy_{next(_numbers)}"
    gateway.root.rows(f"CREATE TABLE {name} AS {query}")
    columns = [each for (each, *_) in gateway.client.rows(f"SHOW COLUMNS FROM {name}")]
    # A number cannot show the tag's text: the mask does not fit, and the column is withheld.
    assert columns == [each for each, what in shown.items() if what is not None]
    for row in gateway.client.rows(f"SELECT * FROM {name}"):
        assert all((value == "TAGGED") == (shown[each] == "TAGGED") for each, value in zip(columns, row, strict=True))
    assert "TAGGED" not in str(gateway.root.rows(f"SELECT * FROM {name}"))


def test_rows_that_are_added_or_changed_bring_their_tags_and_copies_of_copies_have_them(gateway: Gateway) -> None:
    root, reader = gateway.root, gateway.client
    root.rows("CREATE TABLE lake.trading.plain AS SELECT 1 AS id, 'open' AS d, 'open' AS e")
    assert reader.rows("SELECT d, e FROM lake.trading.plain") == [["open", "open"]]
    root.rows(f"INSERT INTO lake.trading.plain (id, d) SELECT 2, desk FROM {DESK} WHERE id = 0")
    assert {d for (d,) in reader.rows("SELECT d FROM lake.trading.plain")} == {"TAGGED"}
    assert {e for (e,) in reader.rows("SELECT e FROM lake.trading.plain")} == {"open", None}
    root.rows("UPDATE lake.trading.plain SET e = (SELECT max(d) FROM lake.trading.plain) WHERE id = 1")
    assert {e for (e,) in reader.rows("SELECT e FROM lake.trading.plain")} == {"TAGGED", None}
    root.rows("CREATE TABLE lake.trading.again AS SELECT e AS x FROM lake.trading.plain")
    assert {x for (x,) in reader.rows("SELECT x FROM lake.trading.again")} == {"TAGGED", None}


def test_tags_are_kept_before_the_first_row_is_written(gateway: Gateway) -> None:
    """The engine fails; what it may have written before would have been tagged already."""
    gateway.root.error(f"CREATE TABLE lake.trading.failed AS SELECT desk, 1 / (id - id) AS x FROM {DESK}")
    gateway.root.rows("CREATE TABLE lake.trading.failed AS SELECT 'anything' AS desk")
    assert gateway.client.rows("SELECT desk FROM lake.trading.failed") == [["TAGGED"]]


def test_what_the_author_saw_clear_stays_masked_for_the_others_until_somebody_decides(gateway: Gateway) -> None:
    root, reader = gateway.root, gateway.client
    root.rows("CREATE TABLE lake.trading.pay AS SELECT 'ana' AS who, 100 AS salary")
    root.rows("CREATE COLUMN POLICY hidden ON lake.trading.pay MODIFY salary TO -1 FOR analyst")
    root.rows("CREATE COLUMN POLICY clear ON lake.trading.pay MODIFY salary TO NONE FOR admin")
    root.rows("CREATE TABLE lake.trading.pay2 AS SELECT who, salary * 12 AS yearly FROM lake.trading.pay")
    assert root.rows("SELECT * FROM lake.trading.pay2") == [["ana", 1200]]
    assert reader.rows("SELECT * FROM lake.trading.pay2") == [["ana", None]]
    root.rows("CREATE COLUMN POLICY decided ON lake.trading.pay2 MODIFY yearly TO 0 FOR analyst")
    assert reader.rows("SELECT * FROM lake.trading.pay2") == [["ana", 0]]


def test_explaining_a_copy_changes_no_policy(gateway: Gateway) -> None:
    gateway.root.rows(f"EXPLAIN CREATE TABLE lake.trading.explained AS SELECT desk FROM {DESK}")
    gateway.root.rows("CREATE TABLE lake.trading.explained AS SELECT 'anything' AS desk")
    assert gateway.client.rows("SELECT desk FROM lake.trading.explained") == [["anything"]]


@pytest.mark.long
def test_nothing_protected_is_copied_while_its_tags_cannot_be_kept(gateway: Gateway) -> None:
    with closing(sqlite3.connect(gateway.folder / "usage.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        refused = gateway.root.error(f"CREATE TABLE lake.trading.unkept AS SELECT desk FROM {DESK}")
        gateway.root.rows("CREATE TABLE lake.trading.harmless AS SELECT 1 AS one")
        connection.execute("ROLLBACK")
    assert refused["errorName"] == "GENERIC_EXTERNAL"
    assert gateway.root.error("SELECT * FROM lake.trading.unkept")["errorName"] == "TABLE_NOT_FOUND"
