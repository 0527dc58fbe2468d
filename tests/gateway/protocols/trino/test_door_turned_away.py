"""POST /v1/statement that never becomes a statement: bodies, charsets, credentials, hosts, other methods."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode, Refusal
from gateway.events import (
    AuthenticationFailed,
    StatementFinished,
    StatementReceived,
    StatementRefused,
)
from tests.gateway.protocols.trino.harness import TWO_PAGES, site
from tests.gateway.protocols.wire import ask

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
async def test_addresses_follow_the_host_the_configuration_or_a_trusted_proxy() -> None:
    async def base(**settings: object) -> str:
        async with site(**settings) as at:  # type: ignore[arg-type]  # the words of a test
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
