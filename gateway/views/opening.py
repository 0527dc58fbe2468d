"""Open the registry of views: its parts, and the background in which it looks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.objects import TableName
from engines.base import Engine
from gateway.config import Config
from gateway.partners.database import RegistryError
from gateway.rewriting.shadow.quarantines import QuarantineStore
from gateway.views.finding import Finder
from gateway.views.freshness import FreshnessOf, Histories
from gateway.views.looking import Looking
from gateway.views.proving import Prover
from gateway.views.registry import Views


@dataclass(frozen=True, slots=True)
class ViewRooms:
    """What a worker knows of views, and what knows it."""

    views: Views
    looking: Looking
    prover: Prover
    quarantines: QuarantineStore


class _Quarantined:
    """Read the store's quarantines; while it is away what was read last holds."""

    def __init__(self, store: QuarantineStore) -> None:
        self._store = store
        self._last: Mapping[TableName, str] = {}

    async def __call__(self) -> Mapping[TableName, str]:
        try:
            self._last = await self._store.in_force()
        except RegistryError:
            return self._last
        return self._last


def make_views(
    config: Config, engines: Mapping[str, Engine], catalog: CatalogCache, quarantines: QuarantineStore
) -> ViewRooms:
    """Put the parts together; nothing is looked at yet."""
    own = config.materialized_views
    views: Views | None = None

    def told() -> None:
        if views is not None:
            views.kick()

    prover = Prover(engines, config.constraints.declared, every=own.verify_seconds, told=told)
    looking = Looking(
        Finder(catalog, engines, [each.definition for each in own.definitions]),
        FreshnessOf(Histories(engines)),
        prover,
        catalog,
        engines,
        _Quarantined(quarantines),
    )
    views = Views(looking.look, every=own.refresh_seconds)
    return ViewRooms(views, looking, prover, quarantines)


async def open_views(rooms: ViewRooms, stack: AsyncExitStack, *, enabled: bool) -> None:
    """Begin to look, unless views are off; `stack` ends it."""
    if not enabled:
        return
    await rooms.views.start()
    stack.push_async_callback(rooms.prover.close)
    stack.push_async_callback(rooms.views.close)
