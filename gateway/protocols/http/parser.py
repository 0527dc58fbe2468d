"""Bytes to requests, without I/O: what was read is fed in, complete requests and at most one fault come out.

httptools (llhttp) does the grammar in its strict mode; this file adds the limits and refuses what leaves room for two
readings of one message (RFC 9112 section 11.2, request smuggling).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

import httptools
import msgspec

from gateway.protocols.http.hosts import authority_of, is_host
from gateway.protocols.http.limits import HttpLimits
from gateway.protocols.http.messages import Headers, Peer, Request

Phase = Literal["idle", "head", "body"]
_LINE_OVERHEAD = 4
_KNOWN_HEADS, _KNOWN_BYTES = 2, 8_192
"""A client says the same of itself in every poll: so many heads of a connection, if not longer, are read once."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_ASKING = ("content-length", "transfer-encoding", "expect", "upgrade", "proxy-connection")
"""Headers by which a request is more than its head, or says what becomes of the connection."""
_PLAIN_GET = re.compile(rb"GET (/[A-Za-z0-9._~/?=&%-]*) HTTP/1\.1\r\n").match


@dataclass(frozen=True, slots=True)
class Fault:
    """Say why a connection cannot go on: answered once, then the connection closes."""

    status: int
    message: str


class Incoming(msgspec.Struct, frozen=True):
    """A complete request and whether the connection may serve another one after it."""

    request: Request
    keep_alive: bool
    old: bool
    """HTTP/1.0: staying open must be said."""


class _Head(NamedTuple):
    """What the header lines of a request say, whatever it asks for."""

    headers: Headers
    fault: Fault | None
    has_body: bool
    keep_alive: bool


class _Repeated(NamedTuple):
    """The head of a poll as it came, byte for byte, and what llhttp and this file made of it."""

    lines: bytes
    """From the first header line to the empty one."""
    head: _Head
    size: int
    """As `_grow` counts it, without the target."""


class _Stop(Exception):  # noqa: N818  (a way out of a callback)
    """Leave the C parser from inside a callback; `fault` is already set."""


class RequestParser:
    """Collect requests from bytes split anywhere. After `fault` is set, further bytes are ignored."""

    def __init__(self, limits: HttpLimits, peer: Peer) -> None:
        """Start between two requests."""
        self.ready: deque[Incoming] = deque()
        self.fault: Fault | None = None
        self.phase: Phase = "idle"
        self.awaits_continue = False
        """The client waits for `100 Continue` before it sends the body."""
        self._limits = limits
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._began = False
        self._known: dict[tuple[str, tuple[tuple[bytes, bytes], ...]], _Head] = {}
        self._poll: _Repeated | None = None
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._method = self._target = self._version = ""
        self._lines: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._raw_bytes = 0
        self._body = bytearray()
        self._head = _NO_HEAD
        self._upgrade = False

    def feed(self, data: bytes) -> None:
        """Take what was read. Never raises: see `ready` and `fault`."""
        get = _PLAIN_GET(data) if self.phase == "idle" and self.fault is None else None
        if get is None:
            self._parse(data)
        elif not self._repeat(data, get):
            handed_out = len(self.ready)
            self._parse(data)
            if len(self.ready) == handed_out + 1 and self.phase == "idle" and self.fault is None:
                self._learn(data, get)

    def _repeat(self, data: bytes, get: re.Match[bytes]) -> bool:
        """Hand out a poll that is a known one but for its target, and nothing besides; False where it is not.

        Polls are most of what comes, and one differs from the next by its target only: of the rest the same bytes
        mean the same, which costs a third of reading them again.
        """
        poll, begin = self._poll, get.end()
        if poll is None or len(data) != begin + len(poll.lines) or not data.endswith(poll.lines):
            return False
        target = get[1]
        if poll.size + len(target) > self._limits.max_header_bytes:
            return False
        self._hand_out("GET", target.decode("ascii"), poll.head, b"", old=False)
        return True

    def _learn(self, data: bytes, get: re.Match[bytes]) -> None:
        """Remember the head of a GET that came alone and whole, has no body and asks nothing of the connection."""
        lines, head = data[get.end() :], self._head
        whole = lines.find(b"\r\n\r\n") == len(lines) - 4
        if (
            whole
            and not any(name in head.headers for name in _ASKING)
            and head.keep_alive
            and len(lines) <= _KNOWN_BYTES
        ):
            self._poll = _Repeated(lines, head, self._head_bytes - len(get[1]))

    def _parse(self, data: bytes) -> None:
        while data and self.fault is None:
            before = self.phase
            self._began = False
            try:
                self._parser.feed_data(data)
                data, rest = b"", data
            except httptools.HttpParserUpgrade as upgrade:
                rest = data
                data = self._decline_upgrade(data[upgrade.args[0] :])
            except _Stop:
                return
            except httptools.HttpParserError as error:
                if self.fault is None:
                    self.fault = Fault(400, f"Bad request: {_reason(error)}")
                return
            if not self._began and before == self.phase:
                self._count(len(rest))

    def _count(self, size: int) -> None:
        """Bound what never becomes a header or a body: endless lines, chunk extensions, trailers."""
        self._raw_bytes += size
        if self.phase == "head" and self._raw_bytes > self._limits.max_header_bytes + 1_024:
            self.fault = _too_large_head(self._limits)
        elif self.phase == "body" and self._raw_bytes > 8 * self._limits.max_body_bytes + 65_536:
            self.fault = _too_large_body(self._limits)

    def _decline_upgrade(self, rest: bytes) -> bytes:
        """Go on in HTTP/1.1 when a client offers another protocol (Java offers h2c with its first request).

        llhttp stops after such a head. A fresh parser is told of the same body by a head of our own, so that the
        body is read by the same rules; the headers already collected stay.
        """
        self._parser = httptools.HttpRequestParser(self)
        if not self._upgrade:
            return rest
        lines = [
            (name, value) for name, value in self._lines if name.lower() in (b"content-length", b"transfer-encoding")
        ]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        return b"POST / HTTP/1.1\r\n" + head + b"\r\n" + rest

    # --- callbacks of httptools ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Forget the last request."""
        self._began = True
        if not self._upgrade:
            self._reset()
            self.phase = "head"

    def on_url(self, url: bytes) -> None:
        """Collect the request target, which may come in pieces."""
        if not self._upgrade:
            self._url += url
            self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header line; trailers after a chunked body count but are dropped."""
        if self._upgrade:
            return
        self._grow(len(name) + len(value) + _LINE_OVERHEAD)
        if self.phase == "head":
            self._lines.append((name, value))
            if len(self._lines) > self._limits.max_header_count:
                self._stop(_too_large_head(self._limits))

    def on_headers_complete(self) -> None:
        """Judge the head before any of the body is read."""
        if self._upgrade:
            return
        self._raw_bytes = 0
        self._version = version = self._parser.get_http_version()
        self._head = self._read_head(version)
        fault = self._line_fault(version) or self._head.fault
        if fault is not None:
            self._stop(fault)
        self.phase = "body"
        self.awaits_continue = self._head.has_body and "expect" in self._head.headers
        self._upgrade = self._head.has_body and self._parser.should_upgrade()
        if not self._head.keep_alive or "proxy-connection" in self._head.headers:
            self._poll = None  # llhttp may take nothing more, so it must be asked

    def on_body(self, body: bytes) -> None:
        """Collect the body up to the limit."""
        self.awaits_continue = False
        if len(self._body) + len(body) > self._limits.max_body_bytes:
            self._stop(_too_large_body(self._limits))
        self._body += body

    def on_message_complete(self) -> None:
        """Hand out the request."""
        if self._upgrade and self._parser.should_upgrade():
            return  # the body is still to come, see _decline_upgrade
        self._upgrade = False
        self.awaits_continue = False
        self._hand_out(self._method, self._target, self._head, bytes(self._body), old=self._version == "1.0")
        self.phase = "idle"

    def _hand_out(self, method: str, target: str, head: _Head, body: bytes, *, old: bool) -> None:
        path, _, query = target.partition("?")
        request = Request(method, path, query.partition("#")[0], head.headers, body, self._peer)
        self.ready.append(Incoming(request, head.keep_alive, old))

    # --- judgement -------------------------------------------------------------------------------------------

    def _line_fault(self, version: str) -> Fault | None:
        if version not in ("1.1", "1.0"):
            return Fault(505, "HTTP/1.1 is spoken here")
        self._method = self._parser.get_method().decode("ascii")
        if self._method not in _METHODS:
            return Fault(501, "Method is not implemented")
        return self._target_fault(self._url.decode("latin-1"))

    def _read_head(self, version: str) -> _Head:
        """Return what the header lines say, from memory where the last requests had the same."""
        lines = tuple(self._lines)
        head = self._known.get((version, lines))
        if head is None:
            head = _head_of(lines, version, self._limits)
            if self._head_bytes <= _KNOWN_BYTES:
                if len(self._known) >= _KNOWN_HEADS:
                    self._known.pop(next(iter(self._known)))
                self._known[version, lines] = head
        return head

    def _target_fault(self, target: str) -> Fault | None:
        """Take path and query from the origin form or the absolute form, whose host must be that of the Host header.

        Two readings of which host is meant are refused, as by Jetty.
        """
        self._target = target
        if target.startswith("/") or (target == "*" and self._method == "OPTIONS"):
            return None
        authority = authority_of(self._url)
        if authority is None:
            return Fault(400, "Bad request: the request target is not understood")
        if authority.lower() != (self._head.headers.get("host") or "").lower() and self._head.fault is None:
            return Fault(400, "Bad request: the request target and the Host header name different hosts")
        path = target.partition("://")[2].removeprefix(authority)
        self._target = path if path.startswith("/") else "/" + path
        return None

    def _grow(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.max_header_bytes:
            self._stop(_too_large_head(self._limits))

    def _stop(self, fault: Fault) -> None:
        self.fault = fault
        raise _Stop


def _head_of(lines: tuple[tuple[bytes, bytes], ...], version: str, limits: HttpLimits) -> _Head:
    headers = Headers((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")) for name, value in lines)
    fault = _host_fault(headers, version) or _body_fault(headers, version, limits)
    length = headers.get("content-length")
    has_body = fault is None and ("transfer-encoding" in headers or (length is not None and int(length) > 0))
    return _Head(headers, fault, has_body, _keep_alive(headers, version))


def _host_fault(headers: Headers, version: str) -> Fault | None:
    hosts = headers.all("host")
    if len(hosts) != 1 and (version == "1.1" or hosts):
        return Fault(400, "Bad request: exactly one Host header is needed")
    if hosts and not is_host(hosts[0]):
        return Fault(400, "Bad request: the Host header is not usable")
    return None


def _body_fault(headers: Headers, version: str, limits: HttpLimits) -> Fault | None:
    encodings, lengths = headers.all("transfer-encoding"), headers.all("content-length")
    if encodings and (version == "1.0" or lengths or [e.lower() for e in encodings] != ["chunked"]):
        return Fault(400, "Bad request: the body's length is ambiguous")
    if len(lengths) > 1 or (lengths and not (lengths[0].isascii() and lengths[0].isdigit())):
        return Fault(400, "Bad request: the body's length is ambiguous")
    if lengths and (len(lengths[0]) > 18 or int(lengths[0]) > limits.max_body_bytes):
        return _too_large_body(limits)
    if any(expected.lower() != "100-continue" for expected in headers.all("expect")):
        return Fault(417, "Expectation failed")
    return None


def _keep_alive(headers: Headers, version: str) -> bool:
    options = {o.strip().lower() for line in headers.all("connection") for o in line.split(",")}
    return "close" not in options and (version == "1.1" or "keep-alive" in options)


_NO_HEAD = _Head(Headers(), None, has_body=False, keep_alive=False)


def _too_large_head(limits: HttpLimits) -> Fault:
    return Fault(
        431,
        f"Request headers are too large: at most {limits.max_header_bytes} bytes in {limits.max_header_count} lines",
    )


def _too_large_body(limits: HttpLimits) -> Fault:
    return Fault(413, f"Request body is too large: at most {limits.max_body_bytes} bytes")


def _reason(error: httptools.HttpParserError) -> str:
    """Return llhttp's own short phrase, which quotes nothing of the request."""
    phrase = str(error.args[0]) if error.args else "malformed"
    return phrase if phrase.isprintable() and len(phrase) < 80 else "malformed"
