"""Aggregate functions, also over windows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import BIGINT, TrinoType
from rewrite_rules.translate_duckdb.context import bare
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.functions.spreads import kurtosis, pairs, skewness, spread
from rewrite_rules.translate_duckdb.operators import number_arithmetic
from rewrite_rules.translate_duckdb.ordering import comparable_array
from rewrite_rules.translate_duckdb.text import as_type, case, let, let_all, raising, refusing, unsupported

_FLOATING = ("double", "real")
_NESTED = ("array", "row", "map")
MOST_VALUES = 10_000
_BEHIND = 1e-12
"""More than doubles are off by, and less than one of so many values."""


def _count(call: Call) -> str:
    return call.apply("count", call.args[0] if call.args else "*")


def _sum(call: Call) -> str:
    """The sum of bigints is checked at the end: DuckDB adds in 128 bits."""
    kind = call.types[0]
    if kind.base == "real":
        return as_type(call.apply("sum", f"CAST({call.args[0]} AS DOUBLE)"), call.result)
    return as_type(call.apply("sum", call.args[0]), call.result)


def _avg(call: Call) -> str:
    kind = call.types[0]
    if kind.base == "decimal":
        total = as_type(call.apply("sum", call.args[0]), TrinoType("decimal", (38, kind.numbers[1])))
        count = call.apply("count", call.args[0])
        return _decimal_average(total, count, kind)
    if kind.base.startswith("interval"):
        raise unsupported(f"avg() of {kind}")
    return as_type(call.apply("avg", call.args[0]), call.result)


def _decimal_average(total: str, count: str, kind: TrinoType) -> str:
    """Divide the exact sum, rounding half up."""
    wide = TrinoType("decimal", (38, kind.numbers[1]))

    def body(sum_: str, number: str) -> str:
        divided = number_arithmetic("/", sum_, number, (wide, TrinoType("decimal", (19, 0))), wide)
        return f"CASE WHEN {number} = 0 THEN NULL ELSE {as_type(divided, kind)} END"

    return let_all((total, count), "z", body)


def _extreme(name: str) -> Function:
    """NaN loses against every number in Trino; in DuckDB it is the largest."""

    def write(call: Call) -> str:
        kind = call.types[0]
        if len(call.args) > 1:
            return _several(name, call)
        if kind.base in ("row", "map"):
            raise unsupported(f"{name}() of {kind}")
        if kind.base == "array":
            return call.apply(name, comparable_array(call.args[0], kind))
        if kind.base in _FLOATING:
            return _floating_extreme(name, call)
        return call.apply(name, call.args[0])

    return write


def _floating_extreme(name: str, call: Call) -> str:
    """Of zeros of both signs Trino takes the first of a window's rows, which DuckDB does not: there it is refused."""
    value = call.args[0]
    found = call.apply(name, value)
    if name == "max":
        found = f"coalesce({call.apply('max', value, where=f'NOT isnan({value})')}, {found})"
    if not call.modifiers.over:
        return found
    signs = (call.apply("bool_or", f"{value} = 0 AND {sign}signbit({value})") for sign in ("", "NOT "))
    both = " AND ".join((f"{found} = 0", *signs))
    return case((both, refusing(f"{name}() of zeros of both signs")), otherwise=found)


def _several(name: str, call: Call) -> str:
    if call.types[0].base in (*_FLOATING, *_NESTED) or call.modifiers.over:
        raise unsupported(f"{name}() of several {call.types[0]}")
    count = call.integer(1)
    if not 1 <= count <= MOST_VALUES:
        raise unsupported(f"{name}() of this many values")
    return let(
        call.apply(name, call.args[0], str(count)), "v", lambda v: f"CASE WHEN len({v}) = 0 THEN NULL ELSE {v} END"
    )


def _by(name: str) -> Function:
    """The row of the extreme key, whose value may be NULL; rows without key are left out."""

    def write(call: Call) -> str:
        value, key = call.args[:2]
        kind = call.types[1]
        if len(call.args) > 2:
            return _several_by(name, call)
        if kind.base in _NESTED:
            raise unsupported(f"{call.name}() by {kind}")
        if kind.base in _FLOATING and name == "arg_max_null":
            some = f"NOT isnan({key})"
            count, known = call.apply("count", key, where=some), call.apply(name, value, key, where=some)
            return case((f"{count} > 0", known), otherwise=call.apply(name, value, key))
        return call.apply(name, value, key)

    return write


def _several_by(name: str, call: Call) -> str:
    """The values of the extreme keys, NULL among them; DuckDB would leave it out where it stands alone."""
    count = call.integer(2)
    if call.types[1].base in (*_FLOATING, *_NESTED) or call.modifiers.over or not 1 <= count <= MOST_VALUES:
        raise unsupported(f"{call.name}() of several values by {call.types[1]}")
    found = call.apply(name.removesuffix("_null"), f"row({call.args[0]})", call.args[1], str(count))
    values = "list_transform({0}, lambda x: struct_extract_at(x, 1))"
    return let(found, "v", lambda v: case((f"coalesce(len({v}), 0) = 0", "NULL"), otherwise=values.format(v)))


def _map_agg(call: Call) -> str:
    """A key with several values is refused: which of them Trino keeps depends on the order of the rows."""
    key = call.types[0]
    if call.modifiers.any or key.base in (*_FLOATING, *_NESTED, "char"):
        raise unsupported(f"this {call.name}() with keys of type {key}")
    pairs = call.apply("list", f"DISTINCT row({', '.join(call.args)})", where=f"{call.args[0]} IS NOT NULL")
    keys, values = (f"list_transform({{0}}, lambda x: struct_extract_at(x, {i}))" for i in (1, 2))

    def build(v: str) -> str:
        return case(
            (f"coalesce(len({v}), 0) = 0", "NULL"),
            (f"len(list_distinct({keys.format(v)})) <> len({v})", refusing("map_agg() of a key with several values")),
            otherwise=as_type(f"map({keys.format(v)}, {values.format(v)})", call.result),
        )

    return let(pairs, "v", build)


def _any_value(call: Call) -> str:
    return call.apply("any_value", call.args[0])


def _array_agg(call: Call) -> str:
    return call.apply("array_agg", call.args[0])


def _bits(function: str) -> Function:
    return lambda call: as_type(call.apply(function, call.args[0]), BIGINT)


def _bool(function: str) -> Function:
    return lambda call: call.apply(function, call.args[0])


def _count_if(call: Call) -> str:
    return call.apply("count", f"CASE WHEN {call.args[0]} THEN 1 END")


def _approx_distinct(call: Call) -> str:
    """Counted exactly, which is within every error bound."""
    if call.modifiers.any:
        raise unsupported("approx_distinct() with DISTINCT or ORDER BY")
    return call.apply("count", f"DISTINCT {call.args[0]}")


def _approx_percentile(call: Call) -> str:
    """Found exactly, which is within every error bound; of few values it is the very one that Trino's digest shows.

    That is the one behind the share: of eight values the fifth at 0.5, where DuckDB takes the fourth.
    """
    share = bare(call.nodes[-1])
    if call.modifiers.any or len(call.args) != 2 or not isinstance(share, exp.Literal) or share.is_string:
        raise unsupported("this approx_percentile()")
    if not 0 <= float(share.name) <= 1:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Percentile must be between 0 and 1")
    value = call.args[0]
    if call.types[0].base in _FLOATING:
        value = case((f"isnan({value})", refusing("approx_percentile() over NaN")), otherwise=value)
    if call.types[0].base == "bigint":
        inexact = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "no exact double representation for long")
        value = case((f"CAST(CAST({value} AS DOUBLE) AS HUGEINT) <> {value}", inexact), otherwise=value)
    return as_type(call.apply("quantile_disc", value, repr(min(float(share.name) + _BEHIND, 1.0))), call.result)


def _geometric_mean(call: Call) -> str:
    return as_type(f"exp({call.apply('avg', f'ln(CAST({call.args[0]} AS DOUBLE))')})", call.result)


def _histogram(call: Call) -> str:
    if call.modifiers.over or call.types[0].base in (*_FLOATING, *_NESTED):
        raise unsupported("this histogram()")
    value = call.args[0]
    counted = call.apply("histogram", value, where=f"{value} IS NOT NULL")

    def entries(v: str) -> str:
        each = f"list_transform(map_entries({v}), lambda x: row(x.key, CAST(x.value AS BIGINT)))"
        return case((f"cardinality({v}) = 0", "NULL"), otherwise=f"map_from_entries({each})")

    return let(counted, "v", entries)


AGGREGATES: Mapping[str, Function] = {
    "count": _count,
    "sum": _sum,
    "avg": _avg,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "max_by": _by("arg_max_null"),
    "min_by": _by("arg_min_null"),
    "any_value": _any_value,
    "arbitrary": _any_value,
    "array_agg": _array_agg,
    "count_if": _count_if,
    "bool_and": _bool("bool_and"),
    "every": _bool("bool_and"),
    "bool_or": _bool("bool_or"),
    "bitwise_and_agg": _bits("bit_and"),
    "bitwise_or_agg": _bits("bit_or"),
    "bitwise_xor_agg": _bits("bit_xor"),
    "approx_distinct": _approx_distinct,
    "approx_percentile": _approx_percentile,
    "stddev": spread("stddev_samp"),
    "stddev_samp": spread("stddev_samp"),
    "stddev_pop": spread("stddev_pop"),
    "variance": spread("var_samp"),
    "var_samp": spread("var_samp"),
    "var_pop": spread("var_pop"),
    "corr": pairs("corr", 2),
    "regr_slope": pairs("regr_slope", 2),
    "regr_intercept": pairs("regr_intercept", 2),
    "covar_samp": pairs("covar_samp", 2, finite=False),
    "covar_pop": pairs("covar_pop", 1, finite=False),
    "geometric_mean": _geometric_mean,
    "histogram": _histogram,
    "map_agg": _map_agg,
    "skewness": skewness,
    "kurtosis": kurtosis,
}
