"""A view with states in the real ClickHouse, and readings of it as rewriting writes them."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.materialized_views import State
from catalog.objects import Column, Table, TableName
from catalog.types import TrinoType, parse_type
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from rewrite_rules.translate_clickhouse import translate

VIEW = TableName("ch", "marts", "states")
COLUMNS = {
    "k": ("varchar", "Nullable(String)"),
    "n": ("bigint", "Nullable(Int64)"),
    "u": ("bigint", "AggregateFunction(uniqExact, Nullable(String))"),
    "a": ("bigint", "AggregateFunction(uniq, Nullable(String))"),
    "q": ("integer", "AggregateFunction(quantileExact, Int32)"),
    "d": ("double", "AggregateFunction(quantileTDigest, Float64)"),
    "di": ("integer", "AggregateFunction(quantileTDigest, Int32)"),
    "m": ("varchar", "AggregateFunction(argMax, Tuple(Nullable(String)), Nullable(Int32))"),
    "level": ("double", "AggregateFunction(quantileExact, Nullable(Float64))"),
}
TABLE = Table(
    VIEW,
    tuple(Column(name, parse_type(kind), native_type=native) for name, (kind, native) in COLUMNS.items()),
    "clickhouse",
    native_name=("marts", "states"),
)
_GROUPS = {  # values of one group: texts, numbers, and what stands at the greatest number
    "a": (["x", "y", None], [1, 2, 9]),
    "b": (["y", "z", "z"], [3, 5, 7]),
    None: (["q"], [100]),
    "none": ([], []),
}


def statements() -> list[str]:
    """Return what makes the view, with states as `gateway.views` makes them."""
    listed = ", ".join(f"`{name}` {native}" for name, (_, native) in COLUMNS.items())
    made = [
        "CREATE DATABASE IF NOT EXISTS marts",
        "DROP TABLE IF EXISTS marts.states",
        f"CREATE TABLE marts.states ({listed}) ENGINE = MergeTree ORDER BY k SETTINGS allow_nullable_key = 1",
    ]
    for key, (texts, numbers) in _GROUPS.items():
        strings = _array([None if t is None else f"'{t}'" for t in texts], "Nullable(String)")
        whole, floats = (_array([str(n) for n in numbers], kind) for kind in ("Int32", "Float64"))
        loose = _array([str(n) for n in numbers], "Nullable(Float64)")
        made.append(
            f"INSERT INTO marts.states SELECT {'NULL' if key is None else repr(key)}, {len(numbers)}, "
            f"arrayReduce('uniqExactState', {strings}), arrayReduce('uniqState', {strings}), "
            f"arrayReduce('quantileExactState', {whole}), arrayReduce('quantileTDigestState', {floats}), "
            f"arrayReduce('quantileTDigestState', {whole}), "
            f"arrayReduce('argMaxState', arrayMap(x -> tuple(x), {strings}), CAST({whole} AS Array(Nullable(Int32)))), "
            f"arrayReduce('quantileExactState', {loose})"
        )
    return made


def _array(values: list[str | None], kind: str) -> str:
    return f"CAST([{', '.join('NULL' if v is None else v for v in values)}] AS Array({kind}))"


def reading(sql: str, **merged: tuple[str, str, str]) -> exp.Expr:
    """Return a query over the view, in which `min(<name>)` stands for a merge: (function, type, level or '')."""
    tree = resolve(parse_query(sql), None, None).tree
    for node in list(tree.find_all(exp.Anonymous)):
        column = node.expressions[0] if node.expressions else None
        if node.name.lower() == "min" and isinstance(column, exp.Column) and column.name in merged:
            function, kind, level = merged[column.name]
            node.set("this", "$merge")
            node.meta["state"] = State(column.name, function, ())
            node.meta["parameters"] = (level,) if level else ()
            node.meta["type"] = parse_type(kind)
    analyze(tree, AnalysisContext(tables={VIEW: TABLE}))
    return tree


def types_of(tree: exp.Expr) -> tuple[TrinoType, ...]:
    """Return the types of a query's columns."""
    return tuple(item.unalias().meta["type"] for item in tree.expressions)


def text(tree: exp.Expr) -> str:
    """Return a reading as ClickHouse runs it."""
    return translate(tree, {VIEW: TABLE})
