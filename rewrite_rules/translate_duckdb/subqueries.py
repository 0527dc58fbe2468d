"""Queries inside expressions: scalar ones, EXISTS, IN, comparisons with ANY and ALL."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.translate_duckdb import operators
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.context import Context, Writer, Written, bare, type_of, write_query
from rewrite_rules.translate_duckdb.text import unsupported

_FLOATING = ("double", "real")


def scalar(node: exp.Expr, context: Context) -> str:
    """Write a query used as a value; DuckDB raises when it gives several rows."""
    written = write_query(node, context)
    if len(written.columns) != 1:
        raise unsupported("a subquery of several columns as a value")
    return f"({written.sql})"


def exists(node: exp.Expr, context: Context) -> str:
    """Write EXISTS."""
    return f"EXISTS ({write_query(node.this, context).sql})"


def in_subquery(node: exp.Expr, query: exp.Expr, context: Context, *, filtering: bool = False) -> str:
    """Write `value IN (query)`. Of rows it is known only as a filter: NULLs inside rows count differently."""
    value = bare(node.this)
    written = write_query(query, context)
    if isinstance(value, exp.Tuple):
        if not filtering:
            raise unsupported("IN of rows over a subquery, but as a filter,")
        return _row_in(value, written, context)
    if len(written.columns) != 1:
        raise unsupported("IN over a subquery of several columns")
    common = operators.common(type_of(value), written.columns[0].type)
    _check_simple(common)
    return f"({coerced(value, common, context)} IN ({_as(written, [common], context, filtering=filtering)}))"


def _row_in(value: exp.Tuple, written: Written, context: Context) -> str:
    if len(value.expressions) != len(written.columns):
        raise unsupported("IN over a subquery of another number of columns")
    types = [
        operators.common(type_of(item), column.type)
        for item, column in zip(value.expressions, written.columns, strict=True)
    ]
    for type_ in types:
        _check_simple(type_)
    items = ", ".join(coerced(item, type_, context) for item, type_ in zip(value.expressions, types, strict=True))
    return f"(({items}) IN ({_as(written, types, context, filtering=True)}))"


def versus_subquery(node: exp.Expr, sign: str, context: Context) -> str:
    """Write `value = ANY (query)` and its like."""
    quantified = node.expression
    written = write_query(quantified.this, context)
    common = operators.common(type_of(node.this), written.columns[0].type)
    _check_simple(common)
    if common.base in _FLOATING:
        raise unsupported("ANY or ALL over floating-point numbers")
    word = "ALL" if isinstance(quantified, exp.All) else "ANY"
    return f"({coerced(node.this, common, context)} {sign} {word} ({_as(written, [common], context)}))"


def _check_simple(type_: TrinoType) -> None:
    if type_.base in ("array", "map", "row"):
        raise unsupported(f"IN over a subquery of type {type_}")


def _as(written: Written, types: list[TrinoType], context: Context, *, filtering: bool = False) -> str:
    """Give the rows of a query other types.

    NaN is found among NaNs, in DuckDB as in Trino's sets; but a filter is a join in Trino, which finds none.
    """
    places = range(len(types)) if filtering else ()
    numbers = [f"isnan(q.c{i})" for i in places if written.columns[i].type.base in _FLOATING]
    if not numbers and all(column.type == type_ for column, type_ in zip(written.columns, types, strict=True)):
        return written.sql
    shown = [
        f"{cast(f'q.c{i}', column.type, type_, context.time_zone)} AS c{i}"
        for i, (column, type_) in enumerate(zip(written.columns, types, strict=True))
    ]
    where = f" WHERE ({' OR '.join(numbers)}) IS NOT TRUE" if numbers else ""
    return f"SELECT {', '.join(shown)} FROM ({written.sql}) AS q{where}"  # noqa: S608  (our own text and quoted names)


WRITERS: Mapping[type[exp.Expr], Writer] = dict.fromkeys(
    (exp.Subquery, exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Values), scalar
)
