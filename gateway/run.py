"""Run the gateway: one worker in this process, or several that share the port, until a signal ends them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, TextIO

import uvloop

from catalog.objects import TableName
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
    until_ready,
)
from gateway.admin.serving import serve
from gateway.attestation.attestor import Attestor
from gateway.audit.entries import Entry
from gateway.breaker import Breaker
from gateway.collector import calm_collector
from gateway.config import Config, ConfigError
from gateway.engine_watch import EngineWatch
from gateway.events import ConnectionClosed, ConnectionOpened, EventBus, StatementFinished
from gateway.history import with_statements
from gateway.house import House, open_house
from gateway.logs import configure_logging, log_events
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.metrics import Metrics
from gateway.metrics.gateway import watch as keep_watch
from gateway.models import NotPlanned, Planned, Principal, Received
from gateway.onlookers import Onlookers
from gateway.partners.admission import Admission
from gateway.partners.database import RegistryError
from gateway.partners.opening import keep_reviewing, open_admission
from gateway.policy_files import PolicyError
from gateway.policy_store.changing import change_policies
from gateway.policy_store.edits import PolicyEdit
from gateway.policy_store.store import PolicyStoreError
from gateway.protocols.http import HttpLimits, HttpServer
from gateway.protocols.trino.ids import new_worker_id
from gateway.protocols.trino.ports import DoorSettings, Ports
from gateway.protocols.trino.resource import TrinoDoor
from gateway.protocols.trino.tokens import TokenKey
from gateway.reloading import reloading
from gateway.replay.database import Database
from gateway.replay.following import shadow_of
from gateway.replay.running import diffs_of
from gateway.replay.shadow_store import ShadowStore
from gateway.supervise import LIFELINE, WORKER, WorkersFailed, supervise
from gateway.vault.asked import Reveal
from gateway.vault.background import keep_filled
from gateway.vault.revealing import reveal
from gateway.workers import WorkerRegistry

_THREADS = 64


class StartError(Exception):
    """The gateway cannot start; the text says what to mend."""


def _silent() -> None:
    return None


def run(config: Config, path: Path, *, ready: Callable[[], None] = _silent, log: TextIO | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, logging to `log` or stderr. Raises StartError."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    configure_logging(config.log_format, stream=log)
    try:
        if config.workers > 1 and WORKER not in os.environ:
            supervise(config, path, ready)
        else:
            uvloop.run(_serve(config, path, ready))
    except PolicyError as error:
        raise StartError("\n".join(str(fault) for fault in error.faults)) from None
    except (ConfigError, WorkersFailed, OSError, ValueError) as error:
        raise StartError(str(error)) from None


async def _serve(config: Config, path: Path, ready: Callable[[], None]) -> None:
    stop, hurry = asyncio.Event(), asyncio.Event()
    _on_signals(stop, hurry)
    async with AsyncExitStack() as stack:
        bus = EventBus()
        onlookers = Onlookers(bus, asyncio.get_running_loop())
        stack.callback(onlookers.tell)
        log_events(onlookers.bus)
        shared = WORKER in os.environ
        metrics = Metrics(onlookers.bus)
        house = await open_house(config, stack, bus)
        door = await _open_door(house, stack)
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
        watch = EngineWatch({name: each for name, each in house.engines.items() if name != SYSTEM}, bus.publish)
        watch.start()
        stack.push_async_callback(watch.close)
        checks = {
            "serving": serving_check(lambda: door.draining),
            "policies": policies_check(lambda: house.policies.known),
            "recording": recording_check(house.recorder.status),
            "catalog": catalog_check(lambda: house.catalog.tried),
            "engines": engines_check(watch.health),
        }
        replays = Database(config.store.url.get_secret_value())
        stack.push_async_callback(replays.close)
        diffs = diffs_of(config, house.catalog, house.engines, replays)
        stack.push_async_callback(diffs.close)
        shadow = shadow_of(house, replays)
        shadow.start()
        stack.push_async_callback(shadow.close)
        await stack.enter_async_context(
            serve(
                admin_app(Rooms(house, door.announce_policies, diffs, ShadowStore(replays)), checks),
                config.admin.host,
                config.admin.port,
                share_port=shared,
            )
        )
        await stack.enter_async_context(
            serve(
                metrics_app(metrics.registry, onlookers.tell),
                config.metrics.host,
                config.metrics.port,
                share_port=shared,
            )
        )
        tls = _tls(config)
        await stack.enter_async_context(reloading(house, path, tls))
        server = await _listen(house, door, stack, tls, share_port=shared)
        calm_collector()
        with _lifeline(stop):
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


@contextlib.contextmanager
def _lifeline(stop: asyncio.Event) -> Iterator[None]:
    """Tell the supervisor that this worker serves, and end when the supervisor does; nothing without one."""
    given = os.environ.get(LIFELINE)
    if given is None:
        yield
        return
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=int(given)) as lifeline:
        os.set_inheritable(lifeline.fileno(), False)
        lifeline.setblocking(False)
        with contextlib.suppress(OSError):  # it is gone already: the reader sees the same at once
            lifeline.send(b".")

        def ended() -> None:
            loop.remove_reader(lifeline)
            stop.set()

        loop.add_reader(lifeline, ended)
        try:
            yield
        finally:
            loop.remove_reader(lifeline)


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
        segment_token_seconds=config.limits.segment_token_seconds,
    )
    registry: WorkerRegistry | None = None
    ports = replace(
        _ports(house, open_admission(house, stack, lambda: len(registry.others()) + 1 if registry else 1)),
        greeted=lambda who, at: registry.greeted(who, at) if registry else None,
        engine_statement=with_statements(house, lambda: door, asyncio.get_running_loop()),
    )
    door = TrinoDoor(ports, settings, keys, workers=lambda: registry.others() if registry else {})
    peers = HttpServer(door.handle_peer)
    address = f"{config.cluster_host}:{await peers.listen(config.cluster_host, 0)}"
    stack.push_async_callback(peers.close)
    registry = WorkerRegistry(
        config.store.url.get_secret_value(),
        worker,
        address,
        greet=lambda: door.greet(address),
        on_known=house.catalog.refresh_all,  # changes made before the others knew of us were not told to us
    )
    await registry.start()
    stack.push_async_callback(registry.close)
    door.start()
    stack.push_async_callback(door.close)
    return door


def _ports(house: House, admission: Admission) -> Ports:
    async def invalidate(names: Sequence[TableName], schemas: bool) -> None:
        for catalog in {name.catalog for name in names} if schemas else ():
            await house.catalog.invalidate_catalog(catalog)
        for name in names:
            if name.table:
                await house.catalog.invalidate(name)

    def may_kill(principal: Principal, way: Literal["view", "kill"]) -> bool:
        return house.policies.current().may_handle_queries(principal.subject, way)

    attestor = Attestor(house.config.attestation, house.bus.publish)
    breaker = Breaker(house.config.breaker, house.config.data_dir / "probing", house.bus.publish)
    house.bus.subscribe(StatementFinished, lambda event: breaker.failed(event.record))
    house.bus.subscribe(StatementFinished, lambda event: admission.end(event.record.query_id))

    async def plan_any(received: Received) -> Planned | NotPlanned:
        await breaker.admit(received.principal)
        return await house.pipeline.plan(received)

    async def plan(received: Received) -> Planned | NotPlanned:
        return await admission.plan(received, plan_any)

    async def change(edit: PolicyEdit, received: Received) -> None:
        principal = received.principal
        acting = "" if principal.user == principal.authenticated else f" (by {principal.authenticated})"
        await change_policies(
            house.policies,
            edit,
            principal.user + acting,
            lambda policies, table: policies.may_manage(received.subject, table),
        )

    async def reveal_token(asked: Reveal, received: Received) -> str:
        async def record(entry: Entry) -> None:
            house.recorder.must_note(entry)

        table, policies = await house.catalog.fetch(asked.table), house.policies.governing()
        return await reveal(asked, received.subject, table, policies, house.vault, record, received.query_id)

    async def refresh() -> None:
        with contextlib.suppress(RegistryError, TimeoutError):  # first: what is revoked waits for no policy to compile
            await house.following.refresh()
        with contextlib.suppress(PolicyStoreError):
            await house.policies.refresh()

    return Ports(
        authenticate=house.authenticator.authenticate,
        plan=plan,
        engine_statement=house.statement,
        engines=house.engines,
        change_policies=change,
        reveal=reveal_token,
        refresh_policies=refresh,
        publish=house.bus.publish,
        admit=house.recorder.admit,
        may_kill=may_kill,
        review=admission.review,
        bound=admission.concerns,
        pace=admission.pace,
        attest=attestor.begin,
        invalidate=invalidate,
    )


def _tls(config: Config) -> ssl.SSLContext | None:
    """Return what TLS is served with; None if it is not. Raises OSError for an unusable certificate or key."""
    if config.door.tls is None:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(config.door.tls.certificate, config.door.tls.key)
    return tls


async def _listen(
    house: House, door: TrinoDoor, stack: AsyncExitStack, tls: ssl.SSLContext | None, *, share_port: bool
) -> HttpServer:
    config = house.config.door
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
