"""Tokens in the addresses of segments: which segment, on which engine, and whose."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.protocols.trino.tokens import Sealer, TokenExpired, TokenForged, TokenKey


class SegmentPlace(msgspec.Struct, frozen=True, array_like=True):
    """Say which segment a token opens, and for whom."""

    engine: str
    path: str
    """At the engine."""
    user: str
    authenticated: str
    expires: int
    """Unix seconds."""
    headers: tuple[str, ...] = ()
    """Names of the headers that the engine wants back, in lower case."""


_DECODER = msgspec.msgpack.Decoder(SegmentPlace)


class SegmentTokens:
    """Seal and open them with keys for this purpose alone."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """Derive what each key needs."""
        self._sealer = Sealer(keys, "spooled segment")

    def seal(self, place: SegmentPlace) -> str:
        """Return the token of a segment, safe in a path."""
        return self._sealer.seal(msgspec.msgpack.encode(place))

    def open(self, token: str, now: float) -> SegmentPlace:
        """Return what a token stands for. Raises TokenForged (404) or TokenExpired (410)."""
        try:
            place = _DECODER.decode(self._sealer.open(token))
        except msgspec.MsgspecError:
            raise TokenForged from None
        if place.expires <= now:
            raise TokenExpired
        return place
