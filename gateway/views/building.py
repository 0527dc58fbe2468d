"""Build a view: ask the base for its rows at versions that are named, and put them in the place of the old ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from catalog.cache import CatalogCache
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition, MaterializedView, Watermark
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.estimates import EstimatingEngine
from engines.history import PinningEngine
from engines.views import Fill, ViewKeepingEngine
from gateway.views.definitions import Understood, understand
from gateway.views.reader import rows_of
from gateway.views.renewing import renewal_of
from gateway.views.source import source_of

_ATTEMPTS = 3
"""How often a view is begun anew when its base tables change under it."""


@dataclass(frozen=True, slots=True)
class Built:
    """A view as it was just built."""

    view: MaterializedView
    fill: Fill
    seconds: float
    scanned_bytes: int = 0
    """What was read of the base for it, as far as its engine says."""


@dataclass(slots=True)
class _Reading:
    """What one attempt has read."""

    scanned_bytes: int = 0

    def heard(self, scanned: int) -> None:
        self.scanned_bytes = max(self.scanned_bytes, scanned)


async def build(
    definition: Definition, engines: Mapping[str, Engine], catalog: CatalogCache, *, whole: bool = False
) -> Built:
    """Build a view, or build it again: only what changed where that is proved to be enough, unless it is to be whole.

    Raises Refusal; the view is then as it was.
    """
    keeper = _keeper(definition.name, engines, catalog)
    understood = await understand(definition, catalog.fetch)
    if understood.volatile:
        message = f"The definition of {definition.name} does not give the same each time it is run"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Leave out now(), random() and what the session says.")
    began, reading = time.monotonic(), _Reading()
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            mark, fill = await _attempt(understood, keeper, engines, catalog, reading, whole=whole or attempt > 1)
            break
        except _Moved:
            if attempt == _ATTEMPTS:
                message = f"The base tables of {definition.name} changed each time it was built"
                raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Try again when fewer rows come.") from None
    await catalog.invalidate(definition.name)
    table = await catalog.fetch(definition.name)
    if table is None:
        raise Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, f"{definition.name} was built and is not there")
    view = MaterializedView(definition, table, mark, rows=fill.rows)
    return Built(view, fill, time.monotonic() - began, reading.scanned_bytes)


class _Moved(Exception):  # noqa: N818  (an answer to the caller, not a crash)
    """The base tables changed while they were read."""


async def _attempt(
    understood: Understood,
    keeper: ViewKeepingEngine,
    engines: Mapping[str, Engine],
    catalog: CatalogCache,
    reading: _Reading,
    *,
    whole: bool,
) -> tuple[Watermark, Fill]:
    """Fill once; what is pinned may change meanwhile, what cannot be pinned must not."""
    before, built_at = await versions_of(understood.bases, engines), time.time()
    renewal = None if whole else await renewal_of(understood, keeper, engines, before)
    condition = renewal.touched.condition if renewal is not None else None
    source = source_of(understood, await _pins(understood, before, engines), condition)
    filling = replace(source.filling, kept=renewal.kept if renewal is not None else None)
    mark = Watermark(before, built_at)
    pinned = " FOR VERSION AS OF " in source.sql
    moved = False

    async def pages() -> AsyncIterator[bytes]:
        nonlocal moved
        if renewal is None or renewal.touched.regions:
            found = rows_of(source.sql, understood.definition, catalog, engines, read=reading.heard)
            async with aclosing(found):
                async for page in found:
                    yield page
        moved = not pinned and await versions_of(understood.bases, engines) != before

    try:
        fill = await keeper.fill(filling, pages(), lambda: None if moved else mark)
    except Refusal:
        if moved:
            raise _Moved from None
        if renewal is not None:  # whatever was wrong with the old rows, all of them come anew then
            return await _attempt(understood, keeper, engines, catalog, reading, whole=True)
        raise
    return mark, fill


async def versions_of(tables: tuple[Table, ...], engines: Mapping[str, Engine]) -> dict[TableName, str]:
    """Name the present version of each table. Raises Refusal where there is none: it could not be told stale."""
    found: dict[TableName, str] = {}
    for name in dict.fromkeys(table.engine for table in tables):
        engine = engines[name]
        if isinstance(engine, EstimatingEngine):
            found |= await engine.data_versions([table for table in tables if table.engine == name])
    missing = [table.name for table in tables if table.name not in found]
    if missing:
        message = f"Nobody says of {missing[0]} when its data change, so no view can be kept over it"
        hint = "Tables of Iceberg and of ClickHouse say so; for Trino's, see `engines[].iceberg` of the configuration."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint=hint)
    return found


async def _pins(
    understood: Understood, versions: Mapping[TableName, str], engines: Mapping[str, Engine]
) -> dict[TableName, int] | None:
    """Return the snapshots of all base tables; None where some table, or an ordinary view, cannot be read as it was."""
    if understood.named.keys() != understood.tables.keys():
        return None
    pins: dict[TableName, int] = {}
    for table in understood.bases:
        engine = engines[table.engine]
        snapshot = await engine.snapshot(table, versions[table.name]) if isinstance(engine, PinningEngine) else None
        if snapshot is None:
            return None
        pins[table.name] = snapshot
    return pins


def _keeper(name: TableName, engines: Mapping[str, Engine], catalog: CatalogCache) -> ViewKeepingEngine:
    source = catalog.source_of(name.catalog)
    engine = engines.get(source) if source is not None else None
    if engine is None or not isinstance(engine, ViewKeepingEngine):
        message = f"Views are kept in ClickHouse; catalog '{name.catalog}' is none"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Name a catalog that an engine of kind clickhouse serves.")
    return engine


async def drop(name: TableName, engines: Mapping[str, Engine], catalog: CatalogCache) -> bool:
    """Drop a view's table; False if there was none. Raises Refusal."""
    dropped = await _keeper(name, engines, catalog).drop_view(name)
    await catalog.invalidate(name)
    return dropped
