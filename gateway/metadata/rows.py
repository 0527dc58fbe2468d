"""The rows of information_schema, system.jdbc and system.metadata, for one caller."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from catalog.objects import Table
from catalog.types import TrinoType, display_text
from gateway.metadata.jdbc_types import JDBC_TYPES, jdbc_column
from gateway.metadata.runtime import query_row
from gateway.metadata.visible import View, VisibleTable

Row = tuple[Any, ...]
_ARROW = {"varchar": pa.string(), "bigint": pa.int64(), "boolean": pa.bool_(), "array": pa.list_(pa.string())}


def system_rows(table: Table, view: View) -> pa.Table:
    """Return the rows of a system table as this caller may see them."""
    name = table.name
    maker = _MAKERS.get((name.schema, name.table))
    rows = list(maker(view, name.catalog)) if maker else []
    columns = []
    for position, column in enumerate(table.columns):
        values = [row[position] for row in rows]
        columns.append(pa.array(values, _arrow_type(column.type)))
    return pa.table(columns, names=[column.name for column in table.columns])


def _arrow_type(kind: TrinoType) -> pa.DataType:
    return _ARROW.get(kind.base, pa.timestamp("ns" if "9" in display_text(kind) else "us", "UTC"))


def _all_tables(view: View) -> Iterator[VisibleTable]:
    for catalog in view.catalogs():
        yield from view.tables(catalog)


def _kind(visible: VisibleTable) -> str:
    return "VIEW" if visible.table.kind == "view" else "BASE TABLE"


def _columns(view: View, catalog: str) -> Iterator[Row]:
    for visible in view.tables(catalog):
        for position, column in enumerate(visible.columns, 1):
            nullable = "YES" if column.nullable else "NO"
            kind = display_text(column.type)
            yield (*visible.table.name, column.name, position, None, nullable, kind, column.comment, None)


def _tables(view: View, catalog: str) -> Iterator[Row]:
    return ((*visible.table.name, _kind(visible)) for visible in view.tables(catalog))


def _views(view: View, catalog: str) -> Iterator[Row]:
    return (tuple(v.table.name) for v in view.tables(catalog) if v.table.kind == "view")


def _schemata(view: View, catalog: str) -> Iterator[Row]:
    return ((catalog, schema) for schema in view.schemas(catalog))


def _roles(view: View, _: str) -> Iterator[Row]:
    return ((role,) for role in sorted(view.subject.sides[-1].roles))


def _applicable_roles(view: View, _: str) -> Iterator[Row]:
    return ((view.subject.user, "USER", role, "NO") for role in sorted(view.subject.sides[-1].roles))


def _jdbc_catalogs(view: View, _: str) -> Iterator[Row]:
    return ((catalog,) for catalog in view.catalogs())


def _jdbc_schemas(view: View, _: str) -> Iterator[Row]:
    return ((schema, catalog) for catalog in view.catalogs() for schema in view.schemas(catalog))


def _jdbc_tables(view: View, _: str) -> Iterator[Row]:
    for visible in _all_tables(view):
        kind = "VIEW" if visible.table.kind == "view" else "TABLE"
        yield (*visible.table.name, kind, None, None, None, None, None, None)  # no remarks: Trino gives none either


def _jdbc_columns(view: View, _: str) -> Iterator[Row]:
    for visible in _all_tables(view):
        for position, column in enumerate(visible.columns, 1):
            yield jdbc_column(visible.table.name, column, position)


def _table_comments(view: View, _: str) -> Iterator[Row]:
    return ((*visible.table.name, visible.table.comment) for visible in _all_tables(view))


def _metadata_catalogs(view: View, _: str) -> Iterator[Row]:
    return ((catalog, catalog, "system" if catalog == "system" else "penstock") for catalog in view.catalogs())


def _constant(rows: Iterable[Row]) -> Callable[[View, str], Iterable[Row]]:
    return lambda _view, _catalog: rows


_MAKERS: dict[tuple[str, str], Callable[[View, str], Iterable[Row]]] = {
    ("information_schema", "columns"): _columns,
    ("information_schema", "tables"): _tables,
    ("information_schema", "views"): _views,
    ("information_schema", "schemata"): _schemata,
    ("information_schema", "roles"): _roles,
    ("information_schema", "enabled_roles"): _roles,
    ("information_schema", "applicable_roles"): _applicable_roles,
    ("jdbc", "catalogs"): _jdbc_catalogs,
    ("jdbc", "schemas"): _jdbc_schemas,
    ("jdbc", "tables"): _jdbc_tables,
    ("jdbc", "columns"): _jdbc_columns,
    ("jdbc", "table_types"): _constant((("TABLE",), ("VIEW",))),
    ("jdbc", "types"): _constant(JDBC_TYPES),
    ("metadata", "catalogs"): _metadata_catalogs,
    ("runtime", "queries"): lambda view, _: map(query_row, view.statements()),
    ("metadata", "table_comments"): _table_comments,
}
"""Tables that are missing here exist and are empty, as they are in a Trino without procedures, types of users, ..."""
