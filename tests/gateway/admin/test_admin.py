"""The admin and metrics ports: honest answers, of their own, that disturb nobody."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from engines.base import Health
from gateway.admin.exposition import metrics_app
from gateway.admin.health import (
    CHECK_SECONDS,
    Check,
    CheckResult,
    catalog_check,
    engines_check,
    health_routes,
    recording_check,
    serving_check,
)
from gateway.admin.serving import serve
from gateway.events import EventBus, PageServed, StatementFinished
from gateway.metrics.families import measure
from gateway.recording.recorder import Recorder, RecordingStatus
from tests.gateway.recording.usage_records import finished, received, settings


def _app(checks: dict[str, Check]) -> Starlette:
    return Starlette(routes=health_routes(checks))


async def get(port: int, path: str, **headers: str) -> tuple[int, str, Any]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


async def readiness(checks: dict[str, Check], path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    async with serve(_app(checks), "127.0.0.1", 0) as port:
        code, text, _ = await get(port, path)
        return code, json.loads(text)


def fixed(ok: bool, detail: str = "") -> Check:
    async def check() -> CheckResult:
        return CheckResult(ok, detail)

    return check


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/readyz", "/health"])
async def test_ready_when_every_check_is(path: str) -> None:
    status, body = await readiness({"store": fixed(True), "catalog": fixed(True, "3 catalogs")}, path)
    assert status == 200
    assert body == {
        "ready": True,
        "checks": {"store": {"ok": True, "detail": ""}, "catalog": {"ok": True, "detail": "3 catalogs"}},
    }


@pytest.mark.asyncio
async def test_not_ready_names_the_reason() -> None:
    status, body = await readiness({"store": fixed(True), "engines": fixed(False, "trino: refused")})
    assert status == 503
    assert body["checks"]["engines"] == {"ok": False, "detail": "trino: refused"}


@pytest.mark.asyncio
async def test_a_check_that_breaks_or_hangs_means_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.admin.health.CHECK_SECONDS", 0.05)

    async def broken() -> CheckResult:
        raise RuntimeError("password=hunter2")

    async def hanging() -> CheckResult:
        await asyncio.sleep(CHECK_SECONDS)
        return CheckResult(True)

    status, body = await readiness({"broken": broken, "hanging": hanging})
    assert status == 503
    assert body["checks"]["broken"]["detail"] == "RuntimeError"
    assert "no answer" in body["checks"]["hanging"]["detail"]


@pytest.mark.asyncio
async def test_alive_even_when_not_ready() -> None:
    async with serve(_app({"store": fixed(False)}), "127.0.0.1", 0) as port:
        assert (await get(port, "/livez"))[:2] == (200, "ok\n")
        assert (await get(port, "/readyz"))[0] == 503


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/", "/reload", "/metrics", "/readyz/x", "/../etc/passwd"])
async def test_nothing_else_is_served(path: str) -> None:
    async with serve(_app({}), "127.0.0.1", 0) as port:
        assert (await get(port, path))[0] == 404


def status(**changes: Any) -> RecordingStatus:
    values = {"accepting": True, "reason": "", "store_up": True, "journal_bytes": 0, "waiting_rows": 0}
    return RecordingStatus(**{**values, "lag_seconds": 0.0, "lost_rows": 0, **changes})


CHECKS = [
    (recording_check(status), True, ""),
    (recording_check(lambda: status(store_up=None)), True, ""),
    (
        recording_check(lambda: status(store_up=False, reason="OSError", waiting_rows=7)),
        True,
        "the store is down (OSError); 7 rows wait in the journal",
    ),
    (
        recording_check(lambda: status(accepting=False, reason="journal full")),
        False,
        "no statement can be recorded: journal full",
    ),
    (catalog_check(lambda: True), True, ""),
    (catalog_check(lambda: False), False, "the catalogs are being read for the first time"),
    (engines_check(dict), True, ""),
    (engines_check(lambda: {"a": Health(True), "b": Health(False, "refused")}), True, "b: refused"),
    (engines_check(lambda: {"a": Health(False), "b": Health(False, "refused")}), False, "a: down; b: refused"),
    (serving_check(lambda: False), True, ""),
    (serving_check(lambda: True), False, "draining"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("check", "ok", "detail"), CHECKS, ids=[f"{o}-{d or 'well'}" for _, o, d in CHECKS])
async def test_each_part_says_whether_statements_may_come(check: Check, ok: bool, detail: str) -> None:
    assert await check() == CheckResult(ok, detail)


@pytest.mark.asyncio
async def test_a_full_journal_shows_in_readiness_and_a_store_that_returns_ends_it(tmp_path: Path) -> None:
    (tmp_path / "mount").write_text("")
    chosen = settings(tmp_path, f"sqlite:///{tmp_path}/mount/usage.db", max_bytes=1)
    recorder = Recorder(chosen, EventBus())
    checks = {"recording": recording_check(recorder.status)}
    assert (await readiness(checks))[0] == 503  # not started
    await recorder.start()
    assert (await readiness(checks))[0] == 200
    recorder.admit(received("q1"))
    assert (await readiness(checks))[0] == 503
    await recorder.close(timeout=0.1)


@pytest.fixture
def registry() -> CollectorRegistry:
    bus, registry = EventBus(), CollectorRegistry()
    measure(bus, registry, "1.2.3")
    bus.publish(StatementFinished(finished("q1")))
    bus.publish(PageServed("q1", "trino", 10, 2048))
    return registry


OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.mark.asyncio
async def test_metrics_come_in_the_text_format_and_in_openmetrics_where_asked(registry: CollectorRegistry) -> None:
    async with serve(metrics_app(registry), "127.0.0.1", 0) as port:
        code, text, headers = await get(port, "/metrics")
        assert code == 200
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        names = {sample.name for family in parse_text(text) for sample in family.samples}
        code, text, headers = await get(port, "/metrics", Accept=OPENMETRICS)
        assert headers["content-type"].startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")
        assert {sample.name for family in parse_openmetrics(text) for sample in family.samples} == names
    assert {"data_platform_queries_total", "penstock_pages_total", "penstock_statement_seconds_bucket"} <= names


@pytest.mark.asyncio
async def test_metrics_are_compressed_where_the_scraper_takes_it(registry: CollectorRegistry) -> None:
    async with serve(metrics_app(registry), "127.0.0.1", 0) as port:
        _, plain, headers = await get(port, "/metrics", **{"Accept-Encoding": "identity"})
        assert "content-encoding" not in headers
        _, unpacked, headers = await get(port, "/metrics", **{"Accept-Encoding": "gzip"})
        assert headers["content-encoding"] == "gzip"
        assert int(headers["content-length"]) < len(plain) / 2
        assert unpacked == plain


@pytest.mark.asyncio
async def test_a_taken_port_is_an_error_and_does_not_end_the_process() -> None:
    async with serve(_app({}), "127.0.0.1", 0) as port:
        with pytest.raises(OSError, match="in use"):
            async with serve(_app({}), "127.0.0.1", port):
                pass


@pytest.mark.asyncio
async def test_workers_may_share_a_port() -> None:
    async with (
        serve(_app({}), "127.0.0.1", 0, share_port=True) as port,
        serve(_app({}), "127.0.0.1", port, share_port=True) as same,
    ):
        assert same == port
        for _ in range(8):
            assert (await get(port, "/livez"))[0] == 200


@pytest.mark.asyncio
async def test_the_port_is_free_again_afterwards_even_with_a_client_still_connected() -> None:
    async with serve(_app({}), "127.0.0.1", 0) as port:
        client = socket.create_connection(("127.0.0.1", port))
    client.close()
    async with serve(_app({}), "127.0.0.1", port):
        assert (await get(port, "/livez"))[0] == 200


@pytest.mark.asyncio
async def test_serving_leaves_the_signals_to_the_gateway() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    async with serve(_app({}), "127.0.0.1", 0):
        assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.mark.asyncio
async def test_an_exposition_does_not_stall_the_loop() -> None:
    """However many series there are: they are gathered in a thread, where the loop goes on."""
    gathered_in: list[int] = []

    class Series:
        def collect(self) -> Iterator[Metric]:
            gathered_in.append(threading.get_ident())
            yield GaugeMetricFamily("some_series", "One of many.", value=1)

    registry = CollectorRegistry()
    registry.register(Series())
    gathered_in.clear()
    async with serve(metrics_app(registry), "127.0.0.1", 0) as port:
        code, text, _ = await get(port, "/metrics")
    assert (code, "some_series 1.0" in text) == (200, True)
    assert gathered_in
    assert threading.get_ident() not in gathered_in


@pytest.mark.asyncio
async def test_an_application_that_fails_answers_500_and_serving_goes_on() -> None:
    async def failing(scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("secret")

    async with serve(failing, "127.0.0.1", 0) as port:
        for _ in range(2):
            code, text, _ = await get(port, "/")
            assert (code, "secret" in text) == (500, False)
