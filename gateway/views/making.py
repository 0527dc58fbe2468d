"""Build and drop views for people and for the background: one thing at a time happens to a view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from catalog.cache import CatalogCache
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition
from catalog.objects import TableName
from catalog.view_documents import Unreadable, read_document
from engines.base import Engine
from gateway.events import ViewBuilt
from gateway.views.building import Built, build, drop
from gateway.views.registry import Views

_ROUNDS = 2
"""So many looks of every gateway pass before another definition's rows lie where an older one's lay."""


class Maker:
    """Make views of one worker; others may make the same at once, which costs time and harms nothing."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        catalog: CatalogCache,
        views: Views,
        publish: Callable[[ViewBuilt], None],
        *,
        look_seconds: float,
    ) -> None:
        """`look_seconds` is how often each gateway looks at its views."""
        self._engines = engines
        self._catalog = catalog
        self._views = views
        self._publish = publish
        self._look_seconds = look_seconds
        self._busy: set[TableName] = set()
        self.announce: Callable[[Sequence[TableName]], Awaitable[None]] = _nobody
        """Have the other workers and replicas read the catalog's entry of a view again."""

    async def build(self, definition: Definition, *, whole: bool = False) -> Built:
        """Build a view, or build it again; what is known of it is fresh afterwards. Raises Refusal.

        Rows that nothing happened to are kept, unless all is wanted, or they are in quarantine.
        """
        began = time.monotonic()
        async with self._alone(definition.name):
            try:
                await self._make_way(definition)
                built = await build(
                    definition, self._engines, self._catalog, whole=whole or self._doubted(definition.name)
                )
            except Refusal as refusal:
                self._tell(definition.name, began, reason=refusal.code.name)
                raise
        self._tell(definition.name, began, rows=built.fill.rows, ok=True)
        await self.announce([definition.name])
        await self._views.fresh()
        return built

    async def drop(self, name: TableName) -> bool:
        """Drop a view; False if there is none. Raises Refusal."""
        async with self._alone(name):
            dropped = await drop(name, self._engines, self._catalog)
        await self.announce([name])
        await self._views.fresh()
        return dropped

    def _doubted(self, name: TableName) -> bool:
        """Tell whether an answer from the view's rows was found wrong."""
        return any(each.name == name and each.quarantined is not None for each in self._views.known().views)

    @asynccontextmanager
    async def _alone(self, name: TableName) -> AsyncIterator[None]:
        if name in self._busy:
            raise Refusal(ErrorCode.ALREADY_EXISTS, f"{name} is being built or dropped already", hint="Wait for it.")
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    async def _make_way(self, definition: Definition) -> None:
        """Take away rows of another definition before new ones come, until no gateway knows them any more.

        Another one could else read rows of the new definition as if they were the old one's, for some seconds.
        """
        await self._catalog.invalidate(definition.name)
        table = self._catalog.get(definition.name)
        try:
            document = read_document(definition.name, table.comment) if table is not None else None
        except Unreadable:
            return
        if document is None or document.definition.form == definition.form:
            return
        await drop(definition.name, self._engines, self._catalog)
        await self.announce([definition.name])
        await asyncio.sleep(_ROUNDS * self._look_seconds)

    def _tell(self, name: TableName, began: float, *, rows: int = 0, ok: bool = False, reason: str = "") -> None:
        self._publish(ViewBuilt(str(name), ok, time.monotonic() - began, rows, reason))


async def _nobody(_: Sequence[TableName]) -> None:
    """Announce to nobody: this worker is alone."""
