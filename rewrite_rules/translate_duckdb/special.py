"""Functions that are no functions: COALESCE, NULLIF, TRY, ROW, GROUPING, TYPEOF."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.functions import lookup
from catalog.types import MAX_DECIMAL_PRECISION, display_text
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.conditions import equal
from rewrite_rules.translate_duckdb.context import UTC, Context, bare, type_of, write
from rewrite_rules.translate_duckdb.functions.call import Call
from rewrite_rules.translate_duckdb.functions.formats import java_format
from rewrite_rules.translate_duckdb.sure import decimal_numbers
from rewrite_rules.translate_duckdb.text import RAISED, as_type, string, unsupported
from rewrite_rules.translate_duckdb.zones import has_zone, zone_of

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
    """Turn errors into NULL, but for refusals, which must end the query.

    DuckDB takes no aggregates inside TRY and no calls that always raise: the first stand outside, the others become
    a function of ours.
    """
    inner = bare(arguments[0])
    if isinstance(inner, exp.Div | exp.Mod) and _overflows_early(inner) and _is_plain(inner.this):
        divisor = inner.expression
        if _is_plain(divisor):  # which leaves zero alone to be tried; an overflow of the lake's own is told
            return f"CASE WHEN {write(divisor, context)} = 0 THEN NULL ELSE {write(inner, context)} END"
    if any(map(_overflows_early, inner.find_all(exp.Div, exp.Mod))):
        raise unsupported("TRY around a division of such wide decimals")
    if isinstance(inner, exp.Cast) and (_is_plain(inner.this) or not _without_aggregates(bare(inner.this))[1]):
        return _tried_cast(inner, context)
    body, aggregates = _without_aggregates(inner)
    named = {f"$outer{i}": (f"struct_extract_at(p96, {i})", type_of(a)) for i, a in enumerate(aggregates, start=1)}
    value = write(body, context.with_(parameters={**context.parameters, **named}))
    tried_value = _tried(value)
    if not aggregates:
        return tried_value
    outside = ", ".join(write(aggregate, context) for aggregate in aggregates)
    return f"list_transform([row({outside})], lambda p96: {tried_value})[1]"


def _overflows_early(node: exp.Expr) -> bool:
    """Tell whether a division of decimals may overflow on its way, which TRY would take for a failure of Trino's."""
    result = type_of(node)
    if result.base != "decimal":
        return False
    (p1, s1), (p2, s2) = (decimal_numbers(type_of(side)) for side in (node.this, node.expression))
    scale = result.numbers[1] + s2 if isinstance(node, exp.Div) else max(s1, s2)
    return p1 + scale - s1 > MAX_DECIMAL_PRECISION or (
        isinstance(node, exp.Mod) and p2 + scale - s2 > MAX_DECIMAL_PRECISION
    )


def _tried_cast(node: exp.Cast, context: Context) -> str:
    """Write a cast that gives NULL where it fails, and where its operand does; its own refusals stay outside TRY."""
    source, operand = type_of(node.this), write(node.this, context)
    zone = zone_of(node.this, context) if has_zone(source) else context.time_zone
    return cast(operand if _is_plain(node.this) else _tried(operand), source, type_of(node), zone, tried=True)


def _is_plain(node: exp.Expr) -> bool:
    return isinstance(bare(node), exp.Column | exp.Literal) or _is_aggregate(bare(node))


def _tried(sql: str) -> str:
    if "penstock_" in sql or f"{RAISED}{ErrorCode.NOT_SUPPORTED.name}" in sql:
        raise unsupported("TRY around this expression")
    return f"TRY({sql.replace('error(', 'penstock_raise(')})"


def _without_aggregates(node: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]]:
    """Return a copy in which names stand for the outermost aggregates, and these."""
    found: list[exp.Expr] = []

    def outer(each: exp.Expr) -> exp.Expr:
        if not _is_aggregate(each):
            return each
        found.append(each)
        name = exp.column(f"$outer{len(found)}", quoted=True)
        name.meta["type"] = type_of(each)
        return name

    return node.copy().transform(outer, copy=False), found


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.Filter | exp.Window | exp.GroupConcat):
        return True
    function = lookup(node.name.lower()) if isinstance(node, exp.Anonymous) else None
    return function is not None and (function.kind in ("aggregate", "window") or function.name == "grouping")


def _row(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return as_type(f"row({', '.join(write(a, context) for a in arguments)})", type_of(node))


def _grouping(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return as_type(f"grouping({', '.join(write(a, context) for a in arguments)})", type_of(node))


def _typeof(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    return string(display_text(type_of(arguments[0])))


def _format(arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    texts, types = tuple(write(a, context) for a in arguments), tuple(type_of(a) for a in arguments)
    return java_format(Call("format", texts, types, type_of(node), tuple(arguments), context, UTC))


FORMS: Mapping[str, Form] = {
    "coalesce": _coalesce,
    "nullif": _nullif,
    "try": _try,
    "row": _row,
    "grouping": _grouping,
    "typeof": _typeof,
    "format": _format,
}
