"""The types of ClickHouse in which values of Trino's plain types are held, without Nullable."""

from __future__ import annotations

from collections.abc import Mapping

PLAIN: Mapping[str, str] = {
    "boolean": "Bool",
    "tinyint": "Int8",
    "smallint": "Int16",
    "integer": "Int32",
    "bigint": "Int64",
    "real": "Float32",
    "double": "Float64",
    "varchar": "String",
    "char": "String",
    "varbinary": "String",
    "date": "Date32",
    "uuid": "UUID",
}
"""By the base of the Trino type: what views keep, and what expressions are computed in."""
