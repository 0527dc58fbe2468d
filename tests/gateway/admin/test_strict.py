"""The admin port's description, by which requests are judged: made once, off the event loop, and for no probe."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.admin.api.strict import Strict

DESCRIPTION = {"paths": {"/things": {"get": {"parameters": [{"name": "limit", "in": "query", "schema": {}}]}}}}


@pytest.fixture
def made() -> list[int]:
    """Return the threads in which the description was made."""
    return []


@pytest.fixture
def client(made: list[int]) -> httpx.AsyncClient:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    def describe() -> dict[str, Any]:
        made.append(threading.get_ident())
        return DESCRIPTION

    strict = Strict(app, describe=describe, apart={"/readyz"})
    return httpx.AsyncClient(transport=httpx.ASGITransport(strict), base_url="http://penstock")


@pytest.mark.asyncio
async def test_a_probe_is_answered_before_there_is_a_description(client: httpx.AsyncClient, made: list[int]) -> None:
    assert (await client.get("/readyz?anything=goes")).status_code == 200
    assert made == []


@pytest.mark.asyncio
async def test_of_many_first_requests_one_makes_the_description_in_another_thread(
    client: httpx.AsyncClient, made: list[int]
) -> None:
    answers = await asyncio.gather(*(client.get(f"/things?{name}=1") for name in ("limit", "lmit") * 8))
    assert [answer.status_code for answer in answers] == [200, 422] * 8
    assert len(made) == 1
    assert made[0] != threading.get_ident()
