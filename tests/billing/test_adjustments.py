"""What engines say late corrects bills by entries: once, whoever finds it, to the nanodollar, and never by an edit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import select

from catalog.errors import ErrorCode, Refusal
from engines.estimates import Actuals
from gateway.audit.chain import Chain
from gateway.audit.links import ChainKeys
from gateway.billing.adjusting import Correction, Known, correct, undo
from gateway.billing.adjustments import Adjustments
from gateway.billing.late import LateActuals
from gateway.billing.price_book import rate_of
from gateway.events import BillAdjusted, StatementFinished
from gateway.recording.billing_tables import adjustments
from gateway.recording.budget_tables import budget_accounts
from gateway.recording.store import UsageStore
from gateway.recording.tables import audit, usage
from gateway.usage_record import Bill, Charge, UsageRecord
from policies.cost.money import price_of
from tests.billing.rows import CENT, billed
from tests.billing.statements import billing
from tests.gateway.recording.usage_records import finished

FIVE = rate_of("default", billing().book.rate("trino", "", 0).usd_per_tb)
ACCOUNT = "trading/emea/usd/2026-11-26"


class Telling:
    """An engine that says what it is told to say, one answer after the other, then the last one again."""

    def __init__(self, *answers: Actuals | Refusal | None) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Refusal):
            raise answer
        return answer


class Books:
    """One store, who writes to it, and what was told of it."""

    def __init__(self, url: str) -> None:
        self.chain = Chain(ChainKeys())
        self.rows = UsageStore(url, chain=self.chain)
        self.store = Adjustments(url, chain=self.chain)
        self.told: list[BillAdjusted] = []

    def late(self, engine: Telling, ledger: Any = None) -> LateActuals:
        pauses = (0.0,) * 5
        return LateActuals({"trino": engine}, self.store, billing(), self.told.append, ledger=ledger, pauses=pauses)

    async def read(self, *columns: Any) -> list[tuple[Any, ...]]:
        async def work(connection: Any) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.execute(select(*columns))]

        return await self.store.read(work)

    async def entries(self) -> list[tuple[Any, ...]]:
        row = adjustments.c
        return await self.read(row.query_id, row.number, row.nano, row.bytes)

    async def close(self) -> None:
        await asyncio.gather(self.rows.close(), self.store.close())


@pytest_asyncio.fixture
async def books(store_url: str) -> AsyncIterator[Books]:
    made = Books(store_url)
    yield made
    await made.close()


def canceled(query_id: str = "q1", size: int = 10**9, **changes: Any) -> UsageRecord:
    nano = price_of(size, FIVE.nano_per_tb)
    bill = Bill(nano, size, "measured", FIVE.name, "us", (("iceberg.a.t", nano),), (Charge(ACCOUNT, nano, nano),))
    return replace(billed(query_id), outcome="CANCELED", bill=bill, priced=None, **changes)


async def settled(late: LateActuals, rounds: int = 6) -> None:
    for _ in range(rounds):
        await late.settle_due()


@pytest.mark.asyncio
async def test_a_canceled_statement_pays_what_its_engine_says_later_and_its_budget_too(books: Books) -> None:
    record = canceled()
    await books.rows.insert([record])
    late = books.late(Telling(None, Actuals(5, final=False), Actuals(3 * 10**9)))
    late.heard(StatementFinished(record))
    await settled(late)
    assert await books.entries() == [("q1", 1, CENT, 2 * 10**9)]
    assert [(each.nano, each.shares) for each in books.told] == [(CENT, (("iceberg.a.t", CENT),))]
    assert await books.read(budget_accounts.c.id, budget_accounts.c.spent) == [(ACCOUNT, CENT * 3 // 2)]
    assert await books.read(usage.c.cost_nano) == [(CENT // 2,)], "the bill itself stays"
    kinds = [kind for (kind,) in await books.read(audit.c.kind)]
    assert kinds.count("bill.adjust") == 1


@pytest.mark.asyncio
async def test_two_settlers_at_once_write_one_entry(store_url: str, books: Books) -> None:
    record = canceled()
    await books.rows.insert([record])
    others = [Books(store_url) for _ in range(3)]
    settlers = [each.late(Telling(Actuals(3 * 10**9))) for each in [books, *others]]
    for late in settlers:
        late.heard(StatementFinished(record))
    await asyncio.gather(*(settled(late) for late in settlers))
    assert await books.entries() == [("q1", 1, CENT, 2 * 10**9)]
    assert sum(len(each.told) for each in [books, *others]) == 1
    assert await books.read(budget_accounts.c.spent) == [(CENT * 3 // 2,)]
    kinds = [kind for (kind,) in await books.read(audit.c.kind)]
    assert kinds.count("bill.adjust") == 1
    await asyncio.gather(*(each.close() for each in others))


@pytest.mark.asyncio
async def test_what_a_crash_cut_off_is_billed_by_what_its_engine_says_and_not_twice(books: Books) -> None:
    record = finished("q1", outcome="CUT_OFF", finished_at=4e9, scanned_bytes=None)
    await books.rows.insert([replace(record, outcome="CUT_OFF", bill=None)])
    engine = Telling(Actuals(2 * 10**9))
    late = books.late(engine)
    await late.look()
    await settled(late)
    assert await books.entries() == [("q1", 1, CENT, 2 * 10**9)]
    await late.look()
    await settled(late)
    assert engine.asked == 1
    whole = replace(canceled(size=2 * 10**9), outcome="FINISHED", finished_at=4e9)
    await books.rows.insert([whole])  # by a replica that went on with it
    await late.look()
    await late.look()
    assert sum(nano for _, _, nano, _ in await books.entries()) == 0
    assert len(await books.entries()) == 2
    assert await books.read(budget_accounts.c.spent) == [(CENT,)]


@pytest.mark.asyncio
async def test_engines_that_say_nothing_more_leave_the_bill_as_it_is(books: Books) -> None:
    away = Refusal(ErrorCode.REMOTE_HOST_GONE, "gone")
    for number, answer in enumerate((None, Actuals(None), Actuals(10**9), Actuals(7, final=False), away)):
        record = canceled(f"q{number}")
        await books.rows.insert([record])
        late = books.late(Telling(answer))
        late.heard(StatementFinished(record))
        await settled(late)
        assert not late._waiting, "it is not asked for ever"
    assert await books.entries() == []


@pytest.mark.asyncio
async def test_a_statement_whose_figure_is_final_is_not_asked_about(books: Books) -> None:
    engine = Telling(Actuals(1))
    late = books.late(engine)
    for record in (billed("q1"), finished("q2", bill=None), replace(canceled("q3"), engine="lake")):
        late.heard(StatementFinished(record))
    await settled(late)
    assert engine.asked == 0


@pytest.mark.asyncio
async def test_a_statement_whose_row_is_not_in_the_store_yet_is_corrected_once_it_is(books: Books) -> None:
    late = books.late(Telling(Actuals(3 * 10**9)))
    late.heard(StatementFinished(canceled()))
    await late.settle_due()
    assert await books.read(usage.c.query_id) == []
    await books.rows.insert([canceled()])
    await late.settle_due()
    assert len(await books.entries()) == 1


class Keeping:
    """A ledger that keeps what every statement held."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, int, int]] = []

    def leases_of(self, query_id: str) -> dict[str, str]:
        return {}

    def last_word(self, query_id: str, nano: int, size: int) -> None:
        self.ended.append((query_id, nano, size))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "total"),
    [
        (Actuals(3 * 10**9), (CENT * 3 // 2, 3 * 10**9)),
        (Actuals(10**9), (0, 0)),  # as it was billed
        (Actuals(None), (0, 0)),
        (Actuals(7, final=False), (0, 0)),  # for ever
        (None, (0, 0)),
        (Refusal(ErrorCode.REMOTE_HOST_GONE, "gone"), (0, 0)),
    ],
)
async def test_whatever_becomes_of_the_question_the_ledger_hears_once_that_it_is_over(
    books: Books, answer: Actuals | Refusal | None, total: tuple[int, int]
) -> None:
    record = canceled()
    await books.rows.insert([record])
    keeping = Keeping()
    late = books.late(Telling(answer), keeping)
    late.heard(StatementFinished(record))
    await settled(late, rounds=8)
    assert keeping.ended == [("q1", *total)]


TABLES = st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 1e12)), max_size=5, unique_by=lambda each: each[0])


@given(TABLES, st.lists(st.integers(0, 10**15), min_size=1, max_size=5), st.integers(0, 10**15))
def test_after_any_corrections_the_shares_add_up_to_what_was_read_last(
    tables: Sequence[tuple[str, float]], sizes: list[int], first: int
) -> None:
    nano = FIVE.price(first)
    bill = Bill(nano, first, "measured", FIVE.name, "", (("a", nano),) if nano else ())
    made: list[Correction] = []
    for size in sizes:
        known = _known(bill, tables, made)
        found = correct(known, size, FIVE)
        made += [found] if found is not None else []
        after = _known(bill, tables, made)
        assert (bill.nano + after.nano, bill.bytes + after.bytes) == (FIVE.price(size), size)
        assert correct(after, size, FIVE) is None
    assert all(sum(part for _, part in each.shares) == each.nano for each in made)
    taken = undo(_known(bill, tables, made))
    assert (taken.nano if taken else 0) == -sum(each.nano for each in made)


def _known(bill: Bill, tables: Sequence[tuple[str, float]], made: Sequence[Correction]) -> Known:
    shares: dict[str, int] = {}
    for name, part in (pair for each in made for pair in each.shares):
        shares[name] = shares.get(name, 0) + part
    nano, size = sum(each.nano for each in made), sum(each.bytes for each in made)
    return Known(bill, tuple(tables), len(made), nano, size, shares)
