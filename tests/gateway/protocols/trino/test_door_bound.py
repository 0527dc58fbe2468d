"""Callers whose access may end in the midst of a statement, or who ask too often: partners."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.errors import ErrorCode, Refusal
from gateway.models import NotPlanned, Plan
from gateway.received import Principal, Received, TooOften
from tests.gateway.protocols.trino.harness import KEYS, PAGES, MemoryEngine, Site, site

ENDED = Refusal(ErrorCode.PERMISSION_DENIED, "Access Denied: The entitlement has ended")


class Partners:
    """Whose access ends when a test says so."""

    def __init__(self) -> None:
        self.ended = False
        self.seen: list[Received] = []

    def review(self, received: Received, plan: Plan | None) -> Refusal | None:
        self.seen.append(received)
        return ENDED if self.ended and plan is not None and received.principal.user == "alice" else None

    @staticmethod
    def bound(principal: Principal) -> bool:
        return principal.user == "alice"

    @staticmethod
    async def pace(principal: Principal) -> None:
        if principal.user == "bob":
            raise TooOften("Too many statements", 2.2)

    def ports(self) -> dict[str, Any]:
        return {"review": self.review, "bound": self.bound, "pace": self.pace}


def engine(**more: Any) -> MemoryEngine:
    made = MemoryEngine(**more)
    made.scripts["select"] = list(PAGES)
    return made


@pytest.mark.asyncio
async def test_a_statement_whose_ground_is_gone_fails_at_its_next_page_and_ends_on_its_engine() -> None:
    partners = Partners()
    async with site(engine(), ports=partners.ports()) as at:
        first = (await at.get((await at.post()).json["nextUri"])).json
        assert first["data"] == [[1, "a"]]
        partners.ended = True
        last = (await at.get(first["nextUri"])).json
        assert last["error"]["errorName"] == "PERMISSION_DENIED"
        assert "has ended" in last["error"]["message"]
        assert "data" not in last
        assert [record.outcome for record in at.finished] == ["CANCELED"]
    assert len(at.engine.cancelled) == 1


@pytest.mark.asyncio
async def test_it_ends_too_while_nobody_asks_for_pages_and_others_go_on() -> None:
    partners = Partners()
    async with site(engine(), ports=partners.ports()) as at:
        await at.post()
        others = (await at.post("select", "carol")).json["nextUri"]
        at.door.review()
        assert at.finished == []
        partners.ended = True
        at.door.review()
        assert [(record.user, record.outcome) for record in at.finished] == [("alice", "CANCELED")]
        assert (await at.get(others, "carol")).json["data"] == [[1, "a"]]


@pytest.mark.asyncio
async def test_who_asks_too_often_gets_429_with_the_time_to_wait_and_no_row() -> None:
    async with site(engine(), ports=Partners().ports()) as at:
        answer = await at.post("select", "bob")
        assert (answer.status, answer.header("Retry-After")) == (429, "3")
        assert b"Too many statements" in answer.body
        assert at.finished == []


@pytest.mark.asyncio
async def test_a_limit_that_is_known_once_the_statement_is_planned_gives_429_too_and_a_row() -> None:
    async with site(engine(), ports=Partners().ports()) as at:
        at.plans["select"] = NotPlanned(TooOften("Too many statements", 0.2))
        answer = await at.post()
        assert (answer.status, answer.header("Retry-After")) == (429, "1")
        assert [record.outcome for record in at.finished] == ["REFUSED"]


@pytest.mark.asyncio
async def test_results_of_whoever_is_bound_come_in_no_segments() -> None:
    partners = Partners()
    encoding = ("X-Trino-Query-Data-Encoding", "json")
    async with site(engine(), ports=partners.ports()) as at:
        for user in ("alice", "carol"):
            await at.get((await at.post("select", user, encoding)).json["nextUri"], user)
    asked = {received.principal.user: received.session.data_encodings for received in partners.seen}
    assert asked == {"alice": (), "carol": ("json",)}


async def _pages_behind_a_dead_worker(user: str) -> tuple[Site, list[dict[str, Any]], int]:
    workers: dict[str, str] = {}
    shared, ports = engine(kind="trino", own_ids=True), Partners().ports()
    async with (
        site(shared, worker="aaaaa", workers=workers, keys=KEYS, real_time=True, ports=ports) as one,
        site(shared, worker="bbbbb", workers=workers, keys=KEYS, real_time=True, ports=ports) as two,
    ):
        workers.update(aaaaa=f"127.0.0.1:{one.peer_port}", bbbbb=f"127.0.0.1:{two.peer_port}")
        uri = (await one.get((await one.post("select", user)).json["nextUri"], user)).json["nextUri"]
        del workers["aaaaa"]
        pages = [(await two.get(uri, user)).json]
        deleted = await two.delete(uri, user)
        return two, pages, deleted.status


@pytest.mark.asyncio
async def test_no_other_worker_goes_on_with_what_it_cannot_review() -> None:
    site_of_alice, (lost,), deleted = await _pages_behind_a_dead_worker("alice")
    assert "error" in lost
    assert "data" not in lost
    assert deleted == 204
    assert len(site_of_alice.engine.cancelled) >= 1, "its engine is told all the same"
    _, (found,), _ = await _pages_behind_a_dead_worker("carol")
    assert found["data"] == [[2, "b"]]
