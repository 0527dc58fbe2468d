"""What a Trino engine is told about the client, and what of its answer reaches the client."""

from __future__ import annotations

import pytest

from engines.base import EngineStatement
from engines.trino import Basic, Bearer, NoCredentials
from engines.trino.credentials import authorization
from engines.trino.headers import request_headers, response_headers


def statement(**members: object) -> EngineStatement:
    defaults: dict[str, object] = {
        "sql": "SELECT 1",
        "user": "ann",
        "catalog": "c",
        "schema": "s",
        "time_zone": "Europe/Berlin",
    }
    return EngineStatement(**{**defaults, **members})  # type: ignore[arg-type]  # the words of a test


def test_the_session_travels_as_the_gateway_knows_it() -> None:
    assert dict(request_headers(statement())) == {
        "X-Trino-User": "ann",
        "X-Trino-Time-Zone": "Europe/Berlin",
        "X-Trino-Catalog": "c",
        "X-Trino-Schema": "s",
    }


def test_a_schema_without_a_catalog_is_not_sent() -> None:
    assert "X-Trino-Schema" not in dict(request_headers(statement(catalog=None)))


PASSED = {
    "x-trino-source": "dbeaver",
    "X-TRINO-CLIENT-TAGS": "a,b",
    "X-Trino-Client-Info": "i",
    "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    "X-Trino-Language": "de",
    "X-Trino-Resource-Estimate": "CPU_TIME=1h",
    "X-Trino-Trace-Token": "t",
}


@pytest.mark.parametrize("name", PASSED)
def test_a_client_header_that_describes_the_client_is_passed_on(name: str) -> None:
    sent = {key.lower(): value for key, value in request_headers(statement(headers=((name, PASSED[name]),)))}
    assert sent[name.lower()] == PASSED[name]


def test_a_clients_words_go_on_in_the_bytes_that_it_sent() -> None:
    sent = dict(request_headers(statement(headers=(("X-Trino-Client-Info", "zażółć"),))))
    assert sent["X-Trino-Client-Info"].encode("latin-1") == "zażółć".encode()


@pytest.mark.parametrize(
    "name",
    [
        "X-Trino-User",
        "X-Trino-Original-User",
        "X-Trino-Original-Roles",
        "X-Trino-Role",
        "X-Trino-Extra-Credential",
        "X-Trino-Path",
        "X-Trino-Session",
        "X-Trino-Prepared-Statement",
        "X-Trino-Query-Data-Encoding",
        "X-Trino-Catalog",
        "Authorization",
        "Cookie",
        "X-Forwarded-For",
        "Host",
    ],
)
def test_a_client_header_that_claims_rights_is_not(name: str) -> None:
    sent = request_headers(statement(headers=((name, "forged"), (name.lower(), "forged"))))
    assert all("forged" not in value for _, value in sent)


def test_a_prepared_statement_is_sent_encoded_and_only_the_gateways_own() -> None:
    sent = request_headers(statement(prepared=("statement1", "SELECT 'ä=,' || ?")))
    assert [value for name, value in sent if name == "X-Trino-Prepared-Statement"] == [
        "statement1=SELECT+%27%C3%A4%3D%2C%27+%7C%7C+%3F"
    ]


def test_session_properties_are_encoded_as_trino_expects() -> None:
    sent = dict(request_headers(statement(session_properties={"a": "1", "cat.b": "x, y=z é+"})))
    assert sent["X-Trino-Session"] == "a=1,cat.b=x%2C+y%3Dz+%C3%A9%2B"


@pytest.mark.parametrize(("value", "sent"), [("NONE", True), ("8c3bf4a2-real-one", False)])
def test_only_the_absence_of_a_transaction_is_told(value: str, sent: bool) -> None:
    headers = dict(request_headers(statement(headers=(("X-Trino-Transaction-Id", value),))))
    assert ("X-Trino-Transaction-Id" in headers) is sent


def test_capabilities_and_trace_stand_in_for_headers_not_given() -> None:
    sent = dict(request_headers(statement(capabilities=frozenset({"B", "A"}), trace="q1")))
    assert sent["X-Trino-Client-Capabilities"] == "A,B"
    assert sent["X-Trino-Trace-Token"] == "q1"


def test_session_effects_reach_the_client_repeated_ones_apart() -> None:
    answer = [("x-trino-set-session", "a=1"), ("x-trino-set-session", "b=2"), ("x-trino-set-catalog", "c")]
    assert response_headers(answer) == (
        ("X-Trino-Set-Session", "a=1"),
        ("X-Trino-Set-Session", "b=2"),
        ("X-Trino-Set-Catalog", "c"),
    )


@pytest.mark.parametrize(
    "name",
    [
        "www-authenticate",
        "set-cookie",
        "server",
        "location",
        "x-trino-set-role",
        "x-trino-set-authorization-user",
        "x-trino-set-original-roles",
        "x-trino-added-prepare",
        "x-trino-query-data-encoding",
        "content-length",
    ],
)
def test_nothing_else_of_the_answer_does(name: str) -> None:
    assert response_headers([(name, "x")]) == ()


def test_the_gateway_signs_in_for_itself() -> None:
    tokens = iter(["one", "two"])
    bearer = Bearer(lambda: next(tokens))
    assert authorization(NoCredentials()) == ()
    assert authorization(Basic("gateway", "pässword")) == (("Authorization", "Basic Z2F0ZXdheTpww6Rzc3dvcmQ="),)
    assert [authorization(bearer)[0][1] for _ in range(2)] == ["Bearer one", "Bearer two"]


def test_no_secret_shows_in_a_trace() -> None:
    assert "hush" not in repr(Basic("gateway", "hush"))
