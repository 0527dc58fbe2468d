"""Plans tell what their statements read, whatever kind of statement it is."""

from __future__ import annotations

import time

import pytest

from catalog.objects import TableName
from catalog.statistics import ALL_ROWS, NO_ROWS, AllOf, Comparison
from gateway.models import Plan
from gateway.planning import outlining
from rewrite_rules.outline.nodes import Join, Outline, ScanOf
from tests.gateway.planning.house import make_pipeline, plan

pytestmark = pytest.mark.asyncio
T = TableName("lake", "sandbox", "t")


async def outline_of(sql: str, user: str = "sam", **session: object) -> Outline:
    planned = await plan(sql, user, **session)
    assert isinstance(planned, Plan), planned
    assert planned.outline is not None
    return planned.outline


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT y FROM sandbox.t WHERE x = 5",
        "CREATE TABLE sandbox.copy AS SELECT y FROM sandbox.t WHERE x = 5",
        "INSERT INTO sandbox.t (y) SELECT y FROM sandbox.t WHERE x = 5",
        "DELETE FROM sandbox.t WHERE x = 5",
        "UPDATE sandbox.t SET y = 'b' WHERE x = 5",
        "MERGE INTO sandbox.t USING (VALUES 1) AS s (n) ON t.x = s.n AND t.x = 5 WHEN MATCHED THEN DELETE",
    ],
)
async def test_each_kind_of_statement_says_which_rows_of_a_table_it_reads(sql: str) -> None:
    (scan,) = (await outline_of(sql, "root")).scans
    assert scan.table == T
    assert scan.condition == Comparison("x", "=", (5,))
    assert scan.columns == ("x", "y")


async def test_merge_is_a_join_by_its_condition_and_no_cross_join() -> None:
    sql = "MERGE INTO sandbox.t USING sandbox.t AS s ON t.x = s.x WHEN NOT MATCHED THEN INSERT (x) VALUES (s.x)"
    outline = await outline_of(sql, "root")
    assert isinstance(outline.root, Join)
    assert outline.root.kind == "right"
    assert len(outline.root.pairs) == 1
    assert outline.root.other_conditions == 0


async def test_what_a_filter_says_is_a_condition_of_the_scan_and_masks_need_their_columns() -> None:
    (scan,) = (await outline_of("SELECT email FROM orders WHERE order_id > 7", "ana")).scans
    conditions = scan.condition.parts if isinstance(scan.condition, AllOf) else (scan.condition,)
    assert Comparison("order_id", ">", (7,)) in conditions
    assert any(isinstance(each, Comparison) and each.column == "region" for each in conditions)


async def test_what_is_read_through_a_view_says_by_which() -> None:
    (scan,) = (await outline_of("SELECT x FROM sandbox.v WHERE x = 1")).scans
    assert (scan.table, scan.via) == (T, TableName("lake", "sandbox", "v"))
    assert scan.condition == Comparison("x", "=", (1,))


async def test_counting_rows_reads_no_column() -> None:
    outline = await outline_of("SELECT count(*) FROM sandbox.t")
    assert outline.metadata_only
    assert outline.scans[0].columns == ()
    assert outline.scans[0].condition == ALL_ROWS
    assert not (await outline_of("SELECT count(*) FROM sandbox.t WHERE x = 1")).metadata_only


async def test_nothing_is_read_where_a_condition_is_never_true() -> None:
    for never in ("1 = 0", "NULL", "x = NULL", "x NOT IN (1, NULL)", "false AND y = 'a'"):
        assert (await outline_of(f"SELECT x FROM sandbox.t WHERE {never}")).scans[0].condition == NO_ROWS


async def test_a_statement_runs_though_its_outline_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Outline:
        raise ZeroDivisionError

    monkeypatch.setattr(outlining, "describe", broken)
    planned = await plan("SELECT x FROM sandbox.t", "sam")
    assert isinstance(planned, Plan)
    assert planned.outline is None


async def test_a_with_query_is_read_at_each_mention_but_once_on_the_lake() -> None:
    sql = "WITH w AS (SELECT x, y FROM sandbox.t) SELECT a.x FROM w AS a JOIN w AS b ON a.y = b.y"
    assert [scan.times for scan in (await outline_of(sql)).scans] == [1, 1]
    pipeline, _ = await make_pipeline({"lake": "lake"})
    planned = await plan(sql, "sam", pipeline)
    assert isinstance(planned, Plan)
    assert planned.outline is not None
    assert [scan.times for scan in planned.outline.scans] == [1, 0]
    assert planned.outline.scans[0].columns == ("x", "y")


async def test_a_scan_alone_is_its_own_root() -> None:
    assert (await outline_of("TABLE sandbox.t")).root == ScanOf(0)


async def test_a_plan_whose_outline_holds_the_time_is_kept_for_an_hour() -> None:
    planned = await plan("SELECT x FROM sandbox.t WHERE current_date > DATE '2020-01-01'", "sam")
    assert isinstance(planned, Plan)
    assert planned.holds is not None
    assert 3590 < planned.holds.end - time.time() < 3601
    timeless = await plan("SELECT x FROM sandbox.t", "sam")
    assert isinstance(timeless, Plan)
    assert timeless.holds is None
