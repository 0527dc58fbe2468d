"""Constants that could fail are computed once, in front; those known to succeed stay where an engine can use them."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.errors import Refusal
from rewrite_rules.settle_constants import hold_back_constants, settle_conditions
from tests.rewrite_rules.test_early_failures import analyzed
from tests.texts import generate_checked

HELD = "(SELECT CASE WHEN random() >= 0E0 THEN "
SURE = [
    "order_id = 5 AND region = 'EU' AND 1 = 1",
    "order_id = -5 + 2 * 3 AND amount > 1.5 + 2",
    "ts > TIMESTAMP '2026-01-01 00:00:00' AND CAST(ts AS date) = DATE '2026-02-28'",
    "ts > current_date - INTERVAL '7' DAY AND ts <= now() + INTERVAL '1' HOUR",
    "ts > date_add('day', -7, current_date) AND ts < date_trunc('month', current_date) - INTERVAL '1' MONTH",
    "CAST('5' AS bigint) = order_id AND CAST('1.5' AS decimal(4, 2)) = amount",
    "region = 'a' || 'b' AND region LIKE '%x' AND lower('EU') = region",
    "CAST(amount AS decimal(4, 2)) > 0 AND CAST(region AS varchar(3)) = 'EU' AND extract(year FROM ts) = 2026",
    "CAST(region AS char(3)) LIKE 'E%' ESCAPE '#' AND trim(BOTH 'x' FROM region) = 'EU' AND attrs.note = 'a'",
    "random() < 0.5 AND TRY_CAST('x' AS bigint) IS NULL",
    "ts > TIMESTAMP '2026-01-01 00:00:00' AT TIME ZONE 'Europe/Berlin'",
    "ts >= TIMESTAMP '2026-01-01 00:00:00 UTC' AND ts < TIMESTAMP '2026-02-01 00:00:00.123 +05:30'",
    "ts >= TIMESTAMP '2026-01-01' AND ts < TIMESTAMP '2026-02-01 06:00' + INTERVAL '1' DAY",
    "ts >= TIMESTAMP '2026-03-29 01:59:59 Europe/Berlin' AND ts < CAST('2026-10-25 02:30 Europe/Berlin' AS timestamp(3) with time zone)",
    "order_id IN (SELECT order_id FROM orders WHERE amount > 5)",
]
UNSURE = [
    "order_id IN (1 / 0)",
    "order_id NOT IN (1 / 0)",
    "1 / 0 = 1",
    "order_id = 1 / 2",
    "order_id = 9223372036854775807 + 1",
    "order_id = 2147483647 + 1",
    "amount = 99999999999999999 * 99999999999999999.5",
    "CAST('x' AS bigint) = 1",
    "CAST('300' AS tinyint) = 1",
    "CAST('123.45' AS decimal(4, 2)) = amount",
    "CAST('2026-02-30' AS date) = current_date",
    "ts > current_date + INTERVAL '99999' YEAR",
    "ts > date_add('hour', 1, current_date)",
    "ts > CAST('2026-03-29 02:30:00 Europe/Berlin' AS timestamp(0) with time zone)",
    "ts > CAST('2026-01-01 00:00:00 Factory' AS timestamp(0) with time zone)",
    "ts > CAST('2026-01-01 00:00:00 UTC' AS timestamp(0))",
    "ts > CAST('2026-01-01 24:00:00' AS timestamp(0))",
    "ts > CAST('2026-01-01.5' AS timestamp(1))",
    "ts AT TIME ZONE 'Factory' > current_timestamp OR current_timestamp AT TIME ZONE 'Factory' > now()",
    "ts > date_add('day', 10001, current_date)",
    "ts > from_iso8601_timestamp('2026')",
    "ts > current_timestamp AT TIME ZONE 'Mars/Olympus'",
    "regexp_like('x', '(')",
    "CASE WHEN amount > 1000 THEN 1 / 0 ELSE 1 END = 1",
    "any_match(ARRAY[0], x -> 1 / x = 1)",
    "order_id BETWEEN 1 / 0 AND 5",
    "1 / (SELECT 0) = 1",
]


def settled(condition: str) -> str:
    tree = analyzed(f"SELECT order_id FROM orders WHERE {condition}")
    settle_conditions(tree)
    return generate_checked(tree)


@pytest.mark.parametrize("condition", SURE)
def test_a_constant_that_succeeds_stays_where_it_is(condition: str) -> None:
    assert "CASE" not in settled(condition)


def test_a_lambda_over_a_column_is_no_constant_though_its_parameter_is_one_of_its_own() -> None:
    assert "CASE" not in settled("any_match(ARRAY[0], x -> 1 / (x + order_id) = 1)")


@pytest.mark.parametrize("condition", UNSURE)
def test_a_constant_that_could_fail_is_computed_once(condition: str) -> None:
    assert settled(condition).count(HELD) == 1


def test_the_largest_constant_is_computed_and_branches_of_a_case_stay_branches() -> None:
    text = settled("CASE order_id WHEN 1 / 0 THEN region ELSE 'x' END = 'a' AND 2 * (1 / 0) = 1")
    assert HELD + "1 / 0 END)" in text
    assert HELD + "2 * (1 / 0) = 1 END)" in text


def test_what_is_random_and_could_fail_is_refused() -> None:
    with pytest.raises(Refusal, match="random"):
        settled("CAST(random() * 10 AS bigint) = 3")


def test_constants_of_inner_queries_stay_behind_their_filters() -> None:
    tree = analyzed(
        "SELECT 1 / 0, 7 FROM (SELECT 0 AS z, 1 / 0 AS d, order_id FROM orders) v, (VALUES (0, 'a'), (1 / 0, 'b')) w(x, y) "
        "WHERE EXISTS (SELECT 1 FROM orders)"
    )
    settle_conditions(tree)
    text = generate_checked(tree)
    assert text.count("CASE WHEN random() >= 0E0 THEN 1 / 0 END") == 2, "the outermost select list is not touched"
    hold_back_constants(tree)
    assert generate_checked(tree).count("CASE WHEN random() >= 0E0 THEN 0 END") == 2
    compared = analyzed("SELECT order_id FROM orders WHERE order_id = SOME (VALUES 1, 2) OR order_id IN (SELECT 5)")
    hold_back_constants(compared)
    assert "CASE" not in generate_checked(compared)
    (exists,) = tree.find_all(exp.Exists)
    assert "CASE" not in exists.sql()
