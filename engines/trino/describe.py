"""Read what a Trino cluster holds through its own SQL, as the gateway's service user."""
# ruff: noqa: S608  (names and literals are quoted by `_quoted` and `_literal`)

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Literal, TypeVar

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type
from engines.base import Engine, EngineStatement

Row = TypeVar("Row")

HIDDEN_SCHEMA = "information_schema"
"""Answered by the gateway itself, so never described."""
HIDDEN_TABLES = frozenset({("system", "iceberg_tables")})
"""Tables in which a connector lists every table of the catalog, whoever asks."""


class ColumnRow(msgspec.Struct, array_like=True, frozen=True):
    """One row of information_schema.columns."""

    schema: str
    table: str
    column: str
    type: str
    nullable: str
    position: int
    comment: str | None


class ViewRow(msgspec.Struct, array_like=True, frozen=True):
    """One view: where it lies, its body, and whether it is materialized."""

    schema: str
    name: str
    body: str
    materialized: bool


class CommentRow(msgspec.Struct, array_like=True, frozen=True):
    """The comment of one table or view."""

    schema: str
    name: str
    comment: str


class SchemaRow(msgspec.Struct, array_like=True, frozen=True):
    """One row of information_schema.schemata."""

    schema: str


async def schemas(engine: Engine, catalog: str, user: str) -> list[SchemaName]:
    """List the schemas of a catalog. Raises Refusal when the engine cannot say."""
    sql = f"SELECT schema_name FROM {_quoted(catalog)}.information_schema.schemata"
    rows = await collect(engine, sql, user, SchemaRow)
    return sorted(SchemaName(catalog, row.schema) for row in rows if _speakable(row.schema))


async def tables(engine: Engine, catalog: str, user: str) -> list[Table]:
    """Describe all tables of a catalog. Raises Refusal when the engine cannot say."""
    views = _by_name(await collect(engine, _views_sql(catalog), user, ViewRow))
    comments = await _comments(engine, f"catalog_name = {_literal(catalog)}", user)
    found: defaultdict[tuple[str, str], list[ColumnRow]] = defaultdict(list)
    sql = f"{_columns_sql(catalog)} WHERE table_schema <> {_literal(HIDDEN_SCHEMA)}"
    async with aclosing(run(engine, sql, user, ColumnRow)) as rows:
        async for row in rows:
            if (row.schema, row.table) not in HIDDEN_TABLES:
                found[row.schema, row.table].append(row)
    made = (_table(engine.name, catalog, columns, views.get(key), comments.get(key)) for key, columns in found.items())
    return [table for table in made if table is not None]


async def table(engine: Engine, name: TableName, user: str) -> Table | None:
    """Describe one table; None if there is none. Raises Refusal when the engine cannot say."""
    if name.schema == HIDDEN_SCHEMA or (name.schema, name.table) in HIDDEN_TABLES:
        return None
    here = f"WHERE table_schema = {_literal(name.schema)} AND table_name = {_literal(name.table)}"
    columns = await collect(engine, f"{_columns_sql(name.catalog)} {here}", user, ColumnRow)
    if not columns:
        return None
    view_sql = f"SELECT * FROM ({_views_sql(name.catalog)}) AS v (table_schema, table_name, body, stored) {here}"
    views = _by_name(await collect(engine, view_sql, user, ViewRow))
    here = " AND ".join(
        f"{column} = {_literal(part)}"
        for column, part in zip(("catalog_name", "schema_name", "table_name"), name, strict=True)
    )
    comments = await _comments(engine, here, user)
    key = name.schema, name.table
    return _table(engine.name, name.catalog, columns, views.get(key), comments.get(key))


async def _comments(engine: Engine, here: str, user: str) -> dict[tuple[str, str], str]:
    """Read tables' comments; a cluster that does not give them away is described without."""
    sql = (
        "SELECT schema_name, table_name, comment FROM system.metadata.table_comments "
        f"WHERE comment IS NOT NULL AND {here}"
    )
    try:
        return {(row.schema, row.name): row.comment for row in await collect(engine, sql, user, CommentRow)}
    except Refusal:
        return {}


async def collect(engine: Engine, sql: str, user: str, row: type[Row]) -> list[Row]:
    """Run a statement of the gateway's own and return all its rows. Raises Refusal."""
    async with aclosing(run(engine, sql, user, row)) as rows:
        return [item async for item in rows]


async def run(engine: Engine, sql: str, user: str, row: type[Row]) -> AsyncGenerator[Row, None]:
    """Run a statement of the gateway's own and yield its rows; cancelled when the caller stops early.

    Raises Refusal GENERIC_EXTERNAL when it fails; the cause stays in the detail.
    """
    decoder = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # the row is a type given at run time
    headers = (("X-Trino-Source", "penstock-catalog"), ("X-Trino-Client-Capabilities", "PARAMETRIC_DATETIME"))
    statement = EngineStatement(sql=sql, user=user, catalog=None, schema=None, time_zone="UTC", headers=headers)
    submission = await engine.submit(statement, "catalog")
    page, cursor = submission.page, submission.cursor or None
    try:
        while page is not None or cursor:
            page = page or await engine.page(cursor or "")
            if page.failed is not None:
                raise _failed(engine.name, page.members["error"])
            cursor, data, page = page.next, page.members.get("data", b"[]"), None
            for item in decoder.decode(data):
                yield item
    except (GeneratorExit, asyncio.CancelledError):
        if cursor:
            with suppress(Refusal):
                await engine.cancel(cursor)
        raise
    except msgspec.MsgspecError as error:
        raise _failed(engine.name, str(error).encode()) from None


def _failed(engine: str, detail: bytes) -> Refusal:
    text = f"The engine {engine} cannot be described"
    return Refusal(ErrorCode.GENERIC_EXTERNAL, text, detail=detail[:2000].decode("utf-8", "replace"))


def _columns_sql(catalog: str) -> str:
    return (
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, ordinal_position, comment "
        f"FROM {_quoted(catalog)}.information_schema.columns"
    )


def _views_sql(catalog: str) -> str:
    """Return the query for the bodies of views and materialized views of a catalog."""
    return (
        "SELECT table_schema, table_name, view_definition, false "
        f"FROM {_quoted(catalog)}.information_schema.views "
        "UNION ALL SELECT schema_name, name, definition, true "
        f"FROM system.metadata.materialized_views WHERE catalog_name = {_literal(catalog)}"
    )


def _by_name(views: Sequence[ViewRow]) -> Mapping[tuple[str, str], ViewRow]:
    """Index views by name; a materialized view listed among the plain ones too counts as materialized."""
    return {(view.schema, view.name): view for view in sorted(views, key=lambda view: view.materialized)}


def _table(
    engine: str, catalog: str, rows: Sequence[ColumnRow], view: ViewRow | None, comment: str | None
) -> Table | None:
    """Make a table of its columns' rows; None if no statement could name it or a type cannot be read."""
    name = TableName(catalog, rows[0].schema, rows[0].table)
    if not all(_speakable(part) for part in (*name, *(row.column for row in rows))):
        return None
    try:
        columns = tuple(
            Column(row.column, parse_type(row.type), row.comment, row.nullable != "NO")
            for row in sorted(rows, key=lambda row: row.position)
        )
    except ValueError:
        return None
    kind: Literal["table", "view", "materialized view"] = "table"
    if view is not None:
        kind = "materialized view" if view.materialized else "view"
    # Trino does not tell in which schema a view's unqualified names resolve: None leaves them unresolvable.
    body = View(view.body, None, None) if view is not None else None
    return Table(name, columns, engine, kind, _version(kind, rows, view, comment), comment, body)


def _version(kind: str, rows: Sequence[ColumnRow], view: ViewRow | None, comment: str | None) -> str:
    columns = (f"{r.position} {r.column} {r.type} {r.nullable} {r.comment}" for r in rows)
    parts = [kind, view.body if view else "", comment or "", *columns]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def _speakable(name: str) -> bool:
    """Say whether a statement could name this: folded already, in letters whose folding is certain."""
    try:
        return fold_trino(name) == name
    except Refusal:
        return False


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
