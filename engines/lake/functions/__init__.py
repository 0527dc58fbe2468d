"""Functions that DuckDB lacks or answers otherwise than Trino, in Python: JSON as Jackson reads it, Java's formatter.

Translated SQL calls them by the names below. They are exact and slower than DuckDB's own: about a million calls a
second. What they cannot answer exactly they refuse by raising `penstock:ERROR_NAME:message`, which the engine reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
from duckdb.func import SPECIAL
from duckdb.sqltypes import BIGINT, SQLNULL, VARCHAR

from engines.lake.functions import formats, jsons
from engines.lake.functions.raised import raise_marked

_TEXTS = duckdb.list_type(VARCHAR)
FUNCTIONS: Sequence[tuple[str, Callable[..., Any], Sequence[Any], Any]] = (
    ("penstock_json_scalar", jsons.extract_scalar, (VARCHAR, VARCHAR), VARCHAR),
    ("penstock_json_extract", jsons.extract, (VARCHAR, VARCHAR), VARCHAR),
    ("penstock_json_size", jsons.size, (VARCHAR, VARCHAR), BIGINT),
    ("penstock_json_parse", jsons.parse, (VARCHAR,), VARCHAR),
    ("penstock_json_items", jsons.items, (VARCHAR, VARCHAR), _TEXTS),
    ("penstock_json_keys", jsons.keys, (VARCHAR, VARCHAR), _TEXTS),
    ("penstock_json_values", jsons.values, (VARCHAR, VARCHAR), _TEXTS),
    ("penstock_json_text", jsons.text_of, (VARCHAR, VARCHAR), VARCHAR),
    ("penstock_json_double", jsons.double_text, (VARCHAR,), VARCHAR),
    ("penstock_json_object", jsons.make_object, (_TEXTS, _TEXTS), VARCHAR),
    ("penstock_raise", raise_marked, (VARCHAR,), SQLNULL),
    ("penstock_format", formats.formatted, (VARCHAR, VARCHAR), VARCHAR),
)


def register(database: duckdb.DuckDBPyConnection) -> None:
    """Make the functions known to all cursors of a database; before its configuration is locked."""
    for name, function, parameters, result in FUNCTIONS:
        database.create_function(name, function, list(parameters), result, null_handling=SPECIAL)
