"""A stock client gets the base's answer from a view: same rows, names and types, and a word about it."""

from __future__ import annotations

import pytest

from gateway.coaching import words
from tests.rewriting.gateway import MASKED, SOUTH, World

SAME = [
    "SELECT hub, sum(lmp) AS total, count(*) AS n FROM lmp GROUP BY hub",
    "SELECT hub, max(ts) AS t FROM lmp WHERE node <> 'n1' GROUP BY hub HAVING count(*) > 3",
    "SELECT date_trunc('month', ts) AS m, sum(lmp) FROM lmp GROUP BY 1",
    "SELECT count(*), sum(lmp), max(ts) FROM lmp WHERE hub = 'nowhere'",
    "SELECT hub, sum(lmp) AS s, rank() OVER (ORDER BY sum(lmp) DESC) AS r FROM lmp GROUP BY hub ORDER BY s LIMIT 2",
    "SELECT hub, count(DISTINCT node) AS nodes FROM lmp GROUP BY hub",
    "SELECT count(DISTINCT node) FROM lmp",
]


@pytest.mark.parametrize("sql", SAME)
def test_the_answer_of_a_view_is_that_of_the_base(standing: World, sql: str) -> None:
    from_view, from_base = standing.both(sql)
    assert from_view.views
    assert not from_base.views
    assert (from_view.rows, from_view.columns) == (from_base.rows, from_base.columns)
    assert from_view.record.engine == "clickhouse"
    assert from_base.record.engine == "lake"


def test_a_client_is_told_which_view_answered_and_how_alike_the_answer_is(standing: World) -> None:
    answer = standing.ask(SAME[0])
    view = f"clickhouse.{standing.schema}.by_day"
    said = f"answered from materialized view {view} (exact, up to date)"
    assert said in standing.said(SAME[0])
    cursor = standing.cursor()
    cursor.execute(SAME[0])
    assert [each["message"] for each in cursor.warnings] == [said]  # the Python client reads the first page's alone
    assert answer.record.rewritten is not None
    assert answer.record.rewritten.grade == "exact"
    assert len(answer.record.rewritten.certificate) == 32


def test_what_views_take_is_measured_and_billed_like_what_the_base_takes(standing: World) -> None:
    for answer in standing.both(SAME[0]):
        assert answer.record.scanned_bytes is not None
        assert answer.record.scanned_bytes > 0
        assert answer.record.bill is not None
        assert (answer.record.bill.bytes, answer.record.bill.basis) == (answer.record.scanned_bytes, "measured")


def test_row_filters_come_before_views_and_no_view_is_named_to_whom_they_bind(standing: World) -> None:
    from_view, from_base = standing.both(SAME[0], SOUTH)
    assert from_view.rows == from_base.rows
    assert [row[0] for row in from_view.rows] == ["H1"]
    assert from_view.views
    said = standing.said(SAME[0], SOUTH)
    assert "answered from a materialized view (exact, up to date)" in said
    assert not any(standing.schema in warning for warning in said)


def test_a_masked_column_is_shown_as_its_mask_whatever_answers(standing: World) -> None:
    from_view, from_base = standing.both("SELECT node, count(*) FROM lmp GROUP BY node", MASKED)
    assert from_view.rows == from_base.rows == [["***", 400]]


def test_a_prepared_statement_is_answered_from_views_like_any_other(standing: World) -> None:
    cursor = standing.cursor()
    cursor.execute("SELECT hub, count(*) FROM lmp WHERE hub = ? GROUP BY hub", ("H1",))
    rows = cursor.fetchall()
    record = standing.gateway.record(str(cursor.query_id))
    assert record.rewritten is not None
    assert record.rewritten.views
    assert rows == standing.ask("SELECT hub, count(*) FROM lmp WHERE hub = 'H1' GROUP BY hub").rows


def test_a_session_may_take_nothing_from_views(standing: World) -> None:
    assert not standing.ask(SAME[0], properties={"materialized_views": "false"}).views


def test_what_no_view_answers_is_recorded_with_what_the_nearest_lacks(standing: World) -> None:
    answer = standing.ask("SELECT node, ts, mw FROM lmp WHERE mw > 3")
    assert not answer.views
    assert answer.record.rewritten is not None
    assert answer.record.rewritten.missed


def test_warm_statements_are_answered_by_the_plan_that_is_known(standing: World) -> None:
    standing.ask(SAME[0])
    again = standing.ask(SAME[0])
    assert again.record.plan_cached
    assert again.views


def test_explain_says_what_answers_and_runs_nothing(standing: World) -> None:
    plan = standing.ask(f"EXPLAIN {SAME[0]}")
    text = str(plan.rows[0][0])
    assert f"Materialized view clickhouse.{standing.schema}.by_day: It answers the statement (exact)" in text
    assert not plan.views


def test_explain_says_the_price_of_what_would_run_and_that_of_the_base_beside_it(standing: World) -> None:
    beside, price, *_ = standing.said(f"EXPLAIN {SAME[0]}")
    ran = standing.ask(SAME[0]).record
    base = standing.ask(SAME[0], properties={"materialized_views": "false"}).record
    for line, record in ((price, ran), (beside, base)):
        assert record.priced is not None
        assert f"reads {words.size(record.priced.bytes[1])} (" in line
    assert beside.startswith("Without materialized views: Estimate (")
    said = standing.said(f"EXPLAIN {SAME[0].replace('sum', 'min')}")
    assert not any("Without materialized views" in line for line in said)


def test_explain_says_what_a_view_lacks(standing: World) -> None:
    text = str(standing.ask("EXPLAIN SELECT hub, sum(mw) FROM lmp GROUP BY hub").rows[0][0])
    assert f"Materialized view clickhouse.{standing.schema}.by_day:" in text
    assert "mw" in text.partition("Materialized view")[2]


def test_explain_names_no_view_to_whom_rows_are_hidden(standing: World) -> None:
    for sql in (SAME[0], "SELECT hub, sum(mw) FROM lmp GROUP BY hub"):
        assert standing.schema not in str(standing.ask(f"EXPLAIN {sql}", SOUTH).rows)
        assert standing.schema not in str(standing.ask(f"EXPLAIN POLICY {sql}", SOUTH).rows)
