"""One question serves who prices a statement and who attests it just then; no other answer is ever taken twice."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from catalog.objects import TableName
from engines.base import EngineStatement, Write
from engines.reads import Unanswered
from engines.trino.explained import FRESH_SECONDS, Explained

pytestmark = pytest.mark.asyncio
SELECT = EngineStatement("SELECT 1", "ana", None, None, "UTC", headers=(("X-Trino-Source", "bi"),))
INSERT = replace(SELECT, write=Write("insert", TableName("a", "b", "c"), query="SELECT 1"))


class Cluster:
    """Answers each question with its number, once it is let."""

    def __init__(self) -> None:
        self.asked: list[EngineStatement] = []
        self.ended = 0
        self.failure: Exception | None = None
        self.let = asyncio.Event()
        self.let.set()
        self.now = 100.0

    async def ask(self, statement: EngineStatement) -> str:
        self.asked.append(statement)
        number = len(self.asked)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        if self.failure is not None:
            raise self.failure
        return f"answer {number}"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def explained(cluster: Cluster) -> Explained:
    return Explained(cluster.ask, lambda: cluster.now)


async def test_the_answer_that_a_price_was_made_from_attests_the_statement_once(
    cluster: Cluster, explained: Explained
) -> None:
    assert await explained.for_price(SELECT) == "answer 1"
    assert await explained.for_attesting(SELECT) == "answer 1"
    assert await explained.for_attesting(SELECT) == "answer 2"
    assert await explained.for_price(SELECT) == "answer 3", "what was answered to who attests prices nothing"


async def test_an_answer_that_is_old_attests_nothing(cluster: Cluster, explained: Explained) -> None:
    await explained.for_price(SELECT)
    cluster.now += FRESH_SECONDS + 0.01
    assert await explained.for_attesting(SELECT) == "answer 2"


@pytest.mark.parametrize(
    "other",
    [
        replace(SELECT, sql="SELECT 2"),
        replace(SELECT, user="bob"),
        replace(SELECT, time_zone="Asia/Tokyo"),
        replace(SELECT, session_properties={"iceberg.x": "1"}),
        replace(SELECT, headers=()),
        replace(SELECT, capabilities=frozenset({"PATH"})),
        replace(SELECT, prepared=("p", "SELECT 3")),
    ],
)
async def test_what_was_asked_otherwise_attests_nothing(
    cluster: Cluster, explained: Explained, other: EngineStatement
) -> None:
    await explained.for_price(other)
    assert await explained.for_attesting(SELECT) == "answer 2"


async def test_a_write_is_asked_about_anew(cluster: Cluster, explained: Explained) -> None:
    await explained.for_price(SELECT)
    assert await explained.for_attesting(INSERT) == "answer 2"


async def test_who_attests_while_the_question_is_under_way_waits_for_it(cluster: Cluster, explained: Explained) -> None:
    cluster.let.clear()
    asking = [asyncio.create_task(explained.for_price(SELECT)), asyncio.create_task(explained.for_price(SELECT))]
    await asyncio.sleep(0)
    asking.append(asyncio.create_task(explained.for_attesting(SELECT)))
    await asyncio.sleep(0)
    cluster.let.set()
    assert await asyncio.gather(*asking) == ["answer 1"] * 3


async def test_a_question_ends_on_the_cluster_when_the_last_who_waits_goes(
    cluster: Cluster, explained: Explained
) -> None:
    cluster.let.clear()
    pricing = asyncio.create_task(explained.for_price(SELECT))
    await asyncio.sleep(0)
    attesting = asyncio.create_task(explained.for_attesting(SELECT))
    await asyncio.sleep(0)
    pricing.cancel()
    await asyncio.wait({pricing})
    assert cluster.ended == 0
    attesting.cancel()
    await asyncio.wait({attesting})
    assert cluster.ended == 1
    cluster.let.set()
    assert await explained.for_price(SELECT) == "answer 2"


async def test_the_clusters_own_error_is_told_to_both_and_a_lost_question_is_asked_again(
    cluster: Cluster, explained: Explained
) -> None:
    for failure, asked in ((Unanswered("it failed", b"{}"), 1), (Unanswered("gone"), 3)):
        cluster.failure = failure
        for ask in (explained.for_price, explained.for_attesting):
            with pytest.raises(Unanswered, match=str(failure)):
                await ask(SELECT)
        assert len(cluster.asked) == asked
