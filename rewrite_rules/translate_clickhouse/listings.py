"""Aggregates that list values, in the order that they are asked for: array_agg and listagg."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from catalog.types import INTEGRAL
from rewrite_rules.translate_clickhouse.aggregate_calls import Aggregate
from rewrite_rules.translate_clickhouse.decimals import widened
from rewrite_rules.translate_clickhouse.native import NESTED, cast
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value


def array_agg(a: Aggregate) -> str:
    """Write array_agg; over no rows, where it would be NULL, it is refused. Raises Refusal NOT_SUPPORTED."""
    kind = a.type()
    if a.distinct or a.over is not None or kind.base in NESTED:
        return a.refuse(" in this form")
    value = cast(a.value(), kind)
    if a.order:
        pairs = call(*_sorted_pairs(a, a.apply("groupArray", call("tuple", _sort_key(a), value))))
        result = call("arrayMap", "p -> tupleElement(p, 2)", pairs)
    else:
        result = call("arrayMap", "p -> tupleElement(p, 1)", a.apply("groupArray", call("tuple", value)))
    if a.grouped and a.filter is None:
        return result
    return unsupported_value(f"{a.rows()} = 0", "array_agg of no rows", result, "[]")


def listagg(a: Aggregate) -> str:
    """Write listagg; over no rows it is NULL. Raises Refusal NOT_SUPPORTED."""
    separator = a.node.args.get("separator")
    if a.distinct or a.over is not None or not isinstance(separator, exp.Literal) or a.node.args.get("on_overflow"):
        return a.refuse(" in this form")
    value = a.value()
    held = operator("AND", (call("isNotNull", value), a.filter or "true"))
    pairs = replace(a, filter=None).apply(
        "groupArrayIf", call("tuple", _sort_key(a), call("assumeNotNull", value)), call("ifNull", held, "0")
    )
    joined = call(
        "arrayStringConcat",
        call("arrayMap", "p -> tupleElement(p, 2)", call(*_sorted_pairs(a, pairs))),
        string(separator.name),
    )
    return either(f"countIf(ifNull({held}, 0)) = 0", "NULL", joined)


def _sorted_pairs(a: Aggregate, pairs: str) -> tuple[str, str, str]:
    return ("arrayReverseSort" if _descends(a) else "arraySort"), "p -> tupleElement(p, 1)", pairs


def _descends(a: Aggregate) -> bool:
    """Tell whether all keys descend, so that the whole order can be turned."""
    return all(isinstance(item, exp.Ordered) and item.args.get("desc") for item in a.order)


_NEGATABLE = frozenset({*INTEGRAL, "decimal"})
SORTABLE = _NEGATABLE | {"varchar", "date", "timestamp", "timestamp with time zone", "boolean"}
"""Types whose values ClickHouse puts into the order that Trino does."""


def _sort_key(a: Aggregate) -> str:
    """Write a tuple that sorts as ORDER BY does: a flag for NULL before each key, keys turned where they descend."""
    reverse = _descends(a)
    parts: list[str] = []
    for item in a.order:
        node = item.this if isinstance(item, exp.Ordered) else item
        kind, value = a.scope.type_of(node), a.scope.value(node)
        descending = isinstance(item, exp.Ordered) and bool(item.args.get("desc"))
        nulls_first = isinstance(item, exp.Ordered) and bool(item.args.get("nulls_first"))
        if kind.base not in SORTABLE or (descending and not reverse and kind.base not in _NEGATABLE):
            a.refuse(f" with ORDER BY of {kind}")
        if descending and not reverse:
            value = f"(-{call('toInt128', value) if kind.base in INTEGRAL else widened(value, kind.numbers[1])})"
        parts += [call("isNull" if nulls_first == reverse else "isNotNull", value), value]
    return call("tuple", *parts)
