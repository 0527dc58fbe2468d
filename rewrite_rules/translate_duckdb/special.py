"""Functions that are no functions: COALESCE, NULLIF, TRY, ROW, GROUPING, TYPEOF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from catalog.types import display_text
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.conditions import equal
from rewrite_rules.translate_duckdb.context import Context, type_of, write
from rewrite_rules.translate_duckdb.text import as_type, string, unsupported

Form = Callable[[Sequence[exp.Expr], exp.Expr, Context], str]


def _coalesce(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    result = type_of(node)
    if result.base == "unknown":
        return "NULL"
    return f"coalesce({', '.join(coerced(a, result, context) for a in arguments)})"


def _nullif(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    first, second = arguments
    value = write(first, context)
    return f"CASE WHEN {equal(first, second, context)} THEN NULL ELSE {value} END"


def _try(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    value = write(arguments[0], context)
    if "error(" in value:
        raise unsupported("TRY around this expression")
    return f"TRY({value})"


def _row(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return as_type(f"row({', '.join(write(a, context) for a in arguments)})", type_of(node))


def _grouping(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return as_type(f"grouping({', '.join(write(a, context) for a in arguments)})", type_of(node))


def _typeof(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return string(display_text(type_of(arguments[0])))


FORMS: Mapping[str, Form] = {
    "coalesce": _coalesce,
    "nullif": _nullif,
    "try": _try,
    "row": _row,
    "grouping": _grouping,
    "typeof": _typeof,
}
