"""Run one statement on a DuckDB cursor and yield its result as parts, each about a page of JSON."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import duckdb
import pyarrow as pa

from catalog.errors import ErrorCode, Refusal
from engines.base import EngineStatement, OutputColumn
from engines.executions import Part
from engines.lake.arrow_rows import wire_converter
from engines.lake.database import icu_zone, literal
from engines.lake.iceberg_types import quoted
from engines.rows import DataPage, Paginator
from engines.values import exact_datetimes

BATCH_ROWS = 8192
SESSION_ZONE = "session"
"""Zone mark of a column whose values show the session's time zone."""
UTC = "UTC"
_ZONED = "timestamp with time zone"


def run_query(cursor: duckdb.DuckDBPyConnection, statement: EngineStatement) -> Generator[Part, None, None]:
    """Stream a query's rows; memory stays bounded whatever their number. Raises what DuckDB raises.

    Translated SQL names its columns `c0`, `c1`, ..., with a time zone after a blank where a column shows one
    other than UTC.
    """
    relation = cursor.sql(statement.sql)
    columns = statement.columns or ()
    if relation is None or len(relation.columns) != len(columns):
        raise Refusal(
            ErrorCode.GENERIC_INTERNAL_ERROR, "The translated statement gives other columns than its plan says"
        )
    zones = [_zone(name, statement.time_zone) for name in relation.columns]
    if any(zone != UTC for zone in zones):
        relation = relation.project(_local_times(relation.columns, columns, zones))
    exact = exact_datetimes(statement.capabilities)
    converters = [wire_converter(c.type, zone, exact) for c, zone in zip(columns, zones, strict=True)]
    reader: pa.RecordBatchReader = relation.to_arrow_reader(BATCH_ROWS)
    del relation
    pages = Paginator()
    for batch in reader:
        wire = [convert(column) for convert, column in zip(converters, batch.columns, strict=True)]
        yield from map(_part, pages.add(wire))
    yield from map(_part, pages.finish())


def _part(page: DataPage) -> Part:
    return Part(page.data, page.rows)


def _local_times(names: Sequence[str], columns: Sequence[OutputColumn], zones: Sequence[str]) -> str:
    """Turn instants into the local times of the zones their columns show."""
    return ", ".join(
        f"timezone({literal(icu_zone(zone))}, {quoted(name)}) AS {quoted(name)}"
        if column.type.base == _ZONED and zone != UTC
        else quoted(name)
        for name, column, zone in zip(names, columns, zones, strict=True)
    )


def _zone(name: str, time_zone: str) -> str:
    mark = name.partition(" ")[2] or UTC
    return shown_zone(time_zone if mark == SESSION_ZONE else mark)


def shown_zone(zone: str) -> str:
    """Return a time zone as Trino shows it: all names of UTC are `UTC`."""
    bare = zone.lower().removeprefix("etc/")
    return UTC if bare in _NAMES_OF_UTC else zone


_NAMES_OF_UTC = frozenset(
    {"utc", "z", "ut", "uct", "gmt", "gmt0", "greenwich", "universal", "zulu", "+00:00", "-00:00", "gmt+0", "gmt-0"}
)
