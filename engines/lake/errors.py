"""Translate what DuckDB and pyiceberg raise into Trino's errors, once, at the edge, without quoting data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
from pyiceberg import exceptions as iceberg
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import ErrorCode, Refusal

RAISED = "penstock:"
"""How translated SQL marks the errors it raises itself: `penstock:ERROR_NAME:message`."""

_NOT_SUPPORTED = "The embedded lake does not support this query"
_TOO_DEEP = "Values nested this deep are not supported by the embedded lake"
_TOO_FAR = "a timestamp(9) outside the years 1678 to 2261 is not supported by the embedded lake"
_BY_TEXT: tuple[tuple[str, ErrorCode, str], ...] = (
    ("Division by zero", ErrorCode.DIVISION_BY_ZERO, "Division by zero"),
    ("INTERRUPT Error", ErrorCode.USER_CANCELED, "Query was canceled"),
    ("Could not convert Timestamp to higher precision", ErrorCode.NOT_SUPPORTED, _TOO_FAR),
    ("can't be cast to the destination type INT64", ErrorCode.NOT_SUPPORTED, _TOO_FAR),  # of a date
    ("Conversion Error", ErrorCode.INVALID_CAST_ARGUMENT, "Value cannot be cast to the type asked for"),
    ("Out of Range Error", ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "Value is out of range of its type"),
    (
        "More than one row returned by a subquery",
        ErrorCode.SUBQUERY_MULTIPLE_ROWS,
        "Scalar sub-query has returned multiple rows",
    ),
    ("Out of Memory Error", ErrorCode.EXCEEDED_GLOBAL_MEMORY_LIMIT, "Query exceeded the memory of the embedded lake"),
    ("Invalid Input Error", ErrorCode.INVALID_FUNCTION_ARGUMENT, "Invalid argument of a function"),
    ("Binder Error", ErrorCode.NOT_SUPPORTED, _NOT_SUPPORTED),
    ("Not implemented Error", ErrorCode.NOT_SUPPORTED, _NOT_SUPPORTED),
    ("Recursion level in ArrowSchema", ErrorCode.NOT_SUPPORTED, _TOO_DEEP),
    ("IO Error", ErrorCode.GENERIC_EXTERNAL, "A data file could not be read"),
)
"""First match wins; the words are DuckDB's, as are the classes before the colon."""
_RANGE_IN_CONVERSION = ("out of range for the destination type INT",)


@contextmanager
def translated() -> Iterator[None]:
    """Turn library errors raised inside into Refusals; texts never carry values, file names or SQL."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise from_engine(error) from error
    except (iceberg.CommitFailedException, iceberg.ValidationException) as error:
        raise Refusal(
            ErrorCode.TRANSACTION_CONFLICT, "The table was changed by another statement; try again", detail=str(error)
        ) from error
    except iceberg.NoSuchTableError as error:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, "Table does not exist", detail=str(error)) from error
    except (iceberg.NotInstalledError, NotImplementedError) as error:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, "The embedded lake does not support this table's layout", detail=str(error)
        ) from error
    except SQLAlchemyError as error:
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, "The lake's catalog did not answer", detail=str(error)) from error
    except ValueError as error:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, "The embedded lake does not support this table's layout", detail=str(error)
        ) from error


def from_engine(error: BaseException) -> Refusal:
    """Return the Refusal for an error of DuckDB, which may come wrapped as Arrow's or the system's."""
    text = str(error)
    if RAISED in text:
        return _raised(text)
    if "Conversion Error" in text and any(words in text for words in _RANGE_IN_CONVERSION):
        return Refusal(ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE, "Value is out of range of its type", detail=text)
    for words, code, message in _BY_TEXT:
        if words in text:
            return Refusal(code, message, detail=text)
    return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The embedded lake could not run the query", detail=text)


def _raised(text: str) -> Refusal:
    name, _, message = text.partition(RAISED)[2].partition(":")
    code = ErrorCode.__members__.get(name, ErrorCode.GENERIC_USER_ERROR)
    return Refusal(code, message.splitlines()[0].strip(), detail=text)
