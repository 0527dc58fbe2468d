"""Which entries things make: statements by their usage rows, everything else by what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import events
from gateway.audit.derive import Reads, entries_of, sql_hash
from gateway.audit.entries import MAX_DETAIL, Entry, entry
from gateway.audit.links import Head
from gateway.audit.watching import Watch
from gateway.events import EventBus
from gateway.models import Exposed, NotPlanned, Plan
from gateway.recording.store import UsageStore
from gateway.usage_record import UsageRecord
from tests.audit.chains import chained
from tests.gateway.planning.house import plan
from tests.gateway.recording.usage_records import finished, wild_records

CLEAR: Exposed = ("lake.hr.people", "email", "clear", ("pii",))
MASKED: Exposed = ("lake.hr.people", "ssn", "masked", ("pii", "sensitive"))
DENIED: Exposed = ("lake.hr.people", "card", "denied", ("masked",))


def made(record: UsageRecord, reads: Reads = "sensitive") -> dict[str, Entry]:
    return {each.kind: each for each in entries_of(record, reads)}


def detail(found: Entry) -> dict[str, Any]:
    return json.loads(found.detail)


def test_a_refused_statement_makes_an_entry_with_the_code_and_the_hash_of_its_text() -> None:
    record = finished("q1", "REFUSED", error_code="PERMISSION_DENIED", error_message="no", sql="SELECT 'x'")
    found = made(record)
    assert set(found) == {"refusal"}
    assert (found["refusal"].subject, found["refusal"].user, found["refusal"].outcome) == ("q1", "analyst1", "refused")
    told = detail(found["refusal"])
    assert (told["code"], told["message"], told["sql_sha256"]) == ("PERMISSION_DENIED", "no", sql_hash("SELECT 'x'"))


@pytest.mark.asyncio
async def test_the_hash_is_of_the_text_that_the_usage_row_keeps(tmp_path: Path) -> None:
    store = UsageStore(f"sqlite:///{tmp_path / 'usage.db'}")
    record = finished("q1", "REFUSED", sql="SELECT '\x00'")
    appended = await store.insert([record])
    kept = await store.by_id("q1")
    await store.close()
    assert appended is not None
    assert kept is not None
    assert json.loads(appended.new[0].detail)["sql_sha256"] == sql_hash(kept.sql)


def test_a_read_names_each_protected_column_by_how_it_was_shown() -> None:
    found = made(finished("q1", exposures=(CLEAR, MASKED, DENIED), rows=7, bytes=99))["read"]
    told = detail(found)
    assert found.outcome == "clear"
    assert told["clear"] == {"lake.hr.people.email": ["pii"]}
    assert told["masked"] == {"lake.hr.people.ssn": ["pii", "sensitive"]}
    assert told["denied"] == {"lake.hr.people.card": ["masked"]}
    assert (told["rows"], told["bytes"]) == (7, 99)


@pytest.mark.parametrize(
    ("exposures", "reads", "kinds"),
    [
        ((), "sensitive", set()),
        ((), "all", {"statement"}),
        ((MASKED,), "unmasked", set()),
        ((MASKED,), "sensitive", {"read"}),
        ((DENIED,), "sensitive", {"read"}),
        ((DENIED,), "unmasked", set()),
        ((CLEAR, MASKED), "unmasked", {"read"}),
        ((CLEAR,), "all", {"read", "statement"}),
    ],
)
def test_how_much_is_told_of_reads_is_chosen(exposures: tuple[Exposed, ...], reads: Reads, kinds: set[str]) -> None:
    assert set(made(finished("q1", exposures=exposures), reads)) == kinds


@pytest.mark.parametrize("outcome", ["FINISHED", "FAILED", "CANCELED", "ABANDONED", "CUT_OFF"])
def test_what_an_engine_had_begun_to_read_is_told_however_it_ended(outcome: str) -> None:
    assert detail(made(finished("q1", outcome, exposures=(CLEAR,)))["read"])["ended"] == outcome
    assert made(finished("q1", outcome, exposures=(CLEAR,), engine=None)) == {}


def test_what_an_engine_denied_midway_is_a_refusal_and_a_read() -> None:
    record = finished("q1", "FAILED", exposures=(CLEAR,), error_code="PERMISSION_DENIED")
    assert set(made(record)) == {"refusal", "read"}


def test_a_statement_cut_off_and_its_real_end_are_two_entries() -> None:
    cut, end = (made(finished("q1", outcome, exposures=(CLEAR,)))["read"].id for outcome in ("CUT_OFF", "FINISHED"))
    assert cut != end


def test_impersonation_makes_an_entry_that_names_both() -> None:
    found = made(finished("q1", user="ana", authenticated="superset"))["impersonation"]
    assert (found.actor, found.user, found.outcome) == ("superset", "ana", "done")
    assert set(made(finished("q1", "REFUSED", user="ana", authenticated="mallory"))) == {"refusal", "impersonation"}


@given(wild_records())
@settings(max_examples=30)
def test_any_row_makes_entries_that_both_stores_and_all_sinks_can_hold(record: UsageRecord) -> None:
    for link in chained(entries_of(record, "all")):
        whole = "".join((link.id, link.actor, link.user_name, link.subject, link.outcome, link.detail))
        assert "\x00" not in whole
        assert whole.encode()
        assert isinstance(json.loads(link.detail), dict)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=30_000) | st.integers(), max_size=5))
@settings(max_examples=50)
def test_a_detail_is_bounded_and_stays_json(told: dict[str, Any]) -> None:
    text = entry("refusal", detail=told).detail
    assert len(text.encode()) <= MAX_DETAIL
    assert isinstance(json.loads(text), dict)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), float("-inf"), -1.0, 1e300])
def test_a_time_that_is_none_still_makes_an_entry(at: float) -> None:
    assert 0 <= entry("read", at=at).at < 2**62


# --- What plans say -----------------------------------------------------------------------------------------------


async def exposed(sql: str, user: str) -> set[tuple[str, str]]:
    planned = await plan(sql, user)
    assert isinstance(planned, Plan), planned
    return {(column, shown) for _, column, shown, _ in planned.noted().exposures}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "user", "expected"),
    [
        ("SELECT order_id FROM orders", "root", set()),
        ("SELECT email FROM orders", "root", {("email", "clear")}),
        ("SELECT order_id FROM orders WHERE card LIKE '4%'", "root", {("card", "clear")}),
        ("SELECT o.order_id FROM orders o ORDER BY o.email", "root", {("email", "clear")}),
        (
            "SELECT count(*) FROM (SELECT email, card FROM orders) GROUP BY email",
            "root",
            {("email", "clear"), ("card", "clear")},
        ),
        ("SELECT email FROM orders", "ana", {("email", "masked"), ("card", "denied")}),
        ("SELECT * FROM orders", "ana", {("email", "masked"), ("card", "denied")}),
        ("SELECT order_id FROM orders", "ana", {("card", "denied")}),
        ("SELECT name FROM customers", "ana", set()),
        ("CREATE TABLE sandbox.copy AS SELECT card FROM sales.orders", "root", {("card", "clear")}),
        ("DELETE FROM orders WHERE email = 'x'", "root", {("email", "clear")}),
        ("UPDATE orders SET amount = 1 WHERE card = 'x'", "root", {("card", "clear")}),
        ("SHOW STATS FOR orders", "root", {("email", "clear"), ("card", "clear")}),
        ("EXPLAIN SELECT email FROM orders", "root", {("email", "clear")}),
    ],
)
async def test_a_plan_says_how_protected_columns_are_shown(sql: str, user: str, expected: set[tuple[str, str]]) -> None:
    """A column that only decides which rows come is read as well."""
    found = await exposed(sql, user)
    if sql.startswith("SELECT count(*)"):
        assert ("email", "clear") in found
    else:
        assert found == expected


@pytest.mark.asyncio
async def test_a_refused_plan_shows_nothing() -> None:
    assert isinstance(await plan("SELECT card FROM orders", "ana"), NotPlanned)


# --- What is told beside statements -------------------------------------------------------------------------------


@pytest.fixture
def watched() -> tuple[EventBus, Watch, list[Entry]]:
    noted: list[Entry] = []
    bus: EventBus = EventBus()
    return bus, Watch(bus, noted.append), noted


@pytest.mark.parametrize(
    ("event", "kind", "outcome"),
    [
        (events.AuthenticationFailed("jwt", "expired", "10.0.0.1"), "token.refuse", "refused"),
        (events.PolicyReloaded(True, "p7", 0.1), "reload.policies", "done"),
        (events.PolicyReloaded(False, "p7", 0.1, "a.yaml:3"), "reload.policies", "failed"),
        (events.ConfigReloaded(True), "reload.config", "done"),
        (events.ConfigReloaded(False, "bad"), "reload.config", "failed"),
        (events.OthersQueries("kill", "root", (("q1", "ana"),)), "query.kill", "done"),
        (events.OthersQueries("view", "root", (("q1", "ana"),)), "query.view", "done"),
        (events.StatementAttested("q1", "trino", "different", ("lake.hr.pay",)), "attestation", "failed"),
        (events.RowsLost(3, "drop_oldest"), "audit.loss", "failed"),
        (events.JournalRecovered(1, 1, 1), "audit.loss", "failed"),
        (events.AuditForwardingLost("siem", 9, "spool full"), "audit.loss", "failed"),
    ],
)
def test_an_event_makes_its_entry(
    watched: tuple[EventBus, Watch, list[Entry]], event: events.Event, kind: str, outcome: str
) -> None:
    bus, _, noted = watched
    bus.publish(event)
    assert [(each.kind, each.outcome) for each in noted] == [(kind, outcome)]
    assert isinstance(detail(noted[0]), dict)


def test_what_is_as_it_should_be_makes_no_entry(watched: tuple[EventBus, Watch, list[Entry]]) -> None:
    bus, _, noted = watched
    bus.publish(events.StatementAttested("q1", "trino", "same"))
    bus.publish(events.JournalRecovered(5, 2, 0))
    bus.publish(events.AuditAnchored(Head(1, "a" * 64)))
    assert noted == []


def test_a_flood_of_refused_tokens_makes_one_entry_and_its_count(watched: tuple[EventBus, Watch, list[Entry]]) -> None:
    bus, watch, noted = watched
    for _ in range(500):
        bus.publish(events.AuthenticationFailed("jwt", "expired", "10.0.0.1"))
    bus.publish(events.AuthenticationFailed("jwt", "expired", "10.0.0.2"))
    assert len(noted) == 2
    watch.tell_repeats()
    assert [detail(each).get("repeated") for each in noted] == [None, None, 499]
    watch.tell_repeats()
    assert len(noted) == 3
    bus.publish(events.AuthenticationFailed("jwt", "expired", "10.0.0.1"))
    assert len(noted) == 4


def test_a_flood_from_many_addresses_is_bounded_and_none_of_it_goes_uncounted(
    watched: tuple[EventBus, Watch, list[Entry]],
) -> None:
    bus, watch, noted = watched
    for number in range(5_000):
        bus.publish(events.AuthenticationFailed("jwt", "expired", f"10.0.{number // 250}.{number % 250}"))
    watch.tell_repeats()
    assert len(noted) < 1_100
    assert sum(detail(each).get("repeated", 1) for each in noted) == 5_000


def test_queries_of_others_are_told_when_they_are_first_seen(watched: tuple[EventBus, Watch, list[Entry]]) -> None:
    bus, _, noted = watched
    bus.publish(events.OthersQueries("view", "root", (("q1", "ana"), ("q2", "bob"))))
    bus.publish(events.OthersQueries("view", "root", (("q1", "ana"), ("q2", "bob"))))
    bus.publish(events.OthersQueries("view", "root", (("q2", "bob"), ("q3", "ana"))))
    assert [[each["query"] for each in detail(found)["queries"]] for found in noted] == [["q1", "q2"], ["q3"]]
