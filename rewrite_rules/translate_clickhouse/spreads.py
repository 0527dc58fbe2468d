"""Aggregates of statistics: deviations, variances, and what is computed of pairs."""

from __future__ import annotations

from sqlglot import exp

from catalog.types import DOUBLE, REAL
from rewrite_rules.translate_clickhouse.aggregate_calls import Aggregate, Writer
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.text import call, either, operator, unsupported_value


def spread(function: str, least: int) -> Writer:
    """Return what writes a variance or deviation, NULL for fewer rows than `least`."""

    def write_spread(a: Aggregate) -> str:
        if a.distinct or not _steady(a.arguments[0]):
            return a.refuse(" of this expression")
        value = a.as_double()
        nothing = f"{a.apply('count', value)} < {least}"
        return either(nothing, "NULL", _spoilt(a, a.apply(function, value), operator("*", (value, "0"))))

    return write_spread


def _steady(node: exp.Expr) -> bool:
    """Tell whether the last bits of a value cannot decide a spread: a column, perhaps moved by a literal."""
    node = node.unnest()
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        sides = [side.unnest() for side in (node.this, node.expression)]
        return isinstance(sides[0], exp.Column) and isinstance(sides[1], exp.Literal)
    return isinstance(node, exp.Column) or (isinstance(node, exp.Cast) and _steady(node.this))


def pairs(function: str, least: int, *, finite: bool = True) -> Writer:
    """Return what writes an aggregate over pairs, of which only those without NULL count.

    `finite`: NULL stands for what is no finite number.
    """

    def write_pairs(a: Aggregate) -> str:
        if a.distinct or a.over is not None:
            return a.refuse(" in this form")
        first, second = (_as_double(argument, a) for argument in a.arguments)
        both = operator("AND", (call("isNotNull", first), call("isNotNull", second)))
        result = a.apply(function, first, second)
        nothing = f"{a.count_where(both)} < {least}"
        if finite:
            return _of_kind(either(f"({nothing} OR NOT isFinite({result}))", "NULL", result), a)
        nil = operator("+", (operator("*", (first, "0")), operator("*", (second, "0"))))
        return _of_kind(either(nothing, "NULL", _spoilt(a, result, nil)), a)

    return write_pairs


def _spoilt(a: Aggregate, result: str, nil: str) -> str:
    """Write a result that is NaN as soon as a value is not finite; `nil` is zero for all that are.

    What overflows is refused: on Trino it is an infinity or NaN, by the order of rows.
    """
    spoilt = a.apply("sum", nil)
    overflown = operator("AND", (call("isFinite", spoilt), f"NOT isFinite({result})"))
    what = f"The aggregate {a.name} of numbers that are so large"
    return unsupported_value(overflown, what, operator("+", (result, spoilt)), "nan")


def _as_double(argument: exp.Expr, a: Aggregate) -> str:
    """Write an argument as a double; of whole numbers Trino chooses the aggregate of reals, whose digits it keeps."""
    if a.kind.base == "real":
        return call("toFloat64", coerced(argument, REAL, a.scope))
    return coerced(argument, DOUBLE, a.scope)


def _of_kind(value: str, a: Aggregate) -> str:
    return cast(value, a.kind) if a.kind.base == "real" else value


def geometric_mean(a: Aggregate) -> str:
    """Write geometric_mean."""
    return call("exp", a.apply("avg", call("log", a.as_double())))
