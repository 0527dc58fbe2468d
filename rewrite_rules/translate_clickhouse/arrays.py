"""Arrays: NULL elements, bounds and lambdas as on Trino."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.type_coercions import common_super_type
from catalog.types import BIGINT, VARCHAR, TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced, convert
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer
from rewrite_rules.translate_clickhouse.native import NESTED, nullable
from rewrite_rules.translate_clickhouse.scope import Field, Handler, Scope
from rewrite_rules.translate_clickhouse.strings import literal_or_not_null
from rewrite_rules.translate_clickhouse.text import call, either, guard, operator, string, unsupported_value

_SEARCHED = frozenset({"tinyint", "smallint", "integer", "bigint", "varchar", "date", "boolean", "decimal", "uuid"})
"""Element types whose equality ClickHouse's array functions share."""
_SORTED = _SEARCHED - {"uuid", "boolean"}


def constructor(node: exp.Expr, scope: Scope) -> str:
    """Translate ARRAY[...]."""
    kind = scope.type_of(node)
    element = kind.arguments[0]
    if element.base == "unknown":
        return call("CAST", f"[{', '.join('NULL' for _ in node.expressions)}]", "'Array(Nullable(Nothing))'")
    items = ", ".join(coerced(item, element, scope) for item in node.expressions)
    return call("CAST", f"[{items}]", string(nullable(kind)))


def element_of(argument: exp.Expr, kinds: frozenset[str], what: str, scope: Scope) -> TrinoType:
    """Return an array's element type if it is one of those proved. Raises Refusal NOT_SUPPORTED."""
    kind = scope.type_of(argument)
    if kind.base != "array" or kind.arguments[0].base not in kinds:
        raise unsupported(f"{what} of {kind}", argument)
    return kind.arguments[0]


def subscript(array: str, element: TrinoType, index: exp.Expr, scope: Scope) -> str:
    """Write array[index], which raises outside of the bounds."""
    position, size = coerced(index, BIGINT, scope), call("length", array)
    value = guard(
        operator(">", (position, size)),
        ErrorCode.INVALID_FUNCTION_ARGUMENT,
        "Array subscript must be less than or equal to array length",
        f"{array}[{position}]",
        _nothing(element),
    )
    return guard(
        f"{position} < 1",
        ErrorCode.INVALID_FUNCTION_ARGUMENT,
        "SQL array indices start at 1",
        value,
        _nothing(element),
    )


def _nothing(kind: TrinoType) -> str:
    """Write a value that gives a conditional its type where NULL cannot."""
    return {"array": "[]", "map": "map()"}.get(kind.base, "NULL") if kind.base != "row" else _no_row(kind)


def _no_row(kind: TrinoType) -> str:
    return call("tuple", *(_nothing(inner) for inner in kind.arguments))


def element_at(array: str, element: TrinoType, index: exp.Expr, scope: Scope) -> str:
    """Write element_at(array, index), which is NULL outside of the bounds and counts from the end below zero."""
    position, size = coerced(index, BIGINT, scope), call("toInt64", call("length", array))
    outside = operator(">", (call("abs", position), size))
    if element.base in NESTED:
        value = unsupported_value(
            outside, f"NULL in place of {element.base}", f"{array}[{position}]", _nothing(element)
        )
    else:
        value = either(outside, "NULL", f"{array}[{position}]")
    message = "SQL array indices start at 1"
    return guard(f"{position} = 0", ErrorCode.INVALID_FUNCTION_ARGUMENT, message, value, _nothing(element))


def _searched(arguments: Sequence[exp.Expr], what: str, scope: Scope) -> tuple[str, str]:
    """Write an array and the value looked for in it, both of the type that they have in common."""
    element, given = element_of(arguments[0], _SEARCHED, what, scope), scope.type_of(arguments[1])
    kind = common_super_type(element, given)
    if kind is None or kind.base not in _SEARCHED:
        raise unsupported(f"{what} of array({element}) and {given}", arguments[1])
    array = scope.value(arguments[0])
    if element != kind and kind.base != "varchar":  # texts of all lengths are one type to ClickHouse
        array = call("arrayMap", f"e0 -> {convert('e0', element, kind)}", array)
    return array, coerced(arguments[1], kind, scope)


def _contains(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    array, value = _searched(arguments, "contains", scope)
    return call(
        "multiIf",
        call("isNull", value),
        "NULL",
        call("has", array, value),
        "true",
        call("has", array, "NULL"),
        "NULL",
        "false",
    )


def _extreme(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        element_of(arguments[0], _SORTED, function, scope)
        array = scope.value(arguments[0])
        return either(f"(empty({array}) OR has({array}, NULL))", "NULL", call(function, array))

    return write


def _sorted(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) > 1:
        raise unsupported("array_sort with a comparison of its own", node)
    element_of(arguments[0], _SORTED, "array_sort", scope)
    return call("arraySort", scope.value(arguments[0]))


def _distinct(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    element_of(arguments[0], _SEARCHED, "array_distinct", scope)
    array = scope.value(arguments[0])
    return unsupported_value(call("has", array, "NULL"), "array_distinct with NULL", call("arrayDistinct", array), "[]")


def _removed(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    array, value = _searched(arguments, "array_remove", scope)
    rest = call("arrayFilter", f"e0 -> ifNull(e0 != {value}, 1)", array)
    return unsupported_value(call("isNull", value), "array_remove of NULL", rest, "[]")


def _position(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) > 2:
        raise unsupported("array_position with an instance", node)
    array, value = _searched(arguments, "array_position", scope)
    return either(call("isNull", value), "NULL", call("toInt64", call("indexOf", array, value)))


def _slice(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    start, length = (literal_integer(a, "A bound of slice") for a in arguments[1:])
    if start == 0 or length < 0:
        message = "SQL array indices start at 1" if start == 0 else "length must be greater than or equal to 0"
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)
    array = scope.value(arguments[0])
    part = call("arraySlice", array, str(start), str(length))
    return part if start > 0 else either(f"length({array}) < {-start}", "[]", part)


def _joined(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    element = scope.type_of(arguments[0]).arguments[0]
    if element.base not in _SEARCHED:
        raise unsupported(f"array_join of {element}", node)
    array, separator = scope.value(arguments[0]), literal_or_not_null(arguments[1], scope)
    shown = convert("e0", element, VARCHAR)
    if len(arguments) > 2:
        new = coerced(arguments[2], VARCHAR, scope)
        return call("arrayStringConcat", call("arrayMap", f"e0 -> ifNull({shown}, {new})", array), separator)
    rest = call("arrayFilter", "e0 -> isNotNull(e0)", array)
    return call("arrayStringConcat", call("arrayMap", f"e0 -> {shown}", rest), separator)


def _flattened(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(node)
    if kind.base != "array" or kind.arguments[0].base in ("array", "unknown"):
        raise unsupported("flatten of deeper arrays", node)
    return call("arrayFlatten", scope.value(arguments[0]))


def _repeated(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    count = literal_integer(arguments[1], "A number of repeats")
    element = scope.type_of(arguments[0])
    if not 0 <= count <= 10_000 or element.base in (*NESTED, "unknown"):
        raise unsupported("This repeat", node)
    return call(
        "CAST", call("arrayWithConstant", str(count), scope.value(arguments[0])), string(nullable(scope.type_of(node)))
    )


def _sequence(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) > 2 or scope.type_of(node) != TrinoType("array", (BIGINT,)):
        raise unsupported("This form of sequence", node)
    first, last = (literal_integer(a, "A bound of sequence") for a in arguments)
    if not first <= last < first + 10_000:
        raise unsupported("These bounds of sequence", node)
    return f"CAST(range(toInt64({first}), toInt64({last + 1})), 'Array(Nullable(Int64))')"


def lambda_of(node: exp.Expr, kinds: Sequence[TrinoType], scope: Scope) -> tuple[str, exp.Expr, Scope]:
    """Return a lambda's parameters as text, its body, and the scope in which the body stands.

    The same lambda has the same text wherever it stands: a key of GROUP BY is known again by it.
    """
    if not isinstance(node, exp.Lambda) or len(node.expressions) != len(kinds):
        raise unsupported("This lambda", node)
    fields: dict[str, Field] = dict(scope.parameters)
    taken = {field.sql for field in fields.values()}
    free = (each for number in itertools.count() if (each := f"x{number}") not in taken)
    names = list(itertools.islice(free, len(kinds)))
    for parameter, own, kind in zip(node.expressions, names, kinds, strict=True):
        name = fold_trino(parameter.name)
        fields[name] = Field(name, own, kind)
    return f"({', '.join(names)})", node.this, scope.within(parameters=fields)


def _transform(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(arguments[0])
    names, body, inner = lambda_of(arguments[1], kind.arguments, scope)
    result = coerced(body, scope.type_of(node).arguments[0], inner)
    mapped = call("arrayMap", f"{names} -> {result}", scope.value(arguments[0]))
    return call("CAST", mapped, string(nullable(scope.type_of(node))))


def _filtered(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    names, body, inner = lambda_of(arguments[1], scope.type_of(arguments[0]).arguments, scope)
    return call("arrayFilter", f"{names} -> ifNull({inner.value(body)}, 0)", scope.value(arguments[0]))


def _matching(found: str, otherwise: str, negated: bool) -> Function:
    """Return what writes any_match, all_match and none_match: look for a decisive element, then for NULL."""

    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        names, body, inner = lambda_of(arguments[1], scope.type_of(arguments[0]).arguments, scope)
        array, condition = scope.value(arguments[0]), inner.value(body)
        decisive = f"NOT {condition}" if negated else condition
        some = call("arrayExists", f"{names} -> ifNull({decisive}, 0)", array)
        unknown = call("arrayExists", f"{names} -> isNull({condition})", array)
        return call("multiIf", some, found, unknown, "NULL", otherwise)

    return write


def _reduce(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    element, state = scope.type_of(arguments[0]).arguments[0], scope.type_of(arguments[1])
    if state.base in (*NESTED, "unknown"):
        raise unsupported(f"reduce with a state of {state}", node)
    names, body, inner = lambda_of(arguments[2], (state, element), scope)
    step = call("CAST", coerced(body, state, inner), string(nullable(state)))
    start = call("CAST", scope.value(arguments[1]), string(nullable(state)))
    folded = call("arrayFold", f"{names} -> {step}", scope.value(arguments[0]), start)
    out, last, outer = lambda_of(arguments[3], (state,), scope)
    result = coerced(last, scope.type_of(node), outer)
    return f"arrayMap({out} -> {result}, [{folded}])[1]"


def _zip_with(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kinds = [scope.type_of(a).arguments[0] for a in arguments[:2]]
    names, body, inner = lambda_of(arguments[2], kinds, scope)
    first, second = (scope.value(a) for a in arguments[:2])
    result = coerced(body, scope.type_of(node).arguments[0], inner)
    zipped = call(
        "CAST", call("arrayMap", f"{names} -> {result}", first, second), string(nullable(scope.type_of(node)))
    )
    return unsupported_value(f"length({first}) != length({second})", "zip_with of unequal lengths", zipped, "[]")


FUNCTIONS: Mapping[str, Function] = {
    "contains": _contains,
    "array_max": _extreme("arrayMax"),
    "array_min": _extreme("arrayMin"),
    "array_sort": _sorted,
    "array_distinct": _distinct,
    "array_remove": _removed,
    "array_position": _position,
    "array_join": _joined,
    "slice": _slice,
    "flatten": _flattened,
    "repeat": _repeated,
    "sequence": _sequence,
    "transform": _transform,
    "filter": _filtered,
    "any_match": _matching("true", "false", negated=False),
    "none_match": _matching("false", "true", negated=False),
    "all_match": _matching("false", "true", negated=True),
    "reduce": _reduce,
    "zip_with": _zip_with,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Array: constructor}
