"""POST /v1/statement: what becomes a statement, what is turned away, and that the answer is always QUEUED."""

from __future__ import annotations

import orjson
import pytest

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR
from engines.base import OutputColumn
from gateway.events import (
    PageServed,
    StatementFinished,
    StatementPlanned,
    StatementReceived,
    StatementRefused,
    StatementSubmitted,
)
from gateway.models import LocalAnswer, NotPlanned
from tests.gateway.protocols.trino.harness import TWO_PAGES, MemoryEngine, engine_plan, local_plan, page, site
from tests.gateway.protocols.wire import ask


@pytest.mark.asyncio
async def test_a_statement_is_queued_then_gives_its_pages_then_an_empty_last_one() -> None:
    async with site() as at:
        at.engine.scripts["select"] = TWO_PAGES
        answers = await at.run()
        bodies = [answer.json for answer in answers]
        assert [answer.status for answer in answers] == [200] * 4
        assert bodies[0]["stats"]["state"] == "QUEUED"
        assert set(bodies[0]) == {"id", "infoUri", "nextUri", "stats", "warnings"}
        assert [body.get("data") for body in bodies] == [None, [[1, "a"]], [[2, "b"]], None]
        assert ["nextUri" in body for body in bodies] == [True, True, True, False]
        assert {body["id"] for body in bodies} == {bodies[0]["id"]}
        assert all(body["infoUri"] == f"http://door.test/v1/query/{bodies[0]['id']}" for body in bodies)
        assert bodies[1]["columns"][0]["typeSignature"] == {"rawType": "bigint", "arguments": []}


@pytest.mark.asyncio
async def test_no_work_begins_before_the_first_get() -> None:
    async with site() as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post()
        assert (len(at.engine.submitted), at.engine.asked) == (1, [])


@pytest.mark.asyncio
async def test_ids_are_of_trinos_form_and_name_the_worker() -> None:
    async with site(worker="wxy23") as at:
        at.engine.scripts["select"] = TWO_PAGES
        ids = [(await at.post()).json["id"] for _ in range(2)]
        assert ids == ["20270115_080000_00000_wxy23", "20270115_080000_00001_wxy23"]


@pytest.mark.asyncio
async def test_a_statement_leaves_its_events_in_order_and_one_finished() -> None:
    async with site() as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.run()
        assert [type(event) for event in at.events] == [
            StatementReceived,
            StatementPlanned,
            StatementSubmitted,
            PageServed,
            PageServed,
            PageServed,
            StatementFinished,
        ]
        record = at.finished[0]
        assert (record.outcome, record.rows, record.kind, record.engine) == ("FINISHED", 2, "SELECT", "memory")
        assert (record.user, record.auth_method, record.client_address) == ("alice", "insecure", "127.0.0.1")
        assert record.bytes == len(b'[[1,"a"]]') * 2
        assert set(record.stage_ms) == {"parse", "submit", "execute", "stream"}


@pytest.mark.asyncio
async def test_a_refusal_is_queued_and_told_on_the_first_page_with_code_and_position() -> None:
    async with site() as at:
        refused = Refusal(ErrorCode.COLUMN_NOT_FOUND, "Column 'x' cannot be resolved", location=Location(1, 8))
        at.plans["bad"] = NotPlanned(refused, stage="analyze", kind="SELECT", fingerprint="f")
        first, second = await at.run("bad")
        assert (first.status, first.json["stats"]["state"]) == (200, "QUEUED")
        assert "error" not in first.json
        error = second.json["error"]
        assert (second.status, error["errorName"], error["errorCode"], error["errorType"]) == (
            200,
            "COLUMN_NOT_FOUND",
            47,
            "USER_ERROR",
        )
        assert error["message"] == "line 1:8: Column 'x' cannot be resolved"
        assert error["errorLocation"] == {"lineNumber": 1, "columnNumber": 8}
        assert error["failureInfo"]["suppressed"] == error["failureInfo"]["stack"] == []
        assert error["failureInfo"]["errorInfo"] == {"code": 47, "name": "COLUMN_NOT_FOUND", "type": "USER_ERROR"}
        assert error["failureInfo"]["errorLocation"] == error["errorLocation"]
        assert second.json["stats"]["state"] == "FAILED"


@pytest.mark.asyncio
async def test_a_refusal_is_recorded_once_whether_or_not_the_client_comes_back() -> None:
    async with site() as at:
        at.plans["raised"] = Refusal(ErrorCode.SYNTAX_ERROR, "no")
        at.plans["returned"] = NotPlanned(Refusal(ErrorCode.PERMISSION_DENIED, "no"), stage="authorize")
        await at.post("raised")
        await at.run("returned")
        assert [(r.sql, r.outcome, r.error_code, r.decision) for r in at.finished] == [
            ("raised", "REFUSED", "SYNTAX_ERROR", "refuse"),
            ("returned", "REFUSED", "PERMISSION_DENIED", "refuse"),
        ]
        assert [event.stage for event in at.of(StatementRefused)] == ["plan", "authorize"]


@pytest.mark.asyncio
async def test_a_bug_in_planning_or_submitting_is_an_internal_error_without_details() -> None:
    async with site() as at:
        at.plans["bug"] = ZeroDivisionError("secret")
        error = (await at.run("bug"))[1].json["error"]
        assert (error["errorName"], "secret" in str(error)) == ("GENERIC_INTERNAL_ERROR", False)
        at.engine.submit_error = ZeroDivisionError("secret")
        error = (await at.run("select"))[1].json["error"]
        assert (error["errorName"], "secret" in str(error)) == ("GENERIC_INTERNAL_ERROR", False)
        assert [r.outcome for r in at.finished] == ["FAILED", "FAILED"]


@pytest.mark.asyncio
async def test_an_engine_that_takes_nothing_is_still_queued_then_told() -> None:
    async with site() as at:
        at.engine.submit_error = Refusal(ErrorCode.NO_NODES_AVAILABLE, "The engine memory does not answer")
        first, second = await at.run()
        assert first.json["stats"]["state"] == "QUEUED"
        assert second.json["error"]["errorName"] == "NO_NODES_AVAILABLE"
        assert [r.outcome for r in at.finished] == ["FAILED"]


@pytest.mark.asyncio
async def test_a_statement_that_cannot_be_recorded_is_refused_and_not_run() -> None:
    async with site() as at:
        at.engine.scripts["select"] = TWO_PAGES
        at.refuse_admission.append(Refusal(ErrorCode.QUERY_QUEUE_FULL, "Usage cannot be recorded"))
        assert (await at.run())[1].json["error"]["errorName"] == "QUERY_QUEUE_FULL"
        assert (at.engine.submitted, at.events) == ([], [])


@pytest.mark.asyncio
async def test_an_answer_of_the_gateways_own_comes_as_one_page_with_its_headers() -> None:
    columns = (OutputColumn("n", BIGINT), OutputColumn("word", VARCHAR))
    headers = (("X-Trino-Set-Session", "a=b%2Cc"), ("X-Trino-Set-Session", "d=e"), ("X-Trino-Set-Catalog", "memory"))
    async with site() as at:
        at.plans["show"] = local_plan(LocalAnswer(columns, ((1, "x"), (2, None)), headers), warnings=("look",))
        first, second = await at.run("show")
        assert first.all("X-Trino-Set-Session") == []
        assert second.json["data"] == [[1, "x"], [2, None]]
        assert [column["type"] for column in second.json["columns"]] == ["bigint", "varchar"]
        assert second.all("X-Trino-Set-Session") == ["a=b%2Cc", "d=e"]
        assert second.json["warnings"][0]["message"] == "look"
        again = await at.get(first.json["nextUri"])
        assert (again.body, again.headers[:-1]) == (second.body, second.headers[:-1])
        assert [(r.outcome, r.rows, r.engine) for r in at.finished] == [("FINISHED", 2, None)]


@pytest.mark.asyncio
async def test_an_answer_without_columns_says_so_by_an_empty_list() -> None:
    async with site() as at:
        at.plans["use"] = local_plan(LocalAnswer(update_type="USE", headers=(("X-Trino-Set-Schema", "s"),)))
        last = (await at.run("use"))[1]
        assert set(last.json) == {"id", "infoUri", "columns", "stats", "warnings", "updateType"}
        assert last.json["columns"] == []  # JDBC takes an answer without the member for a failure
        assert (last.json["updateType"], last.header("X-Trino-Set-Schema")) == ("USE", "s")


@pytest.mark.asyncio
async def test_the_plans_warnings_come_before_the_engines_on_every_page() -> None:
    theirs = {"warningCode": {"code": 1, "name": "TOO_MANY_STAGES"}, "message": "theirs"}
    async with site() as at:
        at.plans["select"] = engine_plan(warnings=("ours",))
        at.engine.scripts["select"] = [page(warnings=[theirs]), page(), page(warnings=[theirs])]
        answers = await at.run()
        messages = [[warning["message"] for warning in answer.json["warnings"]] for answer in answers[1:]]
        assert messages == [["ours", "theirs"], ["ours"], ["ours", "theirs"]]


@pytest.mark.asyncio
async def test_session_effects_of_engine_and_gateway_come_with_every_page_and_again_on_retry() -> None:
    """QueryFlux (reading): only content-type is relayed, so USE and SET SESSION are lost."""
    async with site() as at:
        at.plans["select"] = engine_plan(headers=(("X-Trino-Added-Prepare", "p=select+1"),))
        step = page(headers=(("X-Trino-Set-Session", "a=1"), ("X-Trino-Clear-Session", "b")))
        at.engine.scripts["select"] = [step, step]
        answers = await at.run()
        for answer in (*answers[1:], await at.get(answers[1].json["nextUri"])):
            assert answer.all("X-Trino-Set-Session") == ["a=1"]
            assert answer.all("X-Trino-Clear-Session") == ["b"]
            assert answer.all("X-Trino-Added-Prepare") == ["p=select+1"]


@pytest.mark.asyncio
async def test_when_relaying_to_trino_the_client_knows_the_engines_id() -> None:
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = TWO_PAGES
        answers = await at.run()
        assert answers[0].json["id"] == "20260101_000000_00001_trino"
        record = at.finished[0]
        assert (record.query_id, record.engine_query_id) == ("20270115_080000_00000_aaaaa", answers[0].json["id"])


@pytest.mark.asyncio
async def test_a_rename_of_columns_or_a_map_key_named_next_uri_is_left_alone() -> None:
    """QueryFlux (reading): a byte patch of the first `nextUri` corrupts the data of the last page."""
    cells = [[1, {"nextUri": 'http://evil/\\"', "id": "x"}], [2, '{"nextUri":"http://evil"}']]
    data = orjson.dumps(cells)
    async with site() as at:
        at.engine.scripts["select"] = [page(cells), page(state="FINISHED", data=data)]
        answers = await at.run()
        assert [answer.json["data"] for answer in answers[1:]] == [cells, cells]
        assert all(b'"data":' + data in answer.body for answer in answers[1:])


@pytest.mark.asyncio
async def test_members_that_are_no_part_of_a_result_stay_behind() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page(nextUri="http://engine:8080/x", infoUri="http://engine:8080/ui", odd=[1])]
        answer = (await at.run())[1]
        assert "nextUri" not in answer.json
        assert b"engine:8080" not in answer.body
        assert "odd" not in answer.json


@pytest.mark.asyncio
async def test_ddl_is_known_to_the_catalog_before_the_client_hears_of_it() -> None:
    async with site() as at:
        changed = TableName("memory", "s", "t")
        at.plans["create"] = engine_plan("create", invalidates=(changed,), invalidates_schemas=True)
        at.engine.scripts["create"] = [page(), page(state="FINISHED")]
        first = await at.post("create")
        second = await at.get(first.json["nextUri"])
        assert at.invalidated == []
        await at.get(second.json["nextUri"])
        assert at.invalidated == [((changed,), True)]


@pytest.mark.asyncio
async def test_info_and_status_tell_that_it_is_ready_and_nothing_internal() -> None:
    async with site(node_version="476", environment="demo") as at:
        info = (await ask(at.port, "GET", "/v1/info")).json
        assert (info["starting"], info["coordinator"], info["nodeVersion"]) == (False, True, {"version": "476"})
        assert (await ask(at.port, "GET", "/v1/info/state")).json == "ACTIVE"
        assert (await ask(at.port, "HEAD", "/v1/status")).status == 200
        assert (await ask(at.port, "GET", "/v1/status")).json["externalAddress"] == ""
