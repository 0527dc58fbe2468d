"""A query of any shape whose tables all have a view that holds them whole is read from those views alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from catalog.materialized_views import Change, Freshness, MaterializedView, Watermark
from rewrite_rules.certificates import check
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Rewriting, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.executing import Lake, bag
from tests.rewrite_rules.substitution.ground import FACTS, TABLES, Policy, name, typed
from tests.rewrite_rules.substitution.random_views import Makers
from tests.rewrite_rules.substitution.views import view

VERSIONS = dict.fromkeys(TABLES, "7")
GROUND = Ground(TABLES, replace(FACTS, versions=VERSIONS))
COPIED = {table: f"SELECT * FROM {table}" for table in ("trades", "books", "desks")}
POLICIES = {
    "trades": Policy(row_filter="side <> 'sell'", masks={"trader": "upper(trader)"}),
    "books": Policy(deny=("region",)),
}
ASKED = {
    "joined": "SELECT b.book, t.qty FROM trades t JOIN books b ON t.book_id = b.book_id WHERE t.qty > 3",
    "totals of several levels": "SELECT desk, side, sum(qty) AS s FROM trades GROUP BY ROLLUP (desk, side)",
    "ranked": "SELECT trade_id, rank() OVER (PARTITION BY desk ORDER BY qty, trade_id) AS r FROM trades",
    "compared with its like": (
        "SELECT trade_id FROM trades t WHERE qty > (SELECT avg(qty) FROM trades o WHERE o.desk = t.desk)"
    ),
    "named and read twice": (
        "WITH d AS (SELECT desk, count(*) AS n FROM trades GROUP BY desk) SELECT a.desk, b.n FROM d a, d b WHERE a.n = b.n"
    ),
    "united": "SELECT desk FROM trades EXCEPT SELECT desk FROM desks",
    "outside": "SELECT b.book, t.trade_id FROM trades t FULL JOIN books b ON t.book_id = b.book_id AND t.qty > 1",
    "no column asked for": "SELECT count(*) AS n FROM trades, books",
}


@pytest.fixture(scope="module")
def lake() -> Lake:
    """Hold rows of the tables, and their copies."""
    made, makers = Lake(TABLES), Makers(random.Random(5))
    for table, given in makers.rows().items():
        made.fill(table, given)
    for each in copies():
        made.keep(each.table, typed(each.definition.sql))
    return made


def copies(**others: str) -> list[MaterializedView]:
    """Return views that hold tables whole, some by another definition."""
    known = [view(sql, called=f"all_{table}") for table, sql in {**COPIED, **others}.items()]
    return [replace(each, watermark=Watermark(VERSIONS, 0.0), freshness=Freshness(VERSIONS)) for each in known]


def whole(
    sql: str, known: Sequence[MaterializedView], policies: Mapping[str, Policy] | None = None, grade: str = "exact"
) -> Rewriting | None:
    """Return how a query is read from views alone, each holding its table."""
    index = ViewIndex([prepare(each, GROUND) for each in known], GROUND)
    found = substitute(typed(sql, policies=policies), index, GROUND, Terms(min_grade=grade), enough=1)  # type: ignore[arg-type]  # a grade's name
    return next((each for each in found.rewritings if not each.base_tables), None)


@pytest.mark.parametrize("policies", [{}, POLICIES], ids=["seen whole", "policed"])
@pytest.mark.parametrize("asked", ASKED)
def test_a_query_over_copied_tables_is_read_from_the_copies_with_the_same_rows(
    asked: str, policies: dict[str, Policy], lake: Lake
) -> None:
    made = whole(ASKED[asked], copies(), policies)
    assert made is not None
    fresh = {each.name: each.freshness for each in copies() if each.freshness is not None}
    assert check(made.certificate, TABLES, facts=GROUND.facts, freshness=fresh) == ()
    assert bag(lake.rewritten(made)) == bag(lake.rows(typed(ASKED[asked], policies=policies)))


def test_rows_of_copies_are_carried_nowhere() -> None:
    made = whole(ASKED["joined"], copies())
    assert made is not None
    assert made.whole


def test_a_query_over_a_table_without_a_copy_reads_the_base() -> None:
    assert whole("SELECT t.qty FROM trades t JOIN counterparties c ON t.cpty_id = c.cpty_id", copies()) is None


@pytest.mark.parametrize(
    "definition",
    ["SELECT * FROM books WHERE region = 'east'", "SELECT DISTINCT book, region, book_id FROM books LIMIT 9"],
)
def test_a_view_of_some_rows_is_no_copy(definition: str) -> None:
    assert whole(ASKED["outside"], copies(books=definition)) is None


def test_a_copy_whose_base_moved_is_not_read() -> None:
    moved = Freshness(VERSIONS, changes=(Change(name("trades"), unknown="its history was cut off"),))
    known = [replace(each, freshness=moved) if each.name.table == "all_trades" else each for each in copies()]
    assert whole(ASKED["ranked"], known) is None


def test_sums_of_doubles_over_copies_are_not_promised_to_the_last_bit() -> None:
    sql = "SELECT desk, side, sum(CAST(qty AS double)) AS s FROM trades GROUP BY CUBE (desk, side)"
    assert whole(sql, copies()) is None
    made = whole(sql, copies(), grade="float")
    assert made is not None
    assert made.grade == "float"
