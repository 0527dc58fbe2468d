"""Window functions: frames, NULLs and ties as on Trino."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from catalog.types import INTEGRAL
from rewrite_rules.translate_clickhouse import aggregates
from rewrite_rules.translate_clickhouse.aggregate_calls import Aggregate
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import literal_integer
from rewrite_rules.translate_clickhouse.group_keys import grouping_key
from rewrite_rules.translate_clickhouse.native import NESTED, cast
from rewrite_rules.translate_clickhouse.ordering import sort_keys
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call

_WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_DEFAULT_FRAME = ""


def window(node: exp.Expr, scope: Scope) -> str:
    """Translate a call with OVER."""
    target = node.this
    if isinstance(target, exp.IgnoreNulls):
        raise unsupported("IGNORE NULLS", node)
    if isinstance(target, exp.RespectNulls):
        target = target.this
    if isinstance(target, exp.Filter):
        raise unsupported("FILTER of a window function", node)
    if not isinstance(target, exp.Anonymous):
        raise unsupported("This window function", node)
    name = target.name.lower()
    aggregate = take_apart(target, scope, over="")
    if name in _OWN:
        if aggregate.distinct or aggregate.order:
            raise unsupported(f"{name} in this form", node)
        return _OWN[name](aggregate, _definition(node, scope), scope)
    over = _written(_definition(node, scope), scope, aggregate)
    return aggregates.write(take_apart(target, scope, over=over))


def take_apart(node: exp.Expr, scope: Scope, *, over: str | None = None, grouped: bool = False) -> Aggregate:
    """Take a call of an aggregate or window function apart: DISTINCT, ORDER BY, FILTER and arguments."""
    condition = None
    if over is None:
        scope = scope.within(replaced={})  # it is computed from rows, of which the keys' texts may say more
    if isinstance(node, exp.Filter):
        inner = node.expression.this if isinstance(node.expression, exp.Where) else node.expression
        condition = call("ifNull", scope.value(inner), "0")
        node = node.this
    arguments, order, distinct = _arguments(node)
    return Aggregate(
        "listagg" if isinstance(node, exp.GroupConcat) else node.name.lower(),
        node,
        arguments,
        scope,
        scope.type_of(node),
        distinct,
        order,
        condition,
        over,
        grouped,
    )


def _arguments(node: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr], bool]:
    arguments: list[exp.Expr] = []
    order: list[exp.Expr] = []
    distinct = False
    stack = [node.this] if isinstance(node, exp.GroupConcat) else list(reversed(node.expressions))
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Order):
            order = list(item.expressions)
            if item.args.get("this") is not None:
                stack.append(item.this)
        elif isinstance(item, exp.Distinct):
            distinct = True
            stack.extend(reversed(item.expressions))
        elif not isinstance(item, exp.Star):
            arguments.append(item)
    return arguments, order, distinct


class Definition:
    """What a window is made of, with that of the named window it builds on."""

    __slots__ = ("frame", "order", "partition")

    def __init__(self, node: exp.Expr, base: Definition | None) -> None:
        """Take a window's own parts, else those of its base."""
        order = node.args.get("order")
        self.partition: Sequence[exp.Expr] = node.args.get("partition_by") or (base.partition if base else ())
        self.order: Sequence[exp.Expr] = order.expressions if order else (base.order if base else ())
        self.frame: exp.Expr | None = node.args.get("spec") or (base.frame if base else None)


def _definition(node: exp.Expr, scope: Scope) -> Definition:
    """Return a window's parts; `OVER w` and `OVER (w ...)` take over those of the named window."""
    alias = node.args.get("alias")
    base = scope.windows.get(alias.name.lower()) if alias is not None else None
    if alias is not None and base is None:
        raise unsupported("This window name", node)
    return Definition(node, _definition(base, scope) if base is not None else None)


def _written(definition: Definition, scope: Scope, aggregate: Aggregate | None, frame: str | None = None) -> str:
    parts = []
    if definition.partition:
        keys = ", ".join(grouping_key(scope.value(n), scope.type_of(n)) for n in definition.partition)
        parts.append(f"PARTITION BY {keys}")
    if definition.order:
        parts.append(f"ORDER BY {', '.join(key for n in definition.order for key in sort_keys(n, scope))}")
    own = _frame(definition, scope) if frame is None else frame
    if own:
        parts.append(own)
    return f"({' '.join(parts)})"


def _frame(definition: Definition, scope: Scope) -> str:
    spec = definition.frame
    if spec is None:
        return _DEFAULT_FRAME
    unit = str(spec.args["kind"]).upper()
    start = _bound(spec, "start", unit, definition, scope)
    end = _bound(spec, "end", unit, definition, scope)
    if _place(spec, "start") > _place(spec, "end"):
        raise unsupported("A window frame that ends before it begins", spec)
    return f"{unit} BETWEEN {start} AND {end}"


def _place(spec: exp.Expr, side: str) -> float:
    """Return where a bound lies: so many rows or groups before or after the present one."""
    bound, direction = spec.args.get(side), spec.args.get(f"{side}_side")
    if bound is None or bound == "CURRENT ROW":
        return 0
    distance = math.inf if isinstance(bound, str) else literal_integer(bound, "A distance in a window frame")
    return -distance if direction == "PRECEDING" else distance


def _bound(spec: exp.Expr, side: str, unit: str, definition: Definition, scope: Scope) -> str:
    bound, direction = spec.args.get(side), spec.args.get(f"{side}_side")
    if bound is None or bound == "CURRENT ROW":
        return "CURRENT ROW"
    if isinstance(bound, str):
        return f"{bound} {direction}"
    distance = literal_integer(bound, "A distance in a window frame")
    if distance < 0:
        raise unsupported("A negative distance in a window frame", bound)
    if unit == "RANGE":
        _check_range(definition, scope, bound)
    return f"{distance} {direction}"


def _check_range(definition: Definition, scope: Scope, bound: exp.Expr) -> None:
    """Allow RANGE with a distance over one integer key that is never NULL."""
    item = definition.order[0]
    key = item.this if isinstance(item, exp.Ordered) else item
    column = scope.column(key) if isinstance(key, exp.Column) else None
    if column is None or column.nullable or column.type.base not in INTEGRAL or len(definition.order) > 1:
        raise unsupported("RANGE with a distance over a key that may be NULL or is no integer", bound)


Own = Callable[[Aggregate, Definition, Scope], str]


def _rank(function: str) -> Own:
    def write(a: Aggregate, definition: Definition, scope: Scope) -> str:
        if function == "ntile" and not definition.order:
            raise unsupported("ntile without ORDER BY", a.node)
        arguments = ", ".join(str(literal_integer(n, "A number of buckets")) for n in a.arguments)
        text = f"{function}({arguments}) OVER {_written(definition, scope, a)}"
        return text if a.kind.base == "double" else call("toInt64", text)

    return write


def _neighbour(function: str) -> Own:
    """Return what writes lag and lead, which on ClickHouse look no further than the frame."""

    def write(a: Aggregate, definition: Definition, scope: Scope) -> str:
        if a.kind.base in NESTED or definition.frame is not None:
            raise unsupported(f"{a.name} of {a.kind}", a.node)
        offset = literal_integer(a.arguments[1], "An offset") if len(a.arguments) > 1 else 1
        if offset < 0:
            raise unsupported("A negative offset", a.node)
        parts = [cast(a.value(), a.kind), str(offset)]
        if len(a.arguments) > 2:
            parts.append(cast(coerced(a.arguments[2], a.kind, scope), a.kind))
        return f"{function}({', '.join(parts)}) OVER {_written(definition, scope, a, _WHOLE)}"

    return write


def _in_frame(function: str) -> Own:
    """Return what writes first_value, last_value and nth_value, which do not pass over NULLs."""

    def write(a: Aggregate, definition: Definition, scope: Scope) -> str:
        if a.type().base in (*NESTED, "unknown"):
            raise unsupported(f"{a.name} of {a.type()}", a.node)
        parts = [cast(a.value(), a.type())]
        if len(a.arguments) > 1:
            parts.append(str(literal_integer(a.arguments[1], "An offset")))
        return f"{function}({', '.join(parts)}) OVER {_written(definition, scope, a)}"

    return write


_OWN: Mapping[str, Own] = {
    "row_number": _rank("row_number"),
    "rank": _rank("rank"),
    "dense_rank": _rank("dense_rank"),
    "percent_rank": _rank("percent_rank"),
    "cume_dist": _rank("cume_dist"),
    "ntile": _rank("ntile"),
    "lag": _neighbour("lagInFrame"),
    "lead": _neighbour("leadInFrame"),
    "first_value": _in_frame("first_value_respect_nulls"),
    "last_value": _in_frame("last_value_respect_nulls"),
    "nth_value": _in_frame("nth_value"),
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Window: window}
