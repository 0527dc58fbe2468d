"""The canonical form: what is written out, what stays closed, and what has none."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlglot import exp

from catalog.objects import Column, Table, View
from catalog.types import parse_type
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.flatten import fingerprint, flatten, read
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.nullability import not_null
from tests.rewrite_rules.substitution.ground import GROUND, TABLES, Policy, name, typed


def flat(sql: str, **policies: Policy) -> Block:
    block = flatten(typed(sql, policies=policies), GROUND)
    assert block.odd is None, block.odd
    return block


def odd(sql: str) -> str:
    found = flatten(typed(sql), GROUND).odd
    assert found is not None
    return found


def texts(nodes: object) -> list[str]:
    assert isinstance(nodes, tuple)
    return [(each if isinstance(each, exp.Expr) else each.value).sql("trino").replace('"', "") for each in nodes]


def tables(block: Block) -> list[tuple[str, str, str]]:
    return [(each.alias, each.table.table if each.table else "-", each.join) for each in block.occurrences]


def outputs(block: Block) -> Mapping[str, str]:
    return {each.name: each.value.sql("trino").replace('"', "") for each in block.outputs}


def test_a_row_filter_is_a_condition_of_policy_and_a_mask_is_written_out() -> None:
    policy = Policy("desk = 'gas'", masks={"trader": "substr(trader, 1, 1) || '*'"}, deny=("price",))
    block = flat("SELECT trader, qty FROM trades WHERE trader = 'a*' AND qty > 1", trades=policy)
    assert [(text, each.policed) for text, each in zip(texts(block.conditions), block.conditions, strict=True)] == [
        ("t0.desk = 'gas'", True),
        ("(SUBSTR(t0.trader, 1, 1) || '*') = 'a*'", False),
        ("t0.qty > 1", False),
    ]
    assert outputs(block) == {"trader": "(SUBSTR(t0.trader, 1, 1) || '*')", "qty": "t0.qty"}
    leaf = block.occurrences[0].leaf
    assert isinstance(leaf, exp.Subquery), "a part over the base reads the barrier as it is"
    assert "price" not in leaf.sql("trino")


def test_what_a_mask_says_is_marked_and_what_the_caller_says_is_not() -> None:
    policy = Policy(masks={"trader": "CASE WHEN desk = 'gas' THEN trader ELSE '***' END"})
    block = flat(
        "SELECT lower(trader) AS m, lower(side) AS s FROM trades WHERE trader > 'a' AND side > 'b'", trades=policy
    )
    values = [output.value for output in block.outputs] + [condition.value for condition in block.conditions]
    assert [any(node.meta.get("policed") for node in value.walk()) for value in values] == [True, False, True, False]


BUYS = Table(
    name("buys"),
    (Column("desk", parse_type("varchar")), Column("qty", parse_type("bigint"))),
    engine="lake",
    kind="view",
    view=View("SELECT desk, -qty AS qty FROM trades WHERE side = 'BUY'", "lake", "grid"),
)


def test_a_view_of_the_catalog_is_written_out_and_only_what_policy_says_of_it_is_of_policy() -> None:
    tables = {**TABLES, BUYS.name: BUYS}
    plain = flatten(typed("SELECT qty FROM buys WHERE qty < 0", tables), GROUND)
    assert outputs(plain) == {"qty": "CAST((-t0.qty) AS BIGINT)"}
    assert [(text, each.policed) for text, each in zip(texts(plain.conditions), plain.conditions, strict=True)] == [
        ("t0.side = 'BUY'", False),
        ("CAST((-t0.qty) AS BIGINT) < 0", False),
    ]
    leaf = plain.occurrences[0].leaf
    assert leaf is not None
    assert "side" in leaf.sql("trino"), "the barrier of the table, which shows the table's columns"
    policy = {"buys": Policy("desk = 'gas'"), "trades": Policy("qty > 1")}
    filtered = flatten(typed("SELECT qty FROM buys WHERE qty < 0", tables, policies=policy), GROUND)
    assert [each.policed for each in filtered.conditions] == [True, False, True, False]
    assert filtered.occurrences[0].leaf is None, "no barrier of a table holds the filter of the view"
    masked = flatten(typed("SELECT qty FROM buys", tables, policies={"buys": Policy(masks={"desk": "'x'"})}), GROUND)
    assert masked.occurrences[0].leaf is None


def test_two_uses_of_one_table_are_two_occurrences() -> None:
    block = flat("SELECT a.qty FROM trades a, trades b WHERE a.node = b.node")
    assert tables(block) == [("t0", "trades", "inner"), ("t1", "trades", "inner")]
    assert texts(block.conditions) == ["t0.node = t1.node"]


def test_a_common_table_expression_used_twice_is_written_out_twice() -> None:
    block = flat(
        "WITH x AS (SELECT node AS n, qty FROM trades WHERE side = 'BUY') SELECT a.qty FROM x a JOIN x b USING (n)"
    )
    assert tables(block) == [("t0", "trades", "inner"), ("t1", "trades", "inner")]
    assert texts(block.conditions) == ["t0.side = 'BUY'", "t1.side = 'BUY'", "t0.node = t1.node"]


def test_a_common_table_expression_may_have_the_name_of_its_table() -> None:
    block = flat("WITH trades AS (SELECT * FROM trades WHERE side = 'BUY') SELECT desk FROM trades")
    assert tables(block) == [("t0", "trades", "inner")]
    assert texts(block.conditions) == ["t0.side = 'BUY'"]


def test_an_alias_that_is_also_a_column_hides_nothing() -> None:
    block = flat("SELECT -max(lmp) AS lmp, iso FROM lmp_prices GROUP BY iso HAVING max(lmp) > 50 ORDER BY lmp")
    assert outputs(block) == {"lmp": "-MAX(t0.lmp)", "iso": "t0.iso"}
    assert texts(block.having) == ["MAX(t0.lmp) > 50"]


def test_names_of_a_derived_table_and_its_column_list_are_gone() -> None:
    block = flat("SELECT y + 1 AS z FROM (SELECT qty * 2 FROM trades WHERE qty > 0) AS d(y) WHERE y < 9")
    assert outputs(block) == {"z": "(t0.qty * 2) + 1"}
    assert texts(block.conditions) == ["t0.qty > 0", "(t0.qty * 2) < 9"]


def test_group_keys_may_be_counted_off_repeated_and_spelled_otherwise() -> None:
    block = flat("SELECT date(ts) AS d, iso, count(*) FROM lmp_prices GROUP BY 1, 2, CAST(ts AS date), (iso)")
    assert texts(block.keys) == ["DATE(t0.ts)", "t0.iso"]
    assert list(outputs(block)) == ["d", "iso", "_col2"]


def test_an_aggregate_without_group_by_is_one_group_and_a_plain_query_is_none() -> None:
    assert flat("SELECT count(*) FROM trades").keys == ()
    assert flat("SELECT 1 AS one FROM trades HAVING count(*) > 1").keys == ()
    assert flat("SELECT qty FROM trades").keys is None
    assert flat("SELECT DISTINCT desk FROM trades").distinct


def test_stars_show_what_trino_shows_also_behind_using() -> None:
    assert list(outputs(flat("SELECT * FROM trades JOIN books USING (book_id)")))[:2] == ["book_id", "trade_id"]
    assert list(outputs(flat("SELECT b.* FROM trades t JOIN books b ON t.book_id = b.book_id"))) == [
        *("book_id", "book", "region")
    ]


def test_what_groups_stays_closed_for_the_query_around_it() -> None:
    block = flat(
        "SELECT x.desk, b.book FROM (SELECT desk, max(book_id) AS m FROM trades GROUP BY desk) x JOIN books b ON b.book_id = m"
    )
    assert tables(block) == [("t0", "-", "inner"), ("t1", "books", "inner")]
    assert [each for each, _ in block.occurrences[0].columns] == ["desk", "m"]
    assert texts(block.conditions) == ["t1.book_id = t0.m"]


def test_limits_and_windows_stand_on_top_and_close_a_derived_table() -> None:
    assert flat("SELECT qty FROM trades ORDER BY qty LIMIT 3").top == "LIMIT"
    assert flat("SELECT desk, sum(sum(qty)) OVER () FROM trades GROUP BY desk").top == "a window function"
    assert flat("SELECT qty FROM trades ORDER BY qty LIMIT ALL").top is None
    assert tables(flat("SELECT qty FROM (SELECT qty FROM trades LIMIT 3) x")) == [("t0", "-", "inner")]
    assert tables(flat("SELECT r FROM (SELECT rank() OVER (ORDER BY qty) AS r FROM trades) x")) == [
        ("t0", "-", "inner")
    ]


def test_a_condition_within_the_extended_side_of_a_left_join_belongs_to_the_join() -> None:
    block = flat(
        "SELECT t.qty, d.head FROM trades t LEFT JOIN (SELECT * FROM desks WHERE region = 'EAST') d ON t.desk = d.desk"
    )
    assert tables(block) == [("t0", "trades", "inner"), ("t1", "desks", "left")]
    assert texts(block.occurrences[1].on) == ["t0.desk = t1.desk", "t1.region = 'EAST'"]
    assert block.conditions == ()


def test_a_right_join_is_a_left_join_the_other_way_round() -> None:
    block = flat("SELECT * FROM desks d RIGHT JOIN trades t ON t.desk = d.desk WHERE t.qty > 1")
    assert tables(block) == [("t1", "trades", "inner"), ("t0", "desks", "left")]
    assert next(iter(outputs(block))) == "desk", "the order of columns stays"


def test_a_value_that_is_there_without_a_partner_keeps_its_join_from_being_written_out() -> None:
    constant = "SELECT t.qty, d.k FROM trades t LEFT JOIN (SELECT desk, 'x' AS k FROM desks) d ON t.desk = d.desk"
    assert "outer join" in odd(constant)
    masked = typed(
        "SELECT t.qty, r.email FROM trades t LEFT JOIN traders r ON t.trader = r.trader",
        policies={"traders": Policy(masks={"email": "'MASKED'"})},
    )
    assert flatten(masked, GROUND).odd is not None
    strict = "SELECT t.qty, d.k FROM trades t LEFT JOIN (SELECT book_id, -book_id AS k FROM books) d ON t.book_id = d.book_id"
    assert outputs(flat(strict))["k"] == "(-t1.book_id)"


def test_filters_before_a_full_join_are_never_carried_behind_it() -> None:
    for sql in (
        "SELECT 1 AS x FROM (SELECT * FROM trades WHERE side = 'BUY') w FULL JOIN desks d ON w.desk = d.desk",
        "SELECT 1 AS x FROM trades t JOIN books b ON t.book_id = b.book_id FULL JOIN desks d ON t.desk = d.desk",
        "SELECT 1 AS x FROM books b, trades t FULL JOIN desks d ON t.desk = d.desk",
    ):
        assert "full join" in odd(sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT count(*) FROM trades TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE"),
        ("SELECT desk FROM trades UNION SELECT desk FROM desks", "set operation"),
        ("SELECT desk, count(*) FROM trades GROUP BY ROLLUP (desk)", "grouping"),
        ("SELECT t.qty, l.x FROM trades t CROSS JOIN LATERAL (SELECT t.qty + 1 AS x) l", "LATERAL"),
        ("SELECT u.x FROM trades CROSS JOIN UNNEST(ARRAY[1]) WITH ORDINALITY AS u(x, n)", "ORDINALITY"),
    ],
)
def test_a_query_without_a_canonical_form_says_why(sql: str, reason: str) -> None:
    assert reason in odd(sql)


def test_values_and_unnest_are_occurrences_without_a_table() -> None:
    block = flat("SELECT iso, x.k FROM lmp_prices CROSS JOIN (VALUES 'a', 'b') AS x(k)")
    assert tables(block) == [("t0", "lmp_prices", "inner"), ("t1", "-", "inner")]
    assert outputs(block)["k"] == "t1.k"
    block = flat("SELECT u.part FROM traders CROSS JOIN UNNEST(split(email, '@')) AS u(part)")
    leaf = block.occurrences[1].leaf
    assert leaf is not None
    assert '"t0"."email"' in leaf.sql("trino"), "it reads the occurrences before it"


def test_an_inner_select_that_names_an_outer_column_has_no_form_of_its_own() -> None:
    tree = typed("SELECT 1 AS x FROM trades t WHERE EXISTS (SELECT 1 FROM node_tags g WHERE g.node = t.node)")
    inner = tree.find(exp.Exists)
    assert inner is not None
    assert "around" in str(flatten(inner.this, GROUND).odd)


def test_a_select_within_a_larger_tree_sees_the_common_table_expressions_around_it() -> None:
    tree = typed(
        "WITH a AS (SELECT * FROM trades WHERE qty > 1), b AS (SELECT * FROM a WHERE side = 'BUY') "
        "SELECT * FROM (SELECT desk, count(*) AS n FROM b GROUP BY desk) x"
    )
    inner = tree.find(exp.From).this.this  # type: ignore[union-attr]  # there is one
    block = flatten(inner, GROUND)
    assert texts(block.conditions) == ["t0.qty > 1", "t0.side = 'BUY'"]


def test_time_travel_is_a_version_of_the_occurrence() -> None:
    now, then = flat("SELECT qty FROM trades"), flat("SELECT qty FROM trades FOR VERSION AS OF 5")
    assert now.occurrences[0].version is None
    assert then.occurrences[0].version is not None


def test_long_chains_are_read_and_what_is_too_deep_has_no_form() -> None:
    long = flat("SELECT desk FROM trades WHERE " + " OR ".join(f"qty = {n} AND desk = 'd{n}'" for n in range(500)))
    assert len(long.conditions) == 1
    assert key(long.conditions[0].value) == key(long.conditions[0].value)
    union = " UNION ALL ".join(f"SELECT desk FROM trades WHERE qty = {n}" for n in range(60))
    turned = " UNION ALL ".join(f"SELECT desk FROM trades WHERE {n} = qty" for n in reversed(range(60)))
    assert fingerprint(typed(union), GROUND) == fingerprint(typed(turned), GROUND)
    for sums in (["qty"] * 200, ["qty"] * 700):
        block, text = read(typed(f"SELECT {' + '.join(sums)} AS q FROM trades"), GROUND)
        assert block.odd is None or "deep" in block.odd
        assert isinstance(text, tuple) or text != fingerprint(typed("SELECT qty FROM trades"), GROUND)


def test_the_given_tree_stays_as_it_is() -> None:
    tree = typed(
        "WITH x AS (SELECT * FROM trades WHERE qty > 1) SELECT desk, count(*) FROM x GROUP BY 1 HAVING count(*) > 1"
    )
    before = repr(tree)
    flatten(tree, GROUND)
    assert repr(tree) == before


def test_a_column_is_never_null_where_the_catalog_says_so_and_no_outer_join_extends_it() -> None:
    block = flat(
        "SELECT t.side, t.desk, d.region, length(t.side) AS n, coalesce(t.desk, '-') AS c, "
        "substr(t.side, 2) AS s, replace(t.side, t.desk, '') AS r "
        "FROM trades t LEFT JOIN desks d ON t.desk = d.desk"
    )
    found = {output.name: not_null(output.value, block, GROUND) for output in block.outputs}
    assert found == {"side": True, "desk": False, "region": False, "n": True, "c": True, "s": True, "r": False}
    full = flat("SELECT t.side, d.region FROM trades t FULL JOIN desks d ON t.desk = d.desk")
    assert not any(not_null(output.value, full, GROUND) for output in full.outputs)


def test_columns_in_sight_are_told_by_the_number_of_their_relation() -> None:
    block = flat("SELECT x.q FROM (SELECT qty * 2 AS q FROM trades) x ORDER BY x.q")
    column = next(node for node in block.select.find_all(exp.Column) if node.name == "q")  # type: ignore[union-attr]  # the block was read from a query
    resolved = column.meta["resolved"]
    assert block.fields[(resolved.relation_id, "q")].sql("trino") == '"t0"."qty" * 2'
