"""What a Trino cluster says afterwards of what a query took."""

from __future__ import annotations

import json

import pytest

from catalog.errors import ErrorCode, Refusal
from engines.estimates import AccountingEngine, Actuals
from engines.trino import Basic
from engines.trino.actuals import read_actuals
from tests.engines.trino.test_engine import relay
from tests.engines.trino.upstream import QUERY, reply


def info(**stats: object) -> bytes:
    told = {"physicalInputDataSize": "379072B", "physicalInputPositions": 24000, "elapsedTime": "2.21s", **stats}
    return json.dumps({"queryId": QUERY, "queryStats": told, "finalQueryInfo": True, "state": "FINISHED"}).encode()


def test_a_querys_statistics_are_read_to_the_byte() -> None:
    assert read_actuals(info(), QUERY) == Actuals(379072, 24000, 2.21, final=True)


def test_a_query_that_still_runs_has_no_final_figures() -> None:
    assert not read_actuals(info().replace(b'"finalQueryInfo": true', b'"finalQueryInfo": false'), QUERY).final


@pytest.mark.parametrize("size", ["1.2kB", "", "-1B", "NaNB", "B"])
def test_a_size_that_is_not_exact_is_none(size: str) -> None:
    assert read_actuals(info(physicalInputDataSize=size), QUERY).scanned_bytes is None


@pytest.mark.parametrize(("text", "seconds"), [("12.00ms", 0.012), ("3.00m", 180.0), ("5.03s", 5.03), ("soon", None)])
def test_times_are_read_in_trinos_units(text: str, seconds: float | None) -> None:
    assert read_actuals(info(elapsedTime=text), QUERY).seconds == seconds


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", info().replace(QUERY.encode(), b"20260101_000000_00002_abcde")])
def test_nonsense_and_another_querys_figures_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_actuals(body, QUERY)


@pytest.mark.asyncio
async def test_the_gateway_asks_as_itself() -> None:
    credentials = Basic("gateway", "secret")
    async with relay([reply(info())], user="gateway", credentials=credentials) as (engine, upstream):
        assert isinstance(engine, AccountingEngine)
        found = await engine.actuals("q1", QUERY)
    assert found is not None
    assert found.scanned_bytes == 379072
    (asked,) = upstream.seen
    assert (asked.method, asked.path) == ("GET", f"/v1/query/{QUERY}?pruned=true")
    assert asked.header("x-trino-user") == "gateway"
    assert asked.header("authorization") == "Basic Z2F0ZXdheTpzZWNyZXQ="


@pytest.mark.asyncio
@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
async def test_a_query_that_the_cluster_has_forgotten_has_no_figures(status: str) -> None:
    async with relay([reply(b"", status)]) as (engine, _):
        assert await engine.actuals("q1", QUERY) is None


@pytest.mark.asyncio
async def test_a_query_that_never_reached_the_cluster_is_not_asked_for() -> None:
    async with relay([]) as (engine, upstream):
        assert await engine.actuals("q1", None) is None
    assert upstream.seen == []


@pytest.mark.asyncio
@pytest.mark.parametrize("id_", ["../../v1/node", "", "a b", "x" * 81])
async def test_what_is_no_id_reaches_nothing_of_the_cluster(id_: str) -> None:
    async with relay([]) as (engine, upstream):
        with pytest.raises(Refusal):
            await engine.actuals("q1", id_)
    assert upstream.seen == []


@pytest.mark.asyncio
async def test_a_cluster_that_hides_queries_from_the_gateway_is_named_with_the_fix() -> None:
    async with relay([reply(b"no", "403 Forbidden")]) as (engine, _):
        with pytest.raises(Refusal, match="does not say what a query took") as caught:
            await engine.actuals("q1", QUERY)
    assert caught.value.code is ErrorCode.GENERIC_EXTERNAL
    assert "view queries" in (caught.value.hint or "")
