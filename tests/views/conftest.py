"""A world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.views.world import World, world


@pytest_asyncio.fixture
async def made(tmp_path: Path) -> AsyncIterator[World]:
    """Open a world with forty prices."""
    async with world(tmp_path) as opened:
        yield opened
