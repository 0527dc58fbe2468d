"""The type that is expected of each parameter, where no Trino can be asked: as there, a parameter is typed as NULL is,
and expected to be what the place around it turns a NULL into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from sqlglot import exp

from catalog.dialect.parameters import placeholders
from catalog.functions import registry
from catalog.functions.binding import AmbiguousCall
from catalog.type_coercions import common_super_type
from catalog.types import BIGINT, BOOLEAN, UNKNOWN, TrinoType, varchar

_COUNTS = (exp.Limit, exp.Offset, exp.Fetch)
_OPERATORS: Mapping[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Mod: "modulus",
}
_CONDITIONS = (exp.And, exp.Or, exp.Not, exp.Where, exp.Having)
_COMPARED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
Expected = Callable[[exp.Expr, exp.Expr], TrinoType]
"""Takes a node and the child of it that is, or holds, the parameter."""


def open_parameters(tree: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]]:
    """Put NULL for the `?` of a tree, but for numbers of rows; return it, and what stands for each, in order."""
    found: list[exp.Expr] = []
    for place in placeholders(tree):
        stands = place if isinstance(place.parent, _COUNTS) else exp.Null()
        if stands is not place and place is tree:
            tree = stands
        elif stands is not place:
            place.replace(stands)
        found.append(stands)
    return tree, found


def expected_type(parameter: exp.Expr) -> TrinoType:
    """Return the type expected of what stands for a parameter in an analyzed tree; `unknown` where any is."""
    child, holder = parameter, parameter.parent
    while isinstance(holder, exp.Paren):
        child, holder = holder, holder.parent
    if holder is None or type(holder) not in _RULES:
        return UNKNOWN
    try:
        return _RULES[type(holder)](holder, child)
    except AmbiguousCall:
        return UNKNOWN


def _type(node: exp.Expr) -> TrinoType | None:
    found = node.unnest().meta.get("type") if not isinstance(node, exp.Null) else UNKNOWN
    return found if isinstance(found, TrinoType) else None


def _common(nodes: Sequence[exp.Expr]) -> TrinoType:
    """Return the type that all of some values are turned into, `unknown` if it cannot be told."""
    kinds = [_type(node) for node in nodes]
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        return UNKNOWN
    return reduce(lambda one, other: common_super_type(one, other) or UNKNOWN, known, UNKNOWN)


def _compared(node: exp.Expr, _: exp.Expr) -> TrinoType:
    return _common((node.this, node.expression))


def _between(node: exp.Expr, _: exp.Expr) -> TrinoType:
    return _common((node.this, node.args["low"], node.args["high"]))


def _in(node: exp.Expr, _: exp.Expr) -> TrinoType:
    return _common((node.this, *node.expressions)) if node.expressions else UNKNOWN


def _calculated(node: exp.Expr, child: exp.Expr) -> TrinoType:
    left, right = _type(node.this), _type(node.expression)
    if left is None or right is None:
        return UNKNOWN
    bound = registry.operator(_OPERATORS[node.__class__], (left, right))
    expected = bound.arguments[0 if child is node.this else 1] if bound is not None else None
    return expected or UNKNOWN


def _called(node: exp.Expr, child: exp.Expr) -> TrinoType:
    name, arguments = node.name.lower(), node.expressions
    if name == "coalesce":
        return _common(arguments)
    function = registry.lookup(name)
    kinds = [_type(argument) for argument in arguments]
    known = [kind for kind in kinds if kind is not None]
    if function is None or not function.overloads or len(known) < len(kinds):
        return UNKNOWN
    bound = function.resolve(known)
    return (
        (bound.arguments[next(i for i, each in enumerate(arguments) if each is child)] or UNKNOWN) if bound else UNKNOWN
    )


def _case(node: exp.Expr, child: exp.Expr) -> TrinoType:
    if child is node.this:
        return _common((child, *(branch.this for branch in node.args["ifs"])))
    return _type(node) or UNKNOWN


def _if(node: exp.Expr, child: exp.Expr) -> TrinoType:
    """Tell what a branch of CASE, or IF, expects of its condition and its value."""
    case = node.parent if isinstance(node.parent, exp.Case) else None
    if child is not node.this:
        return _type(case or node) or UNKNOWN
    operand = case.this if case is not None else None
    return _common((operand, child)) if operand is not None else BOOLEAN


def _subscript(node: exp.Expr, child: exp.Expr) -> TrinoType:
    base = _type(node.this)
    if base is None or child is node.this:
        return UNKNOWN
    return BIGINT if base.base == "array" else base.arguments[0] if base.base == "map" else UNKNOWN


def _element(node: exp.Expr, _: exp.Expr) -> TrinoType:
    kind = _type(node)
    return kind.arguments[0] if kind is not None and kind.base == "array" else UNKNOWN


def _row(node: exp.Expr, child: exp.Expr) -> TrinoType:
    """Tell what a list of VALUES expects in a column; fields of other rows are open."""
    values = node.parent
    if not isinstance(values, exp.Values):
        return UNKNOWN
    at = next(i for i, each in enumerate(node.expressions) if each is child)
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    return _common([row[at] for row in rows]) if all(len(row) > at for row in rows) else UNKNOWN


_RULES: Mapping[type[exp.Expr], Expected] = {
    **dict.fromkeys(_COUNTS, lambda node, child: BIGINT),
    **dict.fromkeys(_CONDITIONS, lambda node, child: BOOLEAN),
    **dict.fromkeys(_COMPARED, _compared),
    **dict.fromkeys(_OPERATORS, _calculated),
    **dict.fromkeys((exp.Like, exp.Escape), lambda node, child: varchar()),
    exp.Between: _between,
    exp.In: _in,
    exp.Anonymous: _called,
    exp.Case: _case,
    exp.If: _if,
    exp.Bracket: _subscript,
    exp.Array: _element,
    exp.Tuple: _row,
}
