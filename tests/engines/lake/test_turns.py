"""Who works next where only a few can."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from engines.executions import Executions, Part, Task, in_threads
from engines.turns import Turns

pytestmark = pytest.mark.asyncio


async def started(turns: Turns, user: str, log: list[str], name: str) -> asyncio.Task[None]:
    async def take() -> None:
        await turns.begin(user)
        log.append(name)

    task = asyncio.create_task(take())
    await asyncio.sleep(0)
    return task


async def test_users_take_turns_however_many_statements_one_of_them_has() -> None:
    turns, log = Turns(1), []
    await turns.begin("first")
    tasks = [await started(turns, "greedy", log, f"greedy {n}") for n in range(3)]
    tasks += [await started(turns, "modest", log, "modest")]
    for task in (tasks[0], tasks[3], *tasks[1:3]):
        turns.give_back()
        await task
    assert log == ["greedy 0", "modest", "greedy 1", "greedy 2"]


async def test_what_has_begun_goes_on_before_anything_new_begins() -> None:
    turns, log = Turns(1), []
    await turns.begin("first")
    new = await started(turns, "new", log, "new")
    begun = asyncio.create_task(turns.go_on())
    await asyncio.sleep(0)
    turns.give_back()
    await begun
    assert not new.done()
    turns.give_back()
    await new


async def test_a_turn_is_not_lost_with_who_no_longer_waits_for_it() -> None:
    turns, log = Turns(1), []
    await turns.begin("first")
    gone, late = await started(turns, "a", log, "gone"), await started(turns, "b", log, "late")
    third = await started(turns, "c", log, "third")
    gone.cancel()
    turns.give_back()
    late.cancel()  # in the very moment that its turn has come
    await asyncio.gather(gone, late, return_exceptions=True)
    await asyncio.wait_for(third, 5)
    turns.give_back()
    await asyncio.wait_for(turns.begin("d"), 5)
    assert log == ["third"]


async def test_one_users_many_long_statements_do_not_keep_another_user_waiting_for_all_of_them() -> None:
    executions, turns = Executions(), Turns(2)
    gate, order, lock = threading.Semaphore(0), [], threading.Lock()

    def steps(name: str) -> Generator[Part, None, None]:
        gate.acquire(timeout=10)
        with lock:
            order.append(name)
        yield Part(b"[[1]]", 1)

    async def run(name: str, pool: ThreadPoolExecutor) -> None:
        user = name.split()[0]
        task = Task(lambda: in_threads(lambda: steps(name), pool, turns, user), lambda: None)
        cursor: str | None = executions.add(name, task)
        while cursor is not None:
            cursor = (await executions.page(cursor)).next

    with ThreadPoolExecutor(2) as pool:
        many = [asyncio.create_task(run(f"greedy {n}", pool)) for n in range(50)]
        await asyncio.sleep(0)
        one = asyncio.create_task(run("modest", pool))
        await asyncio.sleep(0.1)
        gate.release(51)
        await asyncio.gather(one, *many)
        await executions.close()
    assert len(order) == 51
    assert order.index("modest") < 8
