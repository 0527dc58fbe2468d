"""Why a view did not answer is told without a word of what policy says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.materialized_views import Freshness, Watermark
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Miss, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, Policy, typed
from tests.rewrite_rules.substitution.views import view

VERSIONS = dict.fromkeys(TABLES, "1")
GROUND = Ground(TABLES, replace(FACTS, versions=VERSIONS))
SIDES = "SELECT side, sum(qty) AS q, count(*) AS n FROM trades GROUP BY side"


def misses(sql: str, **policies: Policy) -> tuple[Miss, ...]:
    given = replace(view(SIDES), watermark=Watermark(VERSIONS, 0.0), freshness=Freshness(VERSIONS))
    found = substitute(typed(sql, policies=policies), ViewIndex([prepare(given, GROUND)], GROUND), GROUND, Terms())
    assert found.rewritings == ()
    assert found.misses
    return found.misses


@pytest.mark.parametrize(
    ("sql", "policies"),
    [
        ("SELECT side, sum(qty) FROM trades GROUP BY side", {"trades": Policy("desk = 'SECRET'")}),
        ("SELECT side, sum(qty) FROM trades GROUP BY side", {"trades": Policy("desk IN (SELECT 'SECRET')")}),
        ("SELECT desk, sum(qty) FROM trades GROUP BY desk", {"trades": Policy(masks={"desk": "desk || 'SECRET'"})}),
        ("SELECT side, sum(qty) FROM trades WHERE desk > 'a' GROUP BY 1", {"trades": Policy(masks={"desk": "'SECRET' || desk"})}),
        ("SELECT side, max(upper(desk)) FROM trades GROUP BY 1", {"trades": Policy(masks={"desk": "desk || 'SECRET'"})}),
        (
            "SELECT side, sum(qty) FROM trades WHERE desk IN (SELECT desk FROM desks) GROUP BY side",
            {"desks": Policy("region = 'SECRET'")},
        ),
        (
            "SELECT side, sum(qty) FROM trades t WHERE EXISTS (SELECT 1 FROM desks d WHERE d.desk = t.desk) GROUP BY side",
            {"desks": Policy(masks={"desk": "concat(desk, 'SECRET')"})},
        ),
        ("SELECT t.side, r.email, sum(qty) FROM trades t JOIN traders r ON t.trader = r.trader GROUP BY 1, 2", {"traders": Policy("desk = 'SECRET'")}),
    ],
)  # fmt: skip
def test_no_miss_tells_what_a_filter_or_a_mask_says(sql: str, policies: dict[str, Policy]) -> None:
    for miss in misses(sql, **policies):
        assert "SECRET" not in f"{miss.text} {miss.fix}"


def test_a_subquery_is_not_shown_in_a_miss() -> None:
    sql = "SELECT side, sum(qty) FROM trades WHERE desk IN (SELECT desk FROM desks WHERE region = 'E') GROUP BY 1"
    (miss,) = misses(sql)
    assert "subquery" in miss.text
    assert "region" not in f"{miss.text} {miss.fix}"
