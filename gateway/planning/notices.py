"""What users are told about a query beside its answer: columns that an engine shows in another type than it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.objects import Table
from engines.clickhouse.native_types import shown_otherwise
from gateway.models import TableAccess

MOST = 10


def notices(accesses: Sequence[TableAccess], tables: Sequence[Table], kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Name the columns read whose numbers are wider than any of Trino's, and how they are shown."""
    read = {access.name: frozenset(access.columns) for access in accesses}
    found = [
        f"Column '{table.name}.{column.name}' shows {shown}"
        for table in tables
        if kinds.get(table.engine) == "clickhouse"
        for column in table.columns
        if column.name in read.get(table.name, ()) and (shown := shown_otherwise(column.native_type or "")) is not None
    ]
    return tuple(found[:MOST])
