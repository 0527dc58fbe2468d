"""The Iceberg catalogs of a lake: list, load and describe their tables. Every call here blocks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.table import Table as IcebergTable

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import SchemaName, Table, TableName
from engines.iceberg.catalogs import locations
from engines.lake.describe import describe_table
from engines.lake.errors import translated
from engines.lake.remembered import Remembered

_log = logging.getLogger(__name__)
_LOADERS = 8
_READ = 1000
"""Tables whose metadata stays in memory."""


class Sources:
    """Hold one pyiceberg SQL catalog per Trino catalog, opened when first needed.

    Descriptions are remembered by metadata file, so that describing thousands of unchanged tables again costs one
    look at each table's row in the catalog.
    """

    def __init__(self, engine: str, properties: Mapping[str, Mapping[str, str]]) -> None:
        """Take pyiceberg's properties (`uri`, `warehouse`) for each Trino catalog."""
        self._engine = engine
        self._properties = properties
        self._open: dict[str, SqlCatalog] = {}
        self._known: dict[TableName, tuple[str, Table]] = {}
        self._read: Remembered[tuple[TableName, str], IcebergTable] = Remembered(_READ)
        self._lock = threading.Lock()

    def catalog(self, name: str) -> SqlCatalog:
        """Return an open catalog. Raises Refusal CATALOG_NOT_FOUND or GENERIC_EXTERNAL."""
        with self._lock:
            if name not in self._open:
                if name not in self._properties:
                    raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name}' not found")
                with translated():
                    properties = dict(self._properties[name])
                    self._open[name] = SqlCatalog(properties.pop("name", name), **properties)
            return self._open[name]

    def close(self) -> None:
        """Close all catalogs."""
        with self._lock:
            for catalog in self._open.values():
                catalog.close()
            self._open.clear()

    def schemas(self, catalog: str) -> list[SchemaName]:
        """List the schemas of a catalog, of one level only, as Trino does."""
        with translated():
            spaces = self.catalog(catalog).list_namespaces()
        return sorted(SchemaName(catalog, fold_trino(space[0])) for space in spaces if len(space) == 1)

    def tables(self, catalog: str) -> list[Table]:
        """Describe all tables of a catalog; tables that cannot be described are left out and logged."""
        with translated():
            source = self.catalog(catalog)
            names = [
                TableName(catalog, schema.schema, table)
                for schema in self.schemas(catalog)
                for _, table in source.list_tables(schema.schema)
            ]
        with ThreadPoolExecutor(_LOADERS) as pool:
            found = pool.map(self._describe_or_skip, names)
            return [table for table in found if table is not None]

    def describe(self, name: TableName) -> Table | None:
        """Describe one table now; None if it does not exist. Raises Refusal where it cannot be described."""
        try:
            table = self.present(name)
        except Refusal as refusal:
            if refusal.code in (ErrorCode.TABLE_NOT_FOUND, ErrorCode.SCHEMA_NOT_FOUND):
                return None
            raise
        known = self._known.get(name)
        if known is not None and known[0] == table.metadata_location:
            return known[1]
        described = describe_table(name, table, self._engine)
        self._known[name] = (table.metadata_location, described)
        return described

    def present(self, name: TableName) -> IcebergTable:
        """Return a table as it is now, for reading only: all readers share it until its metadata file is another.

        Raises Refusal TABLE_NOT_FOUND.
        """
        with translated():
            location = self._metadata_location(name)
        if location is None:
            raise _missing(name)
        return self._read.get((name, location), lambda: self.load(name))

    def load(self, name: TableName) -> IcebergTable:
        """Load a table's present metadata, for changing it. Raises Refusal TABLE_NOT_FOUND."""
        with translated():
            try:
                return self.catalog(name.catalog).load_table((name.schema, name.table))
            except (NoSuchTableError, NoSuchNamespaceError) as error:
                raise _missing(name) from error

    def versions(self, names: Sequence[TableName]) -> Mapping[TableName, str]:
        """Name the metadata file of each table as it is now, by one question a catalog; what is gone is left out."""
        found: dict[TableName, str] = {}
        with translated():
            for catalog in sorted({name.catalog for name in names}):
                found.update(locations(self.catalog(catalog), [name for name in names if name.catalog == catalog]))
        return found

    def _metadata_location(self, name: TableName) -> str | None:
        """Ask the catalog for one text only; reading the file that it names costs many times as much."""
        return locations(self.catalog(name.catalog), [name]).get(name)

    def _describe_or_skip(self, name: TableName) -> Table | None:
        try:
            return self.describe(name)
        except Refusal as refusal:
            _log.warning("table left out of the catalog", extra={"table": str(name), "reason": refusal.message})
            return None


def _missing(name: TableName) -> Refusal:
    return Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist")
