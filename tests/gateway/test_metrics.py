"""Metrics: the platform's names, every event counted once, few labels, several workers added up, all documented."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from catalog.errors import ErrorCode
from gateway import events
from gateway.audit.links import START, Head
from gateway.events import EventBus
from gateway.metrics.families import Metrics, measure
from gateway.metrics.gateway import watch
from gateway.metrics.labels import OTHER, Capped
from gateway.metrics.shared import forget_worker, prepare_shared, shared_registry, worker_environment
from tests.audit.chains import chained, some_entry
from tests.gateway.recording.usage_records import finished, plan, received

ROOT = Path(__file__).parents[2]


class Scrape:
    """A registry fed by a bus, read as Prometheus would."""

    def __init__(self, max_users: int = 200) -> None:
        self.bus = EventBus()
        self.registry = CollectorRegistry()
        measure(self.bus, self.registry, "1.2.3", max_users)

    def tell(self, *told: events.Event) -> Scrape:
        for each in told:
            self.bus.publish(each)
        return self

    def value(self, name: str, **labels: str) -> float | None:
        return value(self.registry, name, **labels)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


END = events.StatementFinished(finished("q1"))
SAMPLES = [
    (END, "data_platform_queries_total", {"service": "trino", "user": "analyst1"}, 1),
    (END, "data_platform_bytes_scanned_total", {"dataset": "curated.lmp_prices"}, 99),
    (END, "federation_queries_total", {"catalog": "iceberg"}, 1),
    (END, "penstock_statements_total", {"outcome": "FINISHED", "kind": "SELECT", "engine": "trino"}, 1),
    (END, "penstock_statement_seconds_sum", {"engine": "trino"}, 1.5),
    (END, "penstock_stage_seconds_sum", {"stage": "parse"}, 0.00025),
    (
        events.StatementFinished(finished("q1", "REFUSED", engine=None, error_code="PERMISSION_DENIED")),
        "penstock_statement_errors_total",
        {"code": "PERMISSION_DENIED"},
        1,
    ),
    (
        events.StatementFinished(finished("q1", "REFUSED", engine=None)),
        "data_platform_queries_total",
        {"service": "gateway", "user": "analyst1"},
        1,
    ),
    (
        events.StatementRefused("q1", ErrorCode.PERMISSION_DENIED, "authorize"),
        "penstock_refusals_total",
        {"stage": "authorize", "code": "PERMISSION_DENIED"},
        1,
    ),
    (events.PageServed("q1", "trino", 10, 2048), "penstock_pages_total", {"engine": "trino"}, 1),
    (events.PageServed("q1", "trino", 10, 2048), "penstock_rows_total", {"engine": "trino"}, 10),
    (events.PageServed("q1", None, 10, 2048), "penstock_result_bytes_total", {"engine": "gateway"}, 2048),
    (events.StatementPlanned("q1", plan(), cached=True), "penstock_plan_cache_hits_total", {}, 1),
    (events.StatementPlanned("q1", plan(), cached=False), "penstock_plan_cache_misses_total", {}, 1),
    (events.PlanCacheMeasured(17), "penstock_plan_cache_entries", {}, 17),
    (
        events.AuthenticationFailed("jwt", "expired", "10.0.0.1"),
        "penstock_auth_failures_total",
        {"method": "jwt", "reason": "expired"},
        1,
    ),
    (events.ConnectionOpened(), "penstock_http_connections", {}, 1),
    (events.ConnectionClosed(), "penstock_http_connections", {}, -1),
    (events.DrainStarted(3), "penstock_draining", {}, 1),
    (events.PolicyReloaded(True, "p7", 0.25), "penstock_policy_info", {"version": "p7"}, 1),
    (events.PolicyReloaded(True, "p7", 0.25), "penstock_policy_load_seconds", {}, 0.25),
    (events.ShadowCompared(3, {"newly_denied": 2}), "penstock_shadow_compared_total", {}, 3),
    (events.ShadowCompared(3, {"newly_denied": 2}), "penstock_shadow_differences_total", {"kind": "newly_denied"}, 2),
    (events.ShadowDropped(4), "penstock_shadow_dropped_total", {}, 4),
    (events.PolicyReloaded(False, "p7", 0.25, "bad"), "penstock_policy_loads_total", {"result": "failure"}, 1),
    (events.ConfigReloaded(True), "penstock_config_loads_total", {"result": "success"}, 1),
    (events.EngineHealthChanged("trino", True), "penstock_engine_up", {"engine": "trino"}, 1),
    (events.CatalogRefreshed("iceberg", 12, 0.5), "penstock_catalog_tables", {"catalog": "iceberg"}, 12),
    (
        events.CatalogRefreshed("iceberg", 12, 0.5),
        "penstock_catalog_refresh_seconds_sum",
        {"catalog": "iceberg"},
        0.5,
    ),
    (
        events.CatalogRefreshFailed("iceberg", "timeout"),
        "penstock_catalog_refresh_errors_total",
        {"catalog": "iceberg"},
        1,
    ),
    (events.LoopLagMeasured(0.003), "penstock_event_loop_lag_seconds_sum", {}, 0.003),
    (
        events.SubscriberFailed("a.b", "PageServed", "ValueError"),
        "penstock_subscriber_failures_total",
        {"subscriber": "a.b"},
        1,
    ),
    (events.StoreAvailable(), "penstock_store_up", {}, 1),
    (events.StoreUnavailable("OSError"), "penstock_store_up", {}, 0),
    (events.RowsShipped(50, 0.01), "penstock_recording_rows_total", {}, 50),
    (events.RowsShipped(50, 0.01), "penstock_recording_batch_seconds_sum", {}, 0.01),
    (events.RowsLost(7, "drop_oldest"), "penstock_recording_rows_lost_total", {"reason": "drop_oldest"}, 7),
    (events.ProbingNoticed("ana", "ana", 100, "refused"), "penstock_probing_total", {"verdict": "refused"}, 1),
    (events.RecordingRefused("disk"), "penstock_recording_refusals_total", {"reason": "disk"}, 1),
    (events.JournalRecovered(3, 2, 1), "penstock_recording_cut_off_total", {}, 2),
    (events.JournalRecovered(3, 2, 1), "penstock_recording_damaged_lines_total", {}, 1),
    (events.RecordingMeasured(1024, 5, 2.5), "penstock_recording_journal_bytes", {}, 1024),
    (events.RecordingMeasured(1024, 5, 2.5), "penstock_recording_waiting_rows", {}, 5),
    (events.RecordingMeasured(1024, 5, 2.5), "penstock_recording_lag_seconds", {}, 2.5),
    (
        events.AuditAppended(tuple(chained([some_entry(1)])), (), START),
        "penstock_audit_entries_total",
        {"kind": "read"},
        1,
    ),
    (events.AuditChainBroken(Head(2, ""), START), "penstock_audit_chain_broken_total", {}, 1),
    (events.ViewsLooked(0.2, {"current": 3}, 7.5), "penstock_views", {"state": "current"}, 3),
    (events.ViewsLooked(0.2, {"current": 3}, 7.5), "penstock_views_behind_seconds", {}, 7.5),
    (events.ViewsLooked(0.2, {"current": 3}, 7.5), "penstock_views_look_seconds_sum", {}, 0.2),
    (events.ViewsLooked(0.2, {}, 0.0, "OSError"), "penstock_views_look_failures_total", {}, 1),
    (events.ViewBuilt("c.m.v", True, 2.5), "penstock_view_builds_total", {"view": "c.m.v", "result": "success"}, 1),
    (events.ViewBuilt("c.m.v", False, 2.5), "penstock_view_builds_total", {"view": "c.m.v", "result": "failure"}, 1),
    (events.ViewBuilt("c.m.v", True, 2.5), "penstock_view_build_seconds_sum", {}, 2.5),
    (events.AuditSinkChanged("siem", True), "penstock_audit_sink_up", {"sink": "siem"}, 1),
    (events.AuditForwarded("siem", 3, 99), "penstock_audit_forwarded_total", {"sink": "siem"}, 3),
    (events.AuditForwarded("siem", 3, 99), "penstock_audit_spool_bytes", {"sink": "siem"}, 99),
    (events.AuditForwardingLost("siem", 2, "spool full"), "penstock_audit_lost_total", {"sink": "siem"}, 2),
]


@pytest.mark.parametrize(
    ("told", "name", "labels", "expected"), SAMPLES, ids=[f"{type(e).__name__}-{n}" for e, n, _, _ in SAMPLES]
)
def test_an_event_moves_its_metric(told: events.Event, name: str, labels: dict[str, str], expected: float) -> None:
    assert Scrape().tell(told).value(name, **labels) == pytest.approx(expected)


def test_statements_are_queued_then_running_then_gone() -> None:
    scrape = Scrape()

    def under_way() -> tuple[float | None, float | None]:
        return scrape.value("penstock_statements_queued"), scrape.value("penstock_statements_running")

    scrape.tell(events.StatementReceived(received("q1")), events.StatementReceived(received("local")))
    assert under_way() == (2, 0)
    scrape.tell(events.StatementSubmitted("q1", "trino"))
    assert under_way() == (1, 1)
    scrape.tell(events.StatementFinished(finished("local")), END, END)
    assert under_way() == (0, 0)


def test_bytes_scanned_add_up_to_what_the_engine_said() -> None:
    tables = (("iceberg.a.t", "select", ()), ("iceberg.a.u", "select", ()), ("hive.b.v", "select", ()))
    scrape = Scrape().tell(events.StatementFinished(finished("q1", tables=tables, scanned_bytes=900)))
    shares = [scrape.value("data_platform_bytes_scanned_total", dataset=name) for name in ("a.t", "a.u", "b.v")]
    assert shares == [300, 300, 300]
    assert scrape.value("federation_queries_total", catalog="hive") == 1


def test_an_earlier_policy_version_is_no_longer_in_force() -> None:
    scrape = Scrape().tell(events.PolicyReloaded(True, "p7", 0.1), events.PolicyReloaded(True, "p8", 0.1))
    assert scrape.value("penstock_policy_info", version="p7") == 0
    assert scrape.value("penstock_policy_info", version="p8") == 1


def test_a_failed_reload_keeps_the_time_of_the_last_good_one() -> None:
    began = time.time()
    scrape = Scrape().tell(events.PolicyReloaded(True, "p7", 0.1), events.ConfigReloaded(True))
    good = scrape.value("penstock_policy_last_success_timestamp_seconds")
    assert good is not None
    assert began <= good <= time.time()
    scrape.tell(events.PolicyReloaded(False, "p7", 0.1), events.ConfigReloaded(False))
    assert scrape.value("penstock_policy_last_success_timestamp_seconds") == good
    config = scrape.value("penstock_config_last_success_timestamp_seconds")
    assert config is not None
    assert config <= time.time()


def test_users_beyond_the_cap_are_counted_as_other() -> None:
    scrape = Scrape(max_users=3)
    for number in range(10):
        scrape.tell(events.StatementFinished(finished(f"q{number}", user=f"user{number}")))
    scrape.tell(events.StatementFinished(finished("again", user="user1")))
    assert scrape.value("data_platform_queries_total", service="trino", user="user1") == 2
    assert scrape.value("data_platform_queries_total", service="trino", user=OTHER) == 7


def test_no_label_can_break_the_exposition() -> None:
    nasty = 'a"b\\c\nd\x00\udc80' + "x" * 10_000
    tables = ((f"{nasty}.s.t", "select", ()),)
    record = finished("q1", user=nasty, kind=nasty, error_code=nasty, tables=tables, stage_ms={nasty: 1.0})
    scrape = Scrape().tell(events.StatementFinished(record), events.AuthenticationFailed("jwt", nasty))
    text = generate_latest(scrape.registry).decode()
    assert list(text_string_to_metric_families(text))
    assert max(len(line) for line in text.split("\n")) < 1000


def test_neither_sql_nor_people_not_yet_identified_become_labels() -> None:
    record = finished("q1", sql="SELECT 'secret-literal'", error_message="secret-literal", user="ann")
    scrape = Scrape().tell(
        events.StatementReceived(received("q1", "SELECT 'secret-literal'")), events.StatementFinished(record)
    )
    assert b"secret-literal" not in generate_latest(scrape.registry)


@pytest.mark.parametrize("who", ["zelda", "o'neil", 'x"y', "hunter2"])
def test_a_failed_login_is_counted_without_the_name_it_tried(who: str) -> None:
    scrape = Scrape().tell(events.AuthenticationFailed("password", f"wrong password for {who!r}"))
    assert scrape.value("penstock_auth_failures_total", method="password", reason="wrong password for") == 1
    assert who.encode() not in generate_latest(scrape.registry)


def test_a_cap_of_labels_keeps_the_first() -> None:
    capped = Capped(2)
    assert [capped(each) for each in ("a", "b", "c", "a", None)] == ["a", "b", OTHER, "a", ""]


@pytest.mark.asyncio
async def test_a_blocked_event_loop_shows_in_its_lag_and_the_plan_cache_in_its_size() -> None:
    bus, lags, sizes = EventBus(), [], []
    bus.subscribe(events.LoopLagMeasured, lambda event: lags.append(event.seconds))
    bus.subscribe(events.PlanCacheMeasured, lambda event: sizes.append(event.entries))
    task = asyncio.create_task(watch(bus, lambda: 17, interval=0.01))
    await asyncio.sleep(0.015)
    time.sleep(0.1)
    await asyncio.sleep(0.03)
    task.cancel()
    assert max(lags) > 0.05
    assert set(sizes) == {17}


def test_counters_have_no_created_series_beside_them() -> None:
    assert "_created" not in generate_latest(Scrape().tell(END).registry).decode()


DOCUMENTED = re.compile(
    r"^\| `((?:penstock|data_platform|federation|sharing|cost_coach|platform)_[a-z_]+)` \| ([a-z]+) \|([^|]*)\|", re.M
)


def test_the_documentation_lists_every_family_with_its_kind_and_labels_and_no_other() -> None:
    documented = {
        name: (kind, tuple(re.findall(r"`([a-z]+)`", labels)))
        for name, kind, labels in DOCUMENTED.findall((ROOT / "docs" / "metrics.md").read_text("utf-8"))
    }
    scrape = Scrape()
    registered = {}
    for collector in scrape.registry._collector_to_names:
        (family,) = collector.describe() or collector.collect()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        registered[name] = (family.type, tuple(collector._labelnames))
    assert documented == registered


def test_the_names_the_platform_fixed_are_spelt_exactly() -> None:
    text = generate_latest(Scrape().tell(END).registry).decode()
    for name in ("data_platform_queries_total", "data_platform_bytes_scanned_total", "federation_queries_total"):
        assert re.search(rf"^{name}{{", text, re.M)


def test_a_single_process_also_shows_its_own_memory_and_files() -> None:
    registry = Metrics(EventBus()).registry
    assert (value(registry, "process_resident_memory_bytes") or 0) > 1_000_000
    assert (value(registry, "process_open_fds") or 0) > 2


WORKER = """
    import os, sys, time
    from prometheus_client import generate_latest
    from gateway import events
    from gateway.events import EventBus
    from gateway.metrics.families import Metrics
    from tests.gateway.recording.usage_records import finished, received
    bus = EventBus()
    metrics = Metrics(bus)
    for number in range(3):
        bus.publish(events.StatementReceived(received(f"q{number}")))
    bus.publish(events.StatementFinished(finished("q0")))
    bus.publish(events.RecordingMeasured(100, 1, float(sys.argv[1])))
    bus.publish(events.EngineHealthChanged("trino", sys.argv[1] == "1"))
    print("ready", flush=True)
    sys.stdin.readline()
    print(generate_latest(metrics.registry).decode() + "END", flush=True)
    time.sleep(60)
"""


def scraped_from(worker: subprocess.Popen[str]) -> str:
    """Return what one worker shows as `/metrics`."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write("\n")
    worker.stdin.flush()
    return "".join(iter(worker.stdout.readline, "END\n"))


def test_the_values_of_several_workers_are_added_up_and_a_dead_ones_counters_stay(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    prepare_shared(folder)
    (folder / "counter_1.db").write_bytes(b"left by an earlier run")
    prepare_shared(folder)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), str(number)],
            env={**os.environ, **worker_environment(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for number in (1, 2)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        registry = shared_registry(folder)
        query = {"service": "trino", "user": "analyst1"}
        assert value(registry, "data_platform_queries_total", **query) == 2
        assert value(registry, "penstock_statements_queued") == 4
        assert value(registry, "penstock_statement_seconds_count", engine="trino") == 2
        assert value(registry, "penstock_recording_lag_seconds") == 2
        assert value(registry, "penstock_engine_up", engine="trino") == 0

        answer = scraped_from(workers[1])
        assert 'data_platform_queries_total{service="trino",user="analyst1"} 2.0' in answer

        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        forget_worker(folder, workers[0].pid)
        assert value(registry, "data_platform_queries_total", **query) == 2
        assert value(registry, "penstock_statements_queued") == 2
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            worker.communicate()
