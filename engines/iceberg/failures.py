"""Turn what reading Iceberg's metadata raises into Refusals; texts never carry file names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyiceberg import exceptions as iceberg

from catalog.errors import ErrorCode, Refusal

_GONE = (iceberg.NoSuchTableError, iceberg.NoSuchNamespaceError)
_NO_ANSWER = (
    iceberg.RESTError,
    iceberg.ServerError,
    iceberg.ServiceUnavailableError,
    iceberg.UnauthorizedError,
    iceberg.ForbiddenError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise Refusal TABLE_NOT_FOUND, GENERIC_EXTERNAL or NOT_SUPPORTED for what is raised inside."""
    try:
        yield
    except Refusal:
        raise
    except _GONE as error:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, "Table does not exist", detail=str(error)) from error
    except (*_NO_ANSWER, OSError, pa.ArrowException) as error:
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, "The table's metadata cannot be read", detail=repr(error)) from error
    except Exception as error:
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, "The table's metadata are in a form that is not understood", detail=repr(error)
        ) from error
