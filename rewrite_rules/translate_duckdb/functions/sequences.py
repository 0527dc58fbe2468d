"""sequence(): numbers, dates and timestamps in steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.operators import DAY_MILLIS
from rewrite_rules.translate_duckdb.text import as_type, case, duckdb_type, let, let_all, raising, refusing, unsupported

_MOST = 10_000
_BAD = raising(
    ErrorCode.INVALID_FUNCTION_ARGUMENT,
    f"sequence step must not be zero, lead to stop, and give at most {_MOST} entries",
)
_NO_DAYS = raising(
    ErrorCode.INVALID_FUNCTION_ARGUMENT, "sequence step must be a day interval if start and end values are dates"
)


def _sequence(call: Call) -> str:
    kind = call.types[0]
    if kind.base == "bigint":
        return _with_ends(call, lambda a, b: _numbers(a, b, call.args[2] if len(call.args) > 2 else None))
    if kind.base not in ("date", "timestamp") or duckdb_type(kind) == "TIMESTAMP_NS":
        raise unsupported(f"sequence() of {kind}")
    if len(call.args) > 2 and call.types[2].base == "interval year to month":
        return _with_ends(call, lambda a, b: _months(a, b, call))
    return _with_ends(call, lambda a, b: _times(a, b, call))


def _with_ends(call: Call, body: Callable[[str, str], str]) -> str:
    return let_all(call.args[:2], "v", body)


def _numbers(start: str, stop: str, step: str | None) -> str:
    one = f"CASE WHEN {stop} >= {start} THEN CAST(1 AS BIGINT) ELSE CAST(-1 AS BIGINT) END"

    def build(s: str) -> str:
        return case(
            (f"{start} IS NULL OR {stop} IS NULL OR {s} IS NULL", "NULL"),
            (f"{s} = 0 OR ({s} > 0 AND {stop} < {start}) OR ({s} < 0 AND {stop} > {start})", _BAD),
            (f"(CAST({stop} AS HUGEINT) - {start}) // {s} >= {_MOST}", _BAD),
            otherwise=f"generate_series({start}, {stop}, {s})",
        )

    return let(step or one, "z", build)


def _times(start: str, stop: str, call: Call) -> str:
    """Count in days or microseconds; without a step dates go by days, towards the end."""
    date = call.types[0].base == "date"
    if date:
        first, last = (f"CAST({day} - DATE '1970-01-01' AS BIGINT)" for day in (start, stop))
        back = "CAST((DATE '1970-01-01' + CAST(y AS INTEGER)) AS DATE)"
        step = f"({call.args[2]} // {DAY_MILLIS})" if len(call.args) > 2 else None
    else:
        first, last = f"epoch_us({start})", f"epoch_us({stop})"
        back, step = "make_timestamp(y)", f"({call.args[2]} * 1000)"
    numbers = let_all((first, last), "vv", lambda a, b: _numbers(a, b, step))
    moments = as_type(f"list_transform({numbers}, lambda y: {back})", call.result)
    if date and step is not None:
        return case((f"{call.args[2]} % {DAY_MILLIS} <> 0", _NO_DAYS), otherwise=moments)
    return moments


def _months(start: str, stop: str, call: Call) -> str:
    """Step through the calendar, each time from the start, so that the end of a month stays one."""
    moment = f"({start} + to_months(CAST(y AS INTEGER)))"
    kind = duckdb_type(call.types[0])

    def build(s: str) -> str:
        span = f"(date_diff('month', {start}, {stop}))"
        wrong = f"{s} = 0 OR ({s} > 0 AND {stop} < {start}) OR ({s} < 0 AND {stop} > {start})"
        months = f"generate_series(CAST(0 AS BIGINT), CAST({span} AS BIGINT), CAST({s} AS BIGINT))"
        inside = f"CASE WHEN {s} > 0 THEN y <= {stop} ELSE y >= {stop} END"
        moments = f"list_transform({months}, lambda y: CAST({moment} AS {kind}))"
        return case(
            (f"{start} IS NULL OR {stop} IS NULL OR {s} IS NULL", "NULL"),
            (wrong, _BAD),
            (f"{span} // {s} >= {_MOST}", refusing("sequence() of this many months")),
            otherwise=as_type(f"list_filter({moments}, lambda y: {inside})", call.result),
        )

    return let(call.args[2], "z", build)


SCALARS: Mapping[str, Function] = {"sequence": _sequence}
