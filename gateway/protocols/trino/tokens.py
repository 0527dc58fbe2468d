"""Page tokens and their like: what any worker needs to go on, sealed so that a client can neither read nor make it.

AES-SIV (RFC 5297) needs no nonce that could repeat in a busy gateway's lifetime: the same content gives the same token,
which lets any worker repeat a page byte for byte.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.budgets.bounds import Bounds
from gateway.protocols.trino.errors import NoLonger, NotHere

_TAG = 16
_LONGEST = 16_384
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Name a secret; the name travels with every token it sealed."""

    id: str
    secret: str

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Return bytes for one purpose, independent of those for any other."""
        kdf = HKDF(algorithm=SHA256(), length=length, salt=None, info=f"penstock {purpose}".encode())
        return kdf.derive(self.secret.encode("utf-8"))


class TokenForged(NotHere):
    """404: not a token of ours, or not for this."""


class TokenExpired(NoLonger):
    """410: was a token of ours."""

    def __init__(self) -> None:
        """Say why it no longer holds."""
        super().__init__("The page token has expired")


class PagePlace(msgspec.Struct, frozen=True, array_like=True):
    """Say which page a token opens, for whom, and where it is to be had."""

    home: str
    """Worker that holds the query."""
    engine: str
    """Name of the engine; empty where the gateway answers by itself."""
    cursor: str
    """The engine's own name for the page."""
    query_id: str
    """As the client knows it."""
    user: str
    authenticated: str
    page: int
    expires: int
    """Unix seconds."""
    policed: bool = False
    """Filters or masks apply: statistics and errors are to be redacted."""
    own_id: str = ""
    """The gateway's id where the client knows the engine's."""
    unattested: bool = False
    """The engine has not confirmed yet what it reads, and nothing may leave before; only `home` knows what it may."""
    bounds: Bounds | None = None
    """What it is held to should `home` be gone."""


_REMEMBERED = 1_024
"""So many tokens that come back to the worker that gave them out, as nearly all do at once, are not deciphered.

Each is so once: one that is asked for again is deciphered, so that only those under way are held.
"""
_DECODER = msgspec.msgpack.Decoder(PagePlace)


class Sealer:
    """Seal for one purpose with the first key, open with any: two at a time let keys rotate."""

    def __init__(self, keys: Sequence[TokenKey], purpose: str) -> None:
        """Derive what each key needs. Raises ValueError without keys or when two share a name."""
        if not keys or len({key.id for key in keys}) != len(keys):
            raise ValueError("tokens need at least one key, and a name of its own for each")
        self._keys = {key.id: AESSIV(key.derive(purpose, 64)) for key in keys}
        self._current = keys[0].id
        self._named = [self._current.encode()]

    def seal(self, plain: bytes) -> str:
        """Return the token: `key id.base64url`, safe in a path and in a header."""
        return f"{self._current}.{_encode(self._keys[self._current].encrypt(plain, self._named))}"

    def open(self, token: str) -> bytes:
        """Return what was sealed. Raises TokenForged (404)."""
        key_id, _, text = token.partition(".")
        key = self._keys.get(key_id)
        if key is None or len(token) > _LONGEST:
            raise TokenForged
        try:
            return key.decrypt(_decode(text), [key_id.encode()])
        except InvalidTag:
            raise TokenForged from None


class PageTokens:
    """The tokens in page addresses."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """Derive what each key needs. Raises ValueError without keys or when two share a name."""
        self._sealer = Sealer(keys, "page key")
        self._given: dict[str, PagePlace] = {}

    def seal(self, place: PagePlace) -> str:
        """Return the token for a page, safe in a path."""
        token = self._sealer.seal(msgspec.msgpack.encode(place))
        if len(self._given) >= _REMEMBERED:
            self._given.clear()
        self._given[token] = place
        return token

    def open(self, token: str, now: float) -> PagePlace:
        """Return what a token stands for. Raises TokenForged (404) or TokenExpired (410)."""
        place = self._given.pop(token, None) or self._read(token)
        if place.expires <= now:
            raise TokenExpired
        return place

    def _read(self, token: str) -> PagePlace:
        try:
            return _DECODER.decode(self._sealer.open(token))
        except msgspec.MsgspecError:
            raise TokenForged from None


def _encode(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return binascii.b2a_base64(raw, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def _decode(text: str) -> bytes:
    """Decode base64url in its one canonical spelling, so that one token has one form."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenForged from None
    if len(raw) <= _TAG or _encode(raw) != text:
        raise TokenForged
    return raw
