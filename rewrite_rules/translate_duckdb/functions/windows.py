"""Window functions that are no aggregates."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import as_type, raising


def _ranking(name: str) -> Function:
    return lambda call: as_type(call.apply(name), call.result)


def _value(name: str) -> Function:
    return lambda call: call.apply(name, call.args[0])


def _shifted(name: str) -> Function:
    def write(call: Call) -> str:
        if len(call.args) > 1 and call.integer(1) < 0:
            return raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Offset must be at least 0")
        return call.apply(name, *call.args)

    return write


def _nth(call: Call) -> str:
    if call.integer(1) < 1:
        return raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Offset must be at least 1")
    return call.apply("nth_value", *call.args)


def _ntile(call: Call) -> str:
    if call.integer(0) < 1:
        return raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Buckets must be greater than 0")
    return as_type(call.apply("ntile", *call.args), call.result)


WINDOWS: Mapping[str, Function] = {
    "row_number": _ranking("row_number"),
    "rank": _ranking("rank"),
    "dense_rank": _ranking("dense_rank"),
    "percent_rank": _ranking("percent_rank"),
    "cume_dist": _ranking("cume_dist"),
    "ntile": _ntile,
    "first_value": _value("first_value"),
    "last_value": _value("last_value"),
    "nth_value": _nth,
    "lag": _shifted("lag"),
    "lead": _shifted("lead"),
}
