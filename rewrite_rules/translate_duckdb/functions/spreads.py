"""Aggregates of statistics: deviations, variances, moments, and what is computed of pairs."""

from __future__ import annotations

from collections.abc import Callable

from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import as_type, case, let_all, refusing


def spread(function: str) -> Function:
    """Return the writer of a variance or deviation; where rounding errors alone would be the answer, it is refused."""

    def write(call: Call) -> str:
        number = f"CAST({call.args[0]} AS DOUBLE)"
        value, mean = call.apply(function, number), call.apply("avg", number)
        spoilt = call.apply("sum", f"{number} * 0")  # NaN as soon as one number is not finite
        noise = f"{value} > 0 AND sqrt({value}) < abs({mean}) * 1e-12"
        if function.startswith("stddev"):
            noise = f"{value} > 0 AND {value} < abs({mean}) * 1e-12"
        close = refusing("a spread that is only rounding error")
        return as_type(
            case((noise, close), _overflow(function, value, spoilt), otherwise=f"{value} + {spoilt}"), call.result
        )

    return write


def pairs(function: str, least: int, *, finite: bool = True) -> Function:
    """Return the writer of an aggregate over pairs, of which there must be some.

    `finite`: NULL stands for what is no finite number. Otherwise NaN is the answer as soon as one number is none.
    """

    def write(call: Call) -> str:
        first, second = (f"CAST({a} AS DOUBLE)" for a in call.args)
        value = call.apply(function, first, second)
        count = call.apply("regr_count", first, second)
        nothing = f"{count} < {least}"
        if finite:
            return as_type(case((f"{nothing} OR NOT isfinite({value})", "NULL"), otherwise=value), call.result)
        spoilt = call.apply("sum", f"{first} * 0 + {second} * 0")
        overflow = _overflow(function, value, spoilt)
        return as_type(case((nothing, "NULL"), overflow, otherwise=f"{value} + {spoilt}"), call.result)

    return write


def _overflow(function: str, value: str, spoilt: str) -> tuple[str, str]:
    """Refuse a result of finite numbers that is not finite: on Trino an infinity or NaN, by the order of rows."""
    return f"isfinite({spoilt}) AND NOT isfinite({value})", refusing(f"{function}() of numbers that are so large")


def skewness(call: Call) -> str:
    """Write skewness: DuckDB's is that of a sample, Trino's that of a population."""
    return _moment(call, 3, lambda value, n: f"({value} * ({n} - 2) / sqrt(CAST({n} AS DOUBLE) * ({n} - 1)))")


def kurtosis(call: Call) -> str:
    """Write kurtosis, which both have of a sample."""
    return _moment(call, 4, lambda value, _: value)


def _moment(call: Call, least: int, moment: Callable[[str, str], str]) -> str:
    """Give NULL for too few rows; where all values are the same, or nearly, rounding errors would be the answer."""
    parts = tuple(call.apply(f, call.args[0]) for f in ("count", "avg", "stddev_pop", call.name))

    def body(count: str, mean: str, spread: str, value: str) -> str:
        flat = f"{spread} <= abs({mean}) * 1e-9 OR {spread} = 0 OR NOT isfinite({spread})"
        same = refusing(f"{call.name}() of values that hardly differ")
        return case((f"{count} < {least}", "NULL"), (flat, same), otherwise=moment(value, count))

    return let_all(parts, "v", body)
