"""A worker: open every room, serve until the end is asked for, drain, and close the rooms in turn."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from gateway.admin.health import Check, until_ready
from gateway.admin.opening import open_admin
from gateway.collector import calm_collector
from gateway.config import Config
from gateway.door import listen, open_door, tls_of
from gateway.events import EventBus
from gateway.house import open_house
from gateway.lifeline import lifeline
from gateway.logs import log_events
from gateway.metrics.families import Metrics
from gateway.metrics.gateway import watch as keep_watch
from gateway.onlookers import Onlookers
from gateway.partners.opening import keep_reviewing
from gateway.protocols.trino.resource import TrinoDoor
from gateway.reloading import reloading
from gateway.rewriting.shadow.opening import open_proofs
from gateway.spending import open_spending
from gateway.supervise import WORKER
from gateway.vault.background import keep_filled
from gateway.views.opening import keep_views

_THREADS = 64


def serve(config: Config, path: Path, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; call `ready` once `/readyz` says so. Raises ConfigError, PolicyError, OSError."""
    uvloop.run(_serve(config, path, ready))


async def _serve(config: Config, path: Path, ready: Callable[[], None]) -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()
    _on_signals(stop, hurry)
    async with AsyncExitStack() as stack:
        bus = EventBus()
        onlookers = Onlookers(bus, asyncio.get_running_loop())
        stack.callback(onlookers.tell)
        log_events(onlookers.bus)
        metrics = Metrics(onlookers.bus)
        house = await open_house(config, stack, bus)
        spending = await open_spending(house, stack)
        door = await open_door(house, spending, stack)
        await open_proofs(house, stack)
        reviewing = asyncio.create_task(keep_reviewing(house, door.review))
        stack.callback(reviewing.cancel)
        measuring = asyncio.create_task(keep_watch(bus, lambda: house.pipeline.cached_plans))
        stack.callback(measuring.cancel)
        if config.vault.fill_seconds and os.environ.get(WORKER, "0") == "0":  # one worker is enough
            filling = asyncio.create_task(
                keep_filled(
                    config.vault.fill_seconds, house.policies.current, house.catalog, house.engines, house.vault
                )
            )
            stack.callback(filling.cancel)
        keeping = asyncio.create_task(keep_views(house, door))
        stack.callback(keeping.cancel)
        checks = await open_admin(house, door, spending, metrics.registry, onlookers.tell, stack)
        tls = tls_of(config)
        await stack.enter_async_context(reloading(house, path, tls))
        server = await listen(house, door, stack, tls, share_port=WORKER in os.environ)
        calm_collector()
        with lifeline(stop):
            await _announce(checks, ready, stop)
            await stop.wait()
            await _drain(door, config.drain_seconds, hurry)
        await server.drain(2)


def _on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """Let the first signal begin the end, and a second one cut the wait for running queries short."""

    def asked() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    # ClickHouse's driver holds a thread of this pool for each answer that it waits for.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="penstock"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)


async def _announce(checks: Mapping[str, Check], ready: Callable[[], None], stop: asyncio.Event) -> None:
    """Say "ready" once `/readyz` does, so that who is told finds it so; never, if the end is asked for before."""
    settled, stopped = asyncio.create_task(until_ready(checks)), asyncio.create_task(stop.wait())
    await asyncio.wait({settled, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        ready()
    for task in (settled, stopped):
        task.cancel()
    await asyncio.gather(settled, stopped, return_exceptions=True)


async def _drain(door: TrinoDoor, seconds: float, hurry: asyncio.Event) -> None:
    draining = asyncio.create_task(door.drain(seconds))
    hurrying = asyncio.create_task(hurry.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurrying):
        task.cancel()
    await asyncio.gather(draining, hurrying, return_exceptions=True)
