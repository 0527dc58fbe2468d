"""SQL in policies: one clear fault for each kind of mistake, and identity bound as literals only."""

from __future__ import annotations

import pytest

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from catalog.types import BIGINT, VARCHAR, row
from policies.decisions import Subject
from policies.expressions import bind, check_columns, read_expression
from policies.faults import Origin, Unfit
from policies.first_sight import table_faults
from policies.row_filters import FilterRule
from rewrite_rules.analysis import analyze_expression
from tests.policies.sales import table

T = table("c.s.t", ("id", BIGINT), ("desk", VARCHAR), ("attrs", row(("ssn", VARCHAR), ("note", VARCHAR))))
NOBODY = Subject("u", frozenset())


def fault(sql: str) -> str:
    """Return what is wrong with a row filter over the table."""
    try:
        expression = read_expression(sql, parse_expression)
    except Unfit as unfit:
        return unfit.message
    rule = FilterRule("f", expression, None, Origin("p.yaml", "row_filters[0]", 1))
    faults = table_faults(T, [rule], [], {}, analyze_expression)
    return faults["f"].message


def test_six_kinds_of_bad_filter_have_six_messages() -> None:
    messages = [
        fault("desk = = 1"),
        fault("no_such = 1"),
        fault("id + 1"),
        fault("max(id) = 1"),
        fault("rank() OVER (ORDER BY id) = 1"),
        fault("grouping(id) = 1"),
    ]
    beginnings = [
        "not an SQL expression",
        "unknown column `no_such`",
        "a row filter must be a condition, but this one is of type bigint",
        "aggregate functions cannot stand in a policy: max",
        "window functions cannot stand in a policy",
        "grouping() cannot stand in a policy",
    ]
    assert all(message.startswith(begin) for message, begin in zip(messages, beginnings, strict=True)), messages


@pytest.mark.parametrize(
    "sql",
    [
        "EXISTS (SELECT 1 FROM orders)",
        "id IN (SELECT 1)",
        "id = (SELECT max(id) FROM t)",
        "count(*) FILTER (WHERE TRUE) = 1",
        "id < 1; DROP TABLE t",
        "current_timestamp > ts",
        "now() > ts",
        "random() < 0.5",
        "current_user = desk",
        "x -> x",
        "transform(ARRAY[1], x -> x) = ARRAY[1]",
        "*",
        "t.*",
        "?",
        "currentUser(1) = desk",
        "attr() = desk",
        "attr(desk) = desk",
        "attr('a', 'b') = desk",
        "lake.system.f(1) = 1",
    ],
)
def test_what_is_not_on_the_allow_list_is_refused(sql: str) -> None:
    with pytest.raises(Unfit):
        read_expression(sql, parse_expression)


WRITTEN = {
    "Desk = 'x'": "\"desk\" = 'x'",
    "attrs.note = 'x'": '("attrs")."note" = \'x\'',
    "id BETWEEN 1 AND 2 AND desk LIKE 'a%' ESCAPE '!'": ("\"id\" BETWEEN 1 AND 2 AND \"desk\" LIKE 'a%' ESCAPE '!'"),
    "desk IS NOT NULL OR NOT desk IN ('a', 'b')": "\"desk\" IS NOT NULL OR \"desk\" NOT IN ('a', 'b')",
    "CASE WHEN id > 1 THEN desk ELSE lower(desk) END = 'x'": (
        'CASE WHEN "id" > 1 THEN "desk" ELSE lower("desk") END = \'x\''
    ),
    "desk IS DISTINCT FROM currentUser()": "\"desk\" IS DISTINCT FROM 'u'",
    "TRUE": "TRUE",
}


@pytest.mark.parametrize(("sql", "text"), WRITTEN.items())
def test_names_are_folded_and_quoted(sql: str, text: str) -> None:
    expression = read_expression(sql, parse_expression)
    check_columns(expression, T)
    written = generate(bind(expression, NOBODY))
    assert written == text
    assert generate(parse_expression(written)) == text


@pytest.mark.parametrize("value", ["x", "o'neil", "x' OR '1'='1", "\\", "--", "*/", '"', "日本", "${x}", ""])
def test_an_attribute_is_one_literal_whatever_it_holds(value: str) -> None:
    expression = read_expression("desk = attr('desk')", parse_expression)
    bound = bind(expression, Subject("u", frozenset(), (("desk", value),)))
    again = parse_expression(generate(bound))
    assert again == bound
    assert again.expression.this == value


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "\x7f", "a\u2028b", "\u202e"])
def test_an_attribute_with_control_characters_is_refused(value: str) -> None:
    expression = read_expression("desk = attr('desk')", parse_expression)
    with pytest.raises(Unfit):
        bind(expression, Subject("u", frozenset(), (("desk", value),)))


def test_binding_leaves_the_policys_own_tree_alone() -> None:
    expression = read_expression("desk = attr('desk')", parse_expression)
    for desk in ("a", "b"):
        bound = bind(expression, Subject("u", frozenset(), (("desk", desk),)))
        assert generate(bound) == f"\"desk\" = '{desk}'"
    assert expression.attributes == {"desk"}
    assert expression.personal


def test_an_unknown_column_comes_with_the_nearest_known_one() -> None:
    with pytest.raises(Unfit) as unfit:
        check_columns(read_expression("dsk = 'x'", parse_expression), T)
    assert unfit.value.hint == "Did you mean `desk`?"
