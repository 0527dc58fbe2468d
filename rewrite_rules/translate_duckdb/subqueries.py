"""Queries inside expressions: scalar ones, EXISTS, IN, comparisons with ANY and ALL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.translate_duckdb import operators
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.context import Context, Writer, Written, bare, type_of, write_query
from rewrite_rules.translate_duckdb.text import case, let_all, refusing, unsupported

_FLOATING = ("double", "real")
_NAN = refusing("NaN in a subquery")


def scalar(node: exp.Expr, context: Context) -> str:
    """Write a query used as a value; DuckDB raises when it gives several rows."""
    written = write_query(node, context)
    if len(written.columns) != 1:
        raise unsupported("a subquery of several columns as a value")
    return f"({written.sql})"


def exists(node: exp.Expr, context: Context) -> str:
    """Write EXISTS."""
    return f"EXISTS ({write_query(node.this, context).sql})"


Place = Literal["filter", "anti filter", "value"]
"""Where IN stands: alone or beside AND in a condition, below a NOT there, or anywhere else."""


def in_subquery(node: exp.Expr, query: exp.Expr, context: Context, place: Place) -> str:
    """Write `value IN (query)`. Of rows it is known only as a filter: NULLs inside rows count differently."""
    value = bare(node.this)
    written, correlated = _written(query, context)
    if isinstance(value, exp.Tuple):
        if place != "filter":
            raise unsupported("IN of rows over a subquery, but as a filter,")
        return _row_in(value, written, context)
    if len(written.columns) != 1:
        raise unsupported("IN over a subquery of several columns")
    common = _common(value, written.columns[0].type)
    item = coerced(value, common, context)
    rows = _as(written, [common], context, filtering=place == "filter")
    if correlated and place != "filter":
        return _among(item, rows, common)
    found = f"({item} IN ({rows}))"
    return _without_nan(item, found) if place == "value" and common.base in _FLOATING else found


def _written(query: exp.Expr, context: Context) -> tuple[Written, bool]:
    """Write a query; tell whether it names columns of the queries around it."""
    before = len(context.scope.dependents)
    written = write_query(query, context)
    return written, len(context.scope.dependents) > before


def _without_nan(value: str, found: str) -> str:
    """Refuse NaN that was found: whether it is hangs in Trino on the plan, for a join finds none, and a set does."""
    return let_all([value, found], "v", lambda v, f: case((f"{f} AND isnan({v})", _NAN), otherwise=f))


def _among(value: str, rows: str, type_: TrinoType) -> str:
    """Write `value IN (rows)` where the rows depend on the row outside: as a search of the list of them.

    DuckDB's own says NULL for false if anything in the rows could raise. NaN is not found: this is a join in Trino.
    """
    number = "NOT isnan({v}) AND " if type_.base in _FLOATING else ""

    def found(v: str, among: str) -> str:
        return case(
            (f"{among} IS NULL", "false"),
            (f"{v} IS NULL", "NULL"),
            (f"{number.format(v=v)}list_contains({among}, {v})", "true"),
            (f"len({among}) > list_count({among})", "NULL"),
            otherwise="false",
        )

    return let_all([value, _gathered("list(DISTINCT q.c0)", rows)], "v", found)


def _equals_all(value: str, rows: str) -> str:
    """Write `value = ALL (rows)` as Trino computes it: false for two different rows, even where the value is NULL."""

    def equal(v: str, bounds: str) -> str:
        count, known, least, greatest = (f"struct_extract_at({bounds}, {place})" for place in range(1, 5))
        held = f"CASE WHEN {count} > {known} THEN NULL ELSE true END"
        return case((f"{count} = 0", "true"), otherwise=f"({least} = {greatest} AND {v} = {greatest} AND {held})")

    bounds = "row(count(*), count(q.c0), min(q.c0), max(q.c0))"
    return let_all([value, _gathered(bounds, rows)], "v", equal)


def _gathered(aggregate: str, rows: str) -> str:
    return f"(SELECT {aggregate} FROM ({rows}) AS q)"  # noqa: S608  (our own text and quoted names)


def _row_in(value: exp.Tuple, written: Written, context: Context) -> str:
    if len(value.expressions) != len(written.columns):
        raise unsupported("IN over a subquery of another number of columns")
    types = [_common(item, column.type) for item, column in zip(value.expressions, written.columns, strict=True)]
    items = ", ".join(coerced(item, type_, context) for item, type_ in zip(value.expressions, types, strict=True))
    return f"(({items}) IN ({_as(written, types, context, filtering=True)}))"


def versus_subquery(node: exp.Expr, sign: str, context: Context) -> str:
    """Write `value = ANY (query)` and its like."""
    quantified = node.expression
    written, correlated = _written(quantified.this, context)
    common = _common(node.this, written.columns[0].type)
    if common.base in _FLOATING:
        raise unsupported("ANY or ALL over floating-point numbers")
    value, rows = coerced(node.this, common, context), _as(written, [common], context)
    every = isinstance(quantified, exp.All)
    if sign == ("=" if every else "<>"):
        equal = _equals_all(value, rows)
        return equal if every else f"(NOT {equal})"
    if sign == ("<>" if every else "="):
        found = _among(value, rows, common) if correlated else f"({value} IN ({rows}))"
        return f"(NOT {found})" if every else found
    return f"({value} {sign} {'ALL' if every else 'ANY'} ({rows}))"


def _common(value: exp.Expr, other: TrinoType) -> TrinoType:
    """Return the type in which a value and the rows of a subquery are compared."""
    own = type_of(value)
    common = operators.common(own, other)
    if common.base in ("array", "map", "row"):
        raise unsupported(f"IN over a subquery of type {common}")
    if own.base == "real" and common.base == "double":  # as in a join, see conditions.py
        raise unsupported("a real among doubles of a subquery, where Trino finds no infinity,")
    return common


def _as(written: Written, types: list[TrinoType], context: Context, *, filtering: bool = False) -> str:
    """Give the rows of a query other types.

    Of those of a filter NaNs are left out: it is a join in Trino, which finds none.
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
