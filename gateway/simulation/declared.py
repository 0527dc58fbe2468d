"""Tables that policy tests declare, in the place of engines'; those with rows are made in an embedded lake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from catalog.dialect.types import data_type
from catalog.errors import Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type, type_text
from gateway.config.model import LakeBackend
from gateway.simulation.cases import DeclaredTable
from policies.faults import Fault, Origin, PolicyError


class Declared:
    """A source of declared tables, one for each catalog and kind of engine."""

    def __init__(self, name: str, kind: str, tables: Iterable[Table]) -> None:
        """Hold the tables, all of one catalog."""
        self.name = name
        self.kind = kind
        self._there = {table.name: table for table in tables}
        self.catalogs = tuple(sorted({name.catalog for name in self._there}))

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the schemas that have tables."""
        return sorted({SchemaName(n.catalog, n.schema) for n in self._there if n.catalog == catalog})

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Return the tables of a catalog."""
        return [table for name, table in self._there.items() if name.catalog == catalog]

    async def describe(self, name: TableName) -> Table | None:
        """Return one table."""
        return self._there.get(name)


def declared_sources(catalog: Mapping[str, DeclaredTable], file: str) -> tuple[list[Declared], dict[str, list[Table]]]:
    """Return a source for each catalog of tables without rows, and the tables of the others by catalog.

    Raises PolicyError for a type that is none, and for a catalog of two engines.
    """
    by_catalog: dict[str, dict[str, DeclaredTable]] = {}
    for dotted, written in catalog.items():
        by_catalog.setdefault(fold_trino(dotted.split(".")[0]), {})[dotted] = written
    sources, filled = [], {}
    for name, found in by_catalog.items():
        kinds = {written.engine for written in found.values() if written.engine is not None}
        rows = any(written.rows is not None for written in found.values())
        if len(kinds) > 1 or (rows and kinds - {"lake"}):
            what = "tables with rows are of an embedded lake" if rows else f"the catalog {name} has two engines"
            raise PolicyError([Fault(Origin(file, f"catalog.{next(iter(found))}", 1), what)])
        kind = next(iter(kinds), "trino")
        engine = name if rows else f"{name}_{kind}"
        tables = [_table(dotted, written, engine, file) for dotted, written in found.items()]
        if rows:
            filled[name] = tables
        else:
            sources.append(Declared(engine, kind, tables))
    return sources, filled


def _table(dotted: str, written: DeclaredTable, engine: str, file: str) -> Table:
    catalog, schema, name = (fold_trino(part) for part in dotted.split("."))
    columns = []
    for column, text in written.columns.items():
        try:
            data_type(text)  # refuses what is no type of Trino's
            columns.append(Column(fold_trino(column), parse_type(text)))
        except (Refusal, ValueError) as error:
            told = error.text if isinstance(error, Refusal) else str(error)
            raise PolicyError([Fault(Origin(file, f"catalog.{dotted}.columns.{column}", 1), told)]) from None
    made = Table(TableName(catalog, schema, name), tuple(columns), engine)
    return replace(made, kind="view", view=View(written.view, catalog, schema)) if written.view is not None else made


def lake_backend(catalog: str, folder: Path) -> LakeBackend:
    """Return the configuration of a lake in a folder, for the tables of one catalog."""
    uri, warehouse = f"sqlite:///{folder / catalog}.db", f"file://{folder / catalog}"
    return LakeBackend.model_validate(
        {"kind": "lake", "name": catalog, "catalog": catalog, "uri": uri, "warehouse": warehouse, "threads": 1}
    )


def making(table: Table, rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the statements that make a table with its rows."""
    name = quoted(*table.name)
    columns = ", ".join(f"{quoted(c.name)} {type_text(c.type)}" for c in table.columns)
    made = [f"CREATE TABLE {name} ({columns})"]
    if rows:
        values = " UNION ALL ".join(f"SELECT {_values(table, row)}" for row in rows)
        made.append(f"INSERT INTO {name} {values}")
    return made


def _values(table: Table, row: Sequence[object]) -> str:
    texts = (_literal(value) for value in row)
    return ", ".join(f"CAST({t} AS {type_text(c.type)})" for t, c in zip(texts, table.columns, strict=True))


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text.replace("'", "''") + "'"
