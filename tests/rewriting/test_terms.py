"""A session says on which terms it takes answers that were computed before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from trino.exceptions import TrinoQueryError

from catalog.objects import TableName
from gateway.models import Planned
from gateway.received import Principal, Received, Session
from gateway.rewriting.step import Rewrites, RewriteSettings
from gateway.views.building import build
from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import EVERYBODY, World, world

SUMS = "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp GROUP BY hub"
DOUBLES = "SELECT hub, sum(mw) AS s FROM lmp GROUP BY hub"


@pytest.mark.long
def test_who_tolerates_staleness_gets_what_the_view_has_up_to_a_bound(changing: World) -> None:
    changing.append(5)
    changing.know()
    stale = {"integrity": "stale_tolerated", "max_staleness": "1h"}
    answer = changing.ask(SUMS, properties=stale)
    assert sum(row[2] for row in answer.rows) in (400, 405)
    changing.append(7, first=600)
    again = changing.ask(SUMS, properties=stale)
    assert again.views
    assert sum(row[2] for row in changing.ask(SUMS).rows) == 412


def test_an_answer_is_never_older_than_tolerated_however_long_its_plan_is_known(standing: World) -> None:
    house = standing.gateway.house
    session = Session(catalog="lake", schema="grid")
    asked = Received("q", SUMS, Principal(EVERYBODY, EVERYBODY), session, 1000.0)
    planned = standing.gateway.run(house.pipeline.plan(asked))
    assert isinstance(planned, Planned)
    assert planned.plan.rewritten is not None
    stale = replace(planned.plan, rewritten=replace(planned.plan.rewritten, versions={}, expires=1005.0))
    step = Rewrites(house.engines, RewriteSettings()).step
    found = [
        standing.gateway.run(step(Planned(stale), msgspec.structs.replace(asked, received_at=at)))
        for at in (1000.0, 1005.0, 1006.0)
    ]
    assert [each.rewritten is not None for each in found] == [True, True, False]


@pytest.mark.long
def test_sums_of_doubles_are_taken_from_views_only_by_who_takes_their_grade(changing: World) -> None:
    changing.build("doubles", "SELECT hub, node, sum(mw) AS s FROM lmp GROUP BY hub, node")
    strict = changing.ask(DOUBLES)
    assert not strict.views
    assert strict.record.rewritten is not None
    assert any("grade" in each for each in strict.record.rewritten.missed)
    lax = changing.ask(DOUBLES, properties={"min_grade": "float"})
    assert lax.record.rewritten is not None
    assert lax.record.rewritten.grade == "float"
    for (hub, one), (other, two) in zip(sorted(strict.rows, key=repr), sorted(lax.rows, key=repr), strict=True):
        assert hub == other
        assert one == pytest.approx(two, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "value"), [("integrity", "loose"), ("min_grade", "any"), ("max_staleness", "soon"), ("materialized_views", "1")]
)  # fmt: skip
def test_a_wrong_value_is_refused_by_name(standing: World, name: str, value: str) -> None:
    with pytest.raises(TrinoQueryError, match=name):
        standing.ask(SUMS, properties={name: value})


def test_a_cheaper_form_over_the_base_does_not_undo_an_answer_from_a_view(standing: World) -> None:
    for _ in range(2):
        assert standing.ask(SUMS, properties={"autofix": "true"}).views


def test_show_session_lists_the_terms(standing: World) -> None:
    rows = {row[0]: row[1:3] for row in standing.ask("SHOW SESSION", properties={"min_grade": "float"}).rows}
    assert rows["integrity"] == ["ENFORCED", "ENFORCED"]
    assert rows["min_grade"] == ["float", "EXACT"]
    assert rows["materialized_views"] == ["true", "true"]
    assert rows["max_staleness"] == ["0s", "0s"]


@pytest.mark.long
def test_a_view_that_was_built_anew_behind_a_known_plan_still_answers_rightly(changing: World) -> None:
    before = sorted(changing.ask(SUMS).rows, key=repr)
    house = changing.gateway.house
    assert house.views is not None
    known = {view.name: view.definition for view in house.views.known().views}
    definition = known[TableName("clickhouse", changing.schema, "by_day")]
    changing.gateway.run(build(definition, house.engines, house.catalog))
    assert sorted(changing.ask(SUMS).rows, key=repr) == before


@pytest.mark.long
def test_a_view_that_would_not_read_less_is_passed_over(tmp_path: Path) -> None:
    with world(tmp_path, materialized_views={"refresh_seconds": 600, "cost_margin": 0.000001}) as made:
        made.build("by_day", HOURLY)
        answer = made.ask(SUMS)
        assert not answer.views
        assert answer.record.rewritten is not None
        assert "not read less" in answer.record.rewritten.fallback
