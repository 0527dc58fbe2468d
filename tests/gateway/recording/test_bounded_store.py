"""The store of those who are no recorder: what is under way when it closes ends first."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.bounded import BoundedStore


@pytest.mark.asyncio
async def test_a_change_that_nobody_waits_for_any_more_ends_before_the_connections_are_closed(tmp_path: Path) -> None:
    """Left behind, its connection would stay open, and its rows unwritten."""
    begun, on = asyncio.Event(), asyncio.Event()
    store = BoundedStore(url := f"sqlite:///{tmp_path / 'store.db'}")

    async def slowly(connection: AsyncConnection) -> None:
        await connection.execute(text("CREATE TABLE kept (n INTEGER)"))
        begun.set()
        await on.wait()
        await connection.execute(text("INSERT INTO kept VALUES (1)"))

    asking = asyncio.create_task(store.within(slowly))
    await begun.wait()
    asking.cancel()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0.05)
    on.set()
    await closing
    gc.collect()  # a connection that was left behind would say so here
    again = BoundedStore(url)
    assert await again.read(_count) == 1
    await again.close()


async def _count(connection: AsyncConnection) -> int:
    return (await connection.execute(text("SELECT count(*) FROM kept"))).scalar_one()
