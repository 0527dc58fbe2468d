"""Coordinators that lie about what they read, or do not say: what a client gets, and what operators are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.coordinator import Coordinator, Mode, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

TRADES = "SELECT id, desk FROM tri.trading.trades WHERE id > {}"
ROWS = [[1, "CAISO"]]
REAL = ("tri", "trading", "trades")
SECRET = ("tri", "hr", "salaries")
LIES = [[SECRET], [REAL, SECRET], [("other", "trading", "trades")], [("tri", "trading", "trades$files")]]
FAULTS: list[Mode] = ["hang", "nonsense", "half a page", "unavailable", "broken"]
UNPRICED = {"pricing": {"mode": "off"}}
"""Pricing asks a coordinator questions of its own."""
SETTINGS = {
    "attestation": {"trino": "always", "engines": {"sampled": "sample"}, "sample_share": 0, "seconds": 1},
    **UNPRICED,
}


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[Coordinator, Coordinator]]:
    """Run two coordinators: one is asked always, one by sample."""
    with serving(Coordinator()) as strict, serving(Coordinator()) as sampled:
        yield strict, sampled
        strict.released.set()
        sampled.released.set()


@pytest.fixture(scope="module")
def gateway(engines: tuple[Coordinator, Coordinator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    backends = [
        trino_backend(engines[0].url),
        {**trino_backend(engines[1].url), "name": "sampled", "catalogs": ["lake"]},
    ]
    with running(make_gateway(tmp_path_factory.mktemp("attestation"), backends, SETTINGS)) as found:
        for client_rows in (TRADES, TRADES.replace("tri.", "lake.")):
            eventually(lambda sql=client_rows: found.client.rows(sql.format(-1)) == ROWS, seconds=60)  # type: ignore[misc]  # a lambda bound to this turn
        yield found


@pytest.fixture
def strict(engines: tuple[Coordinator, Coordinator]) -> Iterator[Coordinator]:
    yield from _whole_again(engines[0])


@pytest.fixture
def sampled(engines: tuple[Coordinator, Coordinator]) -> Iterator[Coordinator]:
    yield from _whole_again(engines[1])


def _whole_again(coordinator: Coordinator) -> Iterator[Coordinator]:
    coordinator.questions.clear()
    yield coordinator
    coordinator.reads, coordinator.attest_mode = None, "good"
    coordinator.released.clear()


def counted(gateway: Gateway, result: str, engine: str = "trino") -> float:
    return gateway.metric("penstock_attested_total", engine=engine, result=result)


def asked_about(coordinator: Coordinator, condition: str) -> list[str]:
    """Return the questions about statements of one condition; those about others may come late."""
    return [one for one in coordinator.questions if condition in coordinator.texts.get(one, one)]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_new_plan_that_would_read_anything_else_is_refused_and_tells_no_name(
    gateway: Gateway, strict: Coordinator, lie: list[tuple[str, str, str]]
) -> None:
    before, logged = counted(gateway, "different"), len(gateway.events("attestation"))
    strict.reads = lie
    error = gateway.client.error(TRADES.format(f"1 -- {lie}"))
    assert error["errorName"] == "QUERY_REJECTED"
    assert "other data than was authorised" in error["message"]
    assert "salaries" not in str(error)
    eventually(lambda: counted(gateway, "different") == before + 1)
    told = gateway.next_event("attestation", logged)
    assert (told["level"], told["result"], told["engine"]) == ("error", "different", "trino")


def test_a_known_plan_is_asked_about_again_by_the_query_itself_and_by_nothing_more(
    gateway: Gateway, strict: Coordinator
) -> None:
    sql = TRADES.format(2)
    assert gateway.client.rows(sql) == ROWS
    first = asked_about(strict, "> 2")
    assert [question.startswith("EXPLAIN") for question in first] == [True, False]
    assert gateway.client.rows(sql) == ROWS
    again = [question for question in asked_about(strict, "> 2") if question not in first]
    assert [question.startswith("EXPLAIN") for question in again] == [False]
    strict.reads = [SECRET]
    assert gateway.client.error(sql)["errorName"] == "QUERY_REJECTED"


def test_the_question_is_the_governed_text_asked_as_the_user(gateway: Gateway, strict: Coordinator) -> None:
    gateway.client.rows(TRADES.format(3))
    asked = [question for question in strict.questions if question.startswith("EXPLAIN")]  # others may come late
    assert asked == [f"EXPLAIN (TYPE IO, FORMAT JSON) {strict.posted[-1]}"]


@pytest.mark.parametrize("fault", FAULTS)
def test_always_refuses_what_is_not_confirmed_and_soon(gateway: Gateway, strict: Coordinator, fault: Mode) -> None:
    strict.attest_mode = fault
    before = counted(gateway, "unanswered")
    error = gateway.client.error(TRADES.format(f"4 -- {fault}"))
    assert error["errorName"] == "QUERY_REJECTED"
    assert "did not confirm" in error["message"]
    eventually(lambda: counted(gateway, "unanswered") == before + 1)
    strict.attest_mode = "good"
    assert gateway.client.rows(TRADES.format(f"4 -- {fault}")) == ROWS


@pytest.mark.parametrize("fault", ["hang", "broken"])
def test_sample_notes_what_is_not_confirmed_and_goes_on(gateway: Gateway, sampled: Coordinator, fault: Mode) -> None:
    sql = TRADES.replace("tri.", "lake.").format(f"5 -- {fault}")
    sampled.attest_mode = fault
    before, logged = counted(gateway, "unanswered", "sampled"), len(gateway.events("attestation"))
    assert gateway.client.rows(sql) == ROWS
    eventually(lambda: counted(gateway, "unanswered", "sampled") == before + 1)
    told = gateway.next_event("attestation", logged)
    assert (told["level"], told["result"]) == ("warning", "unanswered")
    sampled.questions.clear()
    assert gateway.client.rows(sql) == ROWS
    assert sampled.questions == []


def test_sample_asks_about_every_new_plan_and_stops_what_differs(gateway: Gateway, sampled: Coordinator) -> None:
    sql = TRADES.replace("tri.", "lake.").format(6)
    sampled.reads = [SECRET]
    assert gateway.client.error(sql)["errorName"] == "QUERY_REJECTED"
    sampled.reads = None
    assert gateway.client.rows(sql) == ROWS
    before = counted(gateway, "remembered", "sampled")
    sampled.questions.clear()
    assert gateway.client.rows(sql) == ROWS
    assert sampled.questions == []
    eventually(lambda: counted(gateway, "remembered", "sampled") == before + 1)


def test_a_write_from_what_nobody_authorised_never_reaches_the_engine(gateway: Gateway, strict: Coordinator) -> None:
    strict.reads = [SECRET]
    sql = "INSERT INTO tri.trading.trades SELECT id + 1, desk FROM tri.trading.others"
    strict.tables[("trading", "others")] = {"id": "bigint", "desk": "varchar"}
    try:
        posted = len(strict.posted)
        eventually(lambda: gateway.root.error(sql)["errorName"] == "QUERY_REJECTED", seconds=20)
        assert len(strict.posted) == posted
        assert not any("INSERT" in question for question in strict.questions)
    finally:
        del strict.tables[("trading", "others")]


def test_a_refused_query_is_cancelled_on_the_engine(gateway: Gateway, strict: Coordinator) -> None:
    strict.reads = [SECRET]
    page = gateway.client.begin("SELECT id AS hold FROM tri.trading.trades WHERE id > 7")
    assert gateway.client.finish(page)["error"]["errorName"] == "QUERY_REJECTED"
    eventually(lambda: page["id"] in strict.canceled)


def test_cancelling_a_statement_cancels_its_question(gateway: Gateway, strict: Coordinator) -> None:
    strict.listening.clear()
    page = gateway.client.begin(TRADES.format(8))
    question = eventually(lambda: [name for name in strict.polled if "> 8" in strict.texts[name]])
    try:
        assert gateway.client.delete(page["nextUri"]).status_code == 204
        eventually(lambda: question[0] in strict.canceled)
    finally:
        strict.listening.set()


def test_a_refused_statement_is_recorded_once_as_refused(gateway: Gateway, strict: Coordinator) -> None:
    strict.reads = [SECRET]
    page = gateway.client.begin(TRADES.format(9))
    gateway.client.finish(page)
    row = eventually(lambda: [row for row in gateway.usage() if row["engine_query_id"] == page["id"]], seconds=30)
    assert [(each["outcome"], each["error_code"]) for each in row] == [("REFUSED", "QUERY_REJECTED")]


@pytest.mark.long
def test_a_worker_that_dies_before_the_answer_leaves_nobody_to_give_the_rows_out(
    tmp_path: Path, strict: Coordinator
) -> None:
    settings = {"attestation": {"trino": "always"}, "workers": 2, **UNPRICED}
    with running(make_gateway(tmp_path, [trino_backend(strict.url)], settings)) as gateway:
        eventually(lambda: gateway.client.rows(TRADES.format(-1)) == ROWS, seconds=60)
        begun = [gateway.client.begin("SELECT id AS hold FROM tri.trading.trades") for _ in range(4)]
        strict.released.set()
        gateway.kill()
        gateway.start()
        for page in begun:
            assert "data" not in gateway.client.next(page)
