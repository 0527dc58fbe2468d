"""A session is the caller's own token, sealed: any worker opens it, nobody reads or makes it, and it ends with the token."""

from __future__ import annotations

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.admin.console.sessions import Session, Sessions, TokenTooLong, is_secure, keep
from gateway.protocols.trino.tokens import Sealer, TokenKey

OLD, NEW = TokenKey("old", "an old secret of the tests' gateway"), TokenKey("new", "a new secret of the tests' gateway")
NOW = 1_000_000.0


def sessions(*keys: TokenKey, now: float = NOW) -> Sessions:
    return Sessions(keys or (OLD,), lambda: now)


def test_any_worker_with_the_same_keys_opens_it() -> None:
    made, cookie = sessions().begin("a token", NOW + 60)
    assert sessions().open(cookie) == made
    assert sessions().is_form_of(made, sessions().form_token(made))
    assert "a token" not in cookie


def test_keys_rotate_with_an_overlap() -> None:
    made, cookie = sessions(OLD).begin("a token", None)
    assert sessions(NEW, OLD).open(cookie) == made
    assert sessions(NEW, OLD).is_form_of(made, sessions(OLD).form_token(made))
    assert sessions(NEW).open(cookie) is None


@pytest.mark.parametrize(("token_ends", "session_ends"), [(60.0, 60.0), (None, 43_200.0), (86_400.0, 43_200.0)])
def test_it_ends_with_its_token_and_after_twelve_hours_at_most(token_ends: float | None, session_ends: float) -> None:
    _, cookie = sessions().begin("a token", None if token_ends is None else NOW + token_ends)
    assert sessions(now=NOW + session_ends - 1).open(cookie) is not None
    assert sessions(now=NOW + session_ends).open(cookie) is None


def test_what_was_sealed_for_another_purpose_opens_nothing() -> None:
    made = Session("a token", NOW + 60, "nonce")
    for purpose in ("page key", "console form", "console"):
        assert sessions().open(Sealer((OLD,), purpose).seal(msgspec.msgpack.encode(made))) is None
    other, _ = sessions().begin("a token", None)
    assert not sessions().is_form_of(other, sessions().form_token(made))


@pytest.mark.parametrize(
    "content", [b"", b"\x00", msgspec.msgpack.encode(["a token"]), msgspec.msgpack.encode([1, 2, 3])]
)
def test_what_is_sealed_and_yet_no_session_opens_nothing(content: bytes) -> None:
    assert sessions().open(Sealer((OLD,), "console session").seal(content)) is None


def test_a_cookie_that_browsers_would_drop_is_not_made() -> None:
    _, cookie = sessions().begin("x" * 2_900, None)
    response = Response()
    keep(response, cookie, 43_200, secure=True)
    assert len(response.headers["set-cookie"]) < 4_096
    with pytest.raises(TokenTooLong):
        sessions().begin("x" * 3_100, None)


def visited(address: str, **headers: str) -> Request:
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": "http", "server": ("h", 80), "path": "/ui", "query_string": b""}
    return Request({**scope, "headers": encoded, "client": (address, 1)})


def test_tls_is_believed_of_trusted_proxies_only() -> None:
    proxies = ("10.0.0.0/8",)
    assert is_secure(visited("10.1.2.3", x_forwarded_proto="https"), proxies)
    assert not is_secure(visited("11.1.2.3", x_forwarded_proto="https"), proxies)
    assert not is_secure(visited("10.1.2.3", x_forwarded_proto="http"), proxies)
    assert not is_secure(visited("10.1.2.3"), proxies)
    response = Response()
    keep(response, "x", 60, secure=True)
    assert "Secure" in response.headers["set-cookie"]
