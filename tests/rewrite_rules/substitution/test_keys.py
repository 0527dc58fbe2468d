"""Keys see through spelling, and through nothing else."""

from __future__ import annotations

import pytest
from sqlglot import exp

from rewrite_rules.substitution.flatten import flatten
from rewrite_rules.substitution.keys import key
from tests.rewrite_rules.substitution.ground import GROUND, typed

SAME = [
    ("qty > 5", "5 < qty"),
    ("qty >= 5", "5 <= qty"),
    ("NOT (qty > 5)", "qty <= 5"),
    ("NOT NOT (qty > 5)", "(qty > 5)"),
    ("qty = 5", "5 = qty"),
    ("NOT (qty = 5)", "qty <> 5"),
    ("qty BETWEEN 1 AND 5", "5 >= qty AND qty >= 1"),
    ("qty NOT BETWEEN 1 AND 5", "qty < 1 OR qty > 5"),
    ("qty IN (1, 2)", "qty = 2 OR qty = 1"),
    ("qty IN (2, 1, 2)", "qty IN (1, 2)"),
    ("status IN ('DONE', 'X')", "status = 'X' OR 'DONE' = status"),
    ("price IN (1, 2.50)", "2.50 = price OR price = 1"),
    ("qty NOT IN (1, 2)", "qty <> 2 AND qty <> 1"),
    ("side = 'BUY' AND qty > 1", "(qty > 1) AND (side = 'BUY') AND (1 < qty)"),
    ("NOT (side = 'BUY' AND qty > 1)", "qty <= 1 OR side <> 'BUY'"),
    ("qty IS NOT NULL", "NOT (qty IS NULL)"),
    ("qty IS DISTINCT FROM book_id", "NOT (book_id IS NOT DISTINCT FROM qty)"),
    ("qty + book_id", "book_id + qty"),
    ("2 * qty", "(qty) * 2"),
    ("date(trade_ts)", "CAST(trade_ts AS date)"),
    ("date_trunc('hour', trade_ts)", "DATE_TRUNC('HOUR', trade_ts)"),
    ("year(trade_ts)", "EXTRACT(YEAR FROM trade_ts)"),
    ("day_of_week(trade_ts)", "EXTRACT(DOW FROM trade_ts)"),
    ("IF(side = 'BUY', qty)", "CASE WHEN side = 'BUY' THEN qty ELSE NULL END"),
    ("CASE side WHEN 'BUY' THEN 1 ELSE 2 END", "CASE WHEN side = 'BUY' THEN 1 ELSE 2 END"),
    ("desk || '/' || side", "concat(desk, '/', side)"),
    ("CAST(qty AS bigint)", "qty"),
    ("trade_ts > TIMESTAMP '2024-03-09 00:00:00'", "TIMESTAMP '2024-3-9 0:00:00' < trade_ts"),
    ("qty > -5", "qty > (-5)"),
    ("substr(desk, 1, 2)", "substring(desk, 1, 2)"),
    ("TRUE AND qty > 1", "qty > 1"),
    ("price > 1.50", "price > 01.50"),
    ("qty > 1e1", "qty > 1.0E1"),
    ("qty > 9007199254740993e0", "qty > 9007199254740992e0"),
]
AGGREGATES_SAME = [
    ("count(*)", "count(1)"),
    ("count_if(side = 'BUY')", "count(*) FILTER (WHERE 'BUY' = side)"),
    ("max(DISTINCT qty)", "max(qty)"),
    ("arbitrary(qty)", "any_value(qty)"),
    ("bool_and(qty > 1)", "every(1 < qty)"),
]
DIFFERENT = [
    ("qty > 5", "qty >= 5"),
    ("qty > 5", "qty > 5.0"),
    ("qty > 5", "NOT (qty <= 5) AND qty > 4"),
    ("d > 123456789012345678901234567890123456.78", "d > 123456789012345678901234567890123456.79"),
    ("qty > 9007199254740993", "qty > 9007199254740992"),
    ("qty - book_id", "book_id - qty"),
    ("qty / 2", "2 / qty"),
    ("status = 'DONE'", "status = 'done'"),
    ("qty = 5", "qty IS NOT DISTINCT FROM 5"),
    ("CAST(price AS double)", "TRY_CAST(price AS double)"),
    ("CAST(price AS double)", "CAST(price AS real)"),
    ("date_trunc('hour', trade_ts)", "date_trunc('day', trade_ts)"),
    ("desk LIKE 'a%'", "desk LIKE 'A%'"),
    ("coalesce(desk, side)", "coalesce(side, desk)"),
    ("IF(side = 'BUY', qty)", "IF(side = 'BUY', qty, 0)"),
]
AGGREGATES_DIFFERENT = [
    ("count(qty)", "count(*)"),
    ("count(DISTINCT qty)", "count(qty)"),
    ("sum(DISTINCT qty)", "sum(qty)"),
    ("sum(qty)", "sum(qty) FILTER (WHERE qty > 1)"),
    ("count(NULL)", "count(*)"),
    ("approx_percentile(qty, 0.5)", "approx_percentile(qty, 0.95)"),
    ("array_agg(qty ORDER BY qty)", "array_agg(qty ORDER BY qty DESC)"),
]
VOLATILE = [
    "random() > 0.5",
    "now()",
    "uuid()",
    "current_date",
    "localtimestamp",
    "current_user",
    "shuffle(ARRAY[qty])",
]


def keys(first: str, second: str, table: str = "trades") -> tuple[object, object]:
    table = "meter" if first.startswith("d >") else table
    block = flatten(typed(f"SELECT {first}, {second} FROM {table}"), GROUND)
    assert block.odd is None
    return key(block.outputs[0].value), key(block.outputs[1].value)


@pytest.mark.parametrize(("first", "second"), [*SAME, *AGGREGATES_SAME])
def test_two_spellings_of_one_value_have_one_key(first: str, second: str) -> None:
    one, other = keys(first, second)
    assert one == other


@pytest.mark.parametrize(("first", "second"), [*DIFFERENT, *AGGREGATES_DIFFERENT])
def test_what_may_differ_has_two_keys(first: str, second: str) -> None:
    one, other = keys(first, second)
    assert one != other


def test_not_before_a_comparison_of_doubles_stays_for_nan_is_not_ordered() -> None:
    one, other = keys("NOT (x > 5e0)", "x <= 5e0", "meter")
    assert one != other
    one, other = keys("NOT (x BETWEEN 1e0 AND 5e0)", "x < 1e0 OR x > 5e0", "meter")
    assert one != other
    one, other = keys("x = 0e0", "x = -0e0", "meter")
    assert one != other
    one, other = keys("NOT (x = 5e0)", "x <> 5e0", "meter")
    assert one == other


@pytest.mark.parametrize("text", VOLATILE)
def test_what_is_new_each_time_equals_nothing_not_even_itself(text: str) -> None:
    one, other = keys(text, text)
    assert one != other
    wrapped, again = keys(f"coalesce({text}, NULL)", f"coalesce({text}, NULL)")
    assert wrapped != again


def test_a_list_of_several_types_is_compared_in_one_type_and_so_kept_together() -> None:
    one, other = keys("qty IN (1, 2.5e0)", "qty = 1 OR qty = 2.5e0")
    assert one != other


def test_equal_subqueries_have_one_key_whatever_their_relations_are_called() -> None:
    one, other = keys(
        "EXISTS (SELECT 1 FROM node_tags g WHERE g.node = trades.node)",
        "EXISTS (SELECT tag FROM node_tags AS t0 WHERE trades.node = t0.node)",
    )
    assert one == other
    one, other = keys(
        "book_id IN (SELECT book_id FROM books WHERE region = 'WEST')",
        "book_id IN (SELECT b.book_id FROM books b WHERE 'WEST' = b.region)",
    )
    assert one == other


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "EXISTS (SELECT 1 FROM node_tags g WHERE g.node = trades.node)",
            "EXISTS (SELECT 1 FROM node_tags g WHERE g.node = trades.desk)",
        ),
        (
            "book_id IN (SELECT book_id FROM books WHERE region = 'WEST')",
            "book_id IN (SELECT book_id FROM books WHERE region = 'EAST')",
        ),
        ("(SELECT max(qty) FROM trades x)", "(SELECT max(qty) FROM trades x WHERE x.desk = trades.desk)"),
        ("(SELECT count(*) FROM books)", "(SELECT count(*) FROM desks)"),
    ],
)
def test_subqueries_that_may_differ_have_two_keys(first: str, second: str) -> None:
    one, other = keys(first, second)
    assert one != other


def test_a_subquery_whose_outer_columns_were_replaced_by_other_columns_has_another_key() -> None:
    block = flatten(typed("SELECT EXISTS (SELECT 1 FROM node_tags g WHERE g.node = t.node) AS e FROM trades t"), GROUND)
    value = block.outputs[0].value
    before = key(value)
    column = next(node for node in value.find_all(exp.Column) if node.table == "t0")
    column.set("table", exp.Identifier(this="t7", quoted=True))
    assert key(value) != before
    column.replace(exp.Literal.string("x"))
    assert key(value) != key(value), "what is no column any more fills no hole"
