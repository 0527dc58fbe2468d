"""Transactions at the door: sealed ids, and a lost or stubborn engine."""

from __future__ import annotations

import asyncio

import pytest

from catalog.errors import ErrorCode, Refusal
from engines.base import ResultPage
from gateway.models import LocalAnswer, NotPlanned
from gateway.protocols.trino.tokens import TokenKey
from gateway.protocols.trino.transaction_ids import TransactionIds
from gateway.received import Principal, Transaction
from tests.gateway.protocols.trino.harness import KEYS, MemoryEngine, Site, failed_page, local_plan, page, site

ALICE = Principal("alice", "alice")
KEPT = Transaction("memory", "12345678-1234-1234-1234-123456789012")
ABORTED = failed_page("TRANSACTION_ALREADY_ABORTED", 22, "USER_ERROR", "Current transaction is aborted")
NESTED = failed_page("NOT_SUPPORTED", 13, "USER_ERROR", "Nested transactions not supported")


def test_an_id_opens_for_its_owner_alone_until_it_expires() -> None:
    ids = TransactionIds(KEYS)
    sealed = ids.seal(KEPT, "alice", "alice", 100)
    assert ids.open(sealed, ALICE, 99) == KEPT
    assert ids.open(sealed, ALICE, 100) is None
    assert ids.open(sealed, Principal("bob", "bob"), 99) is None
    assert ids.open(sealed, Principal("alice", "superset"), 99) is None
    assert ids.open(sealed[:-4], ALICE, 99) is None
    assert ids.open(KEPT.id, ALICE, 99) is None


def test_keys_can_be_rotated_under_open_transactions() -> None:
    sealed = TransactionIds(KEYS).seal(KEPT, "alice", "alice", 100)
    new = TokenKey("k2", "fedcba9876543210" * 2)
    assert TransactionIds([new, *KEYS]).open(sealed, ALICE, 1) == KEPT
    assert TransactionIds([new]).open(sealed, ALICE, 1) is None


async def last(at: Site, sql: str) -> dict[str, object]:
    """Run a statement in alice's transaction to its last page."""
    sealed = TransactionIds(KEYS).seal(KEPT, "alice", "alice", int(at.clock.now) + 100)
    answer = await at.post(sql, "alice", ("X-Trino-Transaction-Id", sealed))
    while "nextUri" in answer.json:
        answer = await at.get(answer.json["nextUri"])
    found: dict[str, object] = answer.json
    return found


@pytest.mark.asyncio
async def test_a_refusal_aborts_the_engines_transaction_before_the_client_hears_of_it() -> None:
    async with site(MemoryEngine(kind="trino")) as at:
        said = iter([NESTED, ABORTED])

        async def first_nested_then_aborted() -> ResultPage:
            return next(said)

        at.engine.scripts["START TRANSACTION"] = [first_nested_then_aborted]
        at.plans["nope"] = NotPlanned(Refusal(ErrorCode.TABLE_NOT_FOUND, "no such table"))
        error = (await last(at, "nope"))["error"]
        assert isinstance(error, dict)
        assert error["errorName"] == "TABLE_NOT_FOUND"
        assert [s.sql for s in at.engine.submitted] == ["START TRANSACTION"] * 2
        assert [s.transaction for s in at.engine.submitted] == [KEPT.id] * 2


@pytest.mark.asyncio
async def test_a_local_answer_is_given_only_while_the_transaction_stands() -> None:
    async with site(MemoryEngine(kind="trino")) as at:
        at.plans["show"] = local_plan(LocalAnswer())
        at.engine.scripts["SELECT 1"] = [page(state="FINISHED")]
        assert "error" not in await last(at, "show")
        at.engine.scripts |= {"SELECT 1": [ABORTED], "START TRANSACTION": [ABORTED]}
        error = (await last(at, "show"))["error"]
        assert isinstance(error, dict)
        assert error["errorName"] == "TRANSACTION_ALREADY_ABORTED"
        assert [record.outcome for record in at.finished] == ["FINISHED", "FAILED"]


@pytest.mark.asyncio
async def test_a_lost_engine_fails_what_would_be_answered_in_its_transaction() -> None:
    async with site(MemoryEngine(kind="trino")) as at:
        at.plans["show"] = local_plan(LocalAnswer())
        at.engine.submit_error = Refusal(ErrorCode.NO_NODES_AVAILABLE, "The engine memory does not answer")
        error = (await last(at, "show"))["error"]
        assert isinstance(error, dict)
        assert error["errorName"] == "REMOTE_HOST_GONE"
        assert [record.outcome for record in at.finished] == ["FAILED"]


@pytest.mark.parametrize("polls", [0, 1])
@pytest.mark.parametrize("way", ["by its page", "by its id", "left alone"])
@pytest.mark.asyncio
async def test_ending_metadata_aborts_the_transaction_if_they_had_begun_though_nobody_polls(
    way: str, polls: int
) -> None:
    """As on Trino, where what was not begun leaves its transaction alone."""
    keeper = MemoryEngine("keeper", kind="trino")
    keeper.scripts |= {"SELECT 1": [page(state="FINISHED")], "START TRANSACTION": [ABORTED]}
    async with site(abandon_seconds=10) as at:
        engines = at.door._door.ports.engines
        assert isinstance(engines, dict)
        engines["keeper"] = keeper
        at.engine.scripts["metadata"] = [page([[1, "a"]]), page(state="FINISHED")]
        sealed = TransactionIds(KEYS).seal(Transaction("keeper", "t"), "alice", "alice", int(at.clock.now) + 100)
        found = (await at.post("metadata", "alice", ("X-Trino-Transaction-Id", sealed))).json
        for _ in range(polls):
            found = (await at.get(found["nextUri"])).json
        if way == "left alone":
            at.clock.now += 11
        else:
            address = found["nextUri"] if way == "by its page" else f"/v1/query/{found['id']}"
            assert (await at.delete(address)).status == 204
        async with asyncio.timeout(20):
            while not at.finished or len(keeper.submitted) < 1 + polls:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # for what must not come
        assert [s.sql for s in keeper.submitted] == ["SELECT 1", *["START TRANSACTION"] * polls]
        assert [record.outcome for record in at.finished] == ["ABANDONED" if way == "left alone" else "CANCELED"]
