"""Run the gateway: one worker in this process, or several that share the port, until a signal ends them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal, TextIO

import uvloop
from sqlalchemy.exc import SQLAlchemyError

from catalog.objects import TableName
from gateway.admin.exposition import metrics_app
from gateway.admin.health import admin_app, catalog_check, engines_check, recording_check, serving_check
from gateway.admin.serving import serve
from gateway.config import Config, ConfigError, load_config
from gateway.engine_watch import EngineWatch
from gateway.events import ConfigReloaded, ConnectionClosed, ConnectionOpened, EventBus
from gateway.house import House, open_house
from gateway.logs import configure_logging, log_events
from gateway.metrics import Metrics
from gateway.metrics.gateway import watch as keep_watch
from gateway.metrics.shared import forget_worker, prepare_shared, worker_environment
from gateway.models import Principal
from gateway.policy_files import PolicyError
from gateway.protocols.http import HttpLimits, HttpServer
from gateway.protocols.trino.ids import new_worker_id
from gateway.protocols.trino.ports import DoorSettings, Ports
from gateway.protocols.trino.resource import TrinoDoor
from gateway.protocols.trino.tokens import TokenKey
from gateway.recording import schema
from gateway.workers import WorkerRegistry

_WORKER = "PENSTOCK_WORKER"
"""Set for the processes that a parent with `workers` above 1 starts."""


class StartError(Exception):
    """The gateway cannot start; the text says what to mend."""


def _silent() -> None:
    return None


def run(config: Config, path: Path, *, ready: Callable[[], None] = _silent, log: TextIO | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, logging to `log` or stderr. Raises StartError."""
    configure_logging(config.log_format, stream=log)
    if config.workers > 1 and _WORKER not in os.environ:
        _run_workers(config, path, ready)
        return
    try:
        uvloop.run(_serve(config, path, ready))
    except PolicyError as error:
        raise StartError("\n".join(str(fault) for fault in error.faults)) from None
    except (ConfigError, OSError, ValueError) as error:
        raise StartError(str(error)) from None


async def _serve(config: Config, path: Path, ready: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        bus = EventBus()
        log_events(bus)
        shared = _WORKER in os.environ
        metrics = Metrics(bus)
        house = await open_house(config, stack, bus)
        door = await _open_door(house, stack)
        measuring = asyncio.create_task(keep_watch(bus, lambda: house.pipeline.cached_plans))
        stack.callback(measuring.cancel)
        watch = EngineWatch(house.engines, bus.publish)
        watch.start()
        stack.push_async_callback(watch.close)
        checks = {
            "serving": serving_check(lambda: door.draining),
            "recording": recording_check(house.recorder.status),
            "catalog": catalog_check(lambda: house.catalog.tried),
            "engines": engines_check(watch.health),
        }
        await stack.enter_async_context(
            serve(admin_app(checks), config.admin.host, config.admin.port, share_port=shared)
        )
        await stack.enter_async_context(
            serve(metrics_app(metrics.registry), config.metrics.host, config.metrics.port, share_port=shared)
        )
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(_reload(house, path)))
        server = await _listen(house, door, stack, share_port=shared)
        await _settled(house, watch)
        ready()
        await stop.wait()
        await door.drain(config.drain_seconds if door.running else 0)
        await server.drain(2)


async def _settled(house: House, watch: EngineWatch, seconds: float = 15.0) -> None:
    """Wait until catalogs and engines were asked for the first time, so that who is told "ready" finds it so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (house.catalog.tried and watch.probed):
        await asyncio.sleep(0.05)


async def _reload(house: House, path: Path) -> None:
    """Read policies again, and check the configuration: what is bound at start (ports, engines) needs a restart."""
    try:
        load_config(path)
    except ConfigError as error:
        house.bus.publish(ConfigReloaded(False, str(error)))
        return
    await house.policies.reload()
    house.bus.publish(ConfigReloaded(True))


async def _open_door(house: House, stack: AsyncExitStack) -> TrinoDoor:
    """Make the door, and the listener by which other workers reach this one."""
    config = house.config
    worker = new_worker_id()
    keys = [TokenKey(key.id, key.secret.get_secret_value()) for key in config.keys]
    certificate = config.identity.client_certificate
    settings = DoorSettings(
        worker=worker,
        public_url=config.door.public_url,
        trusted_proxies=config.door.trusted_proxies,
        certificate_header=certificate.header if certificate else None,
        abandon_seconds=config.limits.abandon_seconds,
        page_token_seconds=config.limits.page_token_seconds,
    )
    registry: WorkerRegistry | None = None
    door = TrinoDoor(_ports(house), settings, keys, workers=lambda: registry.others() if registry else {})
    peers = HttpServer(door.handle_peer)
    port = await peers.listen(config.cluster_host, 0)
    stack.push_async_callback(peers.close)
    url = config.store.url.get_secret_value()
    with contextlib.suppress(SQLAlchemyError, OSError):  # a store that is away must not keep the gateway from starting
        await schema.migrate(url)
    registry = WorkerRegistry(url, worker, f"{config.cluster_host}:{port}")
    await registry.start()
    stack.push_async_callback(registry.close)
    door.start()
    stack.push_async_callback(door.close)
    return door


def _ports(house: House) -> Ports:
    async def invalidate(names: Sequence[TableName], schemas: bool) -> None:
        for name in names:
            if schemas:
                await house.catalog.invalidate_catalog(name.catalog)
            if name.table:
                await house.catalog.invalidate(name)

    def may_kill(principal: Principal, way: Literal["view", "kill"]) -> bool:
        return house.policies.current().may_handle_queries(principal.subject, way)

    return Ports(
        authenticate=house.authenticator.authenticate,
        plan=house.pipeline.plan,
        engine_statement=house.statement,
        engines=house.engines,
        publish=house.bus.publish,
        admit=house.recorder.admit,
        may_kill=may_kill,
        invalidate=invalidate,
    )


async def _listen(house: House, door: TrinoDoor, stack: AsyncExitStack, *, share_port: bool) -> HttpServer:
    config = house.config.door
    tls = None
    if config.tls is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(config.tls.certificate, config.tls.key)
    limits = HttpLimits(
        max_header_bytes=config.max_header_bytes,
        max_body_bytes=house.config.limits.max_sql_bytes * 4,
        idle_seconds=config.idle_seconds,
        read_seconds=config.read_seconds,
    )
    server = HttpServer(
        door.handle,
        limits,
        on_open=lambda: house.bus.publish(ConnectionOpened()),
        on_close=lambda: house.bus.publish(ConnectionClosed()),
    )
    await server.listen(config.host, config.port, tls=tls, reuse_port=share_port)
    stack.push_async_callback(server.close)
    return server


def _run_workers(config: Config, path: Path, ready: Callable[[], None]) -> None:
    """Start the workers, start again those that die, pass signals on."""
    command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(path)]
    workers: dict[int, subprocess.Popen[bytes]] = {}
    stopping = False
    shared = config.data_dir / "metrics"
    prepare_shared(shared)

    def forward(number: int, _frame: object) -> None:
        nonlocal stopping
        stopping = stopping or number != signal.SIGHUP
        for worker in workers.values():
            worker.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    for index in range(config.workers):
        workers[index] = _start_worker(command, index, shared)
    ready()
    while not stopping or any(worker.poll() is None for worker in workers.values()):
        for index, worker in workers.items():
            if worker.poll() is not None and not stopping:
                forget_worker(shared, worker.pid)
                time.sleep(0.5)  # a worker that cannot start must not turn into a storm
                workers[index] = _start_worker(command, index, shared)
        time.sleep(0.2)


def _start_worker(command: Sequence[str], index: int, shared: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, _WORKER: str(index), **worker_environment(shared)}
    return subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603  (our own command)
