"""A change of one row may concern others: those of a view that asks the table in a subquery, those that find a partner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.materialized_views import Bound, Change, Freshness, Region, Watermark
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Found, Ground, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, name, typed
from tests.rewrite_rules.substitution.views import view

BEFORE, NOW = dict.fromkeys(TABLES, "1"), dict.fromkeys(TABLES, "2")
GROUND = Ground(TABLES, replace(FACTS, versions=NOW))
BUYS = Region((Bound("side", "'BUY'", "'BUY'"),))
VIEW = "SELECT side, desk, sum(qty) AS q, count(*) AS n FROM trades t WHERE {0} GROUP BY side, desk"
ASKED = "SELECT side, sum(qty) AS q FROM trades t WHERE {0} AND side = 'SELL' GROUP BY side"
CONDITIONS = [
    "EXISTS (SELECT 1 FROM trades x WHERE x.node = t.node AND x.side = 'SELL')",
    "qty > (SELECT avg(qty) FROM trades)",
    "book_id IN (SELECT book_id FROM trades WHERE qty > 5)",
]


def answered(condition: str, *changes: Change) -> Found:
    fresh = Freshness(NOW, changes)
    given = replace(view(VIEW.format(condition)), watermark=Watermark(BEFORE, 0.0), freshness=fresh)
    index = ViewIndex([prepare(given, GROUND)], GROUND)
    return substitute(typed(ASKED.format(condition)), index, GROUND, Terms())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_change_in_the_table_of_a_subquery_is_a_change_of_all_rows(condition: str) -> None:
    assert answered(condition).rewritings, "nothing changed"
    found = answered(condition, Change(name("trades"), (BUYS,), appended_only=True))
    assert found.rewritings == ()
    assert {miss.missing for miss in found.misses} == {"freshness"}


def test_a_change_in_a_table_that_is_only_joined_concerns_its_rows_and_no_others() -> None:
    condition = "book_id IN (SELECT book_id FROM books WHERE region = 'W')"
    assert answered(condition, Change(name("trades"), (BUYS,), appended_only=True)).rewritings
    assert answered(condition, Change(name("books"), (BUYS,), appended_only=True)).rewritings == ()


FULL = (
    "SELECT t.trade_id AS i, t.side AS s, t.qty AS q, d.region AS r FROM trades t FULL JOIN desks d ON t.desk = d.desk"
)


@pytest.mark.parametrize("condition", ["t.side = 'SELL' OR t.side IS NULL", "t.side IS NULL", "d.region = 'W'"])
def test_a_change_before_a_full_join_may_give_a_partner_to_rows_that_had_none(condition: str) -> None:
    for changes, expected in (((), True), ((Change(name("trades"), (BUYS,), appended_only=True),), False)):
        fresh = Freshness(NOW, changes)
        given = replace(view(FULL), watermark=Watermark(BEFORE, 0.0), freshness=fresh)
        index = ViewIndex([prepare(given, GROUND)], GROUND)
        assert bool(substitute(typed(f"{FULL} WHERE {condition}"), index, GROUND, Terms()).rewritings) is expected
