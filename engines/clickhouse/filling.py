"""Fill a view's table: a new one beside the old, its rows, its document; then the two change places in one step.

A crash leaves the old view or the new one, and at worst a table that nobody sees, which the next filling takes away.
Keys are Nullable, so that the group of NULL is one of its own. Plain measures stay plain columns beside the states, and
no SimpleAggregateFunction is needed: a group has one row from the start, so merging in the background changes nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Bound, Watermark
from catalog.objects import TableName
from catalog.types import TrinoType
from catalog.view_documents import Unreadable, mark_of, read_document, write_document
from engines.clickhouse.kept_rows import SETTINGS, Writing, check_kept, keep_rows
from engines.clickhouse.sizes import identifier, literal
from engines.clickhouse.view_types import Held, held
from engines.views import Fill, Filling

_ASIDE = ".inner.penstock."
"""Begins the names of tables under construction; the catalog shows none that begin with `.inner`."""
_OLD_SECONDS = 86_400
"""After so long a table under construction was left behind by a crash."""
_BATCH_BYTES = 8 << 20
_MOMENTS = {
    "date": "DATE '{}'",
    "timestamp": "TIMESTAMP '{}'",
    "timestamp with time zone": "TIMESTAMP '{} UTC'",
}
"""Trino's literals."""
_PLACE_SQL = """
SELECT d.name, ifNull(t.name, ''), ifNull(t.comment, '')
FROM (SELECT name FROM system.databases WHERE lower(name) = {schema:String}) AS d
LEFT JOIN (SELECT database, name, comment FROM system.tables WHERE lower(name) = {table:String}) AS t
  ON t.database = d.name
"""
_LEFT_SQL = """
SELECT name FROM system.tables WHERE database = {database:String} AND startsWith(name, {prefix:String})
"""
_KNOWS_SQL = "SELECT name FROM system.merge_tree_settings WHERE name = 'allow_dimensions_outside_sorting_key'"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a view's table lies, or will."""

    database: str
    table: str
    exists: bool

    def path(self, table: str | None = None) -> str:
        return f"{identifier(self.database)}.{identifier(table or self.table)}"


async def fill(
    connection: Writing, filling: Filling, pages: AsyncIterator[bytes], mark: Callable[[], Watermark | None]
) -> Fill:
    """Fill a view's table; see `engines.views.ViewKeepingEngine.fill`."""
    columns = [held(column) for column in filling.columns]
    place = await _place(connection, filling.document.definition.name)
    await _clear_up(connection, place)
    aside = f"{_ASIDE}{time.time():.0f}.{secrets.token_hex(6)}.{place.table}"
    await connection.run(await _create_sql(connection, filling, columns, place.path(aside)), SETTINGS)
    try:
        rows = kept = await keep_rows(connection, filling, columns, (place.database, place.table), place.path(aside))
        async for lines in _batches(pages):
            await _insert(connection, place.path(aside), columns, lines)
            rows += len(lines)
        watermark = mark()
        if watermark is None:
            message = "The view's base tables changed while it was built"
            raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Try again.")
        bounds = await _bounds(connection, place.path(aside), filling)
        comment = write_document(replace(filling.document, watermark=watermark, bounds=bounds, rows=rows))
        await connection.run(_named_sql(place.path(aside), comment), SETTINGS)
        if filling.kept is not None:
            await check_kept(connection, filling.kept, (place.database, place.table))
        await _change_places(connection, place, aside)
    except BaseException:
        await connection.run(f"DROP TABLE IF EXISTS {place.path(aside)} SYNC", SETTINGS)
        raise
    return Fill(rows, place.exists, kept)


def _named_sql(path: str, comment: str) -> str:
    """Write the document beside the rows, and a column that is stored nowhere, by which this very table is known."""
    mark = identifier(mark_of(comment) or "")
    return f"ALTER TABLE {path} MODIFY COMMENT {literal(comment)}, ADD COLUMN {mark} Int32 ALIAS 0"


async def drop(connection: Writing, name: TableName) -> bool:
    """Drop a view's table; see `engines.views.ViewKeepingEngine.drop_view`."""
    place = await _place(connection, name)
    if place.exists:
        await connection.run(f"DROP TABLE {place.path()} SYNC", SETTINGS)
    return place.exists


async def _place(connection: Writing, name: TableName) -> _Place:
    """Find where a view's table lies. Raises Refusal where something else is there."""
    found = await connection.rows(_PLACE_SQL, {"schema": name.schema, "table": name.table})
    if not found:
        raise Refusal(
            ErrorCode.SCHEMA_NOT_FOUND,
            f"Schema '{name.catalog}.{name.schema}' does not exist",
            hint=f"Create the database on the server: CREATE DATABASE {name.schema}",
        )
    if len(found) > 1:
        raise Refusal(ErrorCode.AMBIGUOUS_NAME, f"Several tables or databases are named '{name}' but for their case")
    database, table, comment = found[0]
    if not table:
        return _Place(database, name.table, exists=False)
    _check_ours(name, comment)
    return _Place(database, table, exists=True)


def _check_ours(name: TableName, comment: str) -> None:
    try:
        ours = read_document(name, comment) is not None
    except Unreadable:
        ours = True
    if not ours:
        message = f"Table '{name}' is no materialized view of this gateway, so it is not replaced"
        raise Refusal(ErrorCode.TABLE_ALREADY_EXISTS, message, hint="Give the view another name.")


async def _clear_up(connection: Writing, place: _Place) -> None:
    """Take away what earlier fillings left behind when they were cut off."""
    for row in await connection.rows(_LEFT_SQL, {"database": place.database, "prefix": _ASIDE}):
        if _left_behind(row[0], time.time()):
            await connection.run(f"DROP TABLE IF EXISTS {place.path(row[0])} SYNC", SETTINGS)


def _left_behind(table: str, now: float) -> bool:
    """Tell by its name when a table was begun: what the server says of that is none of a table that is just made."""
    begun = table.removeprefix(_ASIDE).partition(".")[0]
    return begun.isdecimal() and now - int(begun) > _OLD_SECONDS


async def _create_sql(connection: Writing, filling: Filling, columns: Sequence[Held], path: str) -> str:
    listed = ", ".join(f"{identifier(column.name)} {column.native}" for column in columns)
    order = ", ".join(identifier(name) for name in filling.order_by)
    states = any(column.state is not None for column in filling.columns)
    # Rows of one key would be merged there: only where a key is a whole group is there but one of each.
    engine = "AggregatingMergeTree" if states and filling.grouped and filling.order_by else "MergeTree"
    settings = "allow_nullable_key = 1"
    if engine == "AggregatingMergeTree" and await connection.rows(_KNOWS_SQL, {}):
        settings += ", allow_dimensions_outside_sorting_key = 1"
    return f"CREATE TABLE {path} ({listed}) ENGINE = {engine} ORDER BY ({order}) SETTINGS {settings}"


async def _batches(pages: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Put rows together that are inserted at once: each insertion makes a part, and of these there may not be many."""
    rows: list[bytes] = []
    size = 0
    async for page in pages:
        found = [bytes(row) for row in msgspec.json.decode(page, type=list[msgspec.Raw])]
        rows += found
        size += len(page)
        if size >= _BATCH_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


async def _insert(connection: Writing, path: str, columns: Sequence[Held], rows: Sequence[bytes]) -> None:
    """Insert some rows."""
    lines = literal(b"\n".join(rows).decode())
    kinds = [*(c.read[0] for c in columns), *(kind for c in columns for kind in c.read[1:])]
    structure = literal(", ".join(f"c{number} {kind}" for number, kind in enumerate(kinds)))
    listed = ", ".join(identifier(column.name) for column in columns)
    read = f"SELECT {', '.join(_values(columns))} FROM format(JSONCompactEachRow, {structure}, {lines})"  # noqa: S608  (names and texts are quoted)
    await connection.run(f"INSERT INTO {path} ({listed}) {read}", SETTINGS)


def _values(columns: Sequence[Held]) -> list[str]:
    """Write the values to store; what comes beside a value comes at the end of the row."""
    values, beside = [], len(columns)
    for number, column in enumerate(columns):
        values.append(column.value.replace("{0}", f"c{number}").replace("{1}", f"c{beside}"))
        beside += len(column.read) - 1
    return values


async def _bounds(connection: Writing, path: str, filling: Filling) -> tuple[Bound, ...]:
    """Look up between which dates and times the rows lie, as Trino's literals."""
    columns = [each for each in filling.columns if each.state is None and each.type.base in _MOMENTS]
    if not columns:
        return ()
    asked = (_shown(f"{end}({identifier(each.name)})", each.type) for each in columns for end in ("min", "max"))
    (found,) = await connection.rows(f"SELECT {', '.join(asked)} FROM {path}", {})  # noqa: S608  (names are quoted)
    pairs = zip(columns, found[::2], found[1::2], strict=True)
    return tuple(
        Bound(each.name, _MOMENTS[each.type.base].format(low), _MOMENTS[each.type.base].format(high), nulls=True)
        for each, low, high in pairs
        if low is not None and high is not None
    )


def _shown(value: str, kind: TrinoType) -> str:
    """Write a date or time as text; the server's own zone has no say in it."""
    return f"toString({value})" if kind.base == "date" else f"toString({value}, 'UTC')"


async def _change_places(connection: Writing, place: _Place, aside: str) -> None:
    """Put the new table in the place of the old one, which is dropped then."""
    if not place.exists:
        await connection.run(f"RENAME TABLE {place.path(aside)} TO {place.path()}", SETTINGS)
        return
    await connection.run(f"EXCHANGE TABLES {place.path(aside)} AND {place.path()}", SETTINGS)
    await connection.run(f"DROP TABLE {place.path(aside)} SYNC", SETTINGS)
