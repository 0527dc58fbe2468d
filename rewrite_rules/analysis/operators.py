"""Arithmetic, comparison and logic."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Location
from catalog.functions import AmbiguousCall, lookup, operator_type
from catalog.type_coercions import common_super_type, common_type_of, comparable, orderable
from catalog.types import BOOLEAN, UNKNOWN, TrinoType
from rewrite_rules.analysis.elsewhere import check_among, check_told_apart
from rewrite_rules.analysis.env import Env, Handler
from rewrite_rules.analysis.failures import location_after, location_of, mismatch, refuse, unsupported
from rewrite_rules.analysis.value_lists import check_alternatives, check_list

_AMBIGUOUS = "Could not choose a best candidate operator. Explicit type casts must be added."
Combine = Callable[[exp.Expr, TrinoType | None, Env], TrinoType | None]
"""Type a binary operator whose left operand is typed already."""
_ARITHMETIC: Mapping[type[exp.Expr], tuple[str, str]] = {
    exp.Add: ("add", "+"),
    exp.Sub: ("subtract", "-"),
    exp.Mul: ("multiply", "*"),
    exp.Div: ("divide", "/"),
    exp.Mod: ("modulus", "%"),
}
_COMPARISONS: Mapping[type[exp.Expr], tuple[str, bool]] = {
    exp.EQ: ("=", False),
    exp.NEQ: ("=", False),
    exp.LT: ("<", True),
    exp.GT: ("<", True),
    exp.LTE: ("<=", True),
    exp.GTE: ("<=", True),
    exp.NullSafeEQ: ("IS DISTINCT FROM", False),
    exp.NullSafeNEQ: ("IS DISTINCT FROM", False),
}
"""The operator a message names, and whether the operands must have an order."""


def arithmetic(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `+ - * / %`."""
    left = _typed_spine(node, env, _ARITHMETIC, _calculated)
    return _calculated(node, left, env)


def _calculated(node: exp.Expr, left: TrinoType | None, env: Env) -> TrinoType | None:
    right = env.type_of(node.expression)
    if left is None or right is None:
        return None
    name, sign = _ARITHMETIC[node.__class__]
    return _operator(name, (left, right), f"Cannot apply operator: {left} {sign} {right}", node, env)


def _typed_spine(node: exp.Expr, env: Env, kinds: Container[type[exp.Expr]], combine: Combine) -> TrinoType | None:
    """Return the type of the left operand. Chains nest to the left, a level a term, and are walked flat."""
    spine: list[exp.Expr] = []
    current = node.this
    while current.__class__ in kinds:
        spine.append(current)
        current = current.this
    left = env.type_of(current)
    for inner in reversed(spine):
        left = env.noted(inner, combine(inner, left, env))
    return left


def negation(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type unary minus."""
    kind = env.type_of(node.this)
    return _operator("negate", (kind,), f"Cannot negate {kind}", node, env) if kind is not None else None


def _operator(name: str, types: Sequence[TrinoType], failure: str, node: exp.Expr, env: Env) -> TrinoType:
    try:
        result = operator_type(name, types)
    except AmbiguousCall:
        raise refuse(ErrorCode.AMBIGUOUS_FUNCTION_CALL, _AMBIGUOUS, node) from None
    if result is not None and result.base == "decimal" and result.numbers[1] > result.numbers[0]:
        precision, scale = result.numbers
        what = f"DECIMAL scale must be in range [0, precision ({precision})]: {scale}"
        raise refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, what)
    if result is None:
        raise mismatch(failure, at=_place(node, env))
    return result


def _place(node: exp.Expr, env: Env) -> Location | None:
    """Return where a binary operator stands; where a unary one has its operand."""
    return location_after(node.this, env.walk.context.sql) if "expression" in node.args else location_of(node)


def comparison(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `= <> < <= > >=` and IS DISTINCT FROM, also against ANY and ALL."""
    sign, ordered = _COMPARISONS[node.__class__]
    left = env.type_of(node.this)
    right = env.type_of(node.expression)
    if isinstance(node.expression, exp.Any | exp.All):
        left = _row_against_column(left, right, node, env)
    if left is None or right is None:
        return BOOLEAN
    common = common_super_type(left, right)
    if common is None or not (orderable(common) if ordered else comparable(common)):
        if sign == "IS DISTINCT FROM":
            raise mismatch(f"Cannot check if {left} is identical to {right}", at=_place(node, env))
        raise mismatch(f"Cannot apply operator: {left} {sign} {right}", at=_place(node, env))
    if sign == "IS DISTINCT FROM":
        check_told_apart(common, node, env.walk)
    return BOOLEAN


def between(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type BETWEEN."""
    operands = (node.this, node.args["low"], node.args["high"])
    types = [env.type_of(operand) for operand in operands]
    known = [kind for kind in types if kind is not None]
    common = common_type_of(known)
    if common is None:
        failure = f"Cannot check if {known[0]} is BETWEEN {known[1]} and {known[-1]}"
        raise mismatch(failure, at=location_after(node.this, env.walk.context.sql))
    if not orderable(common):
        raise mismatch(f"Cannot check if {common} is BETWEEN values: the type has no order", node)
    return BOOLEAN


def in_list(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type IN over a list or a subquery."""
    query = node.args.get("query")
    value = env.type_of(node.this)
    if query is None and len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Values):
        query = node.expressions[0]
    if query is not None:
        result = env.type_of(query)
        if value == UNKNOWN and not env.walk.context.strict:
            return BOOLEAN
        check_quantified(value, result, node, row_result=_columns_of(query))
        _row_against_column(value, result, node, env)
        if value is not None and result is not None:
            check_among(common_super_type(value, result), node, env.walk)
        return BOOLEAN
    kinds = [value, *(env.type_of(item) for item in node.expressions)]
    rule = "IN value and list items must be the same type or coercible to a common type"
    common_or_refuse(kinds, rule, (node.this, *node.expressions))
    if env.walk.context.strict:
        check_list(node.this, node.expressions)
    return BOOLEAN


def _columns_of(query: exp.Expr) -> int:
    return int(query.meta.get("columns", 1))


def _row_against_column(
    value: TrinoType | None, result: TrinoType | None, node: exp.Expr, env: Env
) -> TrinoType | None:
    """Return what is compared with a query's column: of a row of one field, that field.

    Raises Refusal NOT_SUPPORTED for engines that would compare the row itself.
    """
    if value is None or result is None or value.base != "row" or result.base == "row" or len(value.arguments) != 1:
        return value
    if env.walk.context.strict:
        raise unsupported("Comparing a row of one field with a query's column is not supported by this engine", node)
    return value.arguments[0]


def check_quantified(value: TrinoType | None, result: TrinoType | None, node: exp.Expr, *, row_result: int) -> None:
    """Check a value against the rows of a subquery. Raises Refusal TYPE_MISMATCH."""
    if value is None or result is None:
        return
    wanted = value if value.base == "row" else TrinoType("row", (value,), (None,))
    given = result if row_result > 1 else TrinoType("row", (result,), (None,))
    if common_super_type(wanted, given) is None and (row_result > 1 or common_super_type(value, result) is None):
        raise mismatch(f"Value expression and result of subquery must be of the same type: {wanted} vs {given}", node)


def common_or_refuse(kinds: Sequence[TrinoType | None], rule: str, nodes: Sequence[exp.Expr]) -> TrinoType | None:
    """Return the common type, None if some type is not known. `nodes` have the types, one each.

    Raises Refusal TYPE_MISMATCH at the first that does not fit those before it.
    """
    result = UNKNOWN
    for kind, node in zip(kinds, nodes, strict=True):
        if kind is None:
            continue
        common = common_super_type(result, kind)
        if common is None:
            every = ", ".join(dict.fromkeys(str(k) for k in kinds if k is not None))
            failure = f"Cannot find common type between {result} and {kind}, all types (without duplicates): [{every}]"
            raise mismatch(f"{rule}. {failure}", node)
        result = common
    return result if None not in kinds else None


def logical(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type AND and OR; chains are walked flat, since the parser nests them one level a term."""
    pending: list[exp.Expr] = [node]
    terms: list[exp.Expr] = []
    while pending:
        current = pending.pop()
        for side in (current.this, current.expression):
            if isinstance(side, exp.Connector):
                side.meta["type"] = BOOLEAN
                pending.append(side)
            else:
                terms.append(side)
    for term in terms:
        need_boolean(env.type_of(term), term, "Logical expression term")
    if env.walk.context.strict and isinstance(node, exp.Or):
        check_alternatives(node)
    return BOOLEAN


def negated(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type NOT."""
    need_boolean(env.type_of(node.this), node.this, "Value of logical NOT expression")
    return BOOLEAN


def need_boolean(kind: TrinoType | None, node: exp.Expr, what: str) -> None:
    """Raise Refusal TYPE_MISMATCH unless the type is boolean (or NULL, or not known)."""
    if kind not in (None, BOOLEAN, UNKNOWN):
        raise mismatch(f"{what} must evaluate to a boolean (actual: {kind})", node)


def is_null(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type IS NULL."""
    env.type_of(node.this)
    if not isinstance(node.expression, exp.Null):
        env.type_of(node.expression)
    return BOOLEAN


def like(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type LIKE, with or without ESCAPE."""
    inner = node.this if isinstance(node, exp.Escape) else node
    value, pattern = env.type_of(inner.this), env.type_of(inner.expression)
    if value is not None and value.base not in ("varchar", "char", "unknown"):
        raise mismatch(f"Left side of LIKE expression must evaluate to a varchar (actual: {value})", inner.this)
    if pattern is not None and pattern.base not in ("varchar", "unknown"):
        raise mismatch(f"Pattern for LIKE expression must evaluate to a varchar (actual: {pattern})", inner.expression)
    if isinstance(node, exp.Escape):
        inner.meta["type"] = BOOLEAN
        escape = env.type_of(node.expression)
        if escape is not None and escape.base not in ("varchar", "unknown"):
            raise mismatch(f"Escape for LIKE expression must evaluate to a varchar (actual: {escape})", node.expression)
    return BOOLEAN


def concatenation(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `||`."""
    return _concatenated(node, _typed_spine(node, env, (exp.DPipe,), _concatenated), env)


def _concatenated(node: exp.Expr, left: TrinoType | None, env: Env) -> TrinoType | None:
    right = env.type_of(node.expression)
    if left is None or right is None:
        return None
    concat = lookup("concat")
    try:
        result = concat.return_type((left, right)) if concat is not None else None
    except AmbiguousCall:
        raise refuse(ErrorCode.AMBIGUOUS_FUNCTION_CALL, _AMBIGUOUS, node) from None
    if result is None:
        usage = concat.usage if concat is not None else ""
        raise refuse(
            ErrorCode.FUNCTION_NOT_FOUND,
            f"Unexpected parameters ({left}, {right}) for function concat. Expected: {usage}",
            at=_place(node, env),
        )
    return result


def transparent(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type what only wraps: parentheses, ANY, ALL, sort items."""
    return env.type_of(node.this)


def _each(handler: Handler, *nodes: type[exp.Expr]) -> dict[type[exp.Expr], Handler]:
    return dict.fromkeys(nodes, handler)


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    **_each(arithmetic, *_ARITHMETIC),
    **_each(comparison, *_COMPARISONS),
    **_each(logical, exp.And, exp.Or),
    **_each(like, exp.Like, exp.Escape),
    **_each(transparent, exp.Paren, exp.Any, exp.All),
    exp.Neg: negation,
    exp.Between: between,
    exp.In: in_list,
    exp.Not: negated,
    exp.Is: is_null,
    exp.DPipe: concatenation,
}
