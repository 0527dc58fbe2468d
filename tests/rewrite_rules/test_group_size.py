"""Tables that may be read in aggregates only; the pairs are data in tests/fixtures/rewrite_rules/group_size.sql."""

from __future__ import annotations

import re

import duckdb
import pytest

from catalog.dialect.fixpoint import write_and_read
from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR, map_of
from policies.decisions import Action, TableDecision
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.expand_views import expand_views
from rewrite_rules.govern import govern
from rewrite_rules.group_size import require_groups
from rewrite_rules.resolve import resolve
from rewrite_rules.verify import verify
from tests.policies.asking import caller, load
from tests.policies.sales import FIXTURES, table

TABLES = {
    t.name: t
    for t in (
        table(
            "c.s.staff",
            *zip(
                ("id", "name", "team", "wage", "tags"),
                (BIGINT, VARCHAR, VARCHAR, BIGINT, map_of(VARCHAR, VARCHAR)),
                strict=True,
            ),
        ),
        table("c.s.pay", ("id", BIGINT), ("bonus", BIGINT)),
        table("c.s.teams", ("team", VARCHAR), ("site", VARCHAR)),
        table(
            "c.s.by_team",
            ("team", VARCHAR),
            ("n", BIGINT),
            view="SELECT team, count(*) AS n FROM c.s.staff GROUP BY team",
        ),
        table("c.s.names", ("name", VARCHAR), view="SELECT name FROM c.s.staff"),
    )
}
POLICIES = load("""
grants: [{roles: [reader], assets: c.s.*, allow: [read]}]
row_filters: [{roles: [reader], table: c.s.pay, filter: bonus > 0}]
aggregate_only:
  - {roles: [reader], table: c.s.staff, min_group_size: 3}
  - {groups: [risk], table: c.s.staff, min_group_size: 100}
  - {roles: [reader], table: c.s.pay, min_group_size: 4}
""")
"""Who is in no group `risk` has the smaller size."""
EQUAL = POLICIES.decide(caller("reader"), Action.SELECT, TABLES[TableName("c", "s", "staff")])


def decided(sql: str) -> tuple[str, dict[TableName, TableDecision]]:
    """Return the governed text of a query, verified, and the decisions that it rests on."""
    resolved = expand_views(resolve(parse_query(sql), "c", "s"), TABLES)
    decisions = {name: POLICIES.decide(caller("reader"), Action.SELECT, TABLES[name]) for name in resolved.reads}
    analyze(resolved.tree, AnalysisContext(catalog="c", schema="s", tables=TABLES))
    require_groups(resolved.tree, decisions, TABLES)
    text, again = write_and_read(govern(resolved.tree, decisions, TABLES).tree)
    verify(again, decisions, TABLES)
    return text, decisions


def pairs() -> list[tuple[str, str, str, str]]:
    blocks = (FIXTURES / "rewrite_rules" / "group_size.sql").read_text("utf-8").split("\n\n")
    macros = dict(re.findall(r"^# define (\w+): (.*)$", blocks[0], re.M))
    found = []
    for block in blocks[1:]:
        notes = dict(re.findall(r"^# (\w+): (.*)$", block, re.M))
        statements = [line.removesuffix(";") for line in block.splitlines() if line and not line.startswith("#")]
        after = statements[1] if len(statements) > 1 else ""
        for name, text in macros.items():
            after = after.replace(f"{{{name}}}", text)
        found.append((notes["title"], statements[0], after, notes.get("refused", "")))
    return found


@pytest.mark.parametrize(("before", "after", "refused"), [pair[1:] for pair in pairs()], ids=[p[0] for p in pairs()])
def test_pair(before: str, after: str, refused: str) -> None:
    if not refused:
        assert decided(before)[0] == after
        return
    with pytest.raises(Refusal) as caught:
        decided(before)
    assert refused in caught.value.text
    assert caught.value.code is ErrorCode.PERMISSION_DENIED


def test_the_largest_size_that_names_a_reader_holds() -> None:
    staff = TABLES[TableName("c", "s", "staff")]
    both = caller("reader", groups=("risk",))
    assert POLICIES.decide(both, Action.SELECT, staff).min_group == 100
    assert EQUAL.min_group == 3
    assert EQUAL.policed
    assert not POLICIES.decide(caller("reader"), Action.UPDATE, staff).allowed


JOINED = "SELECT t.site, avg(s.wage) FROM staff s JOIN teams t ON s.team = t.team GROUP BY t.site"


@pytest.mark.parametrize(
    ("sql", "part", "instead"),
    [
        ("SELECT team, avg(wage) FROM staff GROUP BY team", " HAVING count(*) >= 3", ""),
        ("SELECT team, avg(wage) FROM staff GROUP BY team", "count(*) >= 3", "count(*) >= 2"),
        ("SELECT team, avg(wage) FROM staff GROUP BY team", "count(*) >= 3", "(count(*) >= 3 OR TRUE)"),
        ("SELECT team, avg(wage) FROM staff GROUP BY team", "avg(", "max("),
        ("SELECT team, avg(wage) FROM staff GROUP BY team", 'GROUP BY "team"', 'GROUP BY ROLLUP ("team")'),
        ("SELECT count(*) FROM staff", "SELECT count(*) FROM", "SELECT (SELECT 1), count(*) FROM"),
        (JOINED, " >= 3", " >= 1"),
        (JOINED, 'count(*) = count(DISTINCT row("s"."id", "s"."name", "s"."team", "s"."wage")) AND ', ""),
        (JOINED, '"s"."id", ', ""),
    ],
)
def test_the_second_walk_refuses_what_is_not_held_to_its_size(sql: str, part: str, instead: str) -> None:
    text, decisions = decided(sql)
    assert part in text
    with pytest.raises(Refusal, match="safety check"):
        verify(parse_query(text.replace(part, instead)), decisions, TABLES)


def test_groups_hold_what_they_promise_on_rows() -> None:
    """On DuckDB, whose text is close enough to Trino's here: sizes, copies of a row and weights by a join."""
    lake = duckdb.connect()
    lake.execute("ATTACH ':memory:' AS c; CREATE SCHEMA c.s")
    lake.execute(
        "CREATE TABLE c.s.staff AS SELECT * FROM (VALUES (1, 'Al', 'A', 10, MAP {'a': 'b'}), (2, 'Bo', 'A', 20, MAP {'a': 'b'}), "
        "(3, 'Cy', 'A', 30, MAP {'a': 'b'}), (4, 'Di', 'B', 40, MAP {'a': 'b'}), (5, 'Ed', 'B', 50, MAP {'a': 'b'})) v (id, name, team, wage, tags)"
    )
    lake.execute(
        "CREATE TABLE c.s.teams AS SELECT * FROM (VALUES ('A', 'N'), ('B', 'S'), ('B', 'S'), ('B', 'S')) v (team, site)"
    )

    def rows(sql: str) -> list[tuple[object, ...]]:
        return lake.execute(decided(sql)[0]).fetchall()

    assert rows("SELECT team, avg(wage) FROM staff GROUP BY team") == [("A", 20.0)]
    assert rows("SELECT count(*) FROM staff WHERE team = 'B'") == []
    assert rows("SELECT count(*) FROM staff") == [(5,)]
    assert rows(JOINED) == [("N", 20.0)], "B has two people, shown three times each"
    assert rows("SELECT sum(wage) FROM staff s JOIN teams t ON s.team = t.team") == [], "some rows would weigh more"
