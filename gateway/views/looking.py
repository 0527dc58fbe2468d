"""One look at all views: which there are, how fresh each is, what is known of the tables under them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from catalog.materialized_views import Freshness, MaterializedView
from catalog.objects import Table, TableName
from engines.base import Engine
from gateway.views.adopting import UNCOMPARED
from gateway.views.definitions import Understood, understand
from gateway.views.finding import Finder
from gateway.views.found import Found
from gateway.views.freshness import FreshnessOf, present_versions
from gateway.views.known import Based, KnownViews, known_views
from gateway.views.preparing import Preparing
from gateway.views.proving import Prover

_log = logging.getLogger("penstock.views")

_AT_ONCE = 50
Quarantines = Callable[[], Awaitable[Mapping[TableName, str]]]
"""Say which views must not be used, and why. Raises nothing: what was known last stays so."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A definition that was read over tables that are still described so."""

    found: Found
    understood: Understood


class Looking:
    """Look again and again; what did not change is not asked for twice."""

    def __init__(
        self,
        finder: Finder,
        freshness: FreshnessOf,
        prover: Prover,
        catalog: CatalogCache,
        engines: Mapping[str, Engine],
        quarantines: Quarantines,
    ) -> None:
        """Each part does one thing; see their modules."""
        self._finder = finder
        self._freshness = freshness
        self._prover = prover
        self._catalog = catalog
        self._engines = engines
        self._quarantines = quarantines
        self._preparing = Preparing()
        self._read: dict[TableName, _Read] = {}
        self._views: dict[TableName, MaterializedView] = {}
        self.versions: Mapping[TableName, str] = {}
        """Of base tables, at the last look."""

    async def look(self, before: KnownViews) -> KnownViews:
        """Return what is known now."""
        everything = await self._finder.found()
        quarantined = await self._quarantines() if everything else {}
        read = [await self._understood(found) for found in everything]
        self._read = {each.found.definition.name: each for each in read if isinstance(each, _Read)}
        bases = {table.name: table for each in self._read.values() for table in each.understood.bases}
        bases |= await self._beside(bases)
        self.versions = await present_versions(bases.values(), self._engines)
        facts = self._prover.facts(bases, self.versions)
        based = []
        for number, each in enumerate(read):
            based.append(await self._based(each, quarantined))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # others come in between, however many views there are
        self._views = {each.view.name: each.view for each in based}
        named = {name: tuple(each.understood.named.values()) for name, each in self._read.items()}
        index = await self._preparing.index([each.view for each in based], named, facts)
        return known_views(based, facts, index, before)

    async def _beside(self, bases: Mapping[TableName, Table]) -> dict[TableName, Table]:
        """Return the other tables of which something is declared: statements join them to those of views."""
        found: dict[TableName, Table] = {}
        for name in sorted(self._prover.tables - bases.keys()) if bases else ():
            try:
                table = await self._catalog.fetch(name)
            except Exception as error:  # noqa: BLE001  (whatever its engine raises: nothing is known of it then)
                _log.debug("%s is not described now: %s", name, type(error).__name__)
                continue
            if table is not None and table.kind != "view":
                found[name] = table
        return found

    async def _understood(self, found: Found) -> _Read | tuple[Found, str]:
        """Return a definition that was read, or why it could not be."""
        known = self._read.get(found.definition.name)
        if known is not None and known.found.definition == found.definition and self._still(known.understood):
            return _Read(found, known.understood)
        if not found.definition.sql:
            return found, found.why or "it has no definition"
        try:
            return _Read(found, await understand(found.definition, self._catalog.fetch))
        except Refusal as refusal:
            return found, f"its definition cannot be used: {refusal.message}"

    def _still(self, understood: Understood) -> bool:
        """Tell whether all tables are described as they were when the definition was read."""
        return all(self._catalog.get(name) is table for name, table in understood.named.items())

    async def _based(self, read: _Read | tuple[Found, str], quarantined: Mapping[TableName, str]) -> Based:
        if not isinstance(read, _Read):
            return Based(self._view(read[0], None, read[1], quarantined), ())
        found, understood = read.found, read.understood
        freshness, why = None, found.why
        if found.watermark is not None:
            name, bases = found.definition.name, understood.bases
            freshness = await self._freshness.find(name, found.watermark, bases, self.versions)
            freshness = freshness and replace(freshness, lost=found.lost)
            why = why or (None if freshness is not None else self._unversioned(bases))
            if found.compared and freshness is not None and not freshness.current:
                why = why or UNCOMPARED
        return Based(self._view(found, freshness, why, quarantined), understood.bases)

    def _unversioned(self, bases: Sequence[Table]) -> str:
        silent = [str(table.name) for table in bases if table.name not in self.versions]
        if silent:
            return f"nobody says now at which version {silent[0]} is"
        return "its watermark does not name all of its base tables: build it again"

    def _view(
        self, found: Found, freshness: Freshness | None, why: str | None, quarantined: Mapping[TableName, str]
    ) -> MaterializedView:
        name = found.definition.name
        view = MaterializedView(
            found.definition,
            found.table,
            found.watermark,
            freshness,
            found.rows,
            found.bytes,
            quarantined.get(name),
            why,
            found.bounds,
        )
        known = self._views.get(name)
        return known if known == view else view  # the same object, where it says the same, is soon compared
