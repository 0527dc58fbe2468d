"""Requests that are no requests: broken HTTP, headers that lie, texts that are none. Each gets a status that says why."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
import zstandard

from gateway.protocols.trino.tokens import PageTokens, TokenKey
from tests.attacks.caller import Caller
from tests.attacks.process import PAGE_KEY, Gateway
from tests.bad_input.conftest import API_KEY
from tests.bad_input.wire import Answer, head, post, send

GOOD = b"SELECT count(*) FROM orders"
UNKNOWN = ("X-Trino-User", "Transfer-Encoding", "Content-Length", "Host")
"""Headers that leave open who sent the request, or what."""
BODIES = {
    "empty": b"",
    "invalid UTF-8": b"SELECT '\xff\xfe'",
    "half a character": b"SELECT '\xe2\x82'",
    "UTF-16": "SELECT 1".encode("utf-16"),
    "a surrogate": b"SELECT '\xed\xa0\x80'",
    "an overlong character": b"SELECT '\xc0\xaf'",
}
TURNED_AWAY: Counter[tuple[str, str, str]] = Counter()
"""Texts, error codes and answers of POSTs of ana that got an HTTP status; the store is asked once, at the end."""


def _turned_away(body: bytes, answer: Answer) -> None:
    code = "PERMISSION_DENIED" if answer.status == 403 else "GENERIC_USER_ERROR"
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    told = answer.text.partition("\r\n\r\n")[2].removeprefix("Error 400 Bad Request: ")
    TURNED_AWAY[text, code, told] += 1


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_statement_is_turned_away(gateway: Gateway, name: str) -> None:
    """Trino 476 puts U+FFFD in the place of such bytes and runs what is left: two texts would become one."""
    answer = send(gateway, post(gateway, BODIES[name]))
    assert answer.status == 400
    _turned_away(BODIES[name], answer)


def test_a_body_larger_than_any_statement_is_not_read_to_its_end(gateway: Gateway) -> None:
    assert send(gateway, post(gateway, b"SELECT '" + b"a" * 6_000_000 + b"'")).status == 413


def test_whoever_acts_for_another_without_a_rule_is_turned_away(gateway: Gateway) -> None:
    request = post(gateway, GOOD).replace(b"X-Trino-User: ana", b"X-Trino-User: eva")
    answer = send(gateway, request)
    assert answer.status == 403
    _turned_away(GOOD, answer)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["X-Trino-Catalog: lake"], 400),
        (["X-Trino-User: eva"], 400),
        (["X-Trino-Session: a=%zz"], 400),
        (["X-Trino-Session: =1"], 400),
        (["X-Trino-Session: a=1,a=2"], 400),
        (["X-Trino-Prepared-Statement: p"], 400),
        (["X-Trino-Prepared-Statement: p=%FF"], 400),
        (["X-Trino-Prepared-Statement: p=a%00b"], 400),
        (["X-Trino-Prepared-Statement: p=SELECT+1,p=SELECT+2"], 400),
        (["X-Trino-Resource-Estimate: CPU_TIME=soon"], 400),
        (["X-Trino-Role: lake=admin"], 400),
        (["X-Trino-Extra-Credential: broken"], 400),
        (["X-Trino-Source: \xff\xfe"], 200),
        (["X-Trino-Client-Tags: " + "t" * 20_000], 400),
        (["X-Trino-Client-Info: " + "i" * 20_000], 400),
        (["Content-Type: text/plain; charset=utf-7"], 400),
        (["Content-Encoding: gzip"], 400),
        (["Expect: the-unexpected"], 417),
        (["Transfer-Encoding: chunked"], 400),
        (["Content-Length: 1"], 400),
        (["Host: elsewhere"], 400),
        (["X-Long: " + "x" * 200_000], 431),
        ([f"X-Many-{i}: x" for i in range(2_000)], 431),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_header_that_lies_is_turned_away(gateway: Gateway, lines: list[str], status: int) -> None:
    answer = send(gateway, post(gateway, GOOD, *lines))
    assert answer.status == status
    assert "Traceback" not in answer.text
    if status == 400 and not lines[0].startswith(UNKNOWN):
        _turned_away(GOOD, answer)


def test_a_header_that_is_not_utf_8_is_turned_away(gateway: Gateway) -> None:
    request = post(gateway, GOOD).replace(b"X-Trino-Schema: sales", b"X-Trino-Schema: s\xffles")
    answer = send(gateway, request)
    assert answer.status == 400
    _turned_away(GOOD, answer)


def test_each_post_that_was_turned_away_left_one_row(ana: Caller, gateway: Gateway) -> None:
    """Those of a known sender only: broken HTTP and a user named twice say nothing of who sent them."""
    last = ana.ask("SELECT 1")
    assert len(gateway.usage_of(str(last.query_id))) == 1
    rows = [row for row in gateway.usage(user_name="ana", outcome="REFUSED") if not row["kind"]]
    left = Counter((row["sql_text"], row["error_code"], row["error_message"]) for row in rows)
    assert len(TURNED_AWAY) > 20 or not TURNED_AWAY, "the tests above run first"
    assert {key: left[key] for key in TURNED_AWAY} == dict(TURNED_AWAY)


@pytest.mark.parametrize(
    "line",
    ["X-Trino-Source: a\r\nX-Trino-User: eva", "X-Trino-Source: a\nX-Trino-User: eva", "X-Trino-Source: a\x00b",
     "X-Trino-Source : a", "X Trino: a", ": a", "X-Trino-Source: a\r\n folded: b"],
)  # fmt: skip
def test_a_header_cannot_smuggle_another(gateway: Gateway, line: str) -> None:
    answer = send(gateway, post(gateway, GOOD, line))
    assert answer.status in (400, 403)


def test_what_a_client_sends_is_not_put_into_response_headers_as_it_is(ana: Caller) -> None:
    """Header injection: effects on the session are encoded, whatever names are made of."""
    evil = 'a"\r\nX-Evil: 1\r\n\r\n'
    texts = [f'PREPARE "{name}" FROM SELECT 1' for name in (evil.replace('"', '""'), "é", "a b", "a,b=c")]
    for sql in [
        *texts,
        "SET TIME ZONE 'UTC\r\nX-Evil: 1'",
        'USE lake."sales\r\nX-Evil: 1"',
        'SET SESSION "a\r\nX-Evil" = 1',
    ]:
        seen = ana.ask(sql)
        assert "x-evil" not in {name.lower() for name, _ in seen.headers}
        assert all("\r" not in value and "\n" not in value for _, value in seen.headers)


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\r\n\r\n\r\n\x00", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
     b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET http://elsewhere/v1/info HTTP/1.1\r\n\r\n", b"POST /v1/statement HTTP/1.1\r\n\r\n",
     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
     b"CONNECT evil:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_http_is_refused_or_dropped(gateway: Gateway, data: bytes) -> None:
    assert send(gateway, data).status in (0, 400, 404, 405, 414, 431, 501, 505)


def test_two_readings_of_one_body_are_refused(gateway: Gateway) -> None:
    """Request smuggling: a length and chunks, two lengths, chunks that end early."""
    second = head(gateway, "Content-Length: 8") + b"SELECT 2"
    for lines in (
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Content-Length: 4", "Content-Length: 40"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, identity"],
    ):
        answer = send(gateway, head(gateway, *lines) + b"0\r\n\r\n" + second)
        assert answer.status in (400, 501)
        assert answer.text.count("HTTP/1.1 ") == 1


def _prepared(text: bytes, name: str = "p") -> str:
    packed = base64.urlsafe_b64encode(zstandard.compress(text, 19)).decode()
    return f"X-Trino-Prepared-Statement: {name}={quote('$zstd:' + packed)}"


def test_a_compressed_prepared_statement_runs(gateway: Gateway) -> None:
    """The control of the bombs below."""
    answer = send(
        gateway, post(gateway, b"EXECUTE p", _prepared(b"SELECT count(*) FROM orders /* " + b"x" * 5_000 + b" */"))
    )
    assert answer.status == 200


@pytest.mark.parametrize("size", [2_000_000, 100_000_000, 1_000_000_000])
def test_a_bomb_in_a_prepared_statement_is_turned_away_at_once(
    gateway: Gateway, patience: Callable[[], float], size: int
) -> None:
    packer = zstandard.ZstdCompressor(level=3).compressobj()
    packed = b"".join([*(packer.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)), packer.flush()])
    line = f"X-Trino-Prepared-Statement: p={quote('$zstd:' + base64.urlsafe_b64encode(packed).decode())}"
    begun = time.monotonic()
    assert send(gateway, post(gateway, b"EXECUTE p", line)).status in (400, 431)
    assert time.monotonic() - begun < 2 * patience()


@pytest.mark.parametrize(
    "value", ["$zstd:", "$zstd:AAAA", "$zstd:%21%21", "$zstd:" + "A" * 10_000, "$gzip:H4sI", "$zstd:$zstd:AAAA"]
)
def test_a_prepared_statement_that_cannot_be_unpacked_is_an_error(gateway: Gateway, ana: Caller, value: str) -> None:
    seen = ana.ask("EXECUTE p", [("X-Trino-Prepared-Statement", f"p={value}")])
    assert seen.refused
    assert "Internal" not in seen.raw


def test_a_huge_prepared_statement_is_turned_away(ana: Caller) -> None:
    text = quote("SELECT '" + "a" * 120_000 + "'")
    seen = ana.ask("EXECUTE p", [("X-Trino-Prepared-Statement", f"p={text}")])
    assert seen.status in (200, 431)
    assert ana.ask("EXECUTE p", [("X-Trino-Prepared-Statement", f"p={text}{text}")]).status == 431


def test_a_compressed_body_is_not_unpacked(gateway: Gateway) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert send(gateway, post(gateway, bomb, "Content-Encoding: gzip")).status == 400


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "k1.",
        "k1.AAAA",
        "k2." + "A" * 150,
        "." * 300,
        "%00",
        "A" * 10_000,
        "..%2f..%2fv1%2finfo",
        "k1." + "A" * 171,
    ],
)
def test_a_forged_page_token_finds_nothing(gateway: Gateway, ana: Caller, token: str) -> None:
    for stage in ("queued", "executing"):
        for number in ("0", "1", "-1", "99999999999999999999", "x", "٣"):
            path = f"/v1/statement/{stage}/20260101_000000_00000_aaaaa/{token}/{quote(number)}"
            assert ana.get(path).status == 404
    assert (
        ana.get(f"/v1/statement/executing/partialCancel/20260101_000000_00000_aaaaa/{token}/0", "DELETE").status == 404
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 200), ({"expires": 1}, 410), ({"user": "eva"}, 404), ({"query_id": "20260101_000000_00000_aaaaa"}, 404)],
)
def test_a_page_token_holds_for_its_time_its_owner_and_its_query(
    ana: Caller, change: dict[str, Any], status: int
) -> None:
    """Made with the gateway's own key: even who holds it gets no more than the token says."""
    path = urlsplit(ana.ask("SELECT 1", pages=0).pages[0]).path
    *before, token, number = path.split("/")
    tokens = PageTokens([TokenKey("k1", PAGE_KEY)])
    place = tokens.open(token, 0.0)
    forged = tokens.seal(msgspec.structs.replace(place, **change))
    assert ana.get("/".join([*before, forged, number])).status == status


def test_an_api_key_opens_and_a_changed_one_does_not(gateway: Gateway) -> None:
    def asked(key: str) -> int:
        request = b"\r\n".join(
            [
                b"POST /v1/statement HTTP/1.1",
                b"Host: x",
                b"X-API-Key: " + key.encode(),
                b"Content-Length: 8",
                b"",
                b"SELECT 1",
            ]
        )
        return send(gateway, request).status

    assert asked(API_KEY) == 200
    for changed in (
        API_KEY[:-1],
        API_KEY + "A",
        API_KEY.lower(),
        API_KEY[:-1] + ("A" if API_KEY[-1] != "A" else "B"),
        "psk_",
        "",
    ):
        assert asked(changed) == 401
    assert API_KEY not in gateway.log()


def test_an_error_page_is_the_clients_json(gateway: Gateway) -> None:
    answer = send(gateway, post(gateway, b"SELECT"))
    page = json.loads(answer.text.partition("\r\n\r\n")[2])
    assert page["stats"]["state"] == "QUEUED"
    assert "nextUri" in page
