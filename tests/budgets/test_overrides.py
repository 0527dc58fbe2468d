"""Overrides in the store, on SQLite and on Postgres: told to the audit, followed by workers, over at their end."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.audit.chain import Chain
from gateway.budgets.following import Overrides
from gateway.budgets.overrides import Override, OverrideStore, approve, end
from gateway.demo.ports import free_port
from gateway.partners.database import Missing, RegistryError
from policies.clock import Clock
from tests.audit.chains import KEYS, read

pytestmark = pytest.mark.asyncio


def override(name: str = "o1", **changes: object) -> Override:
    now = round(time.time(), 3)
    made = Override(name, "desk-day", "budget", "usd", "power", None, 10**9, "close", "stella", now, now + 3600)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # the words of a test


@pytest_asyncio.fixture
async def store(budget_store: str) -> AsyncIterator[OverrideStore]:
    """Open a store without overrides."""
    found = OverrideStore(budget_store, chain=Chain(KEYS))
    yield found
    await found.close()


async def test_an_override_is_kept_as_it_was_approved_and_the_audit_tells_each_change_once(
    store: OverrideStore, budget_store: str
) -> None:
    made = override(amount=None, fingerprint="ab12")
    await store.change(approve(made))
    assert await store.override("o1") == made
    assert await store.unended(time.time()) == (made,)
    ended = await store.change(end("o1", "olga"))
    assert ended.ended_by == "olga"
    assert await store.change(end("o1", "root")) == await store.override("o1")
    assert await store.unended(time.time()) == ()
    kinds = [(each.kind, each.actor, each.subject) for each in await read(budget_store)]
    assert kinds == [("budget.override", "stella", "o1"), ("budget.override.ended", "olga", "o1")]
    with pytest.raises(Missing):
        await store.change(end("o2", "olga"))


async def test_lists_go_on_behind_what_was_shown_and_keep_to_the_limits_asked_for(store: OverrideStore) -> None:
    for name in ("o1", "o2", "o3"):
        await store.change(approve(override(name, limit_id="b" if name == "o3" else "a")))
    assert [each.id for each in await store.overrides(limit=2)] == ["o1", "o2"]
    assert [each.id for each in await store.overrides(after="o2")] == ["o3"]
    assert [each.id for each in await store.overrides(["a"])] == ["o1", "o2"]
    assert await store.overrides([]) == []


async def test_a_worker_knows_what_was_approved_elsewhere_until_it_ends(
    store: OverrideStore, budget_store: str
) -> None:
    hands = [time.time()]
    overrides = Overrides(OverrideStore(budget_store), clock=Clock(lambda: hands[0]))
    try:
        await overrides.refresh()
        assert overrides.live() == ()
        await store.change(approve(override()))
        await overrides.refresh()
        assert [each.id for each in overrides.live()] == ["o1"]
        hands[0] += 3601
        assert overrides.live() == ()
        hands[0] -= 3601
        assert overrides.live() == ()  # a clock set back brings no override back
    finally:
        await overrides.close()


async def test_where_the_store_is_away_overrides_hold_for_a_minute_and_no_longer(budget_store: str) -> None:
    ticks = [0.0]
    kept = OverrideStore(budget_store, chain=Chain(KEYS))
    overrides = Overrides(kept, monotonic=lambda: ticks[0])
    await kept.change(approve(override()))
    await overrides.refresh()
    overrides.store = OverrideStore(f"postgresql://nobody@127.0.0.1:{free_port()}/none", timeout=1)
    with pytest.raises(RegistryError):
        await overrides.refresh()
    ticks[0] = 60.0
    assert len(overrides.live()) == 1
    ticks[0] = 60.1
    assert overrides.live() == ()
    await overrides.close()
    await kept.close()
