"""Hold what an engine says it reads against what was authorised: every difference, in words for operators."""

from __future__ import annotations

import re

from catalog.objects import TableName
from engines.reads import Read, Reads
from gateway.attestation.expected import WHOLE, Expected

_STORAGE = re.compile(r"st_[0-9a-f]{32}")
"""How Iceberg names them where its catalog is told not to hide them."""
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
    if columns is None:
        known = _by_known_view(expected, read.through) or _is_storage(expected, read.table)
        return None if known else f"reads {_way(read)}"
    if read.view is not None and not _same_text(read.view, expected.views.get(read.table)):
        return f"{read.table} is a view now"
    more = read.columns - columns
    if more and columns != WHOLE:
        return f"reads {_way(read)} ({', '.join(sorted(more))})"
    return None


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
