"""Books of statements whose engine says a moment after their end what they read: nobody waits, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from engines.estimates import Actuals
from gateway.models import Owed, Planned
from gateway.protocols.trino import settling
from gateway.protocols.trino.ports import Ended
from gateway.usage_record import Bill
from tests.gateway.protocols.trino.harness import MemoryEngine, Site, engine_plan, page, site

LAST = replace(page([[1, "a"]], state="FINISHED"), scanned_soon=True)


class Counting(MemoryEngine):
    """An engine that counts what a statement read after its last page, once it is let."""

    def __init__(self, *said: Actuals | Refusal | None) -> None:
        super().__init__(kind="clickhouse")
        self.scripts = {"select": [LAST]}
        self.said = dict(enumerate(said)) if said else {0: Actuals(70)}
        self.counted = asyncio.Event()
        self.about: list[str] = []

    async def actuals(self, query_id: str, _: str | None) -> Actuals | None:
        number = len(self.about)
        self.about.append(query_id)
        await self.counted.wait()
        said = self.said[number]
        if isinstance(said, Refusal):
            raise said
        return said


def books() -> tuple[list[Ended], dict[str, Callable[[Ended], Bill | None]]]:
    """Return what is settled, and the port that hears of it."""
    settled: list[Ended] = []

    def settle(ended: Ended) -> Bill | None:
        settled.append(ended)
        return Bill(0, ended.scanned_bytes or 0, "measured")

    return settled, {"settle": settle}


async def settle_all(at: Site) -> None:
    assert isinstance(at.engine, Counting)
    at.engine.counted.set()
    await at.door.settled()


@pytest.mark.asyncio
async def test_a_client_has_its_last_page_before_its_engine_has_counted_and_the_row_has_the_bytes() -> None:
    settled, ports = books()
    async with site(Counting(), ports=ports) as at:
        answers = await at.run()
        assert answers[-1].json["data"] == [[1, "a"]]
        assert (at.finished, settled) == ([], [])
        await settle_all(at)
        assert [(r.outcome, r.scanned_bytes, r.bill and r.bill.bytes) for r in at.finished] == [("FINISHED", 70, 70)]
        assert [(each.begun, each.scanned_bytes) for each in settled] == [(True, 70)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "said", [None, Actuals(None), Actuals(5, final=False), Refusal(ErrorCode.NO_NODES_AVAILABLE, "gone")]
)
async def test_an_engine_that_does_not_know_it_leaves_the_bytes_open(said: Any) -> None:
    settled, ports = books()
    async with site(Counting(said), ports=ports) as at:
        await at.run()
        await settle_all(at)
        assert [(r.outcome, r.scanned_bytes) for r in at.finished] == [("FINISHED", None)]
        assert len(settled) == 1


@pytest.mark.asyncio
async def test_a_busy_engine_keeps_no_books_open_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "SOON_SECONDS", 0.05)
    settled, ports = books()
    async with site(Counting(), ports=ports) as at:
        await at.run()
        await at.door.settled()
        await at.door.settled()
        assert [(r.outcome, r.scanned_bytes) for r in at.finished] == [("FINISHED", None)]
        assert len(settled) == 1


@pytest.mark.asyncio
async def test_a_drain_waits_until_the_last_statement_is_counted() -> None:
    async with site(Counting(), real_time=True) as at:
        assert isinstance(at.engine, Counting)
        await at.run()
        draining = asyncio.create_task(at.door.drain(5))
        await asyncio.sleep(0.1)
        assert not draining.done()
        at.engine.counted.set()
        assert await draining == 0
        assert [r.scanned_bytes for r in at.finished] == [70]


@pytest.mark.asyncio
@pytest.mark.parametrize("counts", [True, False])
async def test_a_worker_that_leaves_at_once_waits_a_moment_for_the_count_and_closes_the_books_once(
    monkeypatch: pytest.MonkeyPatch, counts: bool
) -> None:
    settled, ports = books()
    engine = Counting()
    async with site(engine, ports=ports) as at:
        await at.run()
        if counts:
            asyncio.get_running_loop().call_later(0.05, engine.counted.set)
        else:
            monkeypatch.setattr(settling, "SOON_SECONDS", 0.05)
        await at.door.close()
        assert [r.scanned_bytes for r in at.finished] == [70 if counts else None]
        engine.counted.set()
        await asyncio.sleep(0.01)
        assert len(settled) == 1


@pytest.mark.asyncio
async def test_what_views_read_for_a_statement_of_another_engine_is_counted_with_it() -> None:
    engine = Counting(Actuals(7))
    engine.scripts["select"] = [replace(page([[1, "a"]], state="FINISHED"), scanned_bytes=100)]
    async with site(engine) as at:
        at.planned["select"] = Planned(engine_plan(), staged_bytes=1000, owed=(Owed("memory", "stage"),))
        await at.run()
        await settle_all(at)
        assert engine.about == ["stage"]
        assert [r.scanned_bytes for r in at.finished] == [1107]
