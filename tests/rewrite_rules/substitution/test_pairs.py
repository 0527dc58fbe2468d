"""What the matcher makes of pairs of views and queries: texts as data, and both sides run on DuckDB."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.dialect.generate import generate
from catalog.materialized_views import Freshness, Watermark
from rewrite_rules.certificates import check
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Found, Ground, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.executing import Lake, bag
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, Policy, name, typed
from tests.rewrite_rules.substitution.random_views import Makers
from tests.rewrite_rules.substitution.views import view

PAIRS = yaml.safe_load(Path("tests/fixtures/substitution/pairs.yaml").read_text(encoding="utf-8"))
VERSIONS = dict.fromkeys(TABLES, "1")
GROUND = Ground(TABLES, replace(FACTS, versions=VERSIONS))
TERMS = Terms(min_grade="approximate")
FRESH = {name(f"clickhouse.views.{called}"): Freshness(VERSIONS) for called in PAIRS["views"]}

BOOKED = "FROM trades t JOIN books b ON t.book_id = b.book_id"


@pytest.fixture(scope="module")
def lake() -> Lake:
    """Hold rows of the ground's tables, and the views over them."""
    made, makers = Lake(TABLES), Makers(random.Random(3))
    rows = makers.rows()
    rows[name("lmp_prices")] = [makers.price() for _ in range(60)]
    rows[name("traders")] = [("ana", "ana@example", "gas", None)]
    rows[name("rt_feed")] = []
    rows[name("meter")] = [
        ("a", "g", 9, "NaN", "s", "1.50"),
        ("b", "g", 2, "-0.0", None, "2.25"),
        ("c", "g", 3, "0.0", "", None),
        ("d", "h", 4, "NaN", "t", "-7.00"),
        ("e", None, None, "-Infinity", "s", "0.10"),
        ("f", None, 7, "2.5", "u", None),
    ]
    rows[name("node_tags")] = [("n1", "wind"), ("n1", "coast"), ("n2", "wind")]
    for table, given in rows.items():
        made.fill(table, given)
    for called, sql in PAIRS["views"].items():
        each = view(sql, called=called)
        made.keep(each.table, typed(sql))
    return made


def found(pair: Mapping[str, Any]) -> Found:
    """Match a pair."""
    known = [view(PAIRS["views"][called], called=called) for called in pair["views"]]
    known = [replace(each, watermark=Watermark(VERSIONS, 0.0), freshness=Freshness(VERSIONS)) for each in known]
    return substitute(typed(pair["query"], policies=policies(pair)), index_of(known), GROUND, TERMS)


def index_of(known: list[Any]) -> ViewIndex:
    """Index views over the ground."""
    return ViewIndex([prepare(each, GROUND) for each in known], GROUND)


def policies(pair: Mapping[str, Any]) -> dict[str, Policy]:
    """Read the policies of a pair."""
    return {table: Policy(**given) for table, given in pair.get("policies", {}).items()}


@pytest.mark.parametrize(
    "pair", [each for each in PAIRS["pairs"] if "outer" in each], ids=lambda pair: str(pair["what"])
)
def test_a_query_is_answered_from_a_view_with_the_rows_of_the_base(pair: Mapping[str, Any], lake: Lake) -> None:
    rewriting = found(pair).rewritings[0]
    assert generate(rewriting.tree) == pair["outer"]
    assert [generate(scan.tree) for scan in rewriting.scans] == pair["scans"]
    assert rewriting.grade == pair["grade"]
    expected = bag(lake.rows(typed(pair["query"], policies=policies(pair))))
    assert bag(lake.rewritten(rewriting)) == expected
    doubts = check(rewriting.certificate, TABLES, facts=GROUND.facts, freshness=FRESH)
    assert (doubts == ()) == pair.get("believed", True)


@pytest.mark.parametrize(
    "pair", [each for each in PAIRS["pairs"] if "misses" in each], ids=lambda pair: str(pair["what"])
)
def test_a_view_that_does_not_answer_says_what_it_lacks(pair: Mapping[str, Any]) -> None:
    told = found(pair)
    assert not told.rewritings
    shown = [{"missing": each.missing, "text": each.text, "fix": each.fix} for each in told.misses]
    assert shown == [{"fix": "", **each} for each in pair["misses"]]


@pytest.mark.parametrize(
    ("asked", "fix"),
    [
        ("avg(mw) FILTER (WHERE node = 'A')", "add sum(mw) FILTER(WHERE node = 'A') and count(mw) FILTER(WHERE node = 'A') to the view's measures"),
        ("sum(DISTINCT mw)", "add mw to the view's keys"),
        ("count(DISTINCT node) FILTER (WHERE mw > 5)", "add node, mw to the view's keys"),
        ("max_by(node, mw) FILTER (WHERE loss > 0)", "add node, mw, loss to the view's keys"),
        ("stddev(mw)", "build a view of rows that shows mw"),
        ("array_agg(node)", "build a view of rows that shows node"),
        ("min(mw) FILTER (WHERE node = 'A')", "add min(mw) FILTER(WHERE node = 'A') to the view's measures"),
    ],
)  # fmt: skip
def test_a_miss_advises_what_helps(asked: str, fix: str) -> None:
    told = found({"views": ["hour"], "query": f"SELECT hub, {asked} AS a FROM lmp_prices GROUP BY hub"})
    assert fix in {each.fix for each in told.misses}


@pytest.mark.parametrize(("terms", "answered"), [(100, True), (302, False)])
def test_a_query_of_hundreds_of_conditions_is_answered_by_its_base_and_says_so(terms: int, answered: bool) -> None:
    condition = " AND ".join(f"hub <> 'h{number}'" for number in range(terms))
    told = found({"views": ["hour"], "query": f"SELECT hub, sum(lmp) FROM lmp_prices WHERE {condition} GROUP BY hub"})
    assert bool(told.rewritings) == answered
    texts = {each.text for each in told.misses}
    assert ("a query with more than 300 conditions is answered by a view of its very text alone" in texts) != answered


def test_a_certificate_is_believed_in_whatever_order_its_conditions_are_looked_at() -> None:
    for number in range(80):
        fixed = " AND ".join(f"iso = '{letter}{number}'" for letter in "ABCD")
        sql = f"SELECT iso, count(*) AS n FROM lmp_prices WHERE {fixed} GROUP BY iso"
        rewriting = found({"views": ["hour"], "query": sql}).rewritings[0]
        assert check(rewriting.certificate, TABLES, facts=GROUND.facts, freshness=FRESH) == ()


def test_a_join_by_casts_to_the_type_that_columns_have_is_a_join_by_the_columns() -> None:
    grouped = "SELECT hub, count(*) AS n FROM lmp_prices GROUP BY hub"
    sql = f"SELECT q.n, d.head FROM ({grouped}) q JOIN desks d ON CAST(q.hub AS varchar) = CAST(d.desk AS varchar)"
    rewriting = found({"views": ["hour"], "query": sql}).rewritings[0]
    assert check(rewriting.certificate, TABLES, facts=GROUND.facts, freshness=FRESH) == ()


def test_a_query_may_count_rows_of_tables_that_are_under_no_view() -> None:
    prices = Ground({name("lmp_prices"): TABLES[name("lmp_prices")]}, GROUND.facts)
    given = view(PAIRS["views"]["hour"], called="hour")
    index = ViewIndex([prepare(replace(given, freshness=Freshness(VERSIONS)), prices)], prices)
    sql = "SELECT p.hub, count(d.desk) AS n FROM lmp_prices p JOIN desks d ON d.desk = p.hub GROUP BY p.hub"
    assert len(substitute(typed(sql), index, GROUND, TERMS).rewritings) == 1


@pytest.mark.parametrize(
    ("called", "query"),
    [
        ("flat", "SELECT node, iso FROM lmp_prices"),
        ("flat", "SELECT node, lmp FROM lmp_prices ORDER BY iso, lmp LIMIT 100"),
        ("flat", "SELECT node, count_if(iso IS NULL) AS n, count_if(iso = 'A') AS a FROM lmp_prices GROUP BY node"),
        ("flat", "SELECT iso, sum(mw) AS s FROM lmp_prices GROUP BY iso"),
        ("flat", "SELECT node, max(lmp) AS m FROM lmp_prices GROUP BY node, iso HAVING iso <> 'A' OR iso IS NULL"),
        ("west", f"SELECT t.node, count_if(b.region IS NULL) AS n {BOOKED} GROUP BY t.node"),
        ("west", f"SELECT t.node, b.region, t.qty {BOOKED}"),
        ("west", f"SELECT t.node, sum(t.qty) AS q {BOOKED} GROUP BY t.node, coalesce(b.region, 'none')"),
        ("west", f"SELECT t.node, sum(t.qty) AS q {BOOKED} WHERE b.region = 'WEST' GROUP BY t.node, b.region"),
        ("fixed", "SELECT hub, count(iso) AS n, count('A') AS a FROM lmp_prices GROUP BY hub"),
        ("fixed", "SELECT hub, iso, sum(mw) AS s FROM lmp_prices GROUP BY hub, iso"),
        ("fixed", "SELECT hub, coalesce(iso, 'none') AS i, count(*) AS n FROM lmp_prices GROUP BY 1, 2"),
        ("fixed", "SELECT hub, min(iso) AS least, count_if(iso = 'A') AS n FROM lmp_prices GROUP BY hub"),
        ("fixed", "SELECT hub, sum(mw) AS s FROM lmp_prices GROUP BY hub, iso HAVING iso <> 'A' ORDER BY iso, hub"),
    ],
)
def test_what_a_views_rows_share_is_not_said_of_those_that_the_base_adds(called: str, query: str, lake: Lake) -> None:
    expected = bag(lake.rows(typed(query)))
    for rewriting in found({"views": [called], "query": query}).rewritings:
        assert bag(lake.rewritten(rewriting)) == expected, generate(rewriting.tree)
        assert check(rewriting.certificate, TABLES, facts=GROUND.facts, freshness=FRESH) == ()
