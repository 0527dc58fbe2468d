"""What the analysis writes into the tree and reports of a query."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.allowed import _ARGUMENTS as ALLOWED
from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.types import BIGINT, INTEGER, TrinoType
from rewrite_rules.analysis import AnalysisContext, OutputName, ResolvedColumn, analyze
from rewrite_rules.analysis.analyze import _HANDLERS as HANDLERS
from tests.rewrite_rules.analysis.conftest import T, U, analyzed, table


def _resolved(tree: exp.Expression, name: str) -> list[ResolvedColumn]:
    found = [node.meta["resolved"] for node in tree.find_all(exp.Column) if node.name.lower() == name]
    assert all(isinstance(one, ResolvedColumn) for one in found)
    return found


def test_columns_know_their_table_and_relations_are_told_apart() -> None:
    tree, _ = analyzed("select x.a, y.a from t x, t y")
    first, second = sorted(_resolved(tree, "a"), key=lambda one: one.relation_id)
    assert first.table == second.table == T.name
    assert first.relation_id != second.relation_id
    numbers = {node.alias: node.meta["relation_id"] for node in tree.find_all(exp.Table)}
    assert {first.relation_id, second.relation_id} == set(numbers.values())


def test_columns_of_subqueries_belong_to_no_table() -> None:
    tree, _ = analyzed("select z.q from (select a q from t) z")
    (outer,) = _resolved(tree, "q")
    assert (outer.table, outer.column) == (None, "q")


def test_references_to_an_enclosing_query_are_outer() -> None:
    tree, _ = analyzed("select a from t where exists (select 1 from u where u.d = t.b)")
    (inner,) = _resolved(tree, "d")
    (outer,) = _resolved(tree, "b")
    assert (inner.outer, outer.outer) == (False, True)


def test_row_fields_are_told_apart_from_qualifiers() -> None:
    tree, _ = analyzed("select r.f, t.r.G from t")
    assert [(one.column, one.fields) for one in (*_resolved(tree, "f"), *_resolved(tree, "g"))] == [
        ("r", ("f",)),
        ("r", ("G",)),
    ]


def test_order_by_says_which_names_are_result_columns() -> None:
    tree, _ = analyzed("select a x, b from t order by x, t.b, c")
    order = [item.this.meta["resolved"] for item in tree.args["order"].expressions]
    assert [(one.output, one.table) for one in order] == [(True, None), (False, T.name), (False, T.name)]
    assert order[0].relation_id == tree.meta["relation_id"]


def test_every_expression_has_a_type() -> None:
    tree, _ = analyzed(
        "select upper(c) || 'x', a + 1.5, case when b > 1 then a end, (select max(d) from u), transform(array[a], "
        "x -> x * 2), sum(a) over (partition by c order by b) from t where not (a in (1, 2) or c like 'x%')"
    )
    kinds = (exp.Binary, exp.Literal, exp.Column, exp.Anonymous, exp.Case, exp.Window, exp.Subquery, exp.Not, exp.In)
    untyped = [
        node
        for node in tree.find_all(*kinds)
        if "type" not in node.meta and not isinstance(node, exp.Dot) and not isinstance(node.parent, exp.Lambda)
    ]
    assert untyped == []
    assert all(isinstance(node.meta.get("type", INTEGER), TrinoType) for node in tree.walk())


def test_analyzing_again_replaces_what_was_there() -> None:
    tree, first = analyzed("select a, sum(b) s from t group by a order by s")
    wider = table("t", a="bigint", b="double", c="varchar(1)", r="row(f integer)")
    second = analyze(tree, AnalysisContext(tables={wider.name: wider}))
    assert [str(column.type) for column in first.columns] == ["integer", "bigint"]
    assert [str(column.type) for column in second.columns] == ["bigint", "double"]


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("select a from t", {"t": ("a",)}),
        ("select count(*) from t", {"t": ()}),
        ("select * from t", {"t": ("a", "b", "c", "r")}),
        ("select r.f from t where c = 'x' order by b", {"t": ("b", "c", "r")}),
        ("select 1 from t join u using (a)", {"t": ("a",), "u": ("a",)}),
        ("select 1 from t join u on t.b = u.d", {"t": ("b",), "u": ("d",)}),
        ("with q as (select a, b from t) select a from q", {"t": ("a", "b")}),
        ("select (select max(d) from u where u.a = t.b) from t", {"t": ("b",), "u": ("a", "d")}),
        ("select t.r.* from t", {"t": ("r",)}),
        ("select x from t cross join unnest(array[b]) z(x)", {"t": ("b",)}),
        ("select a from t union select d from u", {"t": ("a",), "u": ("d",)}),
        ("select 1", {}),
    ],
)
def test_columns_read_are_those_referred_to(sql: str, read: dict[str, tuple[str, ...]]) -> None:
    _, analysis = analyzed(sql)
    assert dict(analysis.columns_read) == {TableName("memory", "default", name): cols for name, cols in read.items()}


@pytest.mark.parametrize(
    ("sql", "volatile"),
    [
        ("select a from t", False),
        ("select random() from t", True),
        ("select now()", True),
        ("select current_date", True),
        ("select current_timestamp(6)", True),
        ("select current_user", True),
        ("select a from t where exists (select uuid())", True),
        ("select a from t tablesample bernoulli (10)", True),
        ("select transform(array[1], x -> x + random(3))", True),
    ],
)
def test_answers_that_may_change_are_called_volatile(sql: str, volatile: bool) -> None:
    assert analyzed(sql)[1].volatile is volatile


def test_a_withheld_column_and_an_unknown_one_give_one_answer() -> None:
    granted = table("t", a="integer")
    texts = []
    for name in ("b", "x"):
        with pytest.raises(Refusal) as caught:
            analyzed(f"select {name} from t", tables={granted.name: granted})
        texts.append((caught.value.code, caught.value.text.replace(f"'{name}'", "'?'")))
    assert texts[0] == texts[1] == (ErrorCode.COLUMN_NOT_FOUND, "line 1:8: Column '?' cannot be resolved")
    assert analyzed("select * from t", tables={granted.name: granted})[1].columns == (OutputName("a", INTEGER),)


def test_a_withheld_column_may_be_the_name_of_something_else_in_sight() -> None:
    granted = {T.name: table("t", a="integer"), U.name: U}
    _, analysis = analyzed("select d from t, u", tables=granted)
    assert analysis.columns == (OutputName("d", INTEGER),)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("name", ['"$path"', 't."$row_id"', '"$partition"'])
def test_hidden_columns_are_never_found(name: str, strict: bool) -> None:
    with pytest.raises(Refusal) as caught:
        analyzed(f"select {name} from t", strict=strict)
    assert caught.value.code is ErrorCode.COLUMN_NOT_FOUND


def test_a_table_outside_the_context_does_not_exist() -> None:
    with pytest.raises(Refusal) as caught:
        analyzed("select * from nosuch")
    assert caught.value.code is ErrorCode.TABLE_NOT_FOUND


def test_parameters_are_open_for_an_engine_and_refused_where_types_are_needed() -> None:
    _, analysis = analyzed(
        "select ?, a + ?, a = ?, coalesce(?, a), upper(?), length(?) from t where b > ?", strict=False
    )
    assert [column.type for column in analysis.columns][:2] == [None, None]
    assert [str(column.type) for column in analysis.columns[2:]] == ["boolean", "None", "None", "bigint"]
    with pytest.raises(Refusal) as caught:
        analyzed("select a + ? from t")
    assert caught.value.code is ErrorCode.NOT_SUPPORTED


def test_names_are_resolved_also_where_types_are_open() -> None:
    for sql in ("select upper(?) || zz from t", "select transform(?, x -> x + zz) from t", "select f(zz, ?) from t"):
        with pytest.raises(Refusal) as caught:
            analyzed(sql, strict=False)
        assert caught.value.code in (ErrorCode.COLUMN_NOT_FOUND, ErrorCode.FUNCTION_NOT_FOUND)


def test_an_open_relation_leaves_names_to_the_engine_but_not_hidden_ones() -> None:
    _, analysis = analyzed("select x, a from t cross join unnest(?)", strict=False)
    assert analysis.columns == (OutputName("x", None), OutputName("a", INTEGER))
    assert not analyzed("select * from unnest(?)", strict=False)[1].complete
    with pytest.raises(Refusal):
        analyzed('select "$path" from t cross join unnest(?)', strict=False)


@pytest.mark.parametrize(
    "sql",
    [
        "select " + "+".join(["1"] * 5000),
        "select " + " || ".join(["'a'"] * 5000),
        "select 1 where " + " and ".join(["true"] * 5000),
        " union all ".join(["select 1"] * 2000),
        "select " + "(" * 90 + "select 1" + ")" * 90,
        "select " + "abs(" * 95 + "1" + ")" * 95,
    ],
    ids=["sum", "concatenation", "and", "union", "subqueries", "calls"],
)
def test_long_and_deep_queries_are_analyzed_without_deep_recursion(sql: str) -> None:
    assert len(analyzed(sql)[1].columns) == 1


def test_a_tree_too_deep_to_walk_is_refused() -> None:
    node: exp.Expression = exp.Literal.number(1)
    for _ in range(3000):
        node = exp.Anonymous(this="abs", expressions=[node])
    with pytest.raises(Refusal, match="nested too deeply"):
        analyze(exp.Select(expressions=[node]), AnalysisContext())


# Nodes that the analysis reads as parts of others; they have no type of their own.
PARTS = set(
    """
    Var Star IntervalSpan Alias Kwarg Distinct WindowSpec OverflowTruncateBehavior FormatJson OnCondition Aliases CurrentRole MatchRecognize Final JSONTable JSONSchema JSONColumnDef
    JSONKeyValue DataType DataTypeParam ColumnDef With CTE From Join Table TableFromRows TableAlias TableSample
    Version Unnest Lateral Where Group GroupingSets Cube Rollup Having Order Ordered Limit Fetch LimitOptions
    Offset InputModelProperty Tags UserDefinedFunction Block DeclareItem EndStatement IfBlock Return SetItem WhileBlock
    """.split()  # noqa: SIM905  (words read better than a list)
)


def test_every_expression_that_the_dialect_lets_through_is_typed() -> None:
    typed = {node.__name__ for node in HANDLERS}
    assert {node.__name__ for node in ALLOWED} == typed | PARTS
    assert not typed & PARTS


def test_types_of_output_come_from_both_sides_of_a_set_operation() -> None:
    _, analysis = analyzed("select a, c from t union all select a, 'abc' from u")
    assert analysis.columns == (OutputName("a", BIGINT), OutputName("c", TrinoType("varchar", (3,))))
