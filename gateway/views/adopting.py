"""ClickHouse's own materialized views: found, understood, compared with their base, and only then used.

A comparison reads the whole base, so there is one at a time, each view at most once in a while, and not over bases of
more bytes than the configuration allows. It counts for the versions of base and rows at which it was made: whatever
happens to either, the view answers nobody until it was compared again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from catalog.materialized_views import Definition, Watermark
from catalog.objects import Table, TableName
from catalog.types import TrinoType
from catalog.view_documents import Document, with_document_types
from engines.base import Engine
from engines.views import Compared, OwnView, OwnViewsEngine
from gateway.views.definitions import understand
from gateway.views.found import Found

_log = logging.getLogger("penstock.views")
_QUESTION_SECONDS = 20.0
_COMPARE_SECONDS = 600.0
UNCOMPARED = "it was not compared with its base since that, or its own rows, changed"
"""Why a view of the engine's own answers nobody."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """How a view's last comparison ended."""

    definition: Definition
    result: Compared
    at: float
    """Unix seconds."""


class Adopting:
    """Know the engines' own views."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        catalog: CatalogCache,
        *,
        every: float,
        most_bytes: int,
        told: Callable[[], None],
    ) -> None:
        """Compare each view at most once in `every` seconds; `told` is called when something became known."""
        self._catalog = catalog
        self._every, self._most_bytes, self._told = every, most_bytes, told
        self._keepers: dict[str, OwnViewsEngine] = {}
        for each in catalog.catalogs:
            engine: object = engines.get(catalog.source_of(each) or "")
            if isinstance(engine, OwnViewsEngine):
                self._keepers[each] = engine
        self._compared: dict[TableName, _Compared] = {}
        self._comparing: asyncio.Task[None] | None = None

    async def found(self) -> tuple[Found, ...]:
        """Return the views with what is known of them, and begin to compare one that waits for it."""
        found: list[Found] = []
        waiting: list[tuple[OwnViewsEngine, OwnView]] = []
        for catalog, engine in self._keepers.items():
            for view in await _asked(engine, catalog):
                each, due = await self._found(view)
                found += [each] if each is not None else []
                waiting += [(engine, view)] if due else []
        self._begin(waiting)
        return tuple(found)

    async def close(self) -> None:
        """End a comparison that is under way."""
        comparing, self._comparing = self._comparing, None
        if comparing is not None:
            comparing.cancel()
            await asyncio.gather(comparing, return_exceptions=True)

    async def _found(self, view: OwnView) -> tuple[Found | None, bool]:
        """Return a view as it stands, and whether it is to be compared."""
        try:
            table = await self._catalog.fetch(view.name)
        except Refusal:
            table = None
        if table is None:
            return None, False
        definition, base = view.definition, view.base
        if definition is None or base is None:
            told = Definition(view.name, "", maintained="inserts", integrity="enforced")
            return Found(told, table, why=f"ClickHouse's own view is not used: {view.why}"), False
        try:
            typed = await self._typed(definition, table)
        except Refusal as refusal:
            return Found(definition, table, why=f"ClickHouse's own view is not used: {refusal.message}"), False
        known, now = self._compared.get(view.name), view.present
        if known is None or known.definition != definition or now is None:
            return Found(definition, typed, why=UNCOMPARED), now is not None
        if known.result.versions != now:  # of a comparison that failed nobody knows for what
            why = known.result.why if known.result.versions is None else UNCOMPARED
            return Found(definition, typed, why=why), time.time() - known.at >= self._every
        if known.result.why:
            return Found(definition, typed, why=known.result.why), False
        return Found(definition, typed, Watermark({base: now[0]}, known.at), compared=True), False

    async def _typed(self, definition: Definition, table: Table) -> Table:
        """Return the view's table with the types that its definition gives. Raises Refusal."""
        understood = await understand(definition, self._catalog.fetch)
        types: dict[str, TrinoType] = dict(understood.columns)
        return with_document_types(table, Document(definition, None, types))

    def _begin(self, waiting: Sequence[tuple[OwnViewsEngine, OwnView]]) -> None:
        if waiting and (self._comparing is None or self._comparing.done()):
            self._comparing = asyncio.create_task(self._compare(waiting))

    async def _compare(self, waiting: Sequence[tuple[OwnViewsEngine, OwnView]]) -> None:
        for engine, view in waiting:
            if view.definition is None:
                continue
            self._compared[view.name] = _Compared(view.definition, await self._result(engine, view), time.time())
            self._told()

    async def _result(self, engine: OwnViewsEngine, view: OwnView) -> Compared:
        try:
            async with asyncio.timeout(_COMPARE_SECONDS):
                return await engine.compare(view, self._most_bytes)
        except TimeoutError:
            return Compared(None, f"comparing it took longer than {_COMPARE_SECONDS:.0f} s")
        except Refusal as refusal:
            return Compared(None, f"it could not be compared with its base: {refusal.message}")
        except Exception as error:  # noqa: BLE001  (whatever an engine raises, the next view has its turn)
            _log.warning("view %s was not compared: %s", view.name, type(error).__name__)
            return Compared(None, f"it could not be compared with its base ({type(error).__name__})")


async def _asked(engine: OwnViewsEngine, catalog: str) -> Sequence[OwnView]:
    try:
        async with asyncio.timeout(_QUESTION_SECONDS):
            return await engine.own_views(catalog)
    except (Refusal, TimeoutError):
        return ()
