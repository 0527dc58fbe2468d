"""Find the views that there are: by the documents beside their rows, and by what the configuration wants built."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from catalog.materialized_views import Definition
from catalog.objects import Table, TableName
from catalog.view_documents import Document, Unreadable, read_document, with_document_types
from engines.base import Engine
from engines.views import Holding, ViewKeepingEngine
from gateway.views.adopting import Adopting
from gateway.views.found import Found

_QUESTION_SECONDS = 20.0


class Finder:
    """Find views. What was read of a table is kept for as long as that is the same object."""

    def __init__(
        self,
        catalog: CatalogCache,
        engines: Mapping[str, Engine],
        wanted: Iterable[Definition],
        adopting: Adopting | None = None,
    ) -> None:
        """Remember which views are wanted; `adopting` knows those that engines keep up by themselves."""
        self._catalog = catalog
        self._adopting = adopting
        self._wanted = {definition.name: definition for definition in wanted}
        self._keepers: dict[str, ViewKeepingEngine] = {}
        for each in catalog.catalogs:
            engine = engines.get(catalog.source_of(each) or "")
            if engine is not None and isinstance(engine, ViewKeepingEngine):
                self._keepers[each] = engine
        self._held: dict[str, Sequence[Holding]] = {}
        self._known: dict[TableName, tuple[Table, Found | None]] = {}

    async def found(self) -> tuple[Found, ...]:
        """Return the views, by name."""
        held = await asyncio.gather(*(self._ask(catalog) for catalog in self._keepers))
        built = {}
        for holding in (each for holdings in held for each in holdings):
            found = await self._built(holding)
            if found is not None:
                built[holding.name] = found
        self._known = {name: known for name, known in self._known.items() if name in built}
        missing = {name: self._not_built(each) for name, each in self._wanted.items() if name not in built}
        own = {each.definition.name: each for each in (await self._adopting.found() if self._adopting else ())}
        everything = {**own, **missing, **built}
        return tuple(everything[name] for name in sorted(everything))

    async def _ask(self, catalog: str) -> Sequence[Holding]:
        """Ask what a catalog holds; while its engine does not answer, what it said last stays so."""
        try:
            async with asyncio.timeout(_QUESTION_SECONDS):
                self._held[catalog] = await self._keepers[catalog].held_views(catalog)
        except (Refusal, TimeoutError):
            pass
        return self._held.get(catalog, ())

    async def _built(self, holding: Holding) -> Found | None:
        """Return a view by what its table holds; the table is described anew where the catalog's word is older."""
        table = self._catalog.get(holding.name)
        if table is None or (table.comment or "") != holding.comment:
            try:
                await self._catalog.invalidate(holding.name)
            except Refusal:
                return None
            table = self._catalog.get(holding.name)
        if table is None:
            return None
        known = self._known.get(table.name)
        if known is None or known[0] is not table:
            known = self._known[table.name] = table, self._read(table)
        found = known[1]
        return found and replace(found, lost=holding.lost, rows=holding.rows, bytes=holding.bytes)

    def _read(self, table: Table) -> Found | None:
        try:
            document = read_document(table.name, table.comment)
        except Unreadable as error:
            return Found(Definition(table.name, ""), table, why=str(error))
        return None if document is None else self._of(table, document)

    def _of(self, table: Table, document: Document) -> Found:
        typed, mark = with_document_types(table, document), document.watermark
        why = "it was never filled" if mark is None else None
        return Found(self._limited(document.definition), typed, mark, document.bounds, why)

    def _limited(self, definition: Definition) -> Definition:
        """Return a definition with the terms on which it may be used: the configuration's, where that names it."""
        wanted = self._wanted.get(definition.name)
        if wanted is None:
            return definition
        return replace(definition, integrity=wanted.integrity, max_staleness=wanted.max_staleness)

    def _not_built(self, definition: Definition) -> Found:
        name = definition.name
        engine = self._catalog.source_of(name.catalog) or ""
        there = self._catalog.get(name) is not None
        why = "the table of its name is not one of the gateway's" if there else "it was not built yet"
        return Found(definition, Table(name, (), engine), why=why)
