"""Arithmetic and comparison, with Trino's result types, overflow, NaN and three-valued logic."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import common_super_type
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_duckdb.casts_of_time import in_zone
from rewrite_rules.translate_duckdb.text import as_type, case, duckdb_type, icu_zone, let, let_all, raising, unsupported

DAY_MILLIS = 86_400_000
_SIGNS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_SMALL_DECIMAL = 18
"""Digits of a decimal that DuckDB keeps in 64 bits; it multiplies in the width of its operands."""
_FLOATING = ("double", "real")
_MILLIS = 3
_NESTED = ("array", "map", "row")


def number_arithmetic(sign: str, left: str, right: str, types: tuple[TrinoType, TrinoType], result: TrinoType) -> str:
    """Write `+ - * / %` on numbers; operands are given in their own types.

    DuckDB raises on integer overflow and division by zero as Trino does, once both sides have the result's type.
    """
    if result.base == "decimal":
        return _decimal(sign, left, right, types, result)
    left, right = as_type(left, result), as_type(right, result)
    if sign == "/" and result.base in INTEGRAL:
        sign = "//"
    if sign == "%" and result.base in INTEGRAL:
        # The remainder by -1 is 0, also of the smallest number, where a processor would trap.
        return let_all((left, right), "w", lambda v, w: f"({v} % {w})")
    return f"({left} {sign} {right})"


def _decimal(sign: str, left: str, right: str, types: tuple[TrinoType, TrinoType], result: TrinoType) -> str:
    (precision, scale), (s1, s2) = result.numbers, (types[0].numbers[1], types[1].numbers[1])
    if sign in ("+", "-"):
        return as_type(f"({as_type(left, result)} {sign} {as_type(right, result)})", result)
    if sign == "*":
        wide = f"CAST({left} AS DECIMAL(38, {s1})) * CAST({right} AS DECIMAL(38, {s2}))"
        narrow = f"{left} * {right}"
        return as_type(f"({narrow if precision <= _SMALL_DECIMAL else wide})", result)
    if sign == "%":
        top, bottom = unscaled(left, s1, max(s1, s2)), unscaled(right, s2, max(s1, s2))
        return scaled(f"({top} % {bottom})", scale, result)
    top, bottom = unscaled(left, s1, scale + s2), unscaled(right, s2, s2)
    quotient = let_all((top, bottom), "v", lambda v, w: f"({v} // {w} + {_rounding(v, w)})")
    return scaled(quotient, scale, result)


def _rounding(top: str, bottom: str) -> str:
    """Write what is added to a quotient cut towards zero to round it half away from zero."""
    sign = f"CASE WHEN ({top} < 0) <> ({bottom} < 0) THEN -1 ELSE 1 END"
    return f"CASE WHEN 2 * abs({top} % {bottom}) >= abs({bottom}) THEN {sign} ELSE 0 END"


def unscaled(sql: str, scale: int, wanted: int) -> str:
    """Write a decimal as a whole number counted in units of a scale."""
    whole = f"CAST(replace(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)" if scale else f"CAST({sql} AS HUGEINT)"
    return f"({whole} * {10 ** (wanted - scale)}::HUGEINT)" if wanted > scale else whole


def scaled(whole: str, scale: int, result: TrinoType) -> str:
    """Write a whole number of units of a scale as a decimal."""
    unit = f"CAST('0.{'0' * (scale - 1)}1' AS DECIMAL({scale + 1}, {scale}))" if scale else None
    number = f"CAST({whole} AS DECIMAL(38, 0))"
    return as_type(f"({number} * {unit})" if unit else number, result)


def negation(value: str, type_: TrinoType) -> str:
    """Write unary minus; DuckDB raises for the smallest integers, as Trino does."""
    if type_.base in _FLOATING:
        return f"(-({value}))"
    return as_type(f"(-({value}))", type_)


def comparison(sign: str, left: str, right: str, type_: TrinoType, *, filtering: bool = False) -> str:
    """Write a comparison of two values of one type.

    NaN equals nothing and has no order in Trino; in DuckDB it equals itself and is the largest. `filtering` says
    that NULL and false are the same to the reader, which allows a form that joins can use.
    """
    if type_.base in _FLOATING:
        return _floating_comparison(sign, left, right, filtering=filtering)
    if type_.base in _NESTED:
        return _nested_comparison(sign, left, right, type_)
    return f"({left} {sign} {right})"


def _floating_comparison(sign: str, left: str, right: str, *, filtering: bool) -> str:
    plain = f"({left} {sign} {right})"
    nan = [side for side in (left, right) if not _is_number(side)]
    if not nan:
        return plain
    if len(nan) == 1:
        # Against a plain number NaN goes wrong only where it counts as the larger side.
        larger = (sign in (">", ">=")) == (nan[0] == left)
        if sign in ("=", "<>") or not larger:
            return plain
        return f"({plain} AND NOT isnan({nan[0]}))"
    if filtering and sign == "=":
        return f"({plain} AND NOT isnan({left}))"
    answer = "true" if sign == "<>" else "false"
    both = f"(isnan({left}) AND {right} IS NOT NULL) OR (isnan({right}) AND {left} IS NOT NULL)"
    return case((both, answer), otherwise=plain)


def _is_number(sql: str) -> bool:
    text = sql.removeprefix("CAST(").partition(" AS ")[0]
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def _nested_comparison(sign: str, left: str, right: str, type_: TrinoType) -> str:
    if sign not in ("=", "<>"):
        raise unsupported(f"comparing the order of values of type {type_}")
    equal = let_all((left, right), "y", lambda y, z: equality(y, z, type_, 0))
    return equal if sign == "=" else f"(NOT {equal})"


def equality(left: str, right: str, type_: TrinoType, depth: int) -> str:
    """Write equality with NULL where an inner NULL leaves it open. `left` and `right` are names, used repeatedly."""
    if type_.base == "row":
        parts = [
            equality(f"struct_extract_at({left}, {i})", f"struct_extract_at({right}, {i})", inner, depth)
            for i, inner in enumerate(type_.arguments, start=1)
        ]
        return f"({' AND '.join(parts)})"
    if type_.base == "array":
        item = f"p{depth + 90}"
        pair = equality(f"struct_extract_at({item}, 1)", f"struct_extract_at({item}, 2)", type_.arguments[0], depth + 1)
        pairs = f"list_transform(list_zip({left}, {right}), lambda {item}: {pair})"
        return case(
            (f"{left} IS NULL OR {right} IS NULL", "NULL"),
            (f"len({left}) <> len({right})", "false"),
            otherwise=_all_true(pairs),
        )
    if type_.base == "map":
        return _map_equality(left, right, type_, depth)
    return comparison("=", left, right, type_)


def _all_true(booleans: str) -> str:
    """Write the three-valued AND of a list."""
    return case(
        (f"list_contains({booleans}, false)", "false"),
        (f"len(list_filter({booleans}, lambda p99: p99 IS NULL)) > 0", "NULL"),
        otherwise="true",
    )


def _map_equality(left: str, right: str, type_: TrinoType, depth: int) -> str:
    key, value = type_.arguments
    if key.base in (*_NESTED, *_FLOATING):
        raise unsupported(f"comparing values of type {type_}")
    item = f"p{depth + 90}"
    pair = equality(f"{left}[{item}]", f"{right}[{item}]", value, depth + 1)
    each = case((f"NOT map_contains({right}, {item})", "false"), otherwise=pair)
    known = f"list_transform(map_keys({left}), lambda {item}: {each})"
    return case(
        (f"{left} IS NULL OR {right} IS NULL", "NULL"),
        (f"cardinality({left}) <> cardinality({right})", "false"),
        otherwise=_all_true(known),
    )


def distinct_from(left: str, right: str, *, negated: bool) -> str:
    """Write IS [NOT] DISTINCT FROM, where both engines agree on NULL and NaN."""
    return f"({left} IS {'NOT ' if negated else ''}DISTINCT FROM {right})"


def time_arithmetic(
    sign: str, left: tuple[str, TrinoType], right: tuple[str, TrinoType], result: TrinoType, zone: str
) -> str:
    """Write `+ -` of dates, times, timestamps and intervals, and an interval times or by a number."""
    if result.base.startswith("interval"):
        return _interval(sign, left, right, result)
    if left[1].base.startswith("interval"):
        left, right = right, left
    (moment, kind), (amount, interval) = left, right
    signed = f"({amount})" if sign == "+" else f"(-({amount}))"
    if kind.base == "time" and interval.base != "interval day to second":
        raise unsupported("arithmetic on times")
    if interval.base == "interval year to month":
        return add_months(moment, signed, kind, zone)
    if kind.base == "date":
        return f"({moment} + {let(signed, 'w', _whole_days)})"
    if duckdb_type(result) == "TIMESTAMP_NS":
        raise unsupported(f"arithmetic on {kind}")
    return f"({moment} + to_microseconds({signed} * 1000))"


def _whole_days(millis: str) -> str:
    part = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Cannot add hour, minutes or seconds to a date")
    return case((f"{millis} % {DAY_MILLIS} <> 0", part), otherwise=f"CAST({millis} // {DAY_MILLIS} AS INTEGER)")


def add_months(moment: str, months: str, kind: TrinoType, zone: str) -> str:
    """Add months in the calendar, keeping to the end of shorter months."""
    step = f"to_months(CAST({months} AS INTEGER))"
    if kind.base == "date":
        return f"CAST(({moment} + {step}) AS DATE)"
    if kind.base == "timestamp with time zone":
        return in_zone(f"(timezone({icu_zone(zone)}, {moment}) + {step})", zone)
    if duckdb_type(kind) == "TIMESTAMP_NS":
        raise unsupported(f"arithmetic on {kind}")
    return f"({moment} + {step})"


def _interval(sign: str, left: tuple[str, TrinoType], right: tuple[str, TrinoType], result: TrinoType) -> str:
    (first, a), (second, b) = left, right
    if a.base == b.base == "date":
        return f"(CAST({first} - {second} AS BIGINT) * {DAY_MILLIS})"
    if a.base == b.base and a.base in ("timestamp", "timestamp with time zone"):
        return _difference(first, second, a, b)
    if a == b == result and sign in ("+", "-"):
        return f"({first} {sign} {second})"
    if sign == "*" and {a.base, b.base} & set(INTEGRAL):
        return as_type(f"({first} * {second})", result)
    if sign in ("*", "/") and {a.base, b.base} & {*INTEGRAL, *_FLOATING, "decimal"}:
        return _scaled_interval(sign, first, second, result)
    raise unsupported(f"this arithmetic on {a} and {b}")


def _difference(first: str, second: str, a: TrinoType, b: TrinoType) -> str:
    """Write the milliseconds between two moments, halves rounded up."""
    if "TIMESTAMP_NS" in (duckdb_type(a), duckdb_type(b)):
        raise unsupported(f"the difference of {a} and {b}")
    micros = f"(epoch_us({first}) - epoch_us({second}))"
    if max(a.numbers[0], b.numbers[0]) <= _MILLIS:
        return f"({micros} // 1000)"
    return let(micros, "v", lambda v: f"(({v} + CASE WHEN {v} < 0 THEN -499 ELSE 500 END) // 1000)")


def _scaled_interval(sign: str, first: str, second: str, result: TrinoType) -> str:
    """Multiply or divide an interval by a number as Trino does: in doubles, cut towards zero."""
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Cannot {'multiply' if sign == '*' else 'divide'} by double")

    def scaled(v: str) -> str:
        return case((f"NOT isfinite({v})", bad), otherwise=as_type(f"trunc({v})", result))

    return let(f"(CAST({first} AS DOUBLE) {sign} CAST({second} AS DOUBLE))", "v", scaled)


def sign_of(node: exp.Expr) -> str:
    """Return the operator of an arithmetic node."""
    return _SIGNS[node.__class__]


def common(left: TrinoType, right: TrinoType) -> TrinoType:
    """Return the type in which two values are compared."""
    found = common_super_type(left, right)
    if found is None:
        raise unsupported(f"comparing {left} with {right}")
    return found
