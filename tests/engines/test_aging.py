"""What engines answered is asked for again when it is old, by one question for all who wait."""

from __future__ import annotations

import asyncio

import pytest

from engines.aging import Aging


class Asked:
    """A question that counts how often it is asked, and can be held back or fail."""

    def __init__(self) -> None:
        self.times = 0
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.times += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return self.times


@pytest.mark.asyncio
async def test_an_answer_holds_until_it_is_old() -> None:
    asked = Asked()
    kept: Aging[str, int] = Aging(300.0, lambda: asked.now)
    assert [await kept.get("t", asked), await kept.get("t", asked)] == [1, 1]
    asked.now = 299.9
    assert await kept.get("t", asked) == 1
    asked.now = 300.0
    assert await kept.get("t", asked) == 2


@pytest.mark.asyncio
async def test_all_who_wait_share_one_question_and_one_who_leaves_ends_it_for_nobody() -> None:
    asked = Asked()
    asked.gate.clear()
    kept: Aging[str, int] = Aging(300.0)
    first, *others = [asyncio.ensure_future(kept.get("t", asked)) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    asked.gate.set()
    assert await asyncio.gather(*others) == [1] * 4


@pytest.mark.asyncio
async def test_a_failure_is_told_to_who_asked_and_not_kept() -> None:
    asked = Asked()
    asked.failure = ValueError("gone")
    kept: Aging[str, int] = Aging(300.0)
    with pytest.raises(ValueError, match="gone"):
        await kept.get("t", asked)
    asked.failure = None
    assert await kept.get("t", asked) == 2


@pytest.mark.asyncio
async def test_closing_ends_what_is_asked() -> None:
    asked = Asked()
    asked.gate.clear()
    kept: Aging[str, int] = Aging(300.0)
    waiting = asyncio.ensure_future(kept.get("t", asked))
    await asyncio.sleep(0)
    kept.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
