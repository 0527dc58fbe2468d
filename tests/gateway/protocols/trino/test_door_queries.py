"""/v1/query: own queries only, killing by rule, and what cannot be told apart from nothing."""

from __future__ import annotations

import asyncio

import pytest

from gateway.models import Kill, LocalAnswer, Plan
from tests.gateway.protocols.trino.harness import MemoryEngine, page, refusal, site
from tests.gateway.protocols.wire import ask

PAGES = [page([[1, "a"]]), page([[2, "b"]]), page(state="FINISHED")]
ROOT = ("Authorization", "Basic root")


@pytest.mark.asyncio
async def test_the_owner_reads_the_query_and_nobody_else_knows_of_it() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        query_id = (await at.post()).json["id"]
        info = (await at.get(f"/v1/query/{query_id}?pruned=true")).json
        assert (info["queryId"], info["state"], info["query"]) == (query_id, "QUEUED", "select")
        assert (info["session"]["user"], info["self"]) == ("alice", f"http://door.test/v1/query/{query_id}")
        assert (await at.get(f"/v1/query/{query_id}", "bob")).status == 410
        assert (await at.get("/v1/query/20260101_000000_00000_zzzzz")).status == 410
        assert (await at.get("/v1/query/..%2f")).status == 404
        assert (await at.get(f"/v1/query/{query_id}", None)).status == 401
        assert (await at.get(f"/v1/query/{query_id}", None, ROOT)).json["queryId"] == query_id


@pytest.mark.asyncio
async def test_the_info_of_an_ended_query_has_its_outcome() -> None:
    from catalog.errors import ErrorCode

    async with site() as at:
        at.plans["bad"] = refusal(ErrorCode.TABLE_NOT_FOUND, "Table does not exist")
        query_id = (await at.post("bad")).json["id"]
        info = (await at.get(f"/v1/query/{query_id}")).json
        assert (info["state"], info["finalQueryInfo"], info["errorType"]) == ("FAILED", True, "USER_ERROR")
        assert info["errorCode"] == {"name": "TABLE_NOT_FOUND", "code": 46, "type": "USER_ERROR"}
        assert info["failureInfo"]["message"] == "Table does not exist"


@pytest.mark.asyncio
async def test_delete_by_id_cancels_as_go_and_javascript_do() -> None:
    """QueryFlux (reading): `/v1/query/{id}` absent, so Go and JS cannot cancel."""
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = PAGES
        first = (await at.post()).json
        assert first["id"].endswith("_trino")
        assert (await at.delete(f"/v1/query/{first['id']}")).status == 204
        assert (await at.get(first["nextUri"])).json["error"]["errorName"] == "USER_CANCELED"
        assert (await at.delete(f"/v1/query/{first['id']}")).status == 204


@pytest.mark.asyncio
async def test_delete_of_an_unknown_or_foreign_id_is_204_and_does_nothing() -> None:
    """trino-gateway #1241: an unknown id falls to a default backend."""
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        query_id = (await at.post()).json["id"]
        assert (await at.delete("/v1/query/20260101_000000_00000_zzzzz")).status == 204
        assert (await at.delete(f"/v1/query/{query_id}", "bob")).status == 204
        assert (at.finished, at.engine.cancelled) == ([], [])


@pytest.mark.asyncio
async def test_the_list_holds_the_callers_own_queries_newest_first_and_bounded() -> None:
    """Attack N03: everybody's SQL at `/v1/query`."""
    async with site(list_length=3) as at:
        at.engine.scripts["select"] = PAGES
        for user in ("alice", "bob", "alice", "alice", "alice"):
            await at.post("select", user)
        infos = (await at.get("/v1/query")).json
        assert [info["queryId"][-11:-6] for info in infos] == ["00004", "00003", "00002"]
        assert {info["session"]["user"] for info in infos} == {"alice"}
        assert (await at.get("/v1/query?state=finished")).json == []
        assert (await at.get("/v1/query?state=NOPE")).json == []
        assert len((await at.get("/v1/query?state=QUEUED", "bob")).json) == 1


@pytest.mark.parametrize(
    ("verb", "name"), [("killed", "ADMINISTRATIVELY_KILLED"), ("preempted", "ADMINISTRATIVELY_PREEMPTED")]
)
@pytest.mark.asyncio
async def test_an_administrator_ends_anybodys_query_and_says_why(verb: str, name: str) -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        first = (await at.post()).json
        path = f"/v1/query/{first['id']}/{verb}"
        assert (await at.get(path, "bob", method="PUT")).status == 410
        assert (await ask(at.port, "PUT", path, (ROOT,), b"too dear")).status == 202
        assert (await ask(at.port, "PUT", path, (ROOT,), b"too dear")).status == 409
        error = (await at.get(first["nextUri"])).json["error"]
        assert (error["errorName"], "too dear" in error["message"]) == (name, True)
        assert [r.outcome for r in at.finished] == ["CANCELED"]
        assert (await ask(at.port, "PUT", "/v1/query/x/killed", (ROOT,))).status == 410
        assert (await ask(at.port, "GET", path, (ROOT,))).status == 405


@pytest.mark.asyncio
async def test_kill_query_reaches_the_owners_query_by_the_id_the_client_knows() -> None:
    """trino-gateway #427: kill_query routed elsewhere. Superset stops queries this way."""
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = PAGES
        first = (await at.post()).json
        answer = LocalAnswer(update_type="CALL")
        at.plans["call"] = Plan("CALL", "local", answer=answer, kill=Kill(first["id"], "stop", anybody=False))
        refused = (await at.run("call", "bob"))[-1].json["error"]
        assert (refused["errorName"], refused["message"]) == ("NOT_FOUND", f"Target query not found: {first['id']}")
        done = (await at.run("call"))[-1].json
        assert (done["updateType"], "error" in done) == ("CALL", False)
        again = (await at.run("call"))[-1].json["error"]
        assert (again["errorName"], again["message"]) == (
            "NOT_SUPPORTED",
            f"Target query is not running: {first['id']}",
        )
        error = (await at.get(first["nextUri"])).json["error"]
        assert error["message"] == "Query killed. Message: stop"
        await asyncio.sleep(0.01)
        assert len(at.engine.cancelled) == 1
