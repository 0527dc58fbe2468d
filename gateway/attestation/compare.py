"""Hold what an engine says it reads against what was authorised: every difference, in words for operators."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.objects import Table, TableName
from catalog.types import TrinoType
from engines.reads import Read, Reads
from gateway.attestation.expected import WHOLE, Expected

_STORAGE = re.compile(r"st_[0-9a-f]{32}")
"""How Iceberg names them where its catalog is told not to hide them."""
_SMALLEST = "sf0.01"
"""What the connector of TPC-DS calls its schema `tiny`."""
_MOST = 20
"""How many differences are told: a log line stays a line."""


def differences(expected: Expected, said: Reads) -> tuple[str, ...]:
    """Return how the engine's word differs from what was authorised; nothing where it reads that or less."""
    found = [text for read in said.reads if (text := _difference(expected, read)) is not None]
    found += [f"reads by the function {name}" for name in said.foreign]
    found += [
        f"{name} is not what it was when the statement was planned"
        for name, version in said.versions.items()
        if name in expected.described and version != expected.described[name].version
    ]
    return tuple(dict.fromkeys(found))[:_MOST]


def _difference(expected: Expected, read: Read) -> str | None:
    columns = expected.tables.get(read.table)
    if columns is None and read.table.schema == _SMALLEST:
        columns = expected.tables.get(read.table._replace(schema="tiny"))
    if columns is None:
        known = _by_known_view(expected, read.through) or _is_storage(expected, read.table)
        return None if known else f"reads {_way(read)}"
    if read.view is not None and not _same_text(read.view, expected.views.get(read.table)):
        return f"{read.table} is a view now"
    more = {
        column for column in read.columns - columns if not _is_part(column, columns, expected.described.get(read.table))
    }
    if more and columns != WHOLE:
        return f"reads {_way(read)} ({', '.join(sorted(more))})"
    return None


def _is_part(name: str, columns: frozenset[str], table: Table | None) -> bool:
    """Tell whether a name is that of a field of a row that may be read: `note`, `attrs.note` or `attrs#note`.

    Connectors that read single fields call them so. Where a column has the name, it is meant.
    """
    if table is None or any(column.name == name for column in table.columns):
        return False
    rows = [column for column in table.columns if column.type.base == "row" and column.name in columns]
    return any(name.startswith((f"{row.name}.", f"{row.name}#")) or name in _fields(row.type) for row in rows)


def _fields(kind: TrinoType) -> Iterator[str]:
    """Yield the names of a row's fields, and of those in them."""
    for field, its in zip(kind.fields, kind.arguments, strict=True):
        if field is not None:
            yield field
        if its.base == "row":
            yield from _fields(its)


def _by_known_view(expected: Expected, through: tuple[TableName, ...]) -> bool:
    """Tell whether a table is only read for a materialized view that was authorised, whose text is compared itself."""
    return any(view in expected.views for view in through)


def _is_storage(expected: Expected, table: TableName) -> bool:
    """Tell whether a table is where Iceberg keeps an authorised materialized view (names measured on Trino 476)."""
    return any(
        table.catalog == view.catalog
        and (table.table == f"{view.table}$materialized_view_storage" or _STORAGE.fullmatch(table.table) is not None)
        for view in expected.views
    )


def _way(read: Read) -> str:
    return f"{read.table}{''.join(f' by way of {view}' for view in read.through)}"


def _same_text(one: str, other: str | None) -> bool:
    """Compare a view's text as the query information and as the catalog give it: both lay it out in their own way."""
    return other is not None and "".join(one.split()) == "".join(other.split())
