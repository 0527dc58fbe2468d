"""Several workers: any of them serves any poll, and a dead one's queries go on where that is possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from catalog.objects import TableName
from gateway.protocols.http import HttpServer, Response
from gateway.protocols.trino.peer_calls import (
    PATH,
    SIGNATURE,
    EndCall,
    ForgedCall,
    HelloCall,
    InvalidateCall,
    PageCall,
    Signatures,
)
from tests.gateway.protocols.trino.harness import KEYS, PAGES, MemoryEngine, Site, engine_plan, page, site
from tests.gateway.protocols.wire import ask


@asynccontextmanager
async def cluster(
    engine: MemoryEngine | None = None, **settings: float
) -> AsyncIterator[tuple[Site, Site, dict[str, str]]]:
    engine = engine or MemoryEngine()
    engine.scripts["select"] = PAGES
    workers: dict[str, str] = {}
    async with (
        site(engine, worker="aaaaa", workers=workers, real_time=True, **settings) as one,
        site(engine, worker="bbbbb", workers=workers, real_time=True, **settings) as two,
    ):
        workers.update(aaaaa=f"127.0.0.1:{one.peer_port}", bbbbb=f"127.0.0.1:{two.peer_port}")
        yield one, two, workers


def trino() -> MemoryEngine:
    return MemoryEngine(kind="trino", own_ids=True)


@pytest.mark.asyncio
async def test_polls_may_land_anywhere_and_retries_are_byte_identical() -> None:
    async with cluster() as (one, two, _):
        uri = (await one.post()).json["nextUri"]
        data = []
        while uri:
            here, there = await two.get(uri), await one.get(uri)
            assert (here.status, here.body) == (there.status, there.body)
            assert here.header("Content-Type") == "application/json"
            data.append(here.json.get("data"))
            uri = here.json.get("nextUri")
        assert data == [[[1, "a"]], [[2, "b"]], [[3, "c"]], None]
        assert ([r.outcome for r in one.finished], two.finished) == (["FINISHED"], [])


@pytest.mark.asyncio
async def test_a_greeting_reaches_the_others_and_a_forged_one_nobody() -> None:
    async with cluster() as (one, two, workers):
        await two.door.greet(workers["bbbbb"])
        assert (one.greetings, two.greetings) == ([("bbbbb", workers["bbbbb"])], [])
        hello = msgspec.msgpack.encode(HelloCall("ccccc", "evil:1"))
        assert (await ask(one.peer_port, "POST", PATH, ((SIGNATURE, "k1.1.00"),), hello)).status == 404
        assert len(one.greetings) == 1


@pytest.mark.asyncio
async def test_the_owner_is_checked_where_the_poll_lands() -> None:
    async with cluster() as (one, two, _):
        uri = (await one.post()).json["nextUri"]
        assert (await two.get(uri, "bob")).status == 404
        assert (await two.delete(uri, "bob")).status == 404
        assert one.finished == []


@pytest.mark.asyncio
async def test_heartbeat_and_cancel_reach_the_worker_that_has_the_query() -> None:
    async with cluster() as (one, two, _):
        uri = (await one.post()).json["nextUri"]
        assert (await two.get(uri, method="HEAD")).status == 200
        assert (await two.delete(uri)).status == 204
        assert [r.outcome for r in one.finished] == ["CANCELED"]
        assert (await two.get(uri)).json["error"]["errorName"] == "USER_CANCELED"


@pytest.mark.asyncio
async def test_stale_and_future_pages_answer_the_same_from_anywhere() -> None:
    async with cluster() as (one, two, _):
        first = (await one.post()).json["nextUri"]
        second = (await one.get(first)).json["nextUri"]
        third = (await one.get(second)).json["nextUri"]
        await one.get(third)
        for at in (one, two):
            assert (await at.get(second)).status == 410
            assert (await at.get(third[:-1] + "9")).status == 404


@pytest.mark.asyncio
async def test_queries_are_described_listed_and_ended_by_id_from_anywhere() -> None:
    async with cluster() as (one, two, _):
        query_id = (await one.post()).json["id"]
        await two.post()
        assert (await two.get(f"/v1/query/{query_id}")).json["queryId"] == query_id
        assert (await two.get(f"/v1/query/{query_id}", "bob")).status == 410
        assert len((await two.get("/v1/query")).json) == 2
        assert (await two.delete(f"/v1/query/{query_id}", "bob")).status == 204
        assert one.finished == []
        assert (await two.delete(f"/v1/query/{query_id}")).status == 204
        assert [r.outcome for r in one.finished] == ["CANCELED"]


@pytest.mark.asyncio
async def test_ddl_is_known_to_every_worker_before_the_client_hears_of_it() -> None:
    async with cluster() as (one, two, _):
        changed = TableName("memory", "s", "t")
        one.plans["create"] = engine_plan("create", invalidates=(changed,))
        one.engine.scripts["create"] = [page(state="FINISHED")]
        await one.run("create")
        assert one.invalidated == two.invalidated == [((changed,), False)]


@pytest.mark.asyncio
async def test_a_dead_workers_relayed_query_goes_on_from_its_token() -> None:
    async with cluster(trino()) as (one, two, workers):
        uri = (await one.get((await one.post()).json["nextUri"])).json["nextUri"]
        del workers["aaaaa"]
        first = await two.get(uri)
        assert first.json["data"] == [[2, "b"]]
        assert (await two.get(uri)).body == first.body
        assert (await two.get(uri, "bob")).status == 404
        assert (await two.get(uri, method="HEAD")).status == 200
        last = await two.get((await two.get(first.json["nextUri"])).json["nextUri"])
        assert "nextUri" not in last.json
        assert two.finished == []


@pytest.mark.asyncio
async def test_a_dead_workers_policed_query_stays_redacted() -> None:
    async with cluster(trino()) as (one, two, workers):
        one.plans["select"] = engine_plan(policed=True)
        one.engine.scripts["select"] = [page(), page([[1, "a"]], stats={"processedRows": 1_000_000}), page()]
        uri = (await one.get((await one.post()).json["nextUri"])).json["nextUri"]
        del workers["aaaaa"]
        assert (await two.get(uri)).json["stats"]["processedRows"] == 1


@pytest.mark.asyncio
async def test_a_worker_that_was_only_out_of_reach_takes_its_query_up_again() -> None:
    async with cluster(trino()) as (one, two, workers):
        uri = (await one.get((await one.post()).json["nextUri"])).json["nextUri"]
        address = workers.pop("aaaaa")
        uri = (await two.get(uri)).json["nextUri"]
        workers["aaaaa"] = address
        assert (await two.get(uri)).json["data"] == [[3, "c"]]
        assert [r.outcome for r in one.finished] == []


@pytest.mark.asyncio
async def test_cancel_of_a_dead_workers_query_reaches_the_engine() -> None:
    async with cluster(trino()) as (one, two, workers):
        uri = (await one.post()).json["nextUri"]
        del workers["aaaaa"]
        assert (await two.delete(uri)).status == 204
        await asyncio.sleep(0.02)
        assert len(two.engine.cancelled) == 1


@pytest.mark.asyncio
async def test_what_only_the_dead_worker_had_is_lost_with_a_clear_error() -> None:
    async with cluster() as (one, two, workers):
        uri = (await one.post()).json["nextUri"]
        workers["aaaaa"] = "127.0.0.1:1"
        answer = await two.get(uri)
        assert (answer.status, answer.json["error"]["errorName"]) == (200, "REMOTE_HOST_GONE")
        assert "nextUri" not in answer.json
        assert (await two.get(uri, method="HEAD")).status == 404
        assert (await two.delete(uri)).status == 204


@pytest.mark.asyncio
async def test_a_worker_that_has_just_started_is_waited_for() -> None:
    async with cluster(new_worker_seconds=2.0) as (one, two, workers):
        uri = (await one.post()).json["nextUri"]
        address = workers.pop("aaaaa")
        polling = asyncio.create_task(two.get(uri))
        await asyncio.sleep(0.15)
        workers["aaaaa"] = address
        assert (await polling).json["data"] == [[1, "a"]]


@pytest.mark.asyncio
async def test_whoever_answers_at_a_dead_workers_address_is_not_believed() -> None:
    impostor = HttpServer(lambda _: Response(200, (("Content-Type", "application/json"),), b'{"id":"x"}'))
    port = await impostor.listen()
    try:
        async with cluster() as (one, two, workers):
            uri = (await one.post()).json["nextUri"]
            workers["aaaaa"] = f"127.0.0.1:{port}"
            assert (await two.get(uri)).json["error"]["errorName"] == "REMOTE_HOST_GONE"
            workers["aaaaa"] = f"127.0.0.1:{two.peer_port}"
            assert (await two.get(uri)).json["error"]["errorName"] == "REMOTE_HOST_GONE"
    finally:
        await impostor.close()


@pytest.mark.asyncio
async def test_the_peer_listener_answers_only_signed_calls_for_itself_of_now() -> None:
    import time

    import msgspec

    async with cluster() as (one, _, _):
        query_id = (await one.post()).json["id"]
        body = msgspec.msgpack.encode(EndCall(query_id, "alice", True, "cancel"))
        good = Signatures(KEYS)
        tries = {
            "unsigned": "",
            "for another worker": good.sign(body, "bbbbb", time.time()),
            "of yesterday": good.sign(body, "aaaaa", time.time() - 86_400),
            "another body's": good.sign(body + b"x", "aaaaa", time.time()),
            "nonsense": "k1.x.y",
            "unknown key": "k7" + good.sign(body, "aaaaa", time.time())[2:],
        }
        for signature in tries.values():
            assert (await ask(one.peer_port, "POST", PATH, ((SIGNATURE, signature),), body)).status == 404
        assert (await ask(one.peer_port, "GET", "/v1/info")).status == 404
        assert (await ask(one.port, "POST", PATH, ((SIGNATURE, "x"),), body)).status == 404
        assert one.finished == []
        signed = ((SIGNATURE, good.sign(body, "aaaaa", time.time())),)
        assert (await ask(one.peer_port, "POST", PATH, signed, body)).status == 200
        assert [r.outcome for r in one.finished] == ["CANCELED"]


def test_a_signature_holds_for_one_body_one_target_and_a_minute() -> None:
    signatures = Signatures(KEYS)
    import msgspec

    call = PageCall("GET", "http://a", "k.t", 1, True)
    body = msgspec.msgpack.encode(call)
    signature = signatures.sign(body, "me", 1_000.0)
    assert signatures.check(signature, body, "me", 1_030.0) == call
    for changed in (
        (signature, body, "you", 1_030.0),
        (signature, body, "me", 1_100.0),
        (signature, body[:-1], "me", 1_000.0),
    ):
        with pytest.raises(ForgedCall):
            signatures.check(*changed)
    other = msgspec.msgpack.encode({"type": "shutdown"})
    with pytest.raises(ForgedCall):
        signatures.check(signatures.sign(other, "me", 1_000.0), other, "me", 1_000.0)
    empty = msgspec.msgpack.encode(InvalidateCall((), False))
    assert signatures.check(signatures.sign(empty, "me", 1.0), empty, "me", 1.0) == InvalidateCall((), False)
