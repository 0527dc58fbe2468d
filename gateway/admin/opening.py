"""Open a worker's ports for operators: health, the API and the console on one, metrics on the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from gateway.admin.api.app import admin_app
from gateway.admin.api.rooms import Rooms
from gateway.admin.exposition import metrics_app
from gateway.admin.health import (
    Check,
    catalog_check,
    engines_check,
    policies_check,
    recording_check,
    serving_check,
)
from gateway.admin.serving import serve
from gateway.engine_watch import EngineWatch
from gateway.house import House
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.protocols.trino.resource import TrinoDoor
from gateway.recording.bounded import BoundedStore
from gateway.replay.following import shadow_of
from gateway.replay.running import diffs_of
from gateway.replay.shadow_store import ShadowStore
from gateway.spending import Spending
from gateway.supervise import WORKER


async def open_admin(
    house: House,
    door: TrinoDoor,
    spending: Spending,
    registry: CollectorRegistry,
    tell: Callable[[], None],
    stack: AsyncExitStack,
) -> Mapping[str, Check]:
    """Serve both ports and return the checks of health; `tell` brings the metrics up to now, `stack` closes it all.

    Raises OSError when a port is taken.
    """
    config, shared = house.config, WORKER in os.environ
    checks = _checks(house, door, stack)
    rooms = _rooms(house, door, spending, stack)
    for app, at in ((admin_app(rooms, checks), config.admin), (metrics_app(registry, tell), config.metrics)):
        await stack.enter_async_context(serve(app, at.host, at.port, share_port=shared))
    return checks


def _checks(house: House, door: TrinoDoor, stack: AsyncExitStack) -> Mapping[str, Check]:
    watch = EngineWatch({name: each for name, each in house.engines.items() if name != SYSTEM}, house.bus.publish)
    watch.start()
    stack.push_async_callback(watch.close)
    return {
        "serving": serving_check(lambda: door.draining),
        "policies": policies_check(lambda: house.policies.known),
        "recording": recording_check(house.recorder.status),
        "catalog": catalog_check(lambda: house.catalog.tried),
        "engines": engines_check(watch.health),
    }


def _rooms(house: House, door: TrinoDoor, spending: Spending, stack: AsyncExitStack) -> Rooms:
    """Return what the API needs, with the comparisons of drafts and shadows at work."""
    replays = BoundedStore(house.config.store.url.get_secret_value())
    stack.push_async_callback(replays.close)
    diffs = diffs_of(house.config, house.catalog, house.engines, replays)
    stack.push_async_callback(diffs.close)
    shadow = shadow_of(house, replays)
    shadow.start()
    stack.push_async_callback(shadow.close)
    return Rooms(house, door.announce_policies, diffs, ShadowStore(replays), spending)
