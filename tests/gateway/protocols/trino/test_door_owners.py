"""Whose pages are whose: tokens, names and proofs, forged, foreign, expired and rotated."""

from __future__ import annotations

import pytest

from gateway.protocols.trino import TokenKey
from tests.gateway.protocols.trino.harness import KEYS, PAGES, MemoryEngine, engine_plan, site
from tests.gateway.protocols.wire import ask


@pytest.mark.asyncio
async def test_a_poll_may_carry_the_owners_name_an_empty_one_or_none() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for headers in ((), (("X-Trino-User", ""),), (("X-Trino-User", "alice"),)):
            answer = await ask(at.port, "GET", "/" + uri.split("/", 3)[3], headers)
            assert answer.status == 200
            uri = answer.json["nextUri"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.asyncio
async def test_anybody_elses_poll_or_cancel_finds_nothing(method: str) -> None:
    """QueryFlux (reading): no owner check on DELETE; attack N01."""
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post("select", "alice", ("Authorization", "Basic alice"))).json["nextUri"]
        assert (await at.get(uri, "bob", method=method)).status == 404
        assert (await at.get(uri, None, ("Authorization", "Basic bob"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic bob"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic service"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic wrong"), method=method)).status == 401
        assert (at.finished, at.engine.asked, at.engine.cancelled) == ([], [], [])
        assert (await at.get(uri, "alice", ("Authorization", "Basic alice"))).status == 200


@pytest.mark.asyncio
async def test_under_impersonation_the_page_is_the_pairs_and_go_polls_with_an_empty_user() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        service = ("Authorization", "Basic service")
        uri = (await at.post("select", "alice", service)).json["nextUri"]
        assert (await at.get(uri, "bob", service)).status == 404
        uri = (await at.get(uri, "", service)).json["nextUri"]
        assert (await at.get(uri, "alice", service)).status == 200


FORGERIES = {
    "nonsense": lambda token: "k1.AAAA",
    "no key": lambda token: token.partition(".")[2],
    "unknown key": lambda token: "k9." + token.partition(".")[2],
    "first letter": lambda token: token[:3] + ("A" if token[3] != "A" else "B") + token[4:],
    "middle": lambda token: token[:80] + ("A" if token[80] != "A" else "B") + token[81:],
    "last letter": lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "cut": lambda token: token[:-4],
    "longer": lambda token: token + "AAAA",
    "padded": lambda token: token + "=",
    "huge": lambda token: "k1." + "A" * 20_000,
    "empty": lambda token: "-",
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.asyncio
async def test_a_forged_token_finds_nothing(forge: object, method: str) -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        base, token, number = uri.rsplit("/", 2)
        assert (await at.get(f"{base}/{forge(token)}/{number}", method=method)).status == 404  # type: ignore[operator]  # None would fail the test
        assert at.finished == []


@pytest.mark.asyncio
async def test_a_token_of_another_query_finds_nothing() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        one, other = [(await at.post()).json["nextUri"] for _ in range(2)]
        one_base, token, number = one.rsplit("/", 2)
        other_base = other.rsplit("/", 2)[0]
        assert (await at.get(f"{other_base}/{token}/{number}")).status == 404
        assert (await at.get(f"{one_base}/{token}/01")).status == 404
        assert (await at.get(f"{one_base}/{token}/+1")).status == 404
        assert (await at.get(f"{one_base}/{token}/x")).status == 404


@pytest.mark.asyncio
async def test_an_expired_token_is_gone() -> None:
    async with site(page_token_seconds=60, abandon_seconds=1_000) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        at.clock.now += 61
        assert (await at.get(uri)).status == 410


@pytest.mark.asyncio
async def test_keys_rotate_without_losing_a_page() -> None:
    old, new = KEYS[0], TokenKey("k2", "fedcba9876543210" * 2)
    engine = MemoryEngine(kind="trino", own_ids=True)
    engine.scripts["select"] = PAGES
    async with site(engine, worker="aaaaa", keys=(old,)) as before:
        uri = (await before.get((await before.post()).json["nextUri"])).json["nextUri"]
        async with site(engine, worker="bbbbb", keys=(new, old)) as after:
            answer = await after.get(uri)
            assert answer.json["data"] == [[2, "b"]]
            assert "/k2." in answer.json["nextUri"]
        async with site(engine, worker="ccccc", keys=(new,)) as later:
            assert (await later.get(uri)).status == 404


@pytest.mark.asyncio
async def test_the_token_shows_nothing_of_the_engine() -> None:
    async with site(MemoryEngine("warehouse-7", kind="trino", own_ids=True)) as at:
        at.plans["select"] = engine_plan()
        at.plans["select"] = type(engine_plan())(kind="SELECT", route="engine", engine="warehouse-7", sql="select")
        at.engine.scripts["select"] = PAGES
        answer = await at.post()
        assert b"warehouse" not in answer.body
        assert b"/0" not in answer.body.split(b"nextUri")[1]


# --- how a query ends -------------------------------------------------------------------------------------------
