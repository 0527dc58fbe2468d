"""Maps, and what maps and arrays share: subscripts, element_at, cardinality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse import arrays
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer
from rewrite_rules.translate_clickhouse.literals import row
from rewrite_rules.translate_clickhouse.native import NESTED, nullable
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, either, guard, string

_KEYS = frozenset({"tinyint", "smallint", "integer", "bigint", "varchar", "date", "uuid", "boolean"})


def _parts(argument: exp.Expr, scope: Scope) -> tuple[TrinoType, TrinoType]:
    """Return a map's key and value types. Raises Refusal NOT_SUPPORTED for those not proved."""
    key, value = scope.type_of(argument).arguments
    if key.base not in _KEYS or value.base in NESTED:
        raise unsupported(f"A lookup in {scope.type_of(argument)}", argument)
    return key, value


def subscript(node: exp.Expr, scope: Scope) -> str:
    """Translate base[index] of arrays, maps and rows."""
    base, index = scope.type_of(node.this), node.expressions[0]
    if base.base == "unknown":
        return "NULL"
    if base.base == "array":
        return arrays.subscript(scope.value(node.this), base.arguments[0], index, scope)
    if base.base == "row":
        return call("tupleElement", scope.value(node.this), str(literal_integer(index, "An index")))
    key, _ = _parts(node.this, scope)
    held, wanted = scope.value(node.this), coerced(index, key, scope)
    missing = f"NOT {call('mapContains', held, wanted)}"
    return guard(missing, ErrorCode.INVALID_FUNCTION_ARGUMENT, "Key not present in map", f"{held}[{wanted}]")


def _element_at(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    base = scope.type_of(arguments[0])
    if base.base == "array":
        return arrays.element_at(scope.value(arguments[0]), base.arguments[0], arguments[1], scope)
    key, _ = _parts(arguments[0], scope)
    held, wanted = scope.value(arguments[0]), coerced(arguments[1], key, scope)
    return either(call("mapContains", held, wanted), f"{held}[{wanted}]", "NULL")


def _cardinality(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return call("toInt64", call("length", scope.value(arguments[0])))


def _side(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        return call("CAST", call(function, scope.value(arguments[0])), string(nullable(scope.type_of(node))))

    return write


def _map(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Translate map() and map(keys, values), which raises for doubled keys and unequal lengths."""
    if not arguments:
        return "map()"
    kind = scope.type_of(node)
    if kind.arguments[0].base not in _KEYS or kind.arguments[1].base in (*NESTED, "unknown"):
        raise unsupported(f"map to {kind}", node)
    keys, values = scope.value(arguments[0]), scope.value(arguments[1])
    held = call(
        "CAST", call("mapFromArrays", f"arrayMap(e0 -> assumeNotNull(e0), {keys})", values), string(nullable(kind))
    )
    code = ErrorCode.INVALID_FUNCTION_ARGUMENT
    doubled = f"length(arrayDistinct({keys})) != length({keys})"
    unequal = f"length({keys}) != length({values})"
    checked = guard(doubled, code, "Duplicate map keys are not allowed", held, "map()")
    checked = guard(call("has", keys, "NULL"), code, "map key cannot be null", checked, "map()")
    return guard(unequal, code, "Key and value arrays must be the same length", checked, "map()")


def _row(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return row(node, scope)


FUNCTIONS: Mapping[str, Function] = {
    "element_at": _element_at,
    "cardinality": _cardinality,
    "map_keys": _side("mapKeys"),
    "map_values": _side("mapValues"),
    "map": _map,
    "row": _row,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Bracket: subscript}
