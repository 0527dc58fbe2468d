"""Turn what ClickHouse or its driver says into Trino's errors, once, at the edge.

ClickHouse's messages quote the query and the data, so none of their text goes to a client. Guards that our own
translation writes (`throwIf`) carry an error code and a fixed text between markers, and only those pass.
"""

from __future__ import annotations

import asyncio
import re

from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from catalog.errors import ErrorCode, Refusal

_GUARD = re.compile(r"DB::Exception: penstock\[([A-Z_]+)\](.*?)\[penstock\]", re.DOTALL)
"""As `rewrite_rules.translate_clickhouse` writes guards; the two rooms may not import each other."""
_GUARD_NUMBER = 395
"""FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: no other error may speak, since others quote data."""
_CODE = re.compile(r"\bCode:\s*(\d+)")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")

_UNREACHABLE = "The ClickHouse server cannot be reached"
_GONE = "The connection to the ClickHouse server was lost while it was answering"
_UNEXPECTED = "The ClickHouse server answered in a form that is not understood"

_KNOWN: dict[int, tuple[ErrorCode, str]] = {
    6: (ErrorCode.INVALID_CAST_ARGUMENT, "A value cannot be cast to the requested type"),
    27: (ErrorCode.INVALID_CAST_ARGUMENT, "A value cannot be cast to the requested type"),
    38: (ErrorCode.INVALID_CAST_ARGUMENT, "A value cannot be cast to a date"),
    41: (ErrorCode.INVALID_FUNCTION_ARGUMENT, "A value is not a valid date or time"),
    53: (ErrorCode.NOT_SUPPORTED, "The types of this query are not supported on ClickHouse"),
    69: (ErrorCode.INVALID_FUNCTION_ARGUMENT, "An argument of a function is out of bounds"),
    70: (ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "A number is out of the range of its type"),
    72: (ErrorCode.INVALID_CAST_ARGUMENT, "A value cannot be cast to a number"),
    117: (ErrorCode.INVALID_FUNCTION_ARGUMENT, "A value does not have the form that a function needs"),
    125: (ErrorCode.SUBQUERY_MULTIPLE_ROWS, "Scalar sub-query has returned multiple rows"),
    131: (ErrorCode.INVALID_FUNCTION_ARGUMENT, "A text is too large for a function"),
    135: (ErrorCode.NOT_SUPPORTED, "This lookup in an array is not supported on ClickHouse"),
    153: (ErrorCode.DIVISION_BY_ZERO, "Division by zero"),
    158: (ErrorCode.EXCEEDED_SCAN_LIMIT, "Query exceeded the number of rows that ClickHouse may read"),
    159: (ErrorCode.EXCEEDED_TIME_LIMIT, "Query exceeded the maximum run time on ClickHouse"),
    160: (ErrorCode.EXCEEDED_TIME_LIMIT, "Query would exceed the maximum run time on ClickHouse"),
    202: (ErrorCode.QUERY_QUEUE_FULL, "ClickHouse runs too many queries; try again later"),
    241: (ErrorCode.EXCEEDED_GLOBAL_MEMORY_LIMIT, "Query exceeded the memory limit on ClickHouse"),
    306: (ErrorCode.NOT_SUPPORTED, "Recursion depth limit exceeded (10)"),
    307: (ErrorCode.EXCEEDED_SCAN_LIMIT, "Query exceeded the number of bytes that ClickHouse may read"),
    321: (ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "A date or time is out of the range of its type"),
    349: (ErrorCode.INVALID_CAST_ARGUMENT, "NULL cannot be stored in this type"),
    376: (ErrorCode.INVALID_CAST_ARGUMENT, "A value cannot be cast to uuid"),
    394: (ErrorCode.USER_CANCELED, "Query was canceled"),
    396: (ErrorCode.GENERIC_INSUFFICIENT_RESOURCES, "Query exceeded the size that ClickHouse may return"),
    403: (ErrorCode.NOT_SUPPORTED, "The condition of this join is not supported on ClickHouse"),
    407: (ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "A decimal is out of the range of its type"),
    427: (ErrorCode.NOT_SUPPORTED, "This regular expression is not supported on ClickHouse"),
    436: (ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "A date or time is out of the range of its type"),
    697: (ErrorCode.GENERIC_INTERNAL_ERROR, "The gateway is not allowed to do this on ClickHouse"),
}
"""ClickHouse's error numbers (`system.errors`) that a governed query can raise by its data or its size."""
_STALE = {
    60: (ErrorCode.TABLE_NOT_FOUND, "A table of this query no longer exists"),
    81: (ErrorCode.SCHEMA_NOT_FOUND, "A schema of this query no longer exists"),
    47: (ErrorCode.GENERIC_EXTERNAL, "A table of this query has changed; try again"),
    16: (ErrorCode.GENERIC_EXTERNAL, "A table of this query has changed; try again"),
    497: (ErrorCode.GENERIC_EXTERNAL, "The gateway's ClickHouse user may not read a table of this query"),
    516: (ErrorCode.NO_NODES_AVAILABLE, "The gateway cannot log in to the ClickHouse server"),
    194: (ErrorCode.NO_NODES_AVAILABLE, "The gateway cannot log in to the ClickHouse server"),
}
"""Errors that say the catalog or the set-up is no longer what it was."""


def translate_error(error: BaseException, *, answering: bool = False) -> Refusal:
    """Return the refusal that stands for an error of the driver; `answering` once a reply had begun."""
    if isinstance(error, Refusal):
        return error
    text = str(error)
    number = _number(error, text)
    if number == _GUARD_NUMBER:
        return _guard(text)
    if number is not None:
        code, message = _KNOWN.get(number) or _STALE.get(number) or _other(number)
        return Refusal(code, message, detail=_detail(number, text))
    return _without_number(error, text, answering=answering)


def _guard(text: str) -> Refusal:
    """Read what a guard of the translation says."""
    found = _GUARD.search(text)
    if found is None or found[1] not in ErrorCode.__members__:
        return Refusal(ErrorCode.NOT_SUPPORTED, "A value is not supported on ClickHouse")
    return Refusal(ErrorCode[found[1]], found[2].strip(), detail="a guard of the translation")


def _detail(number: int, text: str) -> str:
    """Say for the log what happened; ClickHouse's text quotes the query and its values and stays out of logs too."""
    names = _NAME.findall(text)
    return f"ClickHouse error {number}{f' ({names[-1]})' if names else ''}"


def _number(error: BaseException, text: str) -> int | None:
    if isinstance(error, Error) and error.code is not None:
        return error.code
    found = _CODE.search(text)
    return int(found[1]) if found else None


def _other(number: int) -> tuple[ErrorCode, str]:
    return ErrorCode.GENERIC_EXTERNAL, f"ClickHouse could not execute the query (its error {number})"


def _without_number(error: BaseException, text: str, *, answering: bool) -> Refusal:
    if answering:
        return Refusal(ErrorCode.REMOTE_HOST_GONE, _GONE, detail=repr(error))
    if isinstance(error, (OSError, asyncio.TimeoutError)) or _is_transport(error, text):
        return Refusal(ErrorCode.NO_NODES_AVAILABLE, _UNREACHABLE, detail=repr(error))
    return Refusal(ErrorCode.GENERIC_EXTERNAL, _UNEXPECTED, detail=repr(error))


def _is_transport(error: BaseException, text: str) -> bool:
    if not isinstance(error, ClickHouseError):
        return False
    return isinstance(error.__cause__, OSError) or "connect" in text.lower() or "timeout" in text.lower()
