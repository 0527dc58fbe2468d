"""Requests and responses as plain data."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator

import msgspec


class Headers:
    """Hold header lines in the order received; names are lower case and compared so."""

    __slots__ = ("__weakref__", "_index", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Fold the names and index the values."""
        self._pairs = tuple((name.lower(), value) for name, value in pairs)
        self._index: dict[str, tuple[str, ...]] = {}
        for name, value in self._pairs:
            self._index[name] = (*self._index[name], value) if name in self._index else (value,)

    def get(self, name: str) -> str | None:
        """Return the first value of a header, whatever case `name` is written in."""
        values = self._index.get(name) or self._index.get(name.lower())
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, one per line received."""
        return self._index.get(name) or self._index.get(name.lower(), ())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (lower-case name, value) per line."""
        return iter(self._pairs)

    def __contains__(self, name: str) -> bool:
        """Tell whether a header was sent."""
        return name.lower() in self._index

    def __repr__(self) -> str:
        """Name the headers but not their values, which may be credentials."""
        return f"Headers({', '.join(self._index)})"


class Peer(msgspec.Struct, frozen=True):
    """Describe the other end of a connection."""

    address: str | None = None
    port: int | None = None
    secure: bool = False
    """The connection itself is TLS."""
    certificate_subject: str | None = None
    """Subject of a client certificate that TLS verified, as `CN=...,O=...`."""


class Request(msgspec.Struct, frozen=True):
    """One complete request. `path` and `query` are as sent: not decoded, never containing control characters."""

    method: str
    path: str
    query: str = ""
    headers: Headers = msgspec.field(default_factory=Headers)
    body: bytes = b""
    peer: Peer = msgspec.field(default_factory=Peer)


class Response(msgspec.Struct, frozen=True):
    """One answer. Length, connection and date headers are the server's own business and refused here."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    compressible: bool = False
    chunks: AsyncGenerator[bytes] | None = None
    """The body, where it is sent piece by piece as the client reads; closed however that ends."""


def text_response(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Answer in plain text, as Trino does for everything that is no result page."""
    kind = ("Content-Type", "text/plain;charset=utf-8")
    return Response(status, (kind, ("X-Content-Type-Options", "nosniff"), *headers), message.encode("utf-8"))
