"""Aggregates, plain, filtered or over windows: overflow, NULLs, empty input and NaN as on Trino.

ClickHouse's aggregate is called with a *tail*, which is a FILTER clause, an OVER clause or nothing; what is computed
from it stands around it. `aggregate_functions_null_for_empty` is pinned by the engine's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.types import BIGINT, DOUBLE, INTEGRAL, TrinoType
from rewrite_rules.translate_clickhouse.arithmetic import narrowed
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.decimals import fitted, quotient, widened
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import grouping_key
from rewrite_rules.translate_clickhouse.native import NESTED, cast
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A call of an aggregate, taken apart."""

    name: str
    node: exp.Expr
    arguments: Sequence[exp.Expr]
    scope: Scope
    kind: TrinoType
    distinct: bool = False
    order: Sequence[exp.Expr] = ()
    filter: str | None = None
    over: str | None = None
    grouped: bool = False
    """There is a GROUP BY, so that no group is empty unless filtered."""

    def apply(self, function: str, *arguments: str) -> str:
        """Write a call of a ClickHouse aggregate with this call's FILTER and OVER."""
        distinct = "DISTINCT " if self.distinct else ""
        text = f"{function}({distinct}{', '.join(arguments)})"
        if self.filter is not None:
            text += f" FILTER (WHERE {self.filter})"
        return f"{text} OVER {self.over}" if self.over is not None else text

    def value(self, at: int = 0) -> str:
        """Translate an argument."""
        return self.scope.value(self.arguments[at])

    def type(self, at: int = 0) -> TrinoType:
        """Return an argument's type."""
        return self.scope.type_of(self.arguments[at])

    def as_double(self, at: int = 0) -> str:
        """Translate an argument to a double."""
        return coerced(self.arguments[at], DOUBLE, self.scope)

    def rows(self) -> str:
        """Count the rows that take part."""
        without = Aggregate("count", self.node, (), self.scope, BIGINT, False, (), self.filter, self.over)
        return without.apply("count")

    def refuse(self, what: str) -> str:
        """Refuse the call. Always raises Refusal NOT_SUPPORTED."""
        raise unsupported(f"{self.name}{what}", self.node)


Writer = Callable[[Aggregate], str]


def write(aggregate: Aggregate) -> str:
    """Write an aggregate. Raises Refusal NOT_SUPPORTED for what is not proved."""
    writer = WRITERS.get(aggregate.name)
    if writer is None:
        raise unsupported(f"The aggregate {aggregate.name}", aggregate.node)
    if aggregate.order and aggregate.name not in _ORDERED:
        aggregate.refuse(" with ORDER BY")
    return writer(aggregate)


def _count(a: Aggregate) -> str:
    if not a.arguments:
        return call("toInt64", a.apply("count"))
    if a.distinct:
        if a.type().base in NESTED:
            a.refuse(f" of distinct {a.type().base}s")
        plain = Aggregate(a.name, a.node, a.arguments, a.scope, a.kind, False, (), a.filter, a.over)
        return call("toInt64", plain.apply("uniqExact", grouping_key(a.value(), a.type())))
    value = a.value()
    return "toInt64(0)" if a.type().base == "unknown" else call("toInt64", a.apply("count", value))


def _count_if(a: Aggregate) -> str:
    return call("toInt64", a.apply("countIf", call("ifNull", a.value(), "0")))


def _approx_distinct(a: Aggregate) -> str:
    if len(a.arguments) > 1 or a.distinct or a.type().base in NESTED:
        a.refuse(" in this form")
    return call("toInt64", a.apply("uniqExact", grouping_key(a.value(), a.type())))


def _sum(a: Aggregate) -> str:
    kind = a.type()
    if a.kind.base == "bigint":
        return narrowed(a.apply("sum", call("toInt128", a.value())), a.kind)
    if a.kind.base == "decimal":
        return fitted(a.apply("sum", widened(a.value(), kind.numbers[1])), a.kind, certain=False)
    if a.kind.base not in ("double", "real"):
        return a.refuse(f" of {kind}")
    value = grouping_key(a.as_double(), DOUBLE) if a.distinct else a.as_double()
    return cast(a.apply("sum", value), a.kind)


def _avg(a: Aggregate) -> str:
    kind = a.type()
    if a.kind.base in ("double", "real"):
        if a.distinct:
            return a.refuse(" of distinct values")
        return cast(a.apply("avg", a.as_double()), a.kind)
    if a.kind.base != "decimal" or a.distinct:
        return a.refuse(f" of {kind}")
    scale = kind.numbers[1]
    total, count = a.apply("sum", widened(a.value(), scale)), a.apply("count", a.value())
    divisor = f"nullIf(toInt64({count}), 0)"
    return quotient((total, 38, scale), (divisor, 19, 0), a.kind)


def _extreme(function: str) -> Writer:
    def write_extreme(a: Aggregate) -> str:
        kind = a.type()
        if len(a.arguments) > 1 or kind.base in ("map", "row", "char", "unknown"):
            return a.refuse(f" of {kind}" if len(a.arguments) == 1 else " of several values")
        if kind.base == "array":
            return _extreme_array(a, function)
        if kind.base == "uuid":
            return call("toUUID", a.apply(function, call("toString", a.value())))
        value = a.apply(function, a.value())
        return cast(value, kind) if kind.base == "boolean" else value

    return write_extreme


def _extreme_array(a: Aggregate, function: str) -> str:
    """Write the extreme array; Trino compares no NULL elements, and over no rows the result would be NULL."""
    element = a.type().arguments[0].base
    if element not in _SORTABLE or not a.grouped or a.filter is not None or a.over is not None:
        return a.refuse(f" of {a.type()}")
    value = a.value()
    return a.apply(function, unsupported_value(call("has", value, "NULL"), "Comparing NULL elements", value, value))


def _extreme_by(function: str) -> Writer:
    def write_extreme_by(a: Aggregate) -> str:
        by = a.type(1)
        if len(a.arguments) > 2 or a.distinct or by.base in (*NESTED, "char", "unknown") or a.over is not None:
            return a.refuse(" in this form")
        key = call("toString", a.value(1)) if by.base == "uuid" else a.value(1)
        chosen = call("tupleElement", a.apply(function, call("tuple", a.value()), key), "1")
        nothing = f"{a.apply('count', key)} = 0"
        if a.type().base in NESTED:
            return unsupported_value(nothing, f"NULL in place of {a.type().base}", chosen, chosen)
        return either(nothing, "NULL", chosen)

    return write_extreme_by


def _any_value(a: Aggregate) -> str:
    if a.type().base in (*NESTED, "unknown"):
        return a.refuse(f" of {a.type()}")
    return a.apply("any", a.value())


def _truth(function: str) -> Writer:
    return lambda a: cast(a.apply(function, cast(a.value(), a.kind)), a.kind)


def _bits(function: str) -> Writer:
    return lambda a: cast(a.apply(function, call("toInt64", a.value())), a.kind)


def _spread(function: str, least: int) -> Writer:
    """Return what writes a variance or deviation, NULL for fewer rows than `least`."""

    def write_spread(a: Aggregate) -> str:
        if a.distinct or not _steady(a.arguments[0]):
            return a.refuse(" of this expression")
        value = a.as_double()
        return either(f"{a.apply('count', value)} < {least}", "NULL", a.apply(function, value))

    return write_spread


def _steady(node: exp.Expr) -> bool:
    """Tell whether the last bits of a value cannot decide a spread: a column, perhaps moved by a literal."""
    node = node.unnest()
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        sides = [side.unnest() for side in (node.this, node.expression)]
        return isinstance(sides[0], exp.Column) and isinstance(sides[1], exp.Literal)
    return isinstance(node, exp.Column) or (isinstance(node, exp.Cast) and _steady(node.this))


def _pairs(function: str, least: int, *, finite: bool = True) -> Writer:
    """Return what writes an aggregate over pairs, of which only those without NULL count.

    `finite`: NULL stands for what is no finite number. Otherwise NaN is the answer as soon as one number is none, and
    what overflows is refused: on Trino it is an infinity or NaN, by the order of rows.
    """

    def write_pairs(a: Aggregate) -> str:
        if a.distinct or a.over is not None:
            return a.refuse(" in this form")
        first, second = a.as_double(0), a.as_double(1)
        both = operator("AND", (call("isNotNull", first), call("isNotNull", second)))
        result = a.apply(function, first, second)
        nothing = f"{a.apply('countIf', both)} < {least}"
        if finite:
            return either(f"({nothing} OR NOT isFinite({result}))", "NULL", result)
        spoilt = a.apply("sum", operator("+", (operator("*", (first, "0")), operator("*", (second, "0")))))
        overflown = operator("AND", (call("isFinite", spoilt), f"NOT isFinite({result})"))
        what = f"The aggregate {a.name} of numbers that are so large"
        return either(nothing, "NULL", unsupported_value(overflown, what, operator("+", (result, spoilt)), "nan"))

    return write_pairs


def _geometric_mean(a: Aggregate) -> str:
    return call("exp", a.apply("avg", call("log", a.as_double())))


def _array_agg(a: Aggregate) -> str:
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


def _listagg(a: Aggregate) -> str:
    separator = a.node.args.get("separator")
    if a.distinct or a.over is not None or not isinstance(separator, exp.Literal) or a.node.args.get("on_overflow"):
        return a.refuse(" in this form")
    value = a.value()
    held = operator("AND", (call("isNotNull", value), a.filter or "true"))
    plain = Aggregate(a.name, a.node, a.arguments, a.scope, a.kind, False, a.order)
    pairs = plain.apply(
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
_SORTABLE = _NEGATABLE | {"varchar", "date", "timestamp", "timestamp with time zone", "boolean"}


def _sort_key(a: Aggregate) -> str:
    """Write a tuple that sorts as ORDER BY does: a flag for NULL before each key, keys turned where they descend."""
    reverse = _descends(a)
    parts: list[str] = []
    for item in a.order:
        node = item.this if isinstance(item, exp.Ordered) else item
        kind, value = a.scope.type_of(node), a.scope.value(node)
        descending = isinstance(item, exp.Ordered) and bool(item.args.get("desc"))
        nulls_first = isinstance(item, exp.Ordered) and bool(item.args.get("nulls_first"))
        if kind.base not in _SORTABLE or (descending and not reverse and kind.base not in _NEGATABLE):
            a.refuse(f" with ORDER BY of {kind}")
        if descending and not reverse:
            value = f"(-{call('toInt128', value) if kind.base in INTEGRAL else widened(value, kind.numbers[1])})"
        parts += [call("isNull" if nulls_first == reverse else "isNotNull", value), value]
    return call("tuple", *parts)


_ORDERED = frozenset({"array_agg", "listagg"})
WRITERS: Mapping[str, Writer] = {
    "count": _count,
    "count_if": _count_if,
    "approx_distinct": _approx_distinct,
    "sum": _sum,
    "avg": _avg,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "min_by": _extreme_by("argMin"),
    "max_by": _extreme_by("argMax"),
    "any_value": _any_value,
    "arbitrary": _any_value,
    "bool_and": _truth("min"),
    "every": _truth("min"),
    "bool_or": _truth("max"),
    "bitwise_and_agg": _bits("groupBitAnd"),
    "bitwise_or_agg": _bits("groupBitOr"),
    "bitwise_xor_agg": _bits("groupBitXor"),
    "stddev": _spread("stddevSampStable", 2),
    "stddev_samp": _spread("stddevSampStable", 2),
    "stddev_pop": _spread("stddevPopStable", 1),
    "variance": _spread("varSampStable", 2),
    "var_samp": _spread("varSampStable", 2),
    "var_pop": _spread("varPopStable", 1),
    "corr": _pairs("corrStable", 1),
    "covar_pop": _pairs("covarPopStable", 1, finite=False),
    "covar_samp": _pairs("covarSampStable", 2, finite=False),
    "regr_slope": _pairs("regr_slope", 2),
    "regr_intercept": _pairs("regr_intercept", 2),
    "geometric_mean": _geometric_mean,
    "array_agg": _array_agg,
    "listagg": _listagg,
}
NAMES = frozenset(WRITERS) | {
    *("approx_percentile", "checksum", "histogram", "map_agg", "map_union", "multimap_agg", "reduce_agg"),
    *("approx_set", "merge", "qdigest_agg", "tdigest_agg", "numeric_histogram", "skewness", "kurtosis", "entropy"),
    *("regr_count", "regr_avgx", "regr_avgy", "regr_r2", "regr_sxx", "regr_sxy", "regr_syy", "set_agg", "set_union"),
    *("approx_most_frequent", "bitwise_not_agg", "make_set_digest", "geometric_mean", "percentile_cont"),
}
"""Every aggregate of Trino, so that those not proved are refused as what they are."""
