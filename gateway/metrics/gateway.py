"""Metrics of the gateway itself: its door, policies, configuration, catalog, engines and event loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.events import (
    AuthenticationFailed,
    CatalogRefreshed,
    CatalogRefreshFailed,
    ChangesetStepped,
    ConfigReloaded,
    ConnectionClosed,
    ConnectionOpened,
    DrainStarted,
    EngineHealthChanged,
    LoopLagMeasured,
    PlanCacheMeasured,
    PolicyReloaded,
    SubscriberFailed,
)
from gateway.metrics.labels import Capped, without_particulars

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.events import EventBus

LAG_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
REFRESH_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


def measure_gateway(bus: EventBus, registry: CollectorRegistry, version: str) -> None:
    """Register the families of the gateway itself and feed them from the bus."""
    build = Gauge(
        "penstock_build_info", "1, with the version.", ["version"], registry=registry, multiprocess_mode="livemax"
    )
    build.labels(version).set(1)
    _measure_door(bus, registry)
    _measure_policies(bus, registry)
    _measure_config(bus, registry)
    _measure_catalog(bus, registry)
    _measure_health(bus, registry)


async def watch(bus: EventBus, cached_plans: Callable[[], int], interval: float = 0.5) -> None:
    """Publish what nobody else sees, until cancelled: how late the event loop wakes, how full the plan cache is."""
    while True:
        due = time.monotonic() + interval
        await asyncio.sleep(interval)
        bus.publish(LoopLagMeasured(max(0.0, time.monotonic() - due)))
        bus.publish(PlanCacheMeasured(cached_plans()))


def _measure_door(bus: EventBus, registry: CollectorRegistry) -> None:
    failures = Counter(
        "penstock_auth_failures",
        "Requests that could not prove who they are.",
        ["method", "reason"],
        registry=registry,
    )
    connections = Gauge(
        "penstock_http_connections",
        "Open client connections to the protocol's port.",
        registry=registry,
        multiprocess_mode="livesum",
    )
    draining = Gauge(
        "penstock_draining",
        "1 from the moment no new statements are taken.",
        registry=registry,
        multiprocess_mode="livemax",
    )
    reason = Capped(50)

    def failed(event: AuthenticationFailed) -> None:
        failures.labels(event.method, reason(without_particulars(event.reason))).inc()

    bus.subscribe(AuthenticationFailed, failed)
    bus.subscribe(ConnectionOpened, lambda _: connections.inc())
    bus.subscribe(ConnectionClosed, lambda _: connections.dec())
    bus.subscribe(DrainStarted, lambda _: draining.set(1))


def _measure_policies(bus: EventBus, registry: CollectorRegistry) -> None:
    info = Gauge(
        "penstock_policy_info",
        "1 for the version of the policies in force, 0 for earlier ones.",
        ["version"],
        registry=registry,
        multiprocess_mode="livemax",
    )
    loads = Counter("penstock_policy_loads", "Loads of the policies.", ["result"], registry=registry)
    seconds = Gauge(
        "penstock_policy_load_seconds",
        "Duration of the last load of the policies.",
        registry=registry,
        multiprocess_mode="livemax",
    )
    success = Gauge(
        "penstock_policy_last_success_timestamp_seconds",
        "When the policies were last loaded well; of several workers the one furthest behind.",
        registry=registry,
        multiprocess_mode="livemin",
    )
    version = Capped(50)
    shown: set[str] = set()

    def reloaded(event: PolicyReloaded) -> None:
        loads.labels(_result(event.ok)).inc()
        seconds.set(event.seconds)
        if event.ok:
            success.set(time.time())
            for earlier in shown:
                info.labels(earlier).set(0)
            shown.add(version(event.version))
            info.labels(version(event.version)).set(1)

    steps = Counter(
        "penstock_changeset_steps",
        "Steps of changesets: begin, edit, promote, ...",
        ["step", "result"],
        registry=registry,
    )
    bus.subscribe(PolicyReloaded, reloaded)
    bus.subscribe(ChangesetStepped, lambda event: steps.labels(event.step, _result(event.ok)).inc())


def _measure_config(bus: EventBus, registry: CollectorRegistry) -> None:
    loads = Counter("penstock_config_loads", "Loads of the configuration.", ["result"], registry=registry)
    success = Gauge(
        "penstock_config_last_success_timestamp_seconds",
        "When the configuration was last loaded well; of several workers the one furthest behind.",
        registry=registry,
        multiprocess_mode="livemin",
    )

    def reloaded(event: ConfigReloaded) -> None:
        loads.labels(_result(event.ok)).inc()
        if event.ok:
            success.set(time.time())

    bus.subscribe(ConfigReloaded, reloaded)


def _measure_catalog(bus: EventBus, registry: CollectorRegistry) -> None:
    tables = Gauge(
        "penstock_catalog_tables",
        "Tables and views known of a catalog.",
        ["catalog"],
        registry=registry,
        multiprocess_mode="livemostrecent",
    )
    seconds = Histogram(
        "penstock_catalog_refresh_seconds",
        "Time to read a catalog from its engine.",
        ["catalog"],
        buckets=REFRESH_SECONDS,
        registry=registry,
    )
    failures = Counter("penstock_catalog_refresh_errors", "Failed reads of a catalog.", ["catalog"], registry=registry)

    def refreshed(event: CatalogRefreshed) -> None:
        tables.labels(event.catalog).set(event.tables)
        seconds.labels(event.catalog).observe(event.seconds)

    bus.subscribe(CatalogRefreshed, refreshed)
    bus.subscribe(CatalogRefreshFailed, lambda event: failures.labels(event.catalog).inc())


def _measure_health(bus: EventBus, registry: CollectorRegistry) -> None:
    engine_up = Gauge(
        "penstock_engine_up",
        "1 while the engine answers; with several workers, all of them.",
        ["engine"],
        registry=registry,
        multiprocess_mode="livemin",
    )
    lag = Histogram(
        "penstock_event_loop_lag_seconds",
        "How late the event loop woke: a wait that every client shared.",
        buckets=LAG_SECONDS,
        registry=registry,
    )
    failures = Counter(
        "penstock_subscriber_failures", "Events a subscriber failed on.", ["subscriber"], registry=registry
    )
    subscriber = Capped(50)
    bus.subscribe(EngineHealthChanged, lambda event: engine_up.labels(event.engine).set(event.healthy))
    bus.subscribe(LoopLagMeasured, lambda event: lag.observe(event.seconds))
    bus.subscribe(SubscriberFailed, lambda event: failures.labels(subscriber(event.subscriber)).inc())


def _result(ok: bool) -> str:
    return "success" if ok else "failure"
