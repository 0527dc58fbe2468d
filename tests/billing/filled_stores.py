"""Stores that are filled once for all tests of a module that only read them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer


def stores(fill: Callable[[str], Awaitable[None]], name: str) -> object:
    """Return a fixture: the address of a store of each kind, filled once."""

    @pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
    def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
        if request.param == "sqlite":
            path: Path = tmp_path_factory.mktemp(name) / "usage.db"
            url = f"sqlite:///{path}"
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            server.create_database(name)
            url = server.url(name)

        async def run() -> None:
            await fill(url)

        asyncio.run(run())
        return url

    return filled
