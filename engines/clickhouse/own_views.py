"""ClickHouse's own materialized views: which there are, and whether they hold what their SELECT gives.

The server never says that a view missed anything: what lay in its base before it was made, deletes, mutations, dropped
partitions, TTL, inserts past it, a target that somebody wrote into. So nothing is concluded from its history: its rows
are compared with its own SELECT, and that counts for the versions of base and target at which it was done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from engines.clickhouse.connections import Connection
from engines.clickhouse.own_selects import Native, Select, Unread, read_select
from engines.clickhouse.own_targets import check_select
from engines.clickhouse.part_versions import VersionRow, version_text, versions_question
from engines.clickhouse.sizes import identifier
from engines.views import Compared, OwnView

_SQL = """
SELECT v.database, v.name, v.as_select, v.target_database, v.target_table, ifNull(t.engine, ''),
  ifNull(t.sorting_key, ''), toString(position(ifNull(t.create_table_query, ''), ' TTL ') > 0),
  toString(position(v.create_table_query, ' REFRESH ') > 0), toJSONString(ifNull(c.columns, []))
FROM (SELECT * FROM system.tables WHERE engine = 'MaterializedView' AND database NOT IN ('system')) AS v
LEFT JOIN system.tables AS t ON t.database = v.target_database AND t.name = v.target_table
LEFT JOIN (
  SELECT database, table, arraySort(groupArray((position, name, type))) AS columns
  FROM system.columns GROUP BY database, table
) AS c ON c.database = v.target_database AND c.table = v.target_table
"""
_COLUMNS = """
SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String} ORDER BY position
"""
_BYTES = "SELECT ifNull(toString(total_bytes), '') FROM system.tables WHERE database = {d:String} AND name = {t:String}"


class _Row(NamedTuple):
    database: str
    name: str
    select: str
    target_database: str
    target: str
    engine: str
    sorting: str
    expires: str
    refreshed: str
    columns: str


async def own_views(connection: Connection, catalog: str) -> tuple[OwnView, ...]:
    """Describe the server's own views; see `engines.views.OwnViewsEngine.own_views`. Raises Refusal."""
    found = [await _view(connection, catalog, _Row(*row)) for row in await connection.rows(_SQL, {})]
    return tuple(each for each in found if each is not None)


async def _view(connection: Connection, catalog: str, row: _Row) -> OwnView | None:
    try:
        name = TableName(catalog, fold_trino(row.database), fold_trino(row.name))
    except Refusal:
        return None  # no client could write it
    try:
        base = read_select(row.select, row.database).base
        columns = await connection.rows(_COLUMNS, {"database": base.database, "table": base.table})
        read = _checked(row, tuple((column[0], column[1]) for column in columns))
        table = TableName(catalog, fold_trino(base.database), fold_trino(base.table))
        definition = read.definition(name, table)
    except Unread as unread:
        return OwnView(name, None, str(unread))
    except Refusal as refusal:
        return OwnView(name, None, refusal.message)
    return OwnView(name, definition, base=table)


@lru_cache(maxsize=4096)
def _checked(row: _Row, base: tuple[tuple[str, str], ...]) -> Select:
    """Read a view's SELECT and hold its target to it. Raises Unread."""
    if row.expires == "1":
        raise Unread("its target has a TTL, by which rows may have gone")
    read = read_select(row.select, row.database)
    check_select(read, base, row.engine, row.sorting, row.columns)
    return read


async def compare(connection: Connection, view: OwnView, most_bytes: int) -> Compared:
    """Compare a view's rows with its SELECT; see `engines.views.OwnViewsEngine.compare`. Raises Refusal."""
    row = await _row(connection, view)
    if row is None or view.definition is None:
        return Compared(None, "it is gone")
    read = read_select(row.select, row.database)
    places = read.base, Native(row.target_database, row.target)
    before = await versions(connection, places)
    if None in before:
        return Compared(None, "its base or its target tells no versions")
    at = before[0] or "", before[1] or ""
    (size,) = await connection.rows(_BYTES, {"d": read.base.database, "t": read.base.table}) or [("",)]
    if not size[0] or int(size[0]) > most_bytes:
        return Compared(at, "its base has more bytes than are read to compare it: materialized_views.discover_bytes")
    path = ".".join(map(identifier, (row.database, row.name)))
    ((different,),) = await connection.rows(read.comparison(path), {})
    if before != await versions(connection, places):
        return Compared(None, "its base or its target changed while they were compared")
    if different != "0":
        return Compared(at, f"it does not hold what its SELECT gives: {different} groups differ")
    return Compared(at)


async def present(connection: Connection, view: OwnView) -> tuple[str, str] | None:
    """Name the present versions of a view's base and target; None where they have none. Raises Refusal."""
    row = await _row(connection, view)
    if row is None:
        return None
    try:
        base = read_select(row.select, row.database).base
    except Unread:
        return None
    found = await versions(connection, (base, Native(row.target_database, row.target)))
    return None if None in found else (found[0] or "", found[1] or "")


async def _row(connection: Connection, view: OwnView) -> _Row | None:
    rows = (_Row(*row) for row in await connection.rows(_SQL, {}))
    return next((r for r in rows if (_folded(r.database), _folded(r.name)) == view.name[1:]), None)


def _folded(name: str) -> str:
    try:
        return fold_trino(name)
    except Refusal:
        return ""


async def versions(connection: Connection, places: Sequence[Native]) -> list[str | None]:
    """Name the present versions of tables by their native names."""
    tables = [Table(TableName("", p.database, p.table), (), "", native_name=(p.database, p.table)) for p in places]
    rows = [VersionRow(*row) for row in await connection.rows(versions_question(tables), {})]
    found: Mapping[tuple[str, str], str | None] = {(r.database, r.table): version_text(r) for r in rows}
    return [found.get((place.database, place.table)) for place in places]
