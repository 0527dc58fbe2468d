"""Text is written from trees: checked, without side effects, with the user's names."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import ErrorCode, Refusal
from tests.texts import generate_checked

QUERY = (
    "WITH a AS (VALUES 1, 2) SELECT x, listagg(y) WITHIN GROUP (ORDER BY z DESC), m[1], CAST(q AS row(a int)) "
    "FROM a t (x) CROSS JOIN UNNEST(b) WITH ORDINALITY AS u (p, n) JOIN (VALUES 1) v (x) USING (x) "
    "WHERE d > DATE '2020-01-01' - INTERVAL '1' DAY GROUP BY 1 UNION ALL VALUES (1, 'a', 2, NULL) LIMIT 5"
)


def test_writing_leaves_the_tree_as_it_is() -> None:
    tree = parse_query(QUERY)
    before, shape = tree.copy(), repr(tree)
    first = generate(tree)
    assert tree == before
    assert repr(tree) == shape
    assert generate(tree) == first == generate_checked(tree)


def test_a_tree_made_by_hand_is_written_with_quoted_names_and_literals() -> None:
    tree = exp.select(exp.column("Order", table="t"), exp.Literal.string("it's")).from_(
        exp.alias_(exp.to_table("s.T"), "t", table=True)
    )
    assert generate_checked(tree) == """SELECT "t"."Order", 'it''s' FROM "s"."T" AS "t\""""


def test_names_cannot_break_out_of_their_quotes() -> None:
    name = 'x" FROM secret; --'
    tree = exp.select(exp.column(name)).from_(exp.to_table("t"))
    assert generate_checked(tree) == 'SELECT "x"" FROM secret; --" FROM "t"'


@pytest.mark.parametrize(
    "tree",
    [
        exp.select(exp.Anonymous(this="f(1), g", expressions=[])),
        exp.select(exp.And(this=exp.Or(this=exp.true(), expression=exp.false()), expression=exp.true())),
        exp.select(exp.Var(this="1 UNION SELECT 2")),
        exp.select(exp.Literal.number("1 FROM t")),
        exp.select(exp.Mul(this=exp.Add(this=exp.column("a"), expression=exp.column("b")), expression=exp.column("c"))),
        exp.select("a").from_(exp.Table(this=exp.Identifier(this="t"), hints=[exp.Var(this="NOLOCK")])),
        exp.select(exp.func("JSON_EXTRACT", exp.column("a"), exp.column("b"))).lock(),
    ],
    ids=lambda tree: tree.sql()[:40],
)
def test_a_tree_whose_text_means_something_else_never_leaves(tree: exp.Expr) -> None:
    with pytest.raises(Refusal) as refused:
        generate_checked(tree)
    assert refused.value.code is ErrorCode.GENERIC_INTERNAL_ERROR
    assert refused.value.text == "The rewritten query could not be verified"


def test_plain_calls_are_anonymous_with_name_and_arguments_as_written() -> None:
    tree = parse_expression("Date_Trunc(day, from_unixtime(x))")
    assert isinstance(tree, exp.Anonymous)
    assert tree.this == "Date_Trunc"
    assert [type(argument) for argument in tree.expressions] == [exp.Column, exp.Anonymous]


@pytest.mark.parametrize(
    ("sql", "node"),
    [
        ("CAST(a AS int)", exp.Cast),
        ("TRY_CAST(a AS int)", exp.TryCast),
        ("DATE '2020-01-01'", exp.Cast),
        ("if(a, b)", exp.If),
        ("CASE WHEN a THEN b END", exp.Case),
        ("EXTRACT(year FROM a)", exp.Extract),
        ("TRIM(BOTH 'a' FROM b)", exp.Trim),
        ("trim(a)", exp.Anonymous),
        ("substring(a FROM 1)", exp.Substring),
        ("substring(a, 1)", exp.Anonymous),
        ("POSITION('a' IN b)", exp.StrPosition),
        ("LISTAGG(a, ',') WITHIN GROUP (ORDER BY b)", exp.GroupConcat),
        ("json_value(a, 'lax $')", exp.JSONValue),
        ("json_query(a, 'lax $')", exp.JSONExtract),
        ("a AT TIME ZONE 'UTC'", exp.AtTimeZone),
        ("current_timestamp(3)", exp.CurrentTimestamp),
        ("coalesce(a, b)", exp.Anonymous),
        ("count(DISTINCT a)", exp.Anonymous),
        ("ROW(a)", exp.Anonymous),
        ("MAP(a, b)", exp.Anonymous),
        ("ARRAY[a]", exp.Array),
        ("a[1]", exp.Bracket),
    ],
)
def test_forms_with_a_syntax_of_their_own_have_their_own_nodes(sql: str, node: type[exp.Expr]) -> None:
    assert type(parse_expression(sql)) is node


def test_names_know_their_place_in_the_source() -> None:
    tree = parse_query("SELECT a,\n  t.bb\nFROM t")
    places = {name.name: (name.meta["line"], name.meta["col"]) for name in tree.find_all(exp.Identifier)}
    assert places == {"a": (1, 8), "bb": (2, 5), "t": (3, 6)}


def test_subscripts_count_from_one_in_every_dialect() -> None:
    tree = parse_expression("a[1]")
    assert generate(tree) == '"a"[1]'
    assert tree.sql("duckdb") == '"a"[1]'


def test_sqlglots_own_trino_dialect_leaves_calls_anonymous_too() -> None:
    from sqlglot import parse_one

    assert isinstance(parse_one("SELECT date_trunc('day', x)", dialect="trino").expressions[0], exp.Anonymous)
