"""ClickHouse's own materialized views: which there are, and whether they hold what their SELECT gives.

The server never says that a view missed anything: what lay in its base before it was made, deletes, mutations, dropped
partitions, TTL, inserts past it, a target that somebody wrote into. So nothing is concluded from its history: its rows
are compared with its own SELECT, and that counts for the versions of base and target at which it was done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from engines.clickhouse.connections import Connection
from engines.clickhouse.own_selects import Native, Select, Unread, read_select
from engines.clickhouse.own_targets import check_select
from engines.clickhouse.part_versions import VersionRow, version_text, versions_question
from engines.clickhouse.sizes import condition_of, identifier
from engines.views import Compared, OwnView

_TARGETS = "SELECT target_database, target_table FROM system.tables WHERE engine = 'MaterializedView'"
_SQL = f"""
SELECT v.database, v.name, v.as_select, v.target_database, v.target_table, ifNull(t.engine, ''),
  ifNull(t.sorting_key, ''), toString(position(ifNull(t.create_table_query, ''), ' TTL ') > 0),
  toJSONString(ifNull(c.columns, []))
FROM (SELECT * FROM system.tables WHERE engine = 'MaterializedView' AND database != 'system') AS v
LEFT JOIN (SELECT * FROM system.tables WHERE (database, name) IN ({_TARGETS})) AS t
  ON t.database = v.target_database AND t.name = v.target_table
LEFT JOIN (
  SELECT database, table, arraySort(groupArray((position, name, type))) AS columns
  FROM system.columns WHERE (database, table) IN ({_TARGETS}) GROUP BY database, table
) AS c ON c.database = v.target_database AND c.table = v.target_table
"""  # noqa: S608  (our own text)
_BYTES = "SELECT ifNull(toString(total_bytes), '') FROM system.tables WHERE database = {d:String} AND name = {t:String}"


Columns = tuple[tuple[str, str], ...]
"""Names with types."""


class _Row(NamedTuple):
    database: str
    name: str
    select: str
    target_database: str
    target: str
    engine: str
    sorting: str
    expires: str
    columns: str


async def own_views(connection: Connection, catalog: str) -> tuple[OwnView, ...]:
    """Describe the server's own views, by three questions; see `engines.views.OwnViewsEngine`. Raises Refusal."""
    rows = [_Row(*row) for row in await connection.rows(_SQL, {})]
    bases = {row: base for row in rows if (base := _base_of(row)) is not None}
    columns = await _columns(connection, set(bases.values()))
    places = {place for row, base in bases.items() for place in (base, Native(row.target_database, row.target))}
    now = dict(zip(places, await versions(connection, tuple(places)), strict=True)) if places else {}
    found = (_view(catalog, row, columns, now) for row in rows)
    return tuple(each for each in found if each is not None)


def _base_of(row: _Row) -> Native | None:
    try:
        return read_select(row.select, row.database).base
    except Unread:
        return None


async def _columns(connection: Connection, places: Collection[Native]) -> Mapping[Native, Columns]:
    """Return the columns of tables with their types."""
    if not places:
        return {}
    condition = condition_of([_table(place) for place in places], "table")
    sql = f"SELECT database, table, name, type FROM system.columns WHERE {condition} ORDER BY position"  # noqa: S608  (quoted names)
    found: dict[Native, Columns] = {}
    for database, table, name, kind in await connection.rows(sql, {}):
        place = Native(database, table)
        found[place] = (*found.get(place, ()), (name, kind))
    return found


def _view(
    catalog: str, row: _Row, columns: Mapping[Native, Columns], now: Mapping[Native, str | None]
) -> OwnView | None:
    try:
        name = TableName(catalog, fold_trino(row.database), fold_trino(row.name))
    except Refusal:
        return None  # no client could write it
    try:
        base = read_select(row.select, row.database).base
        read = _checked(row, columns.get(base, ()))
        table = TableName(catalog, fold_trino(base.database), fold_trino(base.table))
        definition = read.definition(name, table)
    except Unread as unread:
        return OwnView(name, None, str(unread))
    except Refusal as refusal:
        return OwnView(name, None, refusal.message)
    ours, theirs = now.get(base), now.get(Native(row.target_database, row.target))
    return OwnView(name, definition, base=table, present=(ours, theirs) if ours and theirs else None)


@lru_cache(maxsize=4096)
def _checked(row: _Row, base: Columns) -> Select:
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
    rows = [VersionRow(*row) for row in await connection.rows(versions_question(map(_table, places)), {})]
    found: Mapping[tuple[str, str], str | None] = {(r.database, r.table): version_text(r) for r in rows}
    return [found.get((place.database, place.table)) for place in places]


def _table(place: Native) -> Table:
    return Table(TableName("", place.database, place.table), (), "", native_name=(place.database, place.table))
