"""POST /v1/statement: what becomes a statement, what is turned away, and that the answer is always QUEUED."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR
from engines.base import OutputColumn
from gateway.events import (
    AuthenticationFailed,
    PageServed,
    StatementFinished,
    StatementPlanned,
    StatementReceived,
    StatementRefused,
    StatementSubmitted,
)
from gateway.models import LocalAnswer, NotPlanned
from tests.gateway.protocols.trino.harness import MemoryEngine, engine_plan, local_plan, page, site
from tests.gateway.protocols.wire import ask

TWO_PAGES = [page([[1, "a"]]), page([[2, "b"]]), page(state="FINISHED")]


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


TURNED_AWAY = {
    "empty body": (b"", (), 400, "SQL statement is empty"),
    "invalid utf-8": (b"select '\xff'", (), 400, "SQL statement is not valid UTF-8"),
    "utf-16": (b"select", (("Content-Type", "text/plain; charset=utf-16"),), 400, "The charset is not supported"),
    "no such charset": (
        b"select",
        (("Content-Type", "text/plain; charset=nope"),),
        400,
        "The charset is not supported",
    ),
    "compressed": (b"select", (("Content-Encoding", "gzip"),), 400, "Compressed statements are not supported"),
    "schema alone": (b"select", (("X-Trino-Schema", "s"),), 400, "Schema is set but catalog is not"),
    "bad session": (b"select", (("X-Trino-Session", "a"),), 400, "Invalid X-Trino-Session header"),
}


@pytest.mark.parametrize(("body", "headers", "status", "text"), TURNED_AWAY.values(), ids=TURNED_AWAY.keys())
@pytest.mark.asyncio
async def test_what_is_no_statement_is_turned_away_in_text_and_leaves_one_usage_row(
    body: bytes, headers: tuple[tuple[str, str], ...], status: int, text: str
) -> None:
    async with site() as at:
        answer = await at.post(body, "alice", *headers)
        assert (answer.status, answer.header("Content-Type")) == (status, "text/plain")
        assert answer.text.startswith(f"Error 400 Bad Request: {text}")
        assert [type(event) for event in at.events] == [StatementReceived, StatementRefused, StatementFinished]
        assert at.of(StatementRefused)[0].stage == "request"
        (row,) = at.finished
        assert (row.user, row.outcome, row.error_code) == ("alice", "REFUSED", "GENERIC_USER_ERROR")
        assert (f"Error 400 Bad Request: {row.error_message}", row.sql) == (
            answer.text,
            body.decode("utf-8", "replace"),
        )
        assert at.door.running == 0


@pytest.mark.asyncio
async def test_what_is_turned_away_before_its_sender_is_known_leaves_no_row() -> None:
    async with site() as at:
        answer = await at.post("select", "alice", ("X-Trino-User", "bob"))
        assert (answer.status, answer.text) == (400, "Error 400 Bad Request: X-Trino-User header must not be repeated")
        assert (await at.post(b"", "alice", ("Authorization", "Basic wrong"))).status == 401
        assert at.finished == []


@pytest.mark.asyncio
async def test_what_cannot_be_recorded_is_turned_away_all_the_same() -> None:
    async with site() as at:
        at.refuse_admission.append(Refusal(ErrorCode.QUERY_QUEUE_FULL, "full"))
        assert ((await at.post(b"")).status, at.finished, at.door.running) == (400, [], 0)


CHARSETS = {
    "none": ("", "utf-8"),
    "utf-8": ("text/plain; charset=utf-8", "utf-8"),
    "UTF-8 in quotes": ('text/plain;charset="UTF-8"', "utf-8"),
    "latin-1": ("text/plain; charset=ISO-8859-1", "latin-1"),
    "a form, as JavaScript sends it": ("application/x-www-form-urlencoded", "utf-8"),
}


@pytest.mark.parametrize(("kind", "charset"), CHARSETS.values(), ids=CHARSETS.keys())
@pytest.mark.asyncio
async def test_the_text_arrives_whatever_the_content_type_calls_it(kind: str, charset: str) -> None:
    sql = "select 'süß' || '%20+&=' -- ü"
    async with site() as at:
        at.engine.scripts[sql] = TWO_PAGES
        await at.post(sql.encode(charset), "alice", *((("Content-Type", kind),) if kind else ()))
        assert at.engine.submitted[0].sql == sql


@pytest.mark.asyncio
async def test_two_megabytes_of_sql_reach_planning_and_five_get_413() -> None:
    async with site() as at:
        big = "select " + "1," * 1_000_000 + "1"
        at.plans[big] = Refusal(ErrorCode.QUERY_TEXT_TOO_LARGE, "Query text length exceeds the maximum")
        assert (await at.run(big))[1].json["error"]["errorName"] == "QUERY_TEXT_TOO_LARGE"
        assert (await at.post(b"x" * 5_000_000)).status == 413


@pytest.mark.asyncio
async def test_who_proves_nothing_gets_401_with_every_challenge() -> None:
    async with site() as at:
        answer = await at.post("select", "alice", ("Authorization", "Basic wrong"))
        assert (answer.status, answer.text) == (401, "Invalid credentials")
        assert answer.all("WWW-Authenticate") == ['Basic realm="Penstock"', 'Bearer realm="Penstock"']
        assert (await at.post("select", None)).status == 401
        assert [event.method for event in at.of(AuthenticationFailed)] == ["password", "none"]


@pytest.mark.asyncio
async def test_who_may_not_impersonate_gets_403_and_leaves_a_row_of_his_own() -> None:
    async with site() as at:
        answer = await at.post("select", "alice", ("Authorization", "Basic bob"))
        assert (answer.status, answer.text) == (403, "Access Denied: User bob cannot impersonate user alice")
        (row,) = at.finished
        assert (row.user, row.authenticated, row.outcome, row.sql) == ("bob", "bob", "REFUSED", "select")
        assert (row.error_code, row.error_message) == ("PERMISSION_DENIED", answer.text)


@pytest.mark.asyncio
async def test_head_on_statement_tells_whether_the_credentials_are_good() -> None:
    async with site() as at:
        good = await at.get("/v1/statement", "alice", ("Authorization", "Basic alice"), method="HEAD")
        bad = await at.get("/v1/statement", "alice", ("Authorization", "Basic wrong"), method="HEAD")
        assert (good.status, good.body, bad.status) == (200, b"", 401)
        assert at.finished == []


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
async def test_other_methods_and_paths_are_refused_in_text() -> None:
    async with site() as at:
        asked = {
            ("GET", "/v1/statement"): 405,
            ("PUT", "/v1/statement"): 405,
            ("POST", "/v1/info"): 405,
            ("GET", "/"): 404,
            ("GET", "/v1/node"): 404,
            ("GET", "/v1/statement/"): 404,
            ("GET", "//v1/statement"): 404,
            ("GET", "/v1/statement/queued/x/y/1"): 404,
            ("GET", "/v1/statement/executing/x/y/../1"): 404,
            ("GET", "/v1/spooled/download/abc"): 404,
            ("GET", "/v1/spooled/segments/abc"): 404,
            ("GET", "/ui/api/query"): 404,
            ("GET", "/v1/resourceGroupState/global"): 404,
        }
        got = {key: await ask(at.port, key[0], key[1], (("X-Trino-User", "alice"),)) for key in asked}
        assert {key: answer.status for key, answer in got.items()} == asked
        assert got["GET", "/v1/statement"].header("Allow") == "HEAD,POST"
        assert {answer.header("Content-Type") for answer in got.values() if answer.status == 404} == {"text/plain"}
        assert {answer.text for answer in got.values() if answer.status == 405} == {""}


@pytest.mark.asyncio
async def test_info_and_status_tell_that_it_is_ready_and_nothing_internal() -> None:
    async with site(node_version="476", environment="demo") as at:
        info = (await ask(at.port, "GET", "/v1/info")).json
        assert (info["starting"], info["coordinator"], info["nodeVersion"]) == (False, True, {"version": "476"})
        assert (await ask(at.port, "GET", "/v1/info/state")).json == "ACTIVE"
        assert (await ask(at.port, "HEAD", "/v1/status")).status == 200
        assert (await ask(at.port, "GET", "/v1/status")).json["externalAddress"] == ""


@pytest.mark.asyncio
async def test_draining_turns_new_statements_away_and_lets_running_ones_finish() -> None:
    async with site(real_time=True) as at:
        at.engine.scripts["select"] = TWO_PAGES
        running = await at.post()
        draining = asyncio.create_task(at.door.drain(5))
        await asyncio.sleep(0.01)
        refused = await at.post()
        assert (refused.status, refused.header("Retry-After")) == (503, "5")
        assert (await ask(at.port, "GET", "/v1/info/state")).json == "SHUTTING_DOWN"
        while "nextUri" in running.json:
            running = await at.get(running.json["nextUri"])
        assert await draining == 0
        assert [r.outcome for r in at.finished] == ["FINISHED"]


@pytest.mark.asyncio
async def test_what_still_runs_at_the_end_of_a_drain_is_recorded_and_cancelled() -> None:
    async with site(real_time=True) as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post()
        assert await at.door.drain(0.1) == 1
        await at.door.close()
        assert [(r.outcome, r.error_code) for r in at.finished] == [("CANCELED", "SERVER_SHUTTING_DOWN")]
        assert len(at.engine.cancelled) == 1


@pytest.mark.asyncio
async def test_what_an_engine_of_its_own_still_runs_is_left_running_for_other_replicas() -> None:
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post()
        await at.door.close()
        assert [(r.outcome, r.error_code) for r in at.finished] == [("CUT_OFF", "SERVER_SHUTTING_DOWN")]
        assert at.engine.cancelled == []


@pytest.mark.asyncio
async def test_addresses_follow_the_host_the_configuration_or_a_trusted_proxy() -> None:
    async def base(**settings: object) -> str:
        async with site(**settings) as at:  # type: ignore[arg-type]
            at.engine.scripts["select"] = TWO_PAGES
            told = (
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "trino.example.com"),
                ("X-Forwarded-Port", "8443"),
                ("X-Forwarded-Prefix", "/sql/"),
            )
            uri: str = (await at.post("select", "alice", *told)).json["nextUri"]
            return uri.split("/v1/")[0]

    assert await base() == "http://door.test"
    assert await base(public_url="https://public.example.com/gate/") == "https://public.example.com/gate"
    assert await base(trusted_proxies=("127.0.0.0/8",)) == "https://trino.example.com:8443/sql"
    assert await base(trusted_proxies=("10.0.0.0/8",)) == "http://door.test"


@pytest.mark.parametrize("host", ["a b", 'a"b', "a/b", "a@b", "", "[::1", "a:b"])
@pytest.mark.asyncio
async def test_a_host_that_is_none_is_refused(host: str) -> None:
    async with site() as at:
        answer = await ask(at.port, "POST", "/v1/statement", (("X-Trino-User", "alice"),), b"select", host=host)
        assert answer.status == 400


@pytest.mark.asyncio
async def test_the_client_behind_trusted_proxies_is_the_last_hop_that_is_not_theirs() -> None:
    async with site(trusted_proxies=("127.0.0.0/8", "10.0.0.0/8")) as at:
        at.engine.scripts["select"] = TWO_PAGES
        await at.post("select", "alice", ("X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.1.1.1"))
        assert at.of(StatementReceived)[0].statement.session.remote_address == "192.0.2.7"
