"""Metrics of statements: how many, of whom, how they ended, how long they took, what they moved."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.events import (
    PageServed,
    PlanCacheMeasured,
    ProbingNoticed,
    StatementAttested,
    StatementFinished,
    StatementPlanned,
    StatementReceived,
    StatementRefused,
    StatementSubmitted,
)
from gateway.metrics.labels import Capped

if TYPE_CHECKING:
    from gateway.events import EventBus

GATEWAY = "gateway"
"""The `engine` and `service` of statements that no engine answered: SHOW, SET SESSION, refusals."""

STATEMENT_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
STAGE_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0)


def measure_statements(bus: EventBus, registry: CollectorRegistry, max_users: int) -> None:
    """Register the families of statements and feed them from the bus."""
    _measure_ends(bus, registry)
    _measure_platform(bus, registry, max_users)
    _measure_pages(bus, registry)
    _measure_plans(bus, registry)
    _measure_under_way(bus, registry)
    _measure_attestation(bus, registry)
    _measure_probing(bus, registry)


def _measure_ends(bus: EventBus, registry: CollectorRegistry) -> None:
    ended = Counter("penstock_statements", "Statements that ended.", ["outcome", "kind", "engine"], registry=registry)
    errors = Counter("penstock_statement_errors", "Statements that ended in an error.", ["code"], registry=registry)
    refusals = Counter("penstock_refusals", "Statements the gateway refused.", ["stage", "code"], registry=registry)
    seconds = Histogram(
        "penstock_statement_seconds",
        "From a statement's receipt to its end, engine and client included.",
        ["engine"],
        buckets=STATEMENT_SECONDS,
        registry=registry,
    )
    stages = Histogram(
        "penstock_stage_seconds",
        "Time a statement spent in one stage of the pipeline.",
        ["stage"],
        buckets=STAGE_SECONDS,
        registry=registry,
    )
    kind, code, stage = Capped(100), Capped(300), Capped(50)
    # Looking a child up by its labels costs more than counting; labels are capped, so remembering is bounded.
    ended_as, seconds_of, stage_of = cache(ended.labels), cache(seconds.labels), cache(stages.labels)

    def finished(event: StatementFinished) -> None:
        record = event.record
        engine = record.engine or GATEWAY
        ended_as(record.outcome, kind(record.kind), engine).inc()
        seconds_of(engine).observe(max(0.0, record.finished_at - record.received_at))
        for name, milliseconds in record.stage_ms.items():
            stage_of(stage(name)).observe(milliseconds / 1000)
        if record.error_code is not None:
            errors.labels(code(record.error_code)).inc()

    def refused(event: StatementRefused) -> None:
        refusals.labels(stage(event.stage), event.code.name).inc()

    bus.subscribe(StatementFinished, finished)
    bus.subscribe(StatementRefused, refused)


def _measure_platform(bus: EventBus, registry: CollectorRegistry, max_users: int) -> None:
    """Feed the families whose names the platform's contract fixes."""
    queries = Counter(
        "data_platform_queries", "Statements by answering service and user.", ["service", "user"], registry=registry
    )
    federation = Counter(
        "federation_queries", "Statements that used a catalog, once for each.", ["catalog"], registry=registry
    )
    user, catalog = Capped(max_users), Capped(100)
    queries_of, using = cache(queries.labels), cache(federation.labels)

    def finished(event: StatementFinished) -> None:
        record = event.record
        queries_of(record.engine or GATEWAY, user(record.user)).inc()
        for name in {name.partition(".")[0] for name, _, _ in record.tables}:
            using(catalog(name)).inc()

    bus.subscribe(StatementFinished, finished)


def _measure_pages(bus: EventBus, registry: CollectorRegistry) -> None:
    pages = Counter("penstock_pages", "Result pages served.", ["engine"], registry=registry)
    rows = Counter("penstock_rows", "Result rows served.", ["engine"], registry=registry)
    size = Counter("penstock_result_bytes", "Result bytes served, before compression.", ["engine"], registry=registry)

    pages_of, rows_of, size_of = cache(pages.labels), cache(rows.labels), cache(size.labels)

    def served(event: PageServed) -> None:
        engine = event.engine or GATEWAY
        pages_of(engine).inc()
        rows_of(engine).inc(event.rows)
        size_of(engine).inc(event.bytes)

    bus.subscribe(PageServed, served)


def _measure_attestation(bus: EventBus, registry: CollectorRegistry) -> None:
    attested = Counter(
        "penstock_attested",
        "Statements by what their engine said of what it reads; all results together are all that engines ran.",
        ["engine", "result"],
        registry=registry,
    )
    attested_as = cache(attested.labels)
    bus.subscribe(StatementAttested, lambda event: attested_as(event.engine, event.result).inc())


def _measure_probing(bus: EventBus, registry: CollectorRegistry) -> None:
    noticed = Counter(
        "penstock_probing",
        "Principals whose statements began to be slowed or refused for failing on values of restricted tables.",
        ["verdict"],
        registry=registry,
    )
    bus.subscribe(ProbingNoticed, lambda event: noticed.labels(event.verdict).inc())


def _measure_plans(bus: EventBus, registry: CollectorRegistry) -> None:
    hits = Counter("penstock_plan_cache_hits", "Plans found in the plan cache.", registry=registry)
    misses = Counter("penstock_plan_cache_misses", "Plans that had to be made.", registry=registry)
    entries = Gauge(
        "penstock_plan_cache_entries", "Plans in the cache.", registry=registry, multiprocess_mode="livesum"
    )
    bus.subscribe(StatementPlanned, lambda event: (hits if event.cached else misses).inc())
    bus.subscribe(PlanCacheMeasured, lambda event: entries.set(event.entries))


def _measure_under_way(bus: EventBus, registry: CollectorRegistry) -> None:
    running = Gauge(
        "penstock_statements_running",
        "Statements that an engine has taken and not finished.",
        registry=registry,
        multiprocess_mode="livesum",
    )
    queued = Gauge(
        "penstock_statements_queued",
        "Statements received and not yet taken by an engine.",
        registry=registry,
        multiprocess_mode="livesum",
    )
    waiting: set[str] = set()
    taken: set[str] = set()

    def show() -> None:
        running.set(len(taken))
        queued.set(len(waiting))

    def received(event: StatementReceived) -> None:
        waiting.add(event.statement.query_id)
        show()

    def submitted(event: StatementSubmitted) -> None:
        if event.query_id in waiting:
            waiting.remove(event.query_id)
            taken.add(event.query_id)
            show()

    def finished(event: StatementFinished) -> None:
        waiting.discard(event.record.query_id)
        taken.discard(event.record.query_id)
        show()

    bus.subscribe(StatementReceived, received)
    bus.subscribe(StatementSubmitted, submitted)
    bus.subscribe(StatementFinished, finished)
