"""Page tokens: what a poll needs to be served by any worker, sealed so that a client can neither read nor make one.

AES-256-GCM. The nonce space of GCM is too small for a busy gateway's lifetime under one key, so each token has a key
of its own: a 24-byte salt made from the content selects key and nonce. The same content therefore gives the same
token, which lets any worker repeat a page byte for byte.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.protocols.trino.errors import NoLonger, NotHere

_SALT = 24
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class TokenKey:
    """Name a secret; the name travels with every token it sealed."""

    id: str
    secret: str

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes for one purpose, independent of those for any other."""
        kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"penstock {purpose}".encode())
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


_DECODER = msgspec.msgpack.Decoder(PagePlace)


class PageTokens:
    """Seal with the first key, open with any: two at a time let keys rotate."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """Derive what each key needs. Raises ValueError without keys or when two share a name."""
        if not keys or len({key.id for key in keys}) != len(keys):
            raise ValueError("page tokens need at least one key, and a name of its own for each")
        self._keys = {key.id: (key.derive("page salt"), key.derive("page key")) for key in keys}
        self._current = keys[0].id

    def seal(self, place: PagePlace) -> str:
        """Return the token for a page: `key id.base64url`, safe in a path."""
        salting, sealing = self._keys[self._current]
        plain = msgspec.msgpack.encode(place)
        salt = blake2b(plain, key=salting, digest_size=_SALT).digest()
        sealed = _cipher(sealing, salt).encrypt(salt[12:], plain, self._current.encode())
        return f"{self._current}.{base64.urlsafe_b64encode(salt + sealed).rstrip(b'=').decode('ascii')}"

    def open(self, token: str, now: float) -> PagePlace:
        """Return what a token stands for. Raises TokenForged (404) or TokenExpired (410)."""
        key_id, _, text = token.partition(".")
        keys = self._keys.get(key_id)
        if keys is None or len(token) > _LONGEST:
            raise TokenForged
        raw = _decode(text)
        salt = raw[:_SALT]
        try:
            plain = _cipher(keys[1], salt).decrypt(salt[12:], raw[_SALT:], key_id.encode())
            place = _DECODER.decode(plain)
        except (InvalidTag, msgspec.MsgspecError):
            raise TokenForged from None
        if place.expires <= now:
            raise TokenExpired
        return place


def _cipher(sealing: bytes, salt: bytes) -> AESGCM:
    return AESGCM(blake2b(salt[:12], key=sealing, digest_size=32).digest())


def _decode(text: str) -> bytes:
    """Decode base64url in its one canonical spelling, so that one token has one form."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenForged from None
    if len(raw) < _SALT + 17 or base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise TokenForged
    return raw
