"""SHOW CREATE in Trino's layout, from the catalog: names, types and comments, never a location or other property."""

from __future__ import annotations

import re

from catalog.dialect.words import RESERVED
from catalog.objects import Column, SchemaName
from catalog.types import TrinoType, type_text
from gateway.metadata.visible import VisibleTable

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def create_table_text(visible: VisibleTable) -> str:
    """Write the statement that would create a table."""
    target = ".".join(_name(part) for part in visible.table.name)
    columns = ",\n".join(f"   {_column(column)}" for column in visible.columns)
    comment = f"\nCOMMENT {_literal(visible.table.comment)}" if visible.table.comment else ""
    return f"CREATE TABLE {target} (\n{columns}\n){comment}"


def create_schema_text(schema: SchemaName) -> str:
    """Write the statement that would create a schema."""
    return "CREATE SCHEMA " + ".".join(_name(part) for part in schema)


def _column(column: Column) -> str:
    nullable = "" if column.nullable else " NOT NULL"
    comment = f" COMMENT {_literal(column.comment)}" if column.comment else ""
    return f"{_name(column.name)} {_type(column.type)}{nullable}{comment}"


def _type(kind: TrinoType) -> str:
    """Write a type as statements do, which is as on the wire but for rows."""
    if kind.base == "row":
        parts = zip(kind.fields, kind.arguments, strict=True)
        return "ROW(" + ", ".join(f"{_name(name)} {_type(t)}" if name else _type(t) for name, t in parts) + ")"
    if kind.arguments:
        return f"{kind.base}({', '.join(_type(p) if isinstance(p, TrinoType) else str(p) for p in kind.parameters)})"
    return type_text(kind)


def _name(identifier: str) -> str:
    if _PLAIN.fullmatch(identifier) and identifier.upper() not in RESERVED:
        return identifier
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
