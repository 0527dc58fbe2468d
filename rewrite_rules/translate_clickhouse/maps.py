"""Maps, and what maps and arrays share: subscripts, element_at, cardinality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import common_super_type
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


def _wanted(index: exp.Expr, map_: exp.Expr, scope: Scope) -> str:
    """Write the key that is looked for in a map. Raises Refusal NOT_SUPPORTED if the map's own would be converted."""
    key, _ = _parts(map_, scope)
    kind = common_super_type(key, scope.type_of(index))
    if kind is None or kind.base != key.base:
        raise unsupported(f"{scope.type_of(index)} as the key of {scope.type_of(map_)}", index)
    return coerced(index, kind, scope)


def subscript(node: exp.Expr, scope: Scope) -> str:
    """Translate base[index] of arrays, maps and rows."""
    base, index = scope.type_of(node.this), node.expressions[0]
    if base.base == "unknown":
        return "NULL"
    if base.base == "array":
        return arrays.subscript(scope.value(node.this), base.arguments[0], index, scope)
    if base.base == "row":
        return call("tupleElement", scope.value(node.this), str(literal_integer(index, "An index")))
    held, wanted = scope.value(node.this), _wanted(index, node.this, scope)
    missing = f"NOT {call('mapContains', held, wanted)}"
    return guard(missing, ErrorCode.INVALID_FUNCTION_ARGUMENT, "Key not present in map", f"{held}[{wanted}]")


def _element_at(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    base = scope.type_of(arguments[0])
    if base.base == "array":
        return arrays.element_at(scope.value(arguments[0]), base.arguments[0], arguments[1], scope)
    held, wanted = scope.value(arguments[0]), _wanted(arguments[1], arguments[0], scope)
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
