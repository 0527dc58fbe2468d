"""Who asks is what was proved, never what was said: class I, beyond what statements alone can try."""

from __future__ import annotations

import time

import jwt
import pytest

from tests.attacks.arena import Arena
from tests.attacks.caller import Caller
from tests.attacks.judge import assert_no_canary
from tests.attacks.process import ISSUER
from tests.attacks.tokens import unsigned_token

NOW = int(time.time())
GOOD = {"sub": "ana", "iss": ISSUER.issuer, "aud": ISSUER.audience, "iat": NOW, "exp": NOW + 600}
SECRET = ISSUER.secret.get_secret_value() if ISSUER.secret else ""


def signed(claims: dict[str, object], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


FORGED = {
    "nobody signed it": unsigned_token("ana"),
    "another secret": signed(GOOD, "x" * 40),
    "another algorithm": signed(GOOD, SECRET * 2, "HS512"),
    "expired": signed({**GOOD, "iat": NOW - 900, "exp": NOW - 600}),
    "not yet": signed({**GOOD, "nbf": NOW + 600}),
    "without expiry": signed(without("exp")),
    "without audience": signed(without("aud")),
    "another audience": signed({**GOOD, "aud": "somebody else"}),
    "another issuer": signed({**GOOD, "iss": "somebody else"}),
    "without a user": signed(without("sub")),
    "a user with SQL": signed({**GOOD, "sub": "ana' OR '1'='1"}),
    "a century long": signed({**GOOD, "exp": NOW + 3_000_000_000}),
    "no token": "x",
    "empty parts": "..",
    "cut": signed(GOOD)[:-3],
    "very long": signed(GOOD) + "A" * 50_000,
    "an API key of nobody": "psk_" + "0" * 43,
}


def test_the_control_of_these_cases_is_let_in(lake: Arena) -> None:
    assert not Caller(lake.gateway, "ana", token=signed(GOOD)).ask("SELECT 1").refused


@pytest.mark.parametrize("name", FORGED)
def test_a_credential_that_does_not_hold_is_401_and_says_no_more(lake: Arena, name: str) -> None:
    lake.gateway.new_log()
    seen = Caller(lake.gateway, "ana", token=FORGED[name]).ask("SELECT * FROM orders")
    assert seen.status == 401
    assert any(header.lower() == "www-authenticate" for header, _ in seen.headers)
    for text in (seen.raw, lake.gateway.new_log()):
        assert_no_canary("the refusal", text)
        assert SECRET not in text
        assert len(FORGED[name]) < 20 or FORGED[name][-20:] not in text


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Basic YW5hOmFuYQ==")],
        [("Authorization", "Negotiate YII")],
        [("Authorization", "Bearer")],
        [("Authorization", "")],
        [("X-API-Key", "psk_0000")],
        [("X-Forwarded-Client-Cert-Subject", "CN=ana"), ("Authorization", "")],
        [("Authorization", f"Bearer {signed(GOOD)}"), ("Authorization", f"Bearer {signed({**GOOD, 'sub': 'eva'})}")],
    ],
)
def test_a_header_that_proves_nothing_proves_nothing(lake: Arena, headers: list[tuple[str, str]]) -> None:
    if not any(name == "Authorization" for name, _ in headers):
        headers = [*headers, ("Authorization", "")]
    seen = lake.caller("ana").ask("SELECT * FROM orders", headers)
    assert seen.status in (400, 401)


def test_the_session_shows_the_mapped_user_and_never_the_service(lake: Arena) -> None:
    seen = lake.caller("ana").ask("SELECT current_user, current_catalog, current_schema")
    assert seen.rows == [["ana", "lake", "sales"]]
    answer = lake.caller("ana").ask("SELECT current_user, current_catalog, current_schema, current_path")
    assert answer.refused or answer.rows[0][0] == "ana"
