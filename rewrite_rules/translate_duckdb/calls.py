"""Calls of functions: scalars, aggregates with their modifiers, window functions, special forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.functions import lookup
from catalog.functions.binding import Argument
from catalog.types import BIGINT, TrinoType
from rewrite_rules.translate_duckdb import special
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.context import UTC, Context, Writer, bare, type_of, write
from rewrite_rules.translate_duckdb.functions import AGGREGATES, SCALARS, WINDOWS
from rewrite_rules.translate_duckdb.functions.call import Call, Modifiers
from rewrite_rules.translate_duckdb.ordering import sorted_by
from rewrite_rules.translate_duckdb.text import case, raising, unsupported
from rewrite_rules.translate_duckdb.zones import has_zone, zone_of


def call(node: exp.Expr, context: Context) -> str:
    """Write a call, with FILTER and OVER around it."""
    inner, window, condition = node, None, None
    nulls = ""
    if isinstance(inner, exp.Window):
        window, inner = inner, inner.this
    if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
        nulls = " IGNORE NULLS" if isinstance(inner, exp.IgnoreNulls) else ""
        inner = inner.this
    if isinstance(inner, exp.Filter):
        condition, inner = inner.expression, inner.this
    if isinstance(inner, exp.GroupConcat) and window is None and condition is not None:
        where = f" FILTER (WHERE {write(_filter_condition(condition), context)})"
        return f"{write(inner, context)}{where}"
    if not isinstance(inner, exp.Anonymous):
        raise unsupported(f"{inner.key} as a function")
    name = inner.name.lower()
    form = special.FORMS.get(name)
    if form is not None and window is None:
        return form(inner.expressions, inner, context)
    function = lookup(name)
    if function is None:
        raise unsupported(f"the function {name}")
    if function.kind == "scalar":
        return scalar_call(name, inner.expressions, inner, context)
    over = f" OVER ({_window(window, context)})" if window is not None else ""
    where = f" FILTER (WHERE {write(_filter_condition(condition), context)})" if condition is not None else ""
    return _aggregate(name, inner, context, Modifiers(filter=where, over=over, nulls=nulls))


def _filter_condition(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Where) else node


def scalar_call(name: str, arguments: Sequence[exp.Expr], node: exp.Expr, context: Context) -> str:
    """Write a call of a scalar function by its entry in the table."""
    writer = SCALARS.get(name)
    if writer is None:
        raise unsupported(f"the function {name}")
    return writer(_bound(name, arguments, node, context, Modifiers()))


def _aggregate(name: str, node: exp.Expr, context: Context, modifiers: Modifiers) -> str:
    arguments, distinct, order = take_apart(node)
    keys = ", ".join(sorted_by(write(o.this, context), type_of(o.this), o) for o in order)
    full = replace(modifiers, distinct="DISTINCT " if distinct else "", order=f" ORDER BY {keys}" if keys else "")
    table = WINDOWS if name in WINDOWS else AGGREGATES
    writer = table.get(name)
    if writer is None:
        raise unsupported(f"the function {name}")
    return writer(_bound(name, arguments, node, context, full))


def take_apart(node: exp.Expr) -> tuple[list[exp.Expr], bool, Sequence[exp.Expr]]:
    """Separate a call's arguments from DISTINCT and ORDER BY."""
    arguments: list[exp.Expr] = []
    distinct, order = False, []
    pending = list(node.expressions)
    while pending:
        argument = pending.pop(0)
        if isinstance(argument, exp.Order):
            order = argument.expressions
            if argument.args.get("this") is not None:
                pending.insert(0, argument.this)
        elif isinstance(argument, exp.Distinct):
            distinct = True
            pending[:0] = argument.expressions
        elif not isinstance(argument, exp.Star):
            arguments.append(argument)
    return arguments, distinct, order


def _bound(name: str, arguments: Sequence[exp.Expr], node: exp.Expr, context: Context, modifiers: Modifiers) -> Call:
    """Bind a call to its overload and write the arguments as the types it takes."""
    function = lookup(name)
    given: list[Argument] = [_argument(a) for a in arguments]
    bound = function.resolve(given) if function is not None else None
    if bound is None:
        raise unsupported(f"this call of {name}")
    texts: list[str] = []
    types: list[TrinoType] = []
    zone: str | None = None
    for argument, target in zip(arguments, bound.arguments, strict=True):
        if isinstance(argument, exp.Lambda) or target is None:
            texts.append("")
            types.append(TrinoType("unknown"))
            continue
        wanted = type_of(argument) if target.base in _PATTERNS else target
        texts.append(coerced(argument, wanted, context))
        types.append(wanted)
        if has_zone(wanted) and zone is None:
            zone = zone_of(argument, context)
    return Call(name, tuple(texts), tuple(types), bound.result, tuple(arguments), context, zone or UTC, modifiers)


_PATTERNS = frozenset({"JoniRegExp", "JsonPath", "CodePoints"})


def _argument(node: exp.Expr) -> Argument:
    if isinstance(node, exp.Lambda):
        body = node.this
        return lambda given: type_of(body)
    return type_of(node)


def _window(node: exp.Window, context: Context) -> str:
    """Write a window's specification; a named window is written out."""
    partition, order, spec = node.args.get("partition_by") or [], node.args.get("order"), node.args.get("spec")
    base = node.args.get("alias")
    while base is not None:
        definition = context.windows[base.name.lower()]
        partition = partition or definition.args.get("partition_by") or []
        order = order or definition.args.get("order")
        spec = spec or definition.args.get("spec")
        base = definition.args.get("alias")
    parts = []
    if partition:
        parts.append(f"PARTITION BY {', '.join(write(key, context) for key in partition)}")
    if order is not None:
        keys = (sorted_by(write(o.this, context), type_of(o.this), o) for o in order.expressions)
        parts.append(f"ORDER BY {', '.join(keys)}")
    if spec is not None:
        parts.append(_frame(spec, order, context))
    return " ".join(parts)


def _frame(spec: exp.Expr, order: exp.Expr | None, context: Context) -> str:
    unit = str(spec.args.get("kind") or "").upper()
    key = order.expressions[0].this if order is not None and unit == "RANGE" else None
    sides = []
    for side in ("start", "end"):
        bound = spec.args.get(side)
        if bound is None:
            continue
        sides.append(_frame_bound(bound, str(spec.args.get(f"{side}_side") or ""), key, context))
    return f"{unit} BETWEEN {sides[0]} AND {sides[1]}" if len(sides) == 2 else f"{unit} {sides[0]}"


def _frame_bound(bound: object, side: str, key: exp.Expr | None, context: Context) -> str:
    if not isinstance(bound, exp.Expr):
        return f"{bound} {side}".strip().upper()
    if bound.find(exp.Column) is not None:  # Trino may look at rows that a condition leaves out, and fail there
        raise unsupported("a window frame whose size is in a column")
    if key is None:
        return f"{_offset(bound, coerced(bound, BIGINT, context))} {side}"
    kind, size = type_of(key), type_of(bound)
    if size.base == "interval day to second" and kind.base in ("date", "timestamp", "timestamp with time zone"):
        return f"to_milliseconds({write(bound, context)}) {side}"
    if kind.base in ("tinyint", "smallint", "integer", "bigint", "double", "decimal") and size.base == kind.base:
        return f"{_offset(bound, coerced(bound, kind, context))} {side}"
    if kind.base in ("bigint", "decimal", "double") and size.base in ("tinyint", "smallint", "integer"):
        return f"{_offset(bound, coerced(bound, kind, context))} {side}"
    if size.base == "interval year to month" and kind.base in ("date", "timestamp"):
        return f"to_months({_offset(bound, write(bound, context))}) {side}"
    raise unsupported(f"a RANGE frame of {size} over {kind}")


def _offset(node: exp.Expr, sql: str) -> str:
    """Let a frame's offset end the query where it is negative or NULL, as DuckDB's own error has another name."""
    if isinstance(bare(node), exp.Literal):
        return sql
    bad = raising(ErrorCode.INVALID_WINDOW_FRAME, "Window frame offset value must not be negative or null")
    return case((f"{sql} >= 0", sql), otherwise=bad)


def _concatenation(node: exp.Expr, context: Context) -> str:
    return scalar_call("concat", (node.this, node.expression), node, context)


WRITERS: Mapping[type[exp.Expr], Writer] = {
    **dict.fromkeys((exp.Anonymous, exp.Filter, exp.Window), call),
    exp.DPipe: _concatenation,
}
