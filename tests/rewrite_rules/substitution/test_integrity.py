"""A session and a view each say on which terms the view may answer: the stricter of both holds, and misses say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.materialized_views import Bound, Change, Freshness, Integrity, MaterializedView, Region, Watermark
from rewrite_rules.certificates import check
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Found, Ground, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, name, typed
from tests.rewrite_rules.substitution.views import view

NOW = 1000.0
BEHIND = 900.0
"""Since when the view lacks rows."""
BY_NODE = "SELECT node, count(*) AS n, sum(lmp) AS s FROM lmp_prices GROUP BY node"
ASKED = "SELECT node, sum(lmp) AS s FROM lmp_prices GROUP BY node"
OTHERWISE = "SELECT node, sum(lmp) / count(*) AS s FROM lmp_prices GROUP BY node HAVING count(*) > 1"
WITH_DESKS = (
    "SELECT t.trader, count(*) AS n FROM trades t LEFT JOIN counterparties c ON t.cpty_id = c.cpty_id GROUP BY t.trader"
)
VERSIONS = dict.fromkeys(TABLES, "1")
GROUND = Ground(TABLES, replace(FACTS, versions=VERSIONS))
CHANGED = Change(name("lmp_prices"), (Region((Bound("mw", "1", "2"),)),))
"""In rows that the view's keys do not tell apart."""


def limited(sql: str, integrity: Integrity, bound: float | None = None, *changes: Change) -> MaterializedView:
    """Make a view that says on which terms it may be used."""
    made = view(sql)
    freshness = Freshness(VERSIONS, changes, behind_since=BEHIND if changes else None)
    definition = replace(made.definition, integrity=integrity, max_staleness=bound)
    return replace(
        made, definition=definition, watermark=Watermark(dict.fromkeys(VERSIONS, "0"), 1.0), freshness=freshness
    )


def found(query: str, known: MaterializedView, integrity: Integrity, bound: float | None = None) -> Found:
    """Match a query on a session's terms."""
    index = ViewIndex([prepare(known, GROUND)], GROUND)
    return substitute(typed(query), index, GROUND, Terms(integrity, "exact", bound, now=NOW))


STALE = [
    # (the session's level and bound, the view's, whether it answers)
    ("stale_tolerated", 300.0, "stale_tolerated", None, True),
    ("stale_tolerated", 300.0, "stale_tolerated", 200.0, True),
    ("stale_tolerated", 300.0, "stale_tolerated", 50.0, False),
    ("stale_tolerated", 50.0, "stale_tolerated", 300.0, False),
    ("stale_tolerated", None, "stale_tolerated", 300.0, False),
    ("stale_tolerated", 300.0, "trusted", None, False),
    ("stale_tolerated", 300.0, "enforced", None, False),
    ("trusted", 300.0, "stale_tolerated", None, False),
    ("enforced", 300.0, "stale_tolerated", 300.0, False),
]


@pytest.mark.parametrize("query", [ASKED, OTHERWISE, BY_NODE], ids=["grouped", "computed", "its own text"])
@pytest.mark.parametrize(("session", "bound", "level", "own", "answers"), STALE)
def test_rows_of_a_while_ago_answer_where_both_take_them(
    query: str, session: Integrity, bound: float | None, level: Integrity, own: float | None, answers: bool
) -> None:
    result = found(query, limited(BY_NODE, level, own, CHANGED), session, bound)
    assert bool(result.rewritings) == answers
    if answers:
        assert result.rewritings[0].certificate.integrity == "stale_tolerated"


@pytest.mark.parametrize("query", [ASKED, BY_NODE], ids=["grouped", "its own text"])
@pytest.mark.parametrize(
    ("level", "own", "said"),
    [
        ("enforced", None, "the view allows only enforced integrity"),
        ("trusted", 500.0, "the view allows only trusted integrity"),
        ("stale_tolerated", 50.0, "behind by more than the 50 s that the view allows"),
    ],
)
def test_a_miss_says_what_the_view_does_not_allow(query: str, level: Integrity, own: float | None, said: str) -> None:
    result = found(query, limited(BY_NODE, level, own, CHANGED), "stale_tolerated", 300.0)
    assert [said in miss.text for miss in result.misses] == [True]


def test_a_miss_speaks_of_the_views_terms_only_where_the_sessions_would_do() -> None:
    result = found(ASKED, limited(BY_NODE, "enforced", None, CHANGED), "enforced")
    assert result.misses
    assert not any("allows only" in miss.text for miss in result.misses)


@pytest.mark.parametrize(
    ("session", "level", "answers"),
    [
        ("trusted", "stale_tolerated", True),
        ("trusted", "trusted", True),
        ("trusted", "enforced", False),
        ("enforced", "trusted", False),
        ("enforced", "stale_tolerated", False),
    ],
)
def test_declared_keys_count_where_both_trust_them(session: Integrity, level: Integrity, answers: bool) -> None:
    query = "SELECT trader, count(*) AS n FROM trades GROUP BY trader"
    known = limited(WITH_DESKS, level)
    result = found(query, known, session)
    assert bool(result.rewritings) == answers
    if answers:
        assert result.rewritings[0].certificate.integrity == "trusted"
    elif session == "trusted":
        assert "allows only enforced" in result.misses[0].text


@pytest.mark.parametrize("session", ["enforced", "trusted", "stale_tolerated"])
def test_a_certificate_names_what_it_relies_on_and_not_what_the_session_would_have_taken(session: Integrity) -> None:
    (made,) = found(ASKED, limited(BY_NODE, "enforced"), session, 300.0).rewritings
    assert made.certificate.integrity == "enforced"


def test_a_certificate_on_laxer_terms_than_its_view_allows_is_not_believed() -> None:
    (made,) = found(ASKED, limited(BY_NODE, "stale_tolerated", None, CHANGED), "stale_tolerated", 300.0).rewritings
    assert check(made.certificate, TABLES) == ()
    (use,) = made.certificate.uses
    strict = replace(use, definition=replace(use.definition, integrity="trusted"))
    (rejection,) = [e for e in check(replace(made.certificate, uses=(strict,)), TABLES) if e.what == "integrity"]
    assert "allows only trusted" in rejection.text


def test_views_of_the_present_and_of_a_while_ago_do_not_answer_together() -> None:
    current = replace(limited(BY_NODE, "stale_tolerated"), definition=replace(view(BY_NODE).definition))
    other = view("SELECT desk, count(*) AS n FROM trades GROUP BY desk", called="other")
    changed = Change(name("trades"), unknown="nobody knows")
    stale = replace(
        other,
        watermark=Watermark(dict.fromkeys(VERSIONS, "0"), 1.0),
        freshness=Freshness(VERSIONS, (changed,), None, BEHIND),
    )
    current = replace(current, freshness=Freshness(VERSIONS), watermark=Watermark(VERSIONS, 1.0))
    index = ViewIndex([prepare(current, GROUND), prepare(stale, GROUND)], GROUND)
    query = (
        "SELECT a.n, b.n FROM (SELECT count(*) AS n FROM trades) AS a"
        " CROSS JOIN (SELECT count(*) AS n FROM lmp_prices) AS b"
    )
    result = substitute(typed(query), index, GROUND, Terms("stale_tolerated", "exact", 300.0, now=NOW))
    assert result.rewritings
    assert all(len({scan.view for scan in made.scans}) == 1 for made in result.rewritings)
    for made in result.rewritings:
        assert (made.certificate.integrity == "stale_tolerated") == (not made.versions)
