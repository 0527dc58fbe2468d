"""Find the views that there are: by the documents beside their rows, and by what the configuration wants built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.materialized_views import Bound, Definition, Watermark
from catalog.objects import Table, TableName
from catalog.view_documents import Document, Unreadable, read_document, with_document_types
from engines.base import Engine
from engines.views import ViewKeepingEngine


@dataclass(frozen=True, slots=True)
class Found:
    """A view as it is declared."""

    definition: Definition
    table: Table
    """Of its rows; without columns where it was never built."""
    watermark: Watermark | None = None
    bounds: tuple[Bound, ...] = ()
    why: str | None = None
    """Why it answers nobody."""


class Finder:
    """Find views in the catalog. What was read of a table is kept for as long as that is the same object."""

    def __init__(self, catalog: CatalogCache, engines: Mapping[str, Engine], wanted: Iterable[Definition]) -> None:
        """Remember which views are wanted."""
        self._catalog = catalog
        self._wanted = {definition.name: definition for definition in wanted}
        keepers = {name for name, engine in engines.items() if isinstance(engine, ViewKeepingEngine)}
        self._catalogs = tuple(each for each in catalog.catalogs if catalog.source_of(each) in keepers)
        self._known: dict[TableName, tuple[Table, Found | None]] = {}

    def found(self) -> tuple[Found, ...]:
        """Return the views, by name."""
        tables = {table.name: table for each in self._catalogs for table in self._catalog.tables(each)}
        self._known = {name: self._looked_at(table) for name, table in tables.items()}
        built = {name: found for name, (_, found) in self._known.items() if found is not None}
        missing = {name: self._not_built(each) for name, each in self._wanted.items() if name not in built}
        everything = {**missing, **built}
        return tuple(everything[name] for name in sorted(everything))

    def _looked_at(self, table: Table) -> tuple[Table, Found | None]:
        known = self._known.get(table.name)
        return known if known is not None and known[0] is table else (table, self._read(table))

    def _read(self, table: Table) -> Found | None:
        try:
            document = read_document(table.name, table.comment)
        except Unreadable as error:
            return Found(Definition(table.name, ""), table, why=str(error))
        return None if document is None else self._of(table, document)

    def _of(self, table: Table, document: Document) -> Found:
        typed, mark = with_document_types(table, document), document.watermark
        why = "it was never filled" if mark is None else None
        return Found(document.definition, typed, mark, document.bounds, why)

    def _not_built(self, definition: Definition) -> Found:
        name = definition.name
        engine = self._catalog.source_of(name.catalog) or ""
        there = self._catalog.get(name) is not None
        why = "the table of its name is not one of the gateway's" if there else "it was not built yet"
        return Found(definition, Table(name, (), engine), why=why)
