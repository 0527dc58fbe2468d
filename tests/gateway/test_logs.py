"""The log: one object a line, enough to follow a statement, nothing that must stay inside."""

from __future__ import annotations

import io
import json
import logging
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from catalog.errors import ErrorCode
from gateway import events
from gateway.audit.links import Head
from gateway.events import EventBus
from gateway.logs import LogFormat, configure_logging, log_events, scrub
from gateway.models import Planned
from tests.audit.chains import chained, some_entry
from tests.gateway.recording.usage_records import finished, plan, received


class Log:
    """A configured log in memory and a bus that feeds it."""

    def __init__(self, form: LogFormat = "json", level: str = "INFO") -> None:
        self.stream = io.StringIO()
        configure_logging(form, level, self.stream)
        self.bus = EventBus()
        log_events(self.bus)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("penstock")
    before = (root.handlers, root.level, ours.level)
    yield
    root.handlers, root.level, ours.level = before
    structlog.reset_defaults()


def test_a_statement_leaves_one_line_with_all_that_finds_it_again() -> None:
    log = Log()
    log.bus.publish(events.StatementFinished(finished("q1", "FAILED", error_code="DIVISION_BY_ZERO")))
    (line,) = log.lines
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert line == {
        "event": "statement",
        "level": "info",
        "query_id": "q1",
        "trace_token": "t-1",
        "user": "analyst1",
        "source": "superset",
        "kind": "SELECT",
        "engine": "trino",
        "engine_query_id": "20260101_000000_00001_abcde",
        "outcome": "FAILED",
        "error_code": "DIVISION_BY_ZERO",
        "seconds": 1.5,
        "stage_ms": {"parse": 0.25, "execute": 1400.5},
        "plan_cached": True,
        "policy_version": "p7",
        "rows": 10,
        "bytes": 1234,
    }


SECRET = "ssn-123-45-6789"
LINKS = chained([some_entry(1, detail={"message": SECRET})])

TOLD: list[events.Event] = [
    events.StatementReceived(received("q1", f"SELECT '{SECRET}'")),
    events.StatementPlanned("q1", plan(), cached=False),
    events.StatementSubmitted("q1", "trino", "e1"),
    events.StatementAttested("q1", "trino", "different", ("reads lake.hr.salaries",)),
    events.ProbingNoticed("ana", "ana", 100, "refused"),
    events.PageServed("q1", "trino", 1, 1),
    events.StatementFinished(
        finished("q1", sql=f"SELECT '{SECRET}'", error_message=f"cannot cast {SECRET}", reasons=(SECRET,))
    ),
    events.StatementRefused("q1", ErrorCode.PERMISSION_DENIED, "authorize"),
    events.AuthenticationFailed("jwt", "expired", "10.0.0.1"),
    events.ConnectionOpened(),
    events.ConnectionClosed(),
    events.DrainStarted(1),
    events.DrainFinished(0),
    events.PolicyReloaded(True, "p7", 0.1),
    events.PolicyReloaded(False, "p7", 0.1, "policies/a.yaml line 3"),
    events.ChangesetStepped("c1", "promote", True, "root"),
    events.PartnerAsked("acme", "throttle", "partner"),
    events.ShadowCompared(3, {"newly_denied": 1}),
    events.ShadowDropped(2),
    events.ConfigReloaded(True),
    events.ConfigReloaded(False, f"store: postgresql://penstock:{SECRET}@db/usage is down"),
    events.EngineHealthChanged("trino", False, f"http://user:{SECRET}@trino:8080 refused"),
    events.EngineHealthChanged("trino", True),
    events.CatalogRefreshed("iceberg", 3, 0.1),
    events.CatalogRefreshFailed("iceberg", f"token={SECRET} expired"),
    events.PlanCacheMeasured(1),
    events.LoopLagMeasured(0.1),
    events.BudgetRefused("desk-day", "budget", "usd"),
    events.LeasesOrphaned(1, 2),
    events.BudgetMeasured("desk-day", "power", "usd", 50.0, 1.25, 0.5),
    events.OverrideUsed("desk-day"),
    events.EstimateAsked("lake", "answered", 0.1),
    events.BillAdjusted(finished("q1"), 5, 1, (("lake.sales.orders", 5),)),
    events.CoachAdvised("hint", "partition_filter"),
    events.StatementRewritten(received("q1", f"SELECT '{SECRET}'"), Planned(plan())),
    events.ViewsPassedOver("moved", ""),
    events.ViewCompared("ch.marts.v", "equal"),
    events.ViewQuarantined("ch.marts.v", "3 rows differ", "c1"),
    events.ViewsLooked(0.1, {"current": 1}, 0.0),
    events.ViewBuilt("ch.marts.v", ok=False, seconds=0.1, reason="GENERIC_EXTERNAL"),
    events.AdviceFollowed("partition_filter", by_autofix=False, saved_nano=1),
    events.StoreUnavailable("OSError"),
    events.StoreAvailable(),
    events.RowsShipped(1, 0.1),
    events.RowsLost(1, "disk"),
    events.JournalRecovered(1, 1, 1),
    events.RecordingRefused("disk"),
    events.RecordingMeasured(1, 1, 1.0),
    events.OthersQueries("view", "admin1", (("q1", "analyst1"),)),
    events.AuditAppended(tuple(LINKS), (), Head(1, LINKS[0].hash)),
    events.AuditAnchored(Head(1, LINKS[0].hash)),
    events.AuditChainBroken(Head(2, "a" * 64), Head(1, "b" * 64)),
    events.AuditSinkChanged("siem", False, f"tcp://user:{SECRET}@siem refused"),
    events.AuditSinkChanged("siem", True),
    events.AuditForwarded("siem", 1, 0),
    events.AuditForwardingLost("siem", 1, "spool full"),
    events.SubscriberFailed("a", "b", "ValueError"),
]


def test_every_event_can_be_told_and_none_lets_a_secret_or_literal_out() -> None:
    assert {type(each) for each in TOLD} == set(typing.get_args(events.Event))
    for form in typing.get_args(LogFormat):
        log = Log(form, "DEBUG")
        for each in TOLD:
            log.bus.publish(each)
        text = log.stream.getvalue()
        assert len(text.splitlines()) >= 18
        assert SECRET not in text
        assert "SubscriberFailed" not in text


def test_an_exception_is_logged_by_type_and_place_without_its_text() -> None:
    log = Log()
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
        structlog.get_logger().exception("so did ours")
    library, ours = log.lines
    assert (library["event"], library["exception"], library["logger"]) == ("it failed", "ValueError", "some.library")
    assert ours["exception"] == "ValueError"
    assert "test_logs.py" in ours["at"][-1]
    assert SECRET not in log.stream.getvalue()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("Basic dXNlcjpwYXNz rejected", "Basic *** rejected"),
        ("postgresql://penstock:hunter2@db:5432/usage", "postgresql://penstock:***@db:5432/usage"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ('{"api_key": "k-1"}', '{"api_key": "***"}'),
        ("/v1/statement?token=abc&x=1", "/v1/statement?token=***&x=1"),
        ("a plain text about a tokenizer", "a plain text about a tokenizer"),
    ],
)
def test_what_looks_like_a_credential_is_removed_from_others_texts(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_libraries_are_heard_from_warning_up_and_ours_from_the_level_set() -> None:
    log = Log()
    logging.getLogger("aiohttp.access").info("GET /v1/statement/secret-page-token")
    logging.getLogger("aiohttp.server").warning("slow client")
    logging.getLogger("penstock.engines").info("connected")
    logging.getLogger("penstock.engines").debug("detail")
    assert [line["event"] for line in log.lines] == ["slow client", "connected"]


def test_texts_of_clients_are_cut_and_cannot_forge_lines() -> None:
    for form in typing.get_args(LogFormat):
        log = Log(form)
        user = 'eve\n{"event":"statement","user":"admin1"}\x1b[2J\u2028' + "x" * 5000
        log.bus.publish(events.StatementFinished(finished("q1", user=user, trace_token="\udc80")))
        text = log.stream.getvalue()
        assert text.count("\n") == 1
        assert "\x1b" not in text
        assert len(text) < 2000


def test_people_may_have_plain_lines() -> None:
    log = Log("console")
    log.bus.publish(events.StatementFinished(finished("q1")))
    line = log.stream.getvalue()
    assert "statement" in line
    assert "query_id=q1" in line
    assert not line.startswith("{")


def test_a_level_silences_what_lies_below_it() -> None:
    log = Log(level="ERROR")
    log.bus.publish(events.StatementFinished(finished("q1")))
    log.bus.publish(events.StoreUnavailable("OSError"))
    assert [line["event"] for line in log.lines] == ["usage store is down"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging(level="LOUD")
