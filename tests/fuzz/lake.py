"""The embedded lake's part of a house: tables in DuckDB, described as the lake would describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.cache import Source
from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type
from engines.base import EngineStatement, Write
from engines.lake.database import Limits, open_cursor, open_database
from engines.lake.errors import translated
from engines.lake.queries import run_query
from tests.fuzz.tables import duckdb_table
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, Relation

LAKE = "lake"


class Tables:
    """The tables of one house."""

    name = LAKE
    catalogs = (CATALOG,)

    def __init__(self) -> None:
        self.there: dict[TableName, Table] = {}
        self.known = [SCHEMA, SANDBOX]

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return [SchemaName(catalog, schema) for schema in self.known]

    async def tables(self, catalog: str) -> Sequence[Table]:
        return list(self.there.values())

    async def describe(self, name: TableName) -> Table | None:
        return self.there.get(name)

    def declare(self, schema: str, relation: Relation) -> None:
        name = TableName(CATALOG, schema, relation.name)
        columns = tuple(Column(column, parse_type(kind)) for column, kind in relation.columns.items())
        body = View(relation.view, CATALOG, SCHEMA) if relation.view else None
        self.there[name] = Table(name, columns, LAKE, "view" if body else "table", view=body)


class LakeStore:
    """One DuckDB."""

    kind = LAKE

    def __init__(self) -> None:
        self._database = open_database(Limits(threads=1), [])

    async def hold(self, relations: Mapping[str, Relation], *, write: bool, hidden: bool) -> Source:
        """Hold these tables."""
        tables = Tables()
        if hidden:
            tables.known.remove(SCHEMA)
        for relation in relations.values():
            tables.declare(SCHEMA, relation)
            if write and not relation.view:
                for sql in duckdb_table(f"{CATALOG}.{SCHEMA}.{relation.name}", relation):
                    self._database.execute(sql)
        return tables

    async def read(self, statement: EngineStatement) -> list[bytes]:
        """Run a query."""
        with translated():
            cursor = open_cursor(self._database, statement.time_zone)
            try:
                return [part.data for part in run_query(cursor, statement) if part.data is not None]
            finally:
                cursor.close()

    async def create(self, write: Write, source: Source) -> TableName:
        """Do what CREATE TABLE AS asks; the sandbox is the only place where anybody may write."""
        assert write.kind == "create table as", write.kind
        assert isinstance(write.target, TableName)
        assert isinstance(source, Tables)
        names = ", ".join(f'"{column.name}"' for column in write.columns)
        with translated():
            self._database.execute(
                f'CREATE OR REPLACE TABLE "{write.target}" AS SELECT * FROM ({write.query}) AS t({names})'
            )
        source.there[write.target] = Table(write.target, write.columns, LAKE)
        return write.target

    def close(self) -> None:
        """Close the database."""
        self._database.close()
