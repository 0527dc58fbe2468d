"""Iceberg tables of any of pyiceberg's catalogs, by the names of an engine's catalogs. Every call blocks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.catalog.sql import IcebergTables as Rows
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as IcebergTable
from sqlalchemy import select

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from engines.iceberg.failures import translated
from engines.iceberg.memory import Memory

_log = logging.getLogger("penstock.iceberg")
_READ = 1000
"""Tables whose metadata stays in memory."""
_AT_ONCE = 8


class Catalogs:
    """Hold one pyiceberg catalog for each catalog of an engine, opened when first needed.

    A catalog in a database is asked for the metadata files of all tables by one question; others for one table at a
    time.
    """

    def __init__(self, properties: Mapping[str, Mapping[str, str]]) -> None:
        """Take pyiceberg's properties (`type`, `uri`, `warehouse`, perhaps `name`) for each of an engine's catalogs."""
        self._properties = properties
        self._open: dict[str, Catalog] = {}
        self._lock = threading.Lock()
        self._read: Memory[tuple[TableName, str], IcebergTable] = Memory(_READ, lambda _: 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the engine's names of the catalogs."""
        return tuple(self._properties)

    def knows(self, name: TableName) -> bool:
        """Tell whether a table lies in one of the catalogs."""
        return name.catalog in self._properties

    def catalog(self, name: str) -> Catalog:
        """Return an open catalog. Raises Refusal."""
        with self._lock, translated():
            if name not in self._open:
                properties = dict(self._properties[name])
                self._open[name] = load_catalog(properties.pop("name", name), **properties)
            return self._open[name]

    def close(self) -> None:
        """Close all catalogs."""
        with self._lock:
            for catalog in self._open.values():
                with suppress(OSError):
                    catalog.close()
            self._open.clear()

    def versions(self, names: Sequence[TableName]) -> Mapping[TableName, str]:
        """Name the metadata file of each table as it is now; one that cannot be asked is left out."""
        found: dict[TableName, str] = {}
        for catalog in sorted({name.catalog for name in names if self.knows(name)}):
            asked = [name for name in names if name.catalog == catalog]
            try:
                found.update(self._versions(self.catalog(catalog), asked))
            except Refusal as refusal:
                _log.warning("catalog did not answer", extra={"catalog": catalog, "reason": refusal.message})
        return found

    def present(self, name: TableName) -> IcebergTable:
        """Return a table as it is now. Raises Refusal."""
        if not self.knows(name):
            raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found")
        catalog = self.catalog(name.catalog)
        with translated():
            if not isinstance(catalog, SqlCatalog):
                return catalog.load_table((name.schema, name.table))
            location = locations(catalog, [name]).get(name)
            if location is None:
                raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist")
            return self._read.get((name, location), lambda: catalog.load_table((name.schema, name.table)))

    def _versions(self, catalog: Catalog, names: Sequence[TableName]) -> Mapping[TableName, str]:
        if isinstance(catalog, SqlCatalog):
            with translated():
                return locations(catalog, names)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            loaded = pool.map(self._location, names)
            return {name: location for name, location in zip(names, loaded, strict=True) if location is not None}

    def _location(self, name: TableName) -> str | None:
        try:
            return self.present(name).metadata_location
        except Refusal as refusal:
            _log.warning("table did not answer", extra={"table": str(name), "reason": refusal.message})
            return None


def locations(catalog: SqlCatalog, names: Sequence[TableName]) -> dict[TableName, str]:
    """Ask a catalog in a database for the metadata files of tables, by one question."""
    wanted = {(name.schema, name.table): name for name in names}
    question = select(Rows.table_namespace, Rows.table_name, Rows.metadata_location).where(
        Rows.catalog_name == catalog.name,
        Rows.table_namespace.in_({name.schema for name in names}),
        Rows.table_name.in_({name.table for name in names}),
    )
    with catalog.engine.connect() as connection:
        rows = connection.execute(question).all()
    return {wanted[schema, table]: str(file) for schema, table, file in rows if (schema, table) in wanted}
