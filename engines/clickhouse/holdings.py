"""Say what the tables of views hold now, by one question: documents, sizes, and whether rows were lost or changed.

A view's table is filled once and never written to again, so its number of rows stays, its parts are merged but never
mutated, and it has no TTL. Where that is otherwise somebody meddled with it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.view_documents import BEGINNING, MARK, Unreadable, mark_of, read_document
from engines.clickhouse.kept_rows import Writing
from engines.clickhouse.sizes import literal
from engines.views import Holding

_SQL = f"""
SELECT t.database, t.name, t.comment, ifNull(toString(t.total_rows), ''), ifNull(toString(t.total_bytes), ''),
  toString(toUInt8(position(t.create_table_query, ' TTL ') > 0)), toString(ifNull(p.changed, 0)),
  extract(t.create_table_query, {literal(f"`({re.escape(MARK)}[0-9a-f]+)` ")})
FROM system.tables AS t
LEFT JOIN (
  SELECT database, table,
    toUInt8(countIf(has_lightweight_delete OR match(name, '_[0-9]+_[0-9]+_[0-9]+_[0-9]+$')) > 0) AS changed
  FROM system.parts WHERE active GROUP BY database, table
) AS p ON p.database = t.database AND p.table = t.name
WHERE startsWith(t.comment, {literal(BEGINNING)}) AND NOT startsWith(t.name, '.inner')
"""  # noqa: S608  (our own text)


class _Row(NamedTuple):
    database: str
    table: str
    comment: str
    rows: str
    bytes: str
    expires: str
    changed: str
    mark: str
    """The column that names its document."""


async def held_views(connection: Writing, catalog: str) -> tuple[Holding, ...]:
    """Describe the tables of all views; see `engines.views.ViewKeepingEngine.held_views`."""
    found = (_holding(catalog, _Row(*row)) for row in await connection.rows(_SQL, {}))
    return tuple(each for each in found if each is not None)


def _holding(catalog: str, row: _Row) -> Holding | None:
    try:
        name = TableName(catalog, fold_trino(row.database), fold_trino(row.table))
    except Refusal:
        return None  # no client could write it
    rows = int(row.rows) if row.rows else None
    return Holding(name, row.comment, rows, int(row.bytes) if row.bytes else None, _lost(name, row, rows))


def _lost(name: TableName, row: _Row, rows: int | None) -> str | None:
    """Say why rows that the view was filled with are not all there, or not as they were."""
    if row.expires == "1":
        return "its table has a TTL, by which rows may have gone"
    if row.changed == "1":
        return "rows of its table were deleted or changed by hand"
    if row.mark != mark_of(row.comment):
        return "its document was written by hand, or by an older release: build it again"
    filled = _filled(name, row.comment)
    if filled is not None and rows is not None and filled != rows:
        return f"its table holds {rows} rows and was filled with {filled}"
    return None


@lru_cache(maxsize=8192)
def _filled(name: TableName, comment: str) -> int | None:
    """Return how many rows a view was filled with, by its document, which is asked for every few seconds."""
    try:
        document = read_document(name, comment)
    except Unreadable:
        return None  # which is told for itself
    return document.rows if document is not None else None
