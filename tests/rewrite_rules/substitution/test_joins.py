"""A view's joins within a query's: what is proved, what is not, and that what is proved keeps every row."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest
from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.materialized_views import Integrity
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.embeddings import Embedding
from rewrite_rules.substitution.flatten import flatten
from rewrite_rules.substitution.joins import embed
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.rebuilt import as_select
from rewrite_rules.substitution.spelling import copied
from tests.rewrite_rules.substitution.ground import GROUND, TABLES, typed

TRADE_BOOK = "SELECT t.*, b.* FROM trades t JOIN books b ON t.book_id = b.book_id"
LEFT_DESK = "SELECT t.*, d.* FROM trades t LEFT JOIN desks d ON t.desk = d.desk"
PAIRS = "SELECT b.*, s.* FROM trades b JOIN trades s ON b.node = s.node WHERE b.side = 'BUY' AND s.side = 'SELL'"
PRICES = "SELECT p.*, m.* FROM lmp_prices p JOIN iso_node_mapping m ON p.iso = m.iso AND p.node = m.node"
SNOWFLAKE = (
    "SELECT t.*, r.*, d.* FROM trades t JOIN traders r ON t.trader = r.trader LEFT JOIN desks d ON r.desk = d.desk"
)
FULL = "SELECT t.*, d.* FROM trades t FULL JOIN desks d ON t.desk = d.desk"


def block(sql: str) -> Block:
    found = flatten(typed(sql), GROUND)
    assert found.odd is None, found.odd
    return found


def ways(query: str, view: str, integrity: Integrity = "enforced") -> tuple[Embedding, ...]:
    return embed(block(query), block(view), GROUND, integrity)


# (query, view): there is a proved embedding whose requirements are among the query's conditions.
EMBEDDED = [
    ("SELECT trade_id, qty FROM trades WHERE side = 'BUY'", "SELECT * FROM trades"),
    (
        "SELECT x.trade_id, y.book FROM trades AS x, books AS y WHERE x.book_id = y.book_id AND y.region = 'W'",
        TRADE_BOOK,
    ),
    ("SELECT y.book FROM books y JOIN trades x ON y.book_id = x.book_id", TRADE_BOOK),
    ("SELECT trade_id, qty FROM trades", TRADE_BOOK),
    ("SELECT trade_id, book_id FROM trades WHERE qty > 1", TRADE_BOOK),
    ("SELECT trade_id, qty FROM trades", LEFT_DESK),
    ("SELECT t.trade_id, d.head FROM trades t LEFT JOIN desks d ON d.desk = t.desk WHERE d.region = 'E'", LEFT_DESK),
    ("SELECT t.trade_id, d.head FROM trades t JOIN desks d ON t.desk = d.desk", LEFT_DESK),
    (
        "SELECT x.trade_id, y.trade_id FROM trades x JOIN trades y ON x.node = y.node WHERE x.side = 'SELL' AND y.side = 'BUY'",
        PAIRS,
    ),
    ("SELECT trade_id FROM trades", SNOWFLAKE),
    ("SELECT t.trade_id, r.email FROM trades t JOIN traders r ON t.trader = r.trader", SNOWFLAKE),
    ("SELECT t.qty, d.region FROM trades t JOIN desks d ON t.desk = d.desk", "SELECT * FROM trades"),
    (
        "SELECT t.qty, g.tag, b.book FROM trades t JOIN books b ON t.book_id = b.book_id JOIN node_tags g ON g.node = t.node",
        TRADE_BOOK,
    ),
    ("SELECT t.qty, d.head FROM trades t LEFT JOIN desks d ON t.desk = d.desk AND t.qty > 1", "SELECT * FROM trades"),
    ("SELECT t.qty FROM trades t LEFT JOIN desks d ON t.desk = d.desk WHERE d.desk IS NULL", "SELECT * FROM trades"),
    (
        "SELECT t.qty, g.tag, b.book FROM trades t LEFT JOIN node_tags g ON g.node = t.node JOIN books b ON t.book_id = b.book_id",
        TRADE_BOOK,
    ),
    ("SELECT t.trade_id, d.region FROM trades t FULL JOIN desks d ON t.desk = d.desk WHERE t.qty > 1", FULL),
    (
        "SELECT a.qty, b.qty FROM trades a JOIN trades b ON a.node = b.node WHERE a.side = 'BUY'",
        "SELECT * FROM trades WHERE side = 'BUY'",
    ),
]
# (query, view): the view has not the rows, or has them another number of times.
REFUSED = [
    ("SELECT iso, lmp FROM lmp_prices", PRICES),  # a price without a node has no partner
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t JOIN desks d ON t.desk = d.desk"),  # a declared key only
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t JOIN counterparties c ON t.cpty_id = c.cpty_id"),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t LEFT JOIN counterparties c ON t.cpty_id = c.cpty_id"),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t JOIN books b ON t.book_id = b.book_id WHERE b.region = 'W'"),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t JOIN books b ON t.book_id >= b.book_id"),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t CROSS JOIN books b"),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t JOIN books b ON t.book_id = b.book_id AND t.node = b.book"),
    ("SELECT book FROM books", TRADE_BOOK),
    ("SELECT trade_id FROM trades", "SELECT t.* FROM trades t LEFT JOIN desks d ON t.desk = d.region"),
    ("SELECT trade_id FROM trades", f"{LEFT_DESK} WHERE d.region = 'E'"),
    ("SELECT t.trade_id, d.region FROM trades t LEFT JOIN desks d ON t.desk = d.desk", "SELECT t.*, d.* FROM trades t JOIN desks d ON t.desk = d.desk"),
    ("SELECT t.trade_id FROM trades t LEFT JOIN desks d ON t.desk = d.desk AND d.region = 'E'", LEFT_DESK.replace("d.desk", "d.head")),
    ("SELECT t.trade_id, d.region FROM desks d LEFT JOIN trades t ON t.desk = d.desk", LEFT_DESK),
    ("SELECT t.trade_id, d.region FROM trades t FULL JOIN desks d ON t.desk = d.desk", LEFT_DESK),
    ("SELECT t.trade_id, d.region FROM trades t LEFT JOIN desks d ON t.desk = d.desk", FULL),
    ("SELECT t.trade_id FROM trades t JOIN desks d ON t.desk = d.desk", FULL),
    ("SELECT trade_id FROM trades", FULL),
    ("SELECT t.qty, d.head FROM trades t FULL JOIN desks d ON t.desk = d.desk", "SELECT * FROM trades"),
    ("SELECT t.qty, d.head FROM desks d LEFT JOIN trades t ON t.desk = d.desk", "SELECT * FROM trades"),
    ("SELECT trade_id FROM trades FOR VERSION AS OF 3", "SELECT * FROM trades"),
    ("SELECT trade_id FROM trades FOR VERSION AS OF 3", TRADE_BOOK),
    ("SELECT region FROM desks", "SELECT * FROM trades"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "view"), REFUSED)
def test_a_view_with_other_rows_is_not_embedded(query: str, view: str) -> None:
    assert ways(query, view) == ()


def test_declared_facts_count_for_those_who_trust_them_only() -> None:
    query, view = "SELECT trade_id FROM trades WHERE desk IS NOT NULL", LEFT_DESK.replace("LEFT JOIN", "JOIN")
    asked, shown = block(query), block(view)
    for integrity in ("enforced", "stale_tolerated"):
        assert embed(asked, shown, GROUND, integrity, lambda _: True) == ()
    (way,) = embed(asked, shown, GROUND, "trusted", lambda _: True)
    assert {fact.status for fact in way.facts} == {"verified", "declared"}
    assert ways(query, view, "trusted") == (), "a desk that is NULL has no partner"


def test_a_condition_on_a_dropped_join_never_disappears() -> None:
    (way,) = ways("SELECT trade_id FROM trades WHERE qty > 1", TRADE_BOOK)
    assert (way.required, [each.alias for each in way.dropped]) == ((), ["t1"])
    assert [proof.condition for proof in way.proofs] == [1, 1]


def test_columns_of_a_dropped_join_stand_for_those_that_they_are_equal_to() -> None:
    view = block(
        "SELECT b.book_id AS k, b.region AS r, b.book_id + t.qty AS s FROM trades t JOIN books b ON t.book_id = b.book_id"
    )
    (way,) = embed(block("SELECT book_id FROM trades"), view, GROUND, "enforced")
    found = [way.over_query(output.value) for output in view.outputs]
    assert [each.sql("trino") if each is not None else None for each in found] == [
        '"t0"."book_id"',
        None,
        '"t0"."book_id" + "t0"."qty"',
    ]


def test_a_dropped_join_that_stands_first_takes_no_column_of_the_query_with_it() -> None:
    view = block(
        "SELECT r.email AS e, t.side AS s, count(*) AS n FROM traders r JOIN trades t ON t.trader = r.trader GROUP BY 1, 2"
    )
    (way,) = embed(block("SELECT side FROM trades"), view, GROUND, "enforced")
    assert dict(way.mapping) == {"t1": "t0"}
    found = [way.over_query(output.value) for output in view.outputs]
    assert [each.sql("trino") if each is not None else None for each in found] == [None, '"t0"."side"', "COUNT(*)"]


def test_rows_without_a_partner_must_go_where_the_query_joins_inner() -> None:
    (way,) = [w for w in ways("SELECT d.head FROM trades t JOIN desks d ON t.desk = d.desk", LEFT_DESK) if w.extended]
    assert [(each.alias, [c.name for c in each.columns]) for each in way.extended] == [("t1", ["desk", "region"])]
    assert [each.sql("trino") for each in way.required] == ['"t0"."desk" = "t1"."desk"']


def test_a_join_on_more_requires_more_than_the_query_says() -> None:
    view = "SELECT p.*, m.* FROM lmp_prices p JOIN iso_node_mapping m ON p.iso = m.iso AND p.node = m.node AND p.hub = m.hub_id"
    query = block(PRICES)
    (way,) = [w for w in embed(query, block(view), GROUND, "enforced") if not w.remaining]
    said = {key(each.value) for each in query.conditions}
    assert [each.sql("trino") for each in way.required if key(each) not in said] == ['"t0"."hub" = "t1"."hub_id"']


def test_every_way_to_lay_a_self_join_is_tried_and_the_fitting_one_comes_first() -> None:
    query = "SELECT x.qty FROM trades x JOIN trades y ON x.node = y.node WHERE x.side = 'SELL' AND y.side = 'BUY'"
    found = ways(query, PAIRS)
    assert [dict(each.mapping) for each in found] == [{"t0": "t1", "t1": "t0"}, {"t0": "t0", "t1": "t1"}]


def make(rng: random.Random) -> Iterator[str]:
    """Yield statements that make the tables, with rows that keep to the verified facts and break the declared ones."""
    maybe = lambda values: "NULL" if rng.random() < 0.2 else repr(rng.choice(values))  # noqa: E731  (short)
    nodes, desks = ["N1", "N2", "N3"], ["gas", "power", "wind"]
    rows: dict[str, list[str]] = {
        "books": [f"({k}, 'B{k}', {maybe(['W', 'E'])})" for k in range(1, 5)],
        "desks": [f"('{d}', '{rng.choice('WE')}', {maybe(['hal'])})" for d in desks[:2]],
        "traders": [f"('t{k}', {maybe(['a@b'])}, {maybe(desks)}, NULL)" for k in range(3)],
        "node_tags": [f"('{rng.choice(nodes)}', {maybe(['x', 'y'])})" for _ in range(4)],
        "counterparties": [f"({rng.randint(1, 2)}, 'C', NULL)" for _ in range(3)],
        "iso_node_mapping": [f"('I', '{n}', 'H', 'Z')" for n in nodes],
    }
    rows["trades"] = [
        f"({k}, {maybe(desks)}, 't{rng.randint(0, 2)}', {rng.randint(1, 3)}, {maybe([1, 2, 3])}, {maybe(nodes)}, "
        f"'{rng.choice(['BUY', 'SELL'])}', {maybe([0, 1, 5])}, NULL, '2024-01-01', {maybe(['DONE'])})"
        for k in range(rng.choice([0, 3, 9]))
    ]
    rows["lmp_prices"] = [f"('I', {maybe(nodes)}, 'H', '2024-01-01', 1, 1, 1, 1)" for _ in range(4)]
    for full, described in TABLES.items():
        columns = ", ".join(f'"{c.name}" {str(c.type).replace("timestamp(6)", "timestamp")}' for c in described.columns)
        yield f"CREATE OR REPLACE TABLE lake.grid.{full.table} ({columns})"
        if rows.get(full.table):
            yield f"INSERT INTO lake.grid.{full.table} VALUES {', '.join(rows[full.table])}"


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("ATTACH ':memory:' AS lake")
        connection.execute("CREATE SCHEMA lake.grid")
        yield connection


def over_view(query: Block, view: Block, way: Embedding) -> str:
    """Write the query over the view's joins: their rows under the query's conditions, joined to what remains."""
    columns = [
        f'"{ours}"."{column.name}" AS "{theirs}.{column.name}"'
        for ours, theirs in way.mapping.items()
        for column in TABLES[next(o.table for o in view.occurrences if o.alias == ours)].columns  # type: ignore[index]  # occurrences of tables only
    ]
    bare = generate(as_select(replace(view, outputs=view.outputs[:1])))
    inside = f"SELECT {', '.join(columns)} FROM {bare.partition(' FROM ')[2]}"
    mapped = set(way.mapping.values())
    outer = as_select(
        replace(
            query,
            occurrences=(view.occurrences[0], *(_over(each, mapped) for each in way.remaining)),
            outputs=tuple(replace(o, value=lifted(o.value, mapped)) for o in query.outputs),
            conditions=tuple(replace(c, value=lifted(c.value, mapped)) for c in query.conditions),
        )
    )
    for each in way.extended:
        outer = outer.where(
            exp.Not(this=exp.Is(this=lifted(each.columns[0], mapped), expression=exp.Null())), copy=False
        )
    view_rows = exp.Table(this=exp.Identifier(this="v", quoted=True))
    outer.set("from_", exp.From(this=view_rows))
    return f'WITH "v" AS ({inside}) {generate(outer)}'


def _over(occurrence: Occurrence, mapped: set[str]) -> Occurrence:
    return replace(occurrence, on=tuple(lifted(each, mapped) for each in occurrence.on))


def lifted(node: exp.Expr, mapped: set[str]) -> exp.Expr:
    twin = copied(node)
    for column in twin.find_all(exp.Column):
        if column.table in mapped:
            column.set("this", exp.Identifier(this=f"{column.table}.{column.name}", quoted=True))
            column.set("table", exp.Identifier(this="v", quoted=True))
    return twin


@pytest.mark.parametrize(("query", "view"), EMBEDDED)
def test_an_embedded_view_gives_every_row_as_often(lake: duckdb.DuckDBPyConnection, query: str, view: str) -> None:
    asked, shown = block(query), block(view)
    said = {key(each.value) for each in asked.conditions}
    proved = [way for way in embed(asked, shown, GROUND, "enforced") if {key(each) for each in way.required} <= said]
    assert proved
    rng = random.Random(query + view)
    for _ in range(2):
        for statement in make(rng):
            lake.execute(statement)
        expected = Counter(lake.execute(generate(as_select(asked))).fetchall())
        for way in proved:
            assert Counter(lake.execute(over_view(asked, shown, way)).fetchall()) == expected, way
