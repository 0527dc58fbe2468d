"""Aggregates, plain, filtered or over windows: overflow, NULLs, empty input and NaN as on Trino."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from catalog.types import DOUBLE
from rewrite_rules.translate_clickhouse.aggregate_calls import Aggregate, Writer
from rewrite_rules.translate_clickhouse.arithmetic import narrowed
from rewrite_rules.translate_clickhouse.decimals import fitted, quotient, widened
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import grouping_key
from rewrite_rules.translate_clickhouse.listings import SORTABLE, array_agg, listagg
from rewrite_rules.translate_clickhouse.native import NESTED, cast
from rewrite_rules.translate_clickhouse.spreads import geometric_mean, pairs, spread
from rewrite_rules.translate_clickhouse.text import call, either, unsupported_value


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
        plain = replace(a, distinct=False, order=())
        return call("toInt64", plain.apply("uniqExact", grouping_key(a.value(), a.type())))
    value = a.value()
    return "toInt64(0)" if a.type().base == "unknown" else call("toInt64", a.apply("count", value))


def _count_if(a: Aggregate) -> str:
    counted = replace(a, distinct=False).count_where(call("ifNull", a.value(), "0"))
    return call("toInt64", f"{counted} > 0" if a.distinct else counted)


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
    if element not in SORTABLE or not a.grouped or a.filter is not None or a.over is not None:
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
    "stddev": spread("stddevSampStable", 2),
    "stddev_samp": spread("stddevSampStable", 2),
    "stddev_pop": spread("stddevPopStable", 1),
    "variance": spread("varSampStable", 2),
    "var_samp": spread("varSampStable", 2),
    "var_pop": spread("varPopStable", 1),
    "corr": pairs("corrStable", 1),
    "covar_pop": pairs("covarPopStable", 1, finite=False),
    "covar_samp": pairs("covarSampStable", 2, finite=False),
    "regr_slope": pairs("regr_slope", 2),
    "regr_intercept": pairs("regr_intercept", 2),
    "geometric_mean": geometric_mean,
    "array_agg": array_agg,
    "listagg": listagg,
}
NAMES = frozenset(WRITERS) | {
    *("approx_percentile", "checksum", "histogram", "map_agg", "map_union", "multimap_agg", "reduce_agg"),
    *("approx_set", "merge", "qdigest_agg", "tdigest_agg", "numeric_histogram", "skewness", "kurtosis", "entropy"),
    *("regr_count", "regr_avgx", "regr_avgy", "regr_r2", "regr_sxx", "regr_sxy", "regr_syy", "set_agg", "set_union"),
    *("approx_most_frequent", "bitwise_not_agg", "make_set_digest", "geometric_mean", "percentile_cont"),
}
"""Every aggregate of Trino, so that those not proved are refused as what they are."""
