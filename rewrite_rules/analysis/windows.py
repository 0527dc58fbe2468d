"""Window functions: OVER, named windows, frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import comparable, orderable
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.analysis.calls import Call, known_function, take_apart, type_modifiers, typed_call
from rewrite_rules.analysis.elsewhere import check_partitioned
from rewrite_rules.analysis.env import Clause, Env, Handler, Relation
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.patterns import check_names
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.shown import text_of

_NEED_ORDER = frozenset({"lag", "lead"})
_FRAMED = frozenset({"first_value", "last_value", "nth_value"})
"""Window functions that look at a frame; for all others Trino takes none. With lag and lead, they may skip NULLs."""
_RANGE_KEYS = frozenset(
    {
        *(*INTEGRAL, "real", "double", "decimal", "date", "time", "time with time zone", "timestamp"),
        *("timestamp with time zone", "interval day to second", "interval year to month"),
    }
)


def window(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a call with OVER."""
    target = node.this
    if isinstance(target, exp.Column):
        return _measure(node, env)
    nulls = isinstance(target, exp.IgnoreNulls | exp.RespectNulls)
    call = take_apart(target.this if nulls else target)
    if isinstance(call.node, exp.GroupConcat) and not nulls and call.filter is None:
        return _list_agg(node, call.node, env)
    plain = isinstance(call.node, exp.Anonymous) and call.name not in env.walk.functions
    function = known_function(call) if plain else None
    if function is None:
        raise refuse(ErrorCode.FUNCTION_NOT_WINDOW, f"Not a window function: {call.node.key}", call.node)
    if function.kind not in ("aggregate", "window"):
        raise refuse(ErrorCode.FUNCTION_NOT_WINDOW, f"Not a window function: {call.name}", call.node)
    if call.filter is not None:
        raise unsupported("FILTER is not yet supported for window functions", call.node)
    if nulls and not (call.name in _FRAMED or call.name in _NEED_ORDER):
        raise refuse(
            ErrorCode.NULL_TREATMENT_NOT_ALLOWED,
            f"Cannot specify null treatment clause for {call.name} function",
            call.node,
        )
    inner = Env(env.walk, env.scope, env.named, Clause(named_windows=env.clause.named_windows), env.parameters)
    kind = typed_call(function, call, inner)
    type_modifiers(call, inner)
    ordered = specification(node, inner)
    _check_nesting(inner.clause, call)
    if call.name in _NEED_ORDER and not ordered:
        raise refuse(ErrorCode.MISSING_ORDER_BY, f"{call.name} function requires an ORDER BY window clause", call.node)
    if function.kind == "window" and call.name not in _FRAMED and _has_frame(node, inner):
        what = f"Cannot specify window frame for {call.name} function"
        raise refuse(ErrorCode.INVALID_WINDOW_FRAME, what, call.node)
    env.clause.aggregates.extend(inner.clause.aggregates)
    env.clause.groupings.extend(inner.clause.groupings)
    env.clause.windows.append(node)
    if kind is not None:
        call.node.meta["type"] = kind
    return kind


def _measure(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type the measure of a window with a row pattern, which only the engine can. Raises Refusal."""
    inner = Env(env.walk, env.scope, env.named, Clause(named_windows=env.clause.named_windows), env.parameters)
    specification(node, inner)
    pattern, name = _pattern(node, env), node.this.name
    measures = [m for m in (pattern.args.get("measures") or () if pattern is not None else ()) if m.alias == name]
    if not measures:
        what = f"Measure {name} is not defined in the corresponding window"
        raise refuse(ErrorCode.INVALID_WINDOW_MEASURE, what, node.this)
    if len(measures) > 1:
        raise refuse(ErrorCode.AMBIGUOUS_NAME, f"Measure {name} is defined more than once", node.this)
    env.clause.aggregates.extend(inner.clause.aggregates)
    env.clause.groupings.extend(inner.clause.groupings)
    env.clause.windows.append(node)
    return None


def _pattern(window: exp.Expr, env: Env) -> exp.Expr | None:
    """Return what holds the row pattern of a window: its specification, or that of the window it names."""
    base = window.args.get("alias")
    while isinstance(base, exp.Identifier):
        definition = env.clause.named_windows.get(base.name.lower())
        base = definition.args.get("alias") if definition is not None else None
    return base if isinstance(base, exp.MatchRecognize) else None


def _patterned(pattern: exp.MatchRecognize, env: Env) -> bool:
    """Type a window specification with a row pattern. Raises Refusal NOT_SUPPORTED for engines that need types."""
    if env.walk.context.strict:
        raise unsupported("Row pattern recognition in a window is not supported by this engine", pattern)
    ordered = specification(pattern, env)
    if pattern.args.get("pattern") is None:
        raise refuse(ErrorCode.MISSING_ROW_PATTERN, "Row pattern clauses of a window require PATTERN", pattern)
    fields: list[Field] = []
    scope: Scope | None = env.scope
    is_open = False
    while scope is not None:
        fields.extend(scope.fields)
        is_open = is_open or scope.open
        scope = scope.parent if not scope.boundary else None
    check_names(pattern, Relation(tuple(fields), is_open), env)
    return ordered


def _list_agg(node: exp.Expr, call: exp.Expr, env: Env) -> TrinoType | None:
    """Type LISTAGG with OVER."""
    inner = Env(env.walk, env.scope, env.named, Clause(named_windows=env.clause.named_windows), env.parameters)
    kind = inner.type_of(call)
    specification(node, inner)
    env.clause.windows.append(node)
    return kind


def _check_nesting(clause: Clause, call: Call) -> None:
    if clause.windows:
        raise refuse(
            ErrorCode.NESTED_WINDOW,
            f"Cannot nest window functions or row pattern measures inside window function '{call.name}': "
            f"[{text_of(clause.windows[0])}]",
            call.node,
        )


def define(windows: Sequence[exp.Expr], env: Env) -> dict[str, exp.Window]:
    """Type the WINDOW clause and return its definitions by folded name."""
    defined: dict[str, exp.Window] = {}
    for definition in windows:
        inner = Env(env.walk, env.scope, env.named, Clause(named_windows=dict(defined)), env.parameters)
        specification(definition, inner)
        if inner.clause.windows:
            raise refuse(
                ErrorCode.NESTED_WINDOW, "Cannot nest window functions inside window specification", definition
            )
        env.clause.aggregates.extend(inner.clause.aggregates)
        if isinstance(definition, exp.Window):
            defined[definition.this.name.lower()] = definition
    return defined


def specification(node: exp.Expr, env: Env) -> bool:
    """Type PARTITION BY, ORDER BY and the frame; tell whether the window is ordered, by itself or by its base."""
    order = node.args.get("order")
    base = node.args.get("alias")
    if isinstance(base, exp.MatchRecognize):
        return _patterned(base, env)
    base_order = _base_order(base, env) if base is not None else None
    for key in node.args.get("partition_by") or ():
        kind = env.type_of(key)
        if kind is not None and not comparable(kind):
            raise mismatch(
                f"{kind} is not comparable, and therefore cannot be used in window function PARTITION BY", key
            )
        check_partitioned(kind, key, env.walk)
    items = order.expressions if order is not None else []
    kinds = []
    for item in items:
        kind = env.type_of(item.this)
        kinds.append(kind)
        if kind is not None and not orderable(kind):
            raise mismatch(f"{kind} is not orderable, and therefore cannot be used in window function ORDER BY", item)
    spec = node.args.get("spec")
    if spec is not None:
        _frame(spec, kinds, bool(items) or bool(base_order), env)
    return bool(items) or bool(base_order)


def _base_order(base: exp.Expr, env: Env) -> bool:
    name = base.name.lower()
    definition: exp.Expr | None = env.clause.named_windows.get(name)
    if definition is None:
        raise refuse(ErrorCode.INVALID_WINDOW_REFERENCE, f"Cannot resolve WINDOW name {name}", base)
    further = definition.args.get("alias")
    if isinstance(further, exp.MatchRecognize):
        definition, further = further, further.args.get("alias")
    if definition.args.get("order") is not None:
        return True
    return _base_order(further, env) if further is not None else False


def _has_frame(node: exp.Expr, env: Env) -> bool:
    """Tell whether a window has a frame, by itself or by the window it names."""
    definition: exp.Expr | None = node
    while definition is not None and definition.args.get("spec") is None:
        base = definition.args.get("alias")
        definition = base if isinstance(base, exp.MatchRecognize) else env.clause.named_windows.get(_name(base))
    return definition is not None


def _name(base: exp.Expr | None) -> str:
    return base.name.lower() if base is not None else ""


def _frame(spec: exp.Expr, keys: list[TrinoType | None], ordered: bool, env: Env) -> None:
    unit = str(spec.args.get("kind") or "").upper()
    _check_ends(spec)
    for side in ("start", "end"):
        bound = spec.args.get(side)
        if not isinstance(bound, exp.Expr):
            continue
        kind = env.type_of(bound)
        if unit in ("RANGE", "GROUPS") and not ordered:
            what = f"Window frame of type {unit} PRECEDING or FOLLOWING requires ORDER BY"
            raise refuse(ErrorCode.MISSING_ORDER_BY, what, bound)
        if unit == "RANGE":
            _check_range(keys, bound)
        elif kind is not None and kind.base not in INTEGRAL and not _whole_decimal(kind):
            what = f"Window frame {unit} {side} value type must be exact numeric type with scale 0 (actual {kind})"
            raise mismatch(what, bound)


def _check_ends(spec: exp.Expr) -> None:
    """Refuse a frame whose kinds of bounds say that it ends before it begins."""
    start, end = (_kind_of_bound(spec, side) for side in ("start", "end"))
    if start == "UNBOUNDED FOLLOWING":
        what = f"Window frame start cannot be {start}"
    elif end == "UNBOUNDED PRECEDING":
        what = f"Window frame end cannot be {end}"
    elif (start, end) in {("CURRENT ROW", "PRECEDING"), ("FOLLOWING", "PRECEDING"), ("FOLLOWING", "CURRENT ROW")}:
        what = f"Window frame starting from {start} cannot end with {end}"
    else:
        return
    raise refuse(ErrorCode.INVALID_WINDOW_FRAME, what, spec)


def _kind_of_bound(spec: exp.Expr, side: str) -> str:
    bound, direction = spec.args.get(side), str(spec.args.get(f"{side}_side") or "").upper()
    if bound is None or str(bound).upper() == "CURRENT ROW":
        return "CURRENT ROW"
    return f"UNBOUNDED {direction}" if str(bound).upper() == "UNBOUNDED" else direction


def _check_range(keys: list[TrinoType | None], bound: exp.Expr) -> None:
    if len(keys) > 1:
        raise refuse(
            ErrorCode.INVALID_ORDER_BY,
            "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY "
            f"(actual: {len(keys)})",
            bound,
        )
    key = keys[0] if keys else None
    if key is not None and key.base not in _RANGE_KEYS:
        raise mismatch(
            "Window frame of type RANGE PRECEDING or FOLLOWING requires that sort item type be numeric, datetime or "
            f"interval (actual: {key})",
            bound,
        )


def _whole_decimal(kind: TrinoType) -> bool:
    return kind.base == "decimal" and kind.numbers[1] == 0


def nulls_alone(node: exp.Expr, env: Env) -> TrinoType | None:
    """Refuse IGNORE NULLS without OVER."""
    raise refuse(ErrorCode.NULL_TREATMENT_NOT_ALLOWED, "Null treatment is only allowed for window functions", node)


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Window: window,
    exp.IgnoreNulls: nulls_alone,
    exp.RespectNulls: nulls_alone,
}
