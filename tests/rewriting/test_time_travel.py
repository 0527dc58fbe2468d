"""A query of the past is answered from a view that was computed from the very version asked for, and from no other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from catalog.materialized_views import State
from gateway.received import Principal, Received, Session
from gateway.rewriting.certificates.verifying import verify
from tests.rewriting.conftest import HOURLY, NODES
from tests.rewriting.gateway import EVERYBODY, MASKED, ROWS, SOUTH, Answer, World, world
from tests.views.world import prices

SUMS = "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp{at} GROUP BY hub"
LATE = 5
"""Rows that came after the views were built."""


@dataclass(frozen=True, slots=True)
class Past:
    """A world whose table has a past: views of the first snapshot, a branch and a tag there, and rows since."""

    world: World
    first: int
    second: int
    between: str
    """A moment when the first snapshot was the present one."""

    def both(self, sql: str, user: str = "ann", **properties: str) -> tuple[Answer, Answer]:
        return self.world.both(sql, user, **properties)

    def counts(self, sql: str, **properties: str) -> tuple[bool, int]:
        """Return whether views answered, and the sum of the third column, which must be the base's."""
        with_views, without = self.both(sql, **properties)
        assert (with_views.rows, with_views.columns) == (without.rows, without.columns)
        assert not without.views
        return bool(with_views.views), sum(row[2] for row in with_views.rows)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Serve such a world; tests leave `main` and the branch `dev` as they are."""
    with world(tmp_path_factory.mktemp("past")) as made:
        made.build("by_day", HOURLY)
        made.build("nodes", NODES, State("u", "uniqExact", ("node",)))
        table = made.iceberg.load_table("grid.lmp")
        first = table.current_snapshot()
        assert first is not None
        table.manage_snapshots().create_branch(first.snapshot_id, "dev").create_tag(first.snapshot_id, "eod").commit()
        table.manage_snapshots().create_branch(first.snapshot_id, "moving").commit()
        made.append(LATE)
        second = made.iceberg.load_table("grid.lmp").current_snapshot()
        assert second is not None
        made.know()
        moment = datetime.fromtimestamp((second.timestamp_ms - 1) / 1000, UTC)
        between = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} UTC"
        assert first.timestamp_ms < second.timestamp_ms
        yield Past(made, first.snapshot_id, second.snapshot_id, between)


def test_the_version_of_the_watermark_is_answered_from_the_view_however_it_is_named(past: Past) -> None:
    for at in (
        f"FOR VERSION AS OF {past.first}",
        "FOR VERSION AS OF 'dev'",
        "FOR VERSION AS OF 'eod'",
        f"FOR TIMESTAMP AS OF TIMESTAMP '{past.between}'",
    ):
        assert past.counts(SUMS.format(at=f" {at}")) == (True, ROWS), at
    for properties in ({"as_of": past.between}, {"branch": "dev"}, {"branch": "eod"}):
        assert past.counts(SUMS.format(at=""), **properties) == (True, ROWS), properties


def test_no_other_version_is_answered_from_the_view(past: Past) -> None:
    for at in (f"FOR VERSION AS OF {past.second}", "FOR VERSION AS OF 'main'"):
        assert past.counts(SUMS.format(at=f" {at}")) == (False, ROWS + LATE), at
    answer = past.world.ask(SUMS.format(at=" FOR VERSION AS OF 'main'"))
    assert answer.record.rewritten is not None
    assert any("computed from another version" in each for each in answer.record.rewritten.missed)
    assert past.counts(SUMS.format(at=""), branch="main") == (False, ROWS + LATE)


def test_a_certificate_names_the_snapshot_and_is_verified_offline(past: Past) -> None:
    sql = SUMS.format(at=" FOR VERSION AS OF 'dev'")
    asked = Received("q", sql, Principal(EVERYBODY, EVERYBODY), Session(catalog="lake", schema="grid"), time.time())
    planned = past.world.gateway.run(past.world.gateway.house.pipeline.plan(asked))
    written = planned.plan.rewritten.document
    document = json.loads(written)
    (travelled,) = document["travelled"]
    assert (travelled["asked"], travelled["snapshot"]) == ("FOR VERSION AS OF 'dev'", past.first)
    assert "FOR VERSION AS OF 'dev'" in document["query"]
    assert document["versions"] == [[["lake", "grid", "lmp"], f"snapshot {past.first}"]]
    verdict = verify(written)
    assert verdict.rejections == ()
    assert verdict.replayed is not None
    assert verdict.replayed.counterexample is None
    for name, value in (("snapshot", past.second), ("asked", "FOR VERSION AS OF 'main'"), ("views", [])):
        altered = {**document, "travelled": [{**travelled, name: value}]}
        assert verify(json.dumps(altered).encode(), databases=0).rejections, name
    assert verify(json.dumps({**document, "travelled": []}).encode(), databases=0).rejections


def test_a_client_is_told_of_which_time_the_answer_is(past: Past) -> None:
    (said,) = [e for e in past.world.said(SUMS.format(at=" FOR VERSION AS OF 'dev'")) if "answered from" in e]
    assert "of the very version asked for" in said


def test_each_table_of_a_statement_has_its_own_time(past: Past) -> None:
    joined = (
        "SELECT a.hub, b.hub, a.n + b.n AS n FROM (SELECT hub, count(*) AS n FROM lmp{one} GROUP BY hub) AS a"
        " JOIN (SELECT hub, count(*) AS n FROM lmp{other} GROUP BY hub) AS b ON a.hub = b.hub"
    )
    then = f" FOR VERSION AS OF {past.first}"
    for one, other in (("", then), (then, ""), (then, f" FOR VERSION AS OF {past.second}"), (then, then)):
        with_views, without = past.both(joined.format(one=one, other=other))
        assert with_views.rows == without.rows, (one, other)
        assert bool(with_views.views) == (one == other), (one, other)
    with_views, without = past.both(joined.format(one=then, other=" FOR VERSION AS OF 'eod'"))
    assert with_views.views
    assert with_views.rows == without.rows


@pytest.mark.long
def test_policy_holds_in_the_past_as_in_the_present(past: Past) -> None:
    sql = "SELECT node, count(*) AS n, sum(lmp) AS s FROM lmp FOR VERSION AS OF 'dev' GROUP BY node"
    for user, groups in ((SOUTH, 6), (MASKED, 1)):
        with_views, without = past.both(sql, user)
        assert with_views.views
        assert with_views.rows == without.rows
        assert len(with_views.rows) == groups


@pytest.mark.long
def test_ragged_edges_are_read_at_the_same_snapshot(past: Past) -> None:
    sql = (
        "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp FOR VERSION AS OF 'dev'"
        " WHERE ts >= TIMESTAMP '2026-03-02 05:00:00' AND ts < TIMESTAMP '2026-09-09 00:00:00' GROUP BY hub"
    )
    with_views, without = past.both(sql)
    assert with_views.rows == without.rows
    if with_views.views:
        assert with_views.record.rewritten is not None
        assert with_views.record.rewritten.base_tables == ("lake.grid.lmp",)


@pytest.mark.long
def test_set_states_answer_for_the_past(past: Past) -> None:
    assert past.both("SELECT hub, count(DISTINCT node) FROM lmp FOR VERSION AS OF 'dev' GROUP BY hub")[0].views


@pytest.mark.long
@pytest.mark.parametrize(
    "at", ["FOR VERSION AS OF 5", "FOR VERSION AS OF 'none'", "FOR TIMESTAMP AS OF DATE '2999-01-01'"]
)
def test_what_the_base_refuses_no_view_answers(past: Past, at: str) -> None:
    with pytest.raises(Exception, match=r"INVALID_ARGUMENTS|NOT_SUPPORTED"):
        past.world.ask(SUMS.format(at=f" {at}"))


def test_a_branch_that_moves_on_is_not_answered_by_what_it_was(past: Past) -> None:
    sql = SUMS.format(at=" FOR VERSION AS OF 'moving'")
    assert past.counts(sql) == (True, ROWS)
    past.world.iceberg.load_table("grid.lmp").append(prices(3, first=900), branch="moving")
    assert past.counts(sql) == (False, ROWS + 3)  # a plan that is known asks for the versions of its base
    past.world.know()
    assert past.counts(sql) == (False, ROWS + 3)
    assert past.counts(SUMS.format(at=" FOR VERSION AS OF 'dev'")) == (True, ROWS)
