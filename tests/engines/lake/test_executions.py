"""Pages by Trino's token rules, for statements whose pages the gateway makes itself."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.errors import ErrorCode, Refusal
from engines.executions import Executions, PageGone, PageUnknown, Part, Task, in_threads
from engines.limits import TimeLimit, time_limit
from engines.turns import Turns


class Work:
    """A statement that gives numbered parts, counts how far it got and can be held back."""

    def __init__(self, count: int = 3, failure: Exception | None = None) -> None:
        self.count = count
        self.failure = failure
        self.made = 0
        self.closed = False
        self.interrupts = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def parts(self) -> AsyncGenerator[Part, None]:
        try:
            for number in range(self.count):
                await self.gate.wait()
                self.made += 1
                yield Part(f"[[{number}]]".encode(), 1)
            if self.failure is not None:
                raise self.failure
        finally:
            self.closed = True

    def interrupt(self) -> None:
        self.interrupts += 1

    def task(self) -> Task:
        return Task(self.parts, self.interrupt, columns=b"[]")


async def _drain(executions: Executions, cursor: str | None) -> list[bytes]:
    data = []
    while cursor is not None:
        page = await executions.page(cursor)
        if "data" in page.members:
            data.append(page.members["data"])
        cursor = page.next
    return data


@pytest.mark.asyncio
async def test_all_rows_come_and_then_an_empty_last_page() -> None:
    executions = Executions()
    cursor: str | None = executions.add("q", Work().task())
    pages = []
    while cursor is not None:
        pages.append(await executions.page(cursor))
        cursor = pages[-1].next
    assert [page.members.get("data") for page in pages] == [b"[[0]]", b"[[1]]", b"[[2]]", None]
    assert [page.state for page in pages] == ["RUNNING"] * 3 + ["FINISHED"]
    assert all(page.members["columns"] == b"[]" for page in pages)
    await executions.close()


@pytest.mark.asyncio
async def test_rows_that_are_known_to_be_the_last_end_the_result_and_can_be_asked_for_again() -> None:
    async def parts() -> AsyncGenerator[Part, None]:
        yield Part(b"[[0]]", 1)
        yield Part(b"[[1]]", 1, last=True)

    executions = Executions()
    cursor = executions.add("q", Task(parts, lambda: None, columns=b"[]", scanned_soon=True))
    first = await executions.page(cursor)
    last = await executions.page(first.next or "")
    assert (first.state, first.scanned_soon) == ("RUNNING", False)
    assert (last.members["data"], last.state, last.next, last.scanned_soon) == (b"[[1]]", "FINISHED", None, True)
    assert await executions.page(first.next or "") is last
    assert not executions.active("q")
    await executions.close()


@pytest.mark.asyncio
async def test_every_page_says_what_was_read_so_far_the_last_one_all() -> None:
    async def parts() -> AsyncGenerator[Part, None]:
        yield Part(b"[[0]]", 1)
        yield Part(b"[[1]]", 1, scanned=100)
        yield Part(b"[[2]]", 1)
        yield Part(scanned=300)

    executions = Executions()
    cursor: str | None = executions.add("q", Task(parts, lambda: None, columns=b"[]"))
    pages = []
    while cursor is not None:
        pages.append(await executions.page(cursor))
        cursor = pages[-1].next
    assert [page.scanned_bytes for page in pages] == [None, 100, 100, 300, 300]
    assert json.loads(pages[-1].members["stats"])["physicalInputBytes"] == 300
    await executions.close()


@pytest.mark.asyncio
async def test_nothing_runs_before_the_first_page_is_asked_for() -> None:
    executions, work = Executions(), Work()
    executions.add("q", work.task())
    await asyncio.sleep(0.05)
    assert work.made == 0
    await executions.close()


@pytest.mark.asyncio
async def test_the_same_cursor_gives_the_very_same_page_also_to_two_at_once() -> None:
    executions = Executions()
    cursor = executions.add("q", Work().task())
    first, again = await asyncio.gather(executions.page(cursor), executions.page(cursor))
    assert first is again
    assert await executions.page(cursor) is first
    await executions.close()


@pytest.mark.asyncio
async def test_older_pages_are_gone_and_later_ones_unknown() -> None:
    executions = Executions()
    cursor = executions.add("q", Work().task())
    second = (await executions.page(cursor)).next
    assert second is not None
    await executions.page(second)
    with pytest.raises(PageGone):
        await executions.page(cursor)
    for unknown in ("q.7", "q.x", "other.0", "q"):
        with pytest.raises(PageUnknown):
            await executions.page(unknown)
    await executions.close()


@pytest.mark.asyncio
async def test_the_last_page_can_be_read_again_but_nothing_follows_it() -> None:
    executions = Executions()
    cursor: str | None = executions.add("q", Work(0).task())
    assert cursor is not None
    last = await executions.page(cursor)
    assert last.next is None
    assert await executions.page(cursor) is last
    with pytest.raises(PageUnknown):
        await executions.page("q.1")
    await executions.close()


@pytest.mark.asyncio
async def test_work_waits_while_two_parts_are_ahead_of_the_client() -> None:
    executions, work = Executions(), Work(100)
    cursor = executions.add("q", work.task())
    await executions.page(cursor)
    await asyncio.sleep(0.05)
    assert work.made <= 4
    await executions.close()


@pytest.mark.asyncio
async def test_a_slow_statement_answers_empty_pages_within_about_a_second() -> None:
    executions, work = Executions(), Work(1)
    work.gate.clear()
    cursor = executions.add("q", work.task())
    page = await asyncio.wait_for(executions.page(cursor), 2)
    assert "data" not in page.members
    assert page.next == "q.1"
    work.gate.set()
    assert await _drain(executions, page.next) == [b"[[0]]"]
    await executions.close()


@pytest.mark.asyncio
async def test_rows_made_before_a_failure_come_before_it_and_the_failure_repeats() -> None:
    executions = Executions()
    work = Work(1, Refusal(ErrorCode.DIVISION_BY_ZERO, "Division by zero"))
    cursor = executions.add("q", work.task())
    page = await executions.page(cursor)
    assert page.members["data"] == b"[[0]]"
    for _ in range(2):
        with pytest.raises(Refusal, match="Division by zero"):
            await executions.page(str(page.next))
    await executions.close()


@pytest.mark.asyncio
async def test_an_unexpected_error_ends_the_query_without_its_text() -> None:
    executions = Executions()
    cursor = executions.add("q", Work(0, RuntimeError("secret")).task())
    with pytest.raises(Refusal) as refusal:
        await executions.page(cursor)
    assert refusal.value.code is ErrorCode.GENERIC_INTERNAL_ERROR
    assert "secret" not in refusal.value.text
    await executions.close()


@pytest.mark.asyncio
async def test_cancelling_interrupts_closes_and_says_so_afterwards() -> None:
    executions, work = Executions(), Work(100)
    cursor = executions.add("q", work.task())
    page = await executions.page(cursor)
    await executions.cancel(str(page.next))
    await executions.cancel(cursor)
    assert work.closed
    assert work.interrupts
    with pytest.raises(Refusal) as refusal:
        await executions.page(str(page.next))
    assert refusal.value.code is ErrorCode.USER_CANCELED
    await executions.close()


@pytest.mark.asyncio
async def test_a_cancelled_poll_loses_no_page() -> None:
    executions, work = Executions(), Work(1)
    work.gate.clear()
    cursor = executions.add("q", work.task())
    poll = asyncio.create_task(executions.page(cursor))
    await asyncio.sleep(0.02)
    poll.cancel()
    work.gate.set()
    assert await _drain(executions, cursor) == [b"[[0]]"]
    await executions.close()


@pytest.mark.asyncio
async def test_silence_abandons_a_query_and_a_heartbeat_keeps_it() -> None:
    executions = Executions(idle_seconds=0.4, linger_seconds=5)
    kept, lost = Work(100), Work(100)
    first = await executions.page(executions.add("kept", kept.task()))
    second = await executions.page(executions.add("lost", lost.task()))
    for _ in range(10):
        assert executions.heartbeat(str(first.next))
        await asyncio.sleep(0.08)
    assert lost.closed
    assert not kept.closed
    with pytest.raises(Refusal) as refusal:
        await executions.page(str(second.next))
    assert refusal.value.code is ErrorCode.ABANDONED_QUERY
    assert not executions.heartbeat("never.0")
    await executions.close()


@pytest.mark.asyncio
async def test_a_statement_over_its_time_limit_is_ended() -> None:
    executions, work = Executions(), Work(1)
    work.gate.clear()
    cursor = executions.add("q", Task(work.parts, work.interrupt, longest=TimeLimit(0.1, "Query exceeded it")))
    with pytest.raises(Refusal) as refusal:
        await executions.page(cursor)
    assert refusal.value.code is ErrorCode.EXCEEDED_TIME_LIMIT
    assert work.closed
    await executions.close()


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, None),
        ({"query_max_run_time": ""}, None),
        ({"query_max_run_time": "2.5m"}, (150.0, "Query exceeded maximum time limit of 2.50m")),
        ({"query_max_run_time": "1500ms"}, (1.5, "Query exceeded maximum time limit of 1500.00ms")),
        ({"query_max_execution_time": "1 d"}, (86_400.0, "Query exceeded the maximum execution time limit of 1.00d")),
        (
            {"query_max_run_time": "2m", "query_max_execution_time": "90s"},
            (90.0, "Query exceeded the maximum execution time limit of 90.00s"),
        ),
    ],
    ids=str,
)
def test_the_shortest_time_limit_holds_and_is_told_as_trino_does(
    properties: dict[str, str], expected: tuple[float, str] | None
) -> None:
    found = time_limit(properties)
    assert (found and (found.seconds, found.text)) == expected


@pytest.mark.parametrize("name", ["query_max_run_time", "query_max_execution_time"])
@pytest.mark.parametrize("value", ["soon", "-1s", "1", "1 week"])
def test_a_time_limit_that_is_no_duration_is_refused_rather_than_not_kept(name: str, value: str) -> None:
    with pytest.raises(Refusal, match=f"'{name}' is invalid") as caught:
        time_limit({name: value})
    assert caught.value.code is ErrorCode.INVALID_SESSION_PROPERTY


@pytest.mark.asyncio
async def test_too_many_statements_are_refused_and_finished_ones_do_not_count() -> None:
    executions = Executions(limit=1)
    cursor = executions.add("a", Work(0).task())
    with pytest.raises(Refusal) as refusal:
        executions.add("b", Work().task())
    assert refusal.value.code is ErrorCode.QUERY_QUEUE_FULL
    await executions.page(cursor)
    executions.add("c", Work().task())
    await executions.close()


@pytest.mark.asyncio
async def test_blocking_work_runs_in_threads_and_is_waited_for_when_cancelled() -> None:
    running, stop, ended = threading.Event(), threading.Event(), threading.Event()

    def steps() -> Generator[Part, None, None]:
        try:
            running.set()
            stop.wait(10)
            yield Part(b"[[1]]", 1)
        finally:
            ended.set()

    with ThreadPoolExecutor(1) as pool:
        executions = Executions()
        cursor = executions.add("q", Task(lambda: in_threads(steps, pool, Turns(1), "u"), stop.set))
        poll = asyncio.create_task(executions.page(cursor))
        await asyncio.to_thread(running.wait, 5)
        await executions.cancel(cursor)
        assert ended.is_set()
        with pytest.raises(Refusal):
            await poll
        await executions.close()


@pytest.mark.asyncio
async def test_the_more_statements_wait_the_longer_each_of_their_polls_does() -> None:
    executions, work = Executions(), Work()
    work.gate.clear()
    cursor = executions.add("q", work.task())
    waits = []
    for others in (0, 200):
        for number in range(others):
            executions.add(f"other {number}", Work().task())
        begun = time.monotonic()
        page = await executions.page(cursor)
        waits.append(time.monotonic() - begun)
        assert page.rows == 0
        assert page.next is not None
        cursor = page.next
    assert waits[1] > waits[0] + 0.5
    begun = time.monotonic()
    poll = asyncio.create_task(executions.page(cursor))
    await asyncio.sleep(0)
    work.gate.set()
    assert (await poll).rows == 1, "rows end the wait"
    assert time.monotonic() - begun < waits[1]
    await executions.close()
