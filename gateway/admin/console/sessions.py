"""Sessions of the console: the caller's own token, sealed in a cookie. The gateway keeps nothing of them.

Each request proves the token anew, so that a role taken away, or a token revoked, counts at once.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from gateway.auth.credentials import in_networks
from gateway.protocols.trino.tokens import Sealer, TokenForged, TokenKey

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from gateway.config import Config

COOKIE = "penstock_console"
PATH = "/ui"
_LONGEST_SECONDS = 12 * 3600.0
_COOKIE_BYTES = 4_000
"""Browsers drop a cookie of more than 4096 bytes, its name and attributes among them, without a word."""


class Session(msgspec.Struct, frozen=True, array_like=True):
    """What the cookie holds."""

    token: str
    """The bearer token that was shown at the login."""
    expires: float
    """Unix seconds."""
    nonce: str
    """What the session's forms are bound to."""


_DECODER = msgspec.msgpack.Decoder(Session)


class TokenTooLong(Exception):  # noqa: N818  (an answer to who logs in)
    """A token does not fit into a cookie."""


class Sessions:
    """Seal and open cookies and form tokens; any worker opens what another sealed."""

    def __init__(self, keys: Sequence[TokenKey], clock: Callable[[], float] = time.time) -> None:
        """Derive a key for cookies and one for forms from each of the gateway's keys."""
        self._cookies = Sealer(keys, "console session")
        self._forms = Sealer(keys, "console form")
        self._clock = clock

    @classmethod
    def of(cls, config: Config) -> Sessions:
        """Return sessions under the configuration's keys."""
        return cls([TokenKey(key.id, key.secret.get_secret_value()) for key in config.keys])

    def begin(self, token: str, expires_at: float | None) -> tuple[Session, str]:
        """Return a session that ends no later than its token, and its cookie. Raises TokenTooLong."""
        end = self._clock() + _LONGEST_SECONDS
        session = Session(token, min(end, expires_at if expires_at is not None else end), secrets.token_urlsafe(16))
        sealed = self._cookies.seal(msgspec.msgpack.encode(session))
        if len(sealed) > _COOKIE_BYTES:
            raise TokenTooLong
        return session, sealed

    def open(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None for what is none, or has ended."""
        try:
            session = _DECODER.decode(self._cookies.open(cookie or ""))
        except (TokenForged, msgspec.MsgspecError):
            return None
        return session if session.expires > self._clock() else None

    def seconds_left(self, session: Session) -> int:
        """Return how long a session lasts."""
        return max(0, int(session.expires - self._clock()))

    def form_token(self, session: Session) -> str:
        """Return what a form of this session must bring along."""
        return self._forms.seal(session.nonce.encode())

    def is_form_of(self, session: Session, token: str) -> bool:
        """Tell whether a form was made for this session."""
        try:
            return secrets.compare_digest(self._forms.open(token), session.nonce.encode())
        except TokenForged:
            return False


def keep(response: Response, cookie: str, seconds: int, *, secure: bool) -> None:
    """Have a browser keep a session, out of the reach of scripts and of other sites."""
    response.set_cookie(COOKIE, cookie, max_age=seconds, path=PATH, secure=secure, httponly=True, samesite="strict")


def forget(response: Response, *, secure: bool) -> None:
    """Have a browser forget its session."""
    response.delete_cookie(COOKIE, path=PATH, secure=secure, httponly=True, samesite="strict")


def is_secure(request: Request, trusted_proxies: tuple[str, ...]) -> bool:
    """Tell whether the browser came by TLS, to us or to a proxy that is believed."""
    if request.url.scheme == "https":
        return True
    address = request.client.host if request.client else None
    return request.headers.get("x-forwarded-proto") == "https" and in_networks(address, trusted_proxies)
