"""What a statement that views answer is said to cost before it runs: what would run, and what it saves beside it."""

from __future__ import annotations

from gateway.cli.explain import explained
from gateway.coaching import words
from gateway.coaching.considering import Considered, consider
from gateway.events import StatementRewritten
from gateway.simulation.question import Question, received
from tests.rewriting.gateway import EVERYBODY, World

ANSWERED = "SELECT hub, sum(lmp) AS s FROM lmp GROUP BY hub"
UNANSWERED = "SELECT hub, min(lmp) AS s FROM lmp GROUP BY hub"


def considered(world: World, sql: str, **properties: str) -> Considered:
    """Ask about a statement as `penstock coach` does."""
    house, spending = world.gateway.house, world.gateway.spending
    asked = received(Question(EVERYBODY, sql, "lake", "grid", properties=properties), house.policies.governing())
    assert spending.coach is not None
    return world.gateway.run(consider(spending.coach, asked, spending.foresee))


def test_a_statement_that_a_view_answers_is_priced_by_the_view_and_by_its_base_beside_it(standing: World) -> None:
    told: list[StatementRewritten] = []
    standing.gateway.house.bus.subscribe(StatementRewritten, told.append)
    found = considered(standing, ANSWERED)
    assert found.planned is not None
    assert found.planned.rewritten is not None
    assert found.estimate is not None
    assert found.base is not None
    assert (found.estimate.engine, found.base.engine) == ("clickhouse", "lake")
    assert told == [], "nothing ran: nobody is told that something was rewritten"
    assert {str(name) for name in found.touched} == {"lake.grid.lmp"}, "views are in nobody's sight"
    ran = standing.ask(ANSWERED).record
    assert ran.rewritten is not None
    assert ran.priced is not None
    assert (ran.engine, ran.priced.bytes[1]) == ("clickhouse", int(found.estimate.bytes.likely))


def test_a_statement_that_no_view_answers_has_one_price(standing: World) -> None:
    for found in (considered(standing, UNANSWERED), considered(standing, ANSWERED, materialized_views="false")):
        assert found.base is None
        assert found.estimate is not None
        assert found.estimate.engine == "lake"


def test_the_command_that_explains_says_what_views_take_and_what_the_base_would(standing: World) -> None:
    config = standing.gateway.house.config
    found, price = standing.gateway.run(explained(config, Question(EVERYBODY, ANSWERED, "lake", "grid")))
    assert found.plan is not None
    assert found.plan.rewritten is not None
    *_, beside = price
    assert beside.startswith("Without materialized views: Estimate (")
    ran = standing.ask(ANSWERED).record
    assert ran.priced is not None
    assert f"reads {words.size(ran.priced.bytes[1])} (" in price[0]
    _, price = standing.gateway.run(explained(config, Question(EVERYBODY, UNANSWERED, "lake", "grid")))
    assert not any("Without materialized views" in line for line in price)
