"""A base that changes is never answered by what a view held before; a view that fails costs nobody an answer."""

from __future__ import annotations

import pytest

from tests.real import clickhouse
from tests.rewriting.gateway import World

SUMS = "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp GROUP BY hub"


def test_a_base_that_moved_is_read_itself_by_a_plan_that_is_known(changing: World) -> None:
    assert changing.ask(SUMS).views
    changing.append(5)
    after = changing.ask(SUMS)
    assert sum(row[2] for row in after.rows) == 405
    assert not after.views
    assert after.record.rewritten is not None
    assert "changed" in after.record.rewritten.fallback


@pytest.mark.long
def test_what_came_since_is_read_from_the_base_and_the_rest_from_the_view(changing: World) -> None:
    changing.append(5)
    changing.know()
    from_both, from_base = changing.both(SUMS)
    assert from_both.rows == from_base.rows
    assert from_both.columns == from_base.columns
    assert from_both.record.rewritten is not None
    assert from_both.record.rewritten.base_tables == ("lake.grid.lmp",)
    assert from_both.record.engine == "lake"


def test_parts_of_the_base_are_read_at_the_version_of_the_view(changing: World) -> None:
    changing.append(5)
    changing.know()
    planned = changing.ask(f"EXPLAIN {SUMS}")
    assert "Beside it is read: lake.grid.lmp" in str(planned.rows)
    changing.ask(SUMS)
    changing.append(7, first=500)
    after = changing.ask(SUMS)
    assert sum(row[2] for row in after.rows) == 412


def test_a_view_that_is_gone_costs_nobody_an_answer(changing: World) -> None:
    expected = sorted(changing.ask(SUMS, properties={"materialized_views": "false"}).rows, key=repr)
    assert changing.ask(SUMS).views
    clickhouse.run_script([f"DROP TABLE {changing.schema}.by_day SYNC"])
    answer = changing.ask(SUMS)
    assert sorted(answer.rows, key=repr) == expected
    assert not answer.views
    assert answer.record.outcome == "FINISHED"
    assert answer.record.rewritten is not None
    assert "could not be read" in answer.record.rewritten.fallback
    assert answer.record.engine == "lake"


@pytest.mark.long
def test_an_error_that_the_statement_itself_has_is_told_as_the_base_tells_it(changing: World) -> None:
    sql = "SELECT hub, 1 / (count(*) - count(*)) FROM lmp GROUP BY hub"
    for properties in ({}, {"materialized_views": "false"}):
        with pytest.raises(Exception, match="DIVISION_BY_ZERO"):
            changing.ask(sql, properties=properties)
