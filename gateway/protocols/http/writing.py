"""Responses to bytes; nothing that could start a new header line or a new response passes."""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from typing import Literal

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_FRAMING = {"chunked": b"Transfer-Encoding: chunked\r\n", "until close": b""}
_SHORT = 48
_OWN = frozenset({"content-length", "transfer-encoding", "connection", "date", "keep-alive", "upgrade"})


class UnsafeHeaderError(ValueError):
    """A response header would change the framing of the answer."""


@lru_cache(maxsize=512)
def _name(name: str) -> bytes:
    if not _NAME.fullmatch(name) or name.lower() in _OWN:
        raise UnsafeHeaderError(f"header name {name!r} is not allowed")
    return name.encode("ascii") + b": "


def _line(name: str, value: str) -> bytes:
    if _UNSAFE.search(value):
        raise UnsafeHeaderError("a header value holds control characters")
    return _name(name) + value.encode("utf-8") + b"\r\n"


_short_line = lru_cache(maxsize=512)(_line)
"""The same few lines stand in nearly every answer; long values are of one answer only."""


@lru_cache(maxsize=64)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode("ascii")


Length = int | Literal["chunked", "until close"]


def render_head(
    status: int, headers: tuple[tuple[str, str], ...], length: Length, connection: bytes, date: bytes
) -> bytes:
    """Write status line and headers; `connection` and `date` are complete header lines or empty.

    Raises UnsafeHeaderError for names that are no token or belong to the server, and for values with control
    characters.
    """
    lines = [_status_line(status)]
    for name, value in headers:
        lines.append(_short_line(name, value) if len(value) <= _SHORT else _line(name, value))
    if status >= 200 and status not in (204, 304):
        lines.append(_FRAMING[length] if isinstance(length, str) else b"Content-Length: %d\r\n" % length)
    lines += (connection, date, b"\r\n")
    return b"".join(lines)
