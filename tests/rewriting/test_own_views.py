"""A query over a table of ClickHouse is answered from ClickHouse's own view of it, whose rows are parts of groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.gateway_process import eventually
from tests.real import clickhouse
from tests.rewriting.gateway import World, world

COLUMNS = "hub LowCardinality(String), node Nullable(String), ts DateTime('UTC'), x Int32, p Decimal(10, 2)"
TARGET = (
    "hub LowCardinality(String), h DateTime('UTC'), n SimpleAggregateFunction(sum, UInt64),"
    " s SimpleAggregateFunction(sum, Int64), top SimpleAggregateFunction(max, Int32),"
    " u AggregateFunction(uniqExact, Nullable(String))"
)
SELECT = (
    "SELECT hub, toStartOfHour(ts) AS h, count() AS n, sum(x) AS s, max(x) AS top, uniqExactState(node) AS u"
    " FROM {s}.readings GROUP BY hub, h"
)
ROWS = (
    "SELECT ['A', 'B', 'C'][number % 3 + 1], if(number % 5 = 0, NULL, concat('n', toString(number % 7))),"
    " toDateTime('2026-01-01 00:00:00', 'UTC') + number * 601, number % 11 - 5, number % 9 FROM numbers(%s, 200)"
)
QUERIES = [
    "SELECT hub, count(*) AS n, sum(x) AS s FROM {t} GROUP BY hub",
    "SELECT hub, date_trunc('hour', ts) AS h, count(*) AS n, sum(x) AS s FROM {t} GROUP BY hub, date_trunc('hour', ts)",
    "SELECT date_trunc('day', ts) AS d, max(x) AS top, avg(x) AS a FROM {t} WHERE hub <> 'B' GROUP BY 1",
    "SELECT count(DISTINCT node) AS nodes, count(*) FROM {t}",
    "SELECT count(*) FROM {t} WHERE hub = 'nowhere'",
    "SELECT DISTINCT hub FROM {t}",
]


def _insert(made: World, first: int) -> None:
    clickhouse.run_script([f"INSERT INTO {made.schema}.readings {ROWS.replace('%s', str(first), 1)}"])


def _state(made: World) -> str | None:
    made.know()
    views = made.gateway.house.views
    assert views is not None
    found = next(view for view in views.known().views if view.name.table == "by_hour")
    return found.unusable


@pytest.mark.long  # a gateway and several comparisons
def test_the_answer_is_that_of_the_base_and_no_view_answers_for_what_it_was_not_compared_with(tmp_path: Path) -> None:
    with world(tmp_path, materialized_views={"refresh_seconds": 600, "verify_seconds": 1, "cost_margin": None}) as made:
        clickhouse.run_script(
            [
                f"CREATE TABLE {made.schema}.readings ({COLUMNS}) ENGINE = MergeTree ORDER BY ts",
                f"CREATE TABLE {made.schema}.t ({TARGET}) ENGINE = AggregatingMergeTree ORDER BY (hub, h)",
                f"SYSTEM STOP MERGES {made.schema}.t",
                f"CREATE MATERIALIZED VIEW {made.schema}.by_hour TO {made.schema}.t AS {SELECT.replace('{s}', made.schema)}",
            ]
        )
        for first in (0, 100, 3):
            _insert(made, first)
        eventually(lambda: _state(made) is None, seconds=60)
        for sql in QUERIES:
            with_views, without = made.both(sql.replace("{t}", f"clickhouse.{made.schema}.readings"))
            assert with_views.views == (f"clickhouse.{made.schema}.by_hour",), sql
            assert (with_views.rows, with_views.columns) == (without.rows, without.columns), sql
        total = f"SELECT count(*) FROM clickhouse.{made.schema}.readings"
        _insert(made, 50)
        assert (made.ask(total).rows, made.ask(total).views) == ([[800]], ())
        eventually(lambda: _state(made) is None, seconds=60)
        assert made.ask(total).views
        clickhouse.run_script(
            [f"ALTER TABLE {made.schema}.readings DELETE WHERE hub = 'A' SETTINGS mutations_sync = 1"]
        )
        (left,) = made.ask(total).rows[0]
        assert left < 800
        eventually(lambda: "groups differ" in (_state(made) or ""), seconds=60)
        assert (made.ask(total).rows, made.ask(total).views) == ([[left]], ())
