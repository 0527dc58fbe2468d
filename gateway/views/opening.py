"""Open the registry of views: its parts, and the background in which it looks."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from catalog.cache import CatalogCache
from catalog.materialized_views import Definition
from catalog.objects import TableName
from engines.base import Engine
from gateway.config import Config
from gateway.events import ViewBuilt, ViewsLooked
from gateway.partners.database import RegistryError
from gateway.rewriting.shadow.quarantines import QuarantineStore
from gateway.views.adopting import Adopting
from gateway.views.describing import STATES, described
from gateway.views.finding import Finder
from gateway.views.freshness import FreshnessOf, Histories
from gateway.views.keeping import keep_built
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.looking import Looking
from gateway.views.making import Maker
from gateway.views.proving import Prover
from gateway.views.registry import Looked, Views

_log = logging.getLogger("penstock.views")


@dataclass(frozen=True, slots=True)
class ViewRooms:
    """What a worker knows of views, and what knows it."""

    views: Views
    looking: Looking
    prover: Prover
    quarantines: QuarantineStore
    maker: Maker
    wanted: Mapping[TableName, Definition]
    """The definitions of the configuration."""
    adopting: Adopting | None = None


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
    config: Config,
    engines: Mapping[str, Engine],
    catalog: CatalogCache,
    quarantines: QuarantineStore,
    publish: Callable[[ViewsLooked | ViewBuilt], None],
) -> ViewRooms:
    """Put the parts together; nothing is looked at yet."""
    own = config.materialized_views
    views: Views | None = None

    def told() -> None:
        if views is not None:
            views.kick()

    prover = Prover(engines, config.constraints.declared, every=own.verify_seconds, told=told)
    adopting = None
    if own.discover:
        adopting = Adopting(engines, catalog, every=own.verify_seconds, most_bytes=own.discover_bytes, told=told)
    looking = Looking(
        Finder(catalog, engines, [each.definition for each in own.definitions], adopting),
        FreshnessOf(Histories(engines)),
        prover,
        catalog,
        engines,
        _Quarantined(quarantines),
    )
    views = Views(looking.look, every=own.refresh_seconds, observe=lambda looked: publish(_event(looked)))
    maker = Maker(engines, catalog, views, publish, look_seconds=own.refresh_seconds)
    wanted = {each.definition.name: each.definition for each in own.definitions}
    return ViewRooms(views, looking, prover, quarantines, maker, wanted, adopting)


async def look_once(config: Config, engines: Mapping[str, Engine], catalog: CatalogCache) -> KnownViews:
    """Return what one look finds, for a command without a gateway; nothing where engines or store do not answer.

    What only the data proves is not known to it: that is tested in the background.
    """
    quarantines = QuarantineStore(config.store.url.get_secret_value())
    rooms = make_views(config, engines, catalog, quarantines, lambda _: None)
    try:
        return await rooms.looking.look(NO_VIEWS)
    except Exception as error:  # noqa: BLE001  (plans are made without views then, as they are run)
        _log.warning("materialized views could not be looked at: %s", type(error).__name__)
        return NO_VIEWS
    finally:
        await rooms.prover.close()
        await quarantines.close()


def _event(looked: Looked) -> ViewsLooked:
    if looked.known is None:
        return ViewsLooked(looked.seconds, {}, 0.0, looked.error)
    found = Counter(each.state for each in described(looked.known))
    since = [view.freshness.behind_since for view in looked.known.views if view.freshness is not None]
    oldest = min((each for each in since if each is not None), default=None)
    behind = 0.0 if oldest is None else max(0.0, time.time() - oldest)
    return ViewsLooked(looked.seconds, {state: found[state] for state in STATES}, behind)


async def open_views(rooms: ViewRooms, stack: AsyncExitStack, *, enabled: bool) -> None:
    """Begin to look, unless views are off; `stack` ends it."""
    if not enabled:
        return
    await rooms.views.start()
    stack.push_async_callback(rooms.prover.close)
    if rooms.adopting is not None:
        stack.push_async_callback(rooms.adopting.close)
    stack.push_async_callback(rooms.views.close)


class _Door(Protocol):
    """What is asked of a worker's door."""

    @property
    def leads(self) -> bool:
        """Tell whether this worker does what one alone should."""
        ...

    async def announce_tables(self, tables: Sequence[TableName]) -> None:
        """Have every other worker read the catalog's entries of some tables now."""
        ...


class _House(Protocol):
    """What is asked of a worker's house."""

    @property
    def config(self) -> Config:
        """Return the configuration."""
        ...

    @property
    def view_rooms(self) -> ViewRooms | None:
        """Return what knows of views."""
        ...


async def keep_views(house: _House, door: _Door) -> None:
    """Keep up the views that the configuration wants kept up, until cancelled."""
    rooms, own = house.view_rooms, house.config.materialized_views
    if rooms is None or not own.enabled:
        return
    rooms.maker.announce = door.announce_tables
    await keep_built(own.definitions, rooms.views.known, rooms.maker, lambda: door.leads)
