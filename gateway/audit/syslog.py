"""Syslog: lines as RFC 5424 messages, and the sinks that send them over UDP, TCP (RFC 6587) or a Unix socket."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import os
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from gateway.audit.lines import from_line
from gateway.audit.links import Link

_LOG_AUDIT = 13
"""The facility."""
_NOTICE, _WARNING, _ALERT = 5, 4, 1
_WORRYING = frozenset({"refused", "failed"})
_ALARMS = frozenset({"audit.broken", "audit.loss", "attestation", "view.quarantine"})
_DATA_ID = "penstock@32473"
"""The structured data's name; the number is the one that RFC 5612 keeps for examples, since we have none."""
_WAIT_SECONDS = 0.02


def message(line: bytes) -> bytes:
    """Return a spooled line, a link's or an anchor's, as an RFC 5424 message."""
    link = from_line(line)
    if link is None:
        at = _anchored_at(line)
        return _message(_NOTICE, at, "anchor", "-", line)
    severity = _ALERT if link.kind in _ALARMS else _WARNING if link.outcome in _WORRYING else _NOTICE
    return _message(severity, link.at, link.kind, _structured(link), line)


def _message(severity: int, at: int, kind: str, data: str, line: bytes) -> bytes:
    stamp = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host = _word(socket.gethostname(), 255)
    head = f"<{_LOG_AUDIT * 8 + severity}>1 {stamp} {host} penstock {os.getpid()} {_word(kind, 32)} {data} "
    return head.encode() + b"\xef\xbb\xbf" + line


def _structured(link: Link) -> str:
    shown = {
        "seq": str(link.seq),
        "id": link.id,
        "actor": link.actor,
        "user": link.user_name,
        "subject": link.subject,
        "outcome": link.outcome,
        "hash": link.hash,
    }
    parameters = [f'{name}="{_escaped(value)}"' for name, value in shown.items()]
    return f"[{_DATA_ID} {' '.join(parameters)}]"


def _escaped(value: str) -> str:
    """Escape a parameter's value as RFC 5424 asks; no control character gets through, nor any way to break a line."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in value)
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _word(text: str, most: int) -> str:
    """Return a header field: visible ASCII only."""
    return "".join(char for char in text if "!" <= char <= "~")[:most] or "-"


def _anchored_at(line: bytes) -> int:
    try:
        found = msgspec.json.decode(line, type=dict[str, object]).get("at")
    except msgspec.MsgspecError:
        return 0
    return found if isinstance(found, int) and 0 <= found < 2**52 else 0


class SyslogSink:
    """Send messages to a collector. A datagram that nobody hears is not noticed; a broken connection is."""

    sure = False

    def __init__(self, url: str) -> None:
        """Name the collector, as the configuration allows it."""
        self._parts = urlsplit(url)
        self._socket: socket.socket | None = None

    async def send(self, lines: Sequence[bytes]) -> None:
        """Send lines, connecting where need be. Raises OSError."""
        try:
            connected = self._socket if self._socket is not None and self.alive() else await self._connect()
            messages = [message(line) for line in lines]
            if connected.type == socket.SOCK_STREAM:
                framed = b"".join(b"%d %b" % (len(each), each) for each in messages)
                await asyncio.get_running_loop().sock_sendall(connected, framed)
                return
            for each in messages:
                await _send_datagram(connected, each)
        except BaseException:
            self._drop()
            raise

    def alive(self) -> bool:
        """Tell whether the connection still stands: a collector that went has closed it, or its host says so."""
        if self._socket is None:
            return False
        try:
            while answer := self._socket.recv(4096):  # collectors say nothing; what they say is not for us
                del answer
        except BlockingIOError:
            return True
        except OSError:
            pass
        self._drop()
        return False

    async def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _connect(self) -> socket.socket:
        self._drop()
        if self._parts.scheme == "unix":
            self._socket = await _connect_unix(self._parts.path)
        else:
            self._socket = await _connect_network(self._parts.hostname or "", self._parts.port or 0, self._parts.scheme)
        return self._socket


async def _connect_network(host: str, port: int, scheme: str) -> socket.socket:
    """Connect to the first address that takes it. Raises OSError."""
    kind = socket.SOCK_STREAM if scheme == "tcp" else socket.SOCK_DGRAM
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(errno.EHOSTUNREACH, "no address")
    for family, _, protocol, _, address in await loop.getaddrinfo(host, port, type=kind):
        try:
            return await _connected(socket.socket(family, kind, protocol), address)
        except OSError as error:
            failure = error
    raise failure


async def _connect_unix(path: str) -> socket.socket:
    """Connect to a socket for datagrams, as /dev/log is, or for a stream. Raises OSError."""
    try:
        return await _connected(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), path)
    except OSError as error:
        if error.errno != errno.EPROTOTYPE:
            raise
    return await _connected(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), path)


async def _connected(made: socket.socket, address: object) -> socket.socket:
    made.setblocking(False)
    try:
        if made.type == socket.SOCK_DGRAM:
            made.connect(address)  # type: ignore[arg-type]  # (at once: nothing is sent)
        else:
            await asyncio.get_running_loop().sock_connect(made, address)  # type: ignore[arg-type]  # an address as getaddrinfo gives it
    except BaseException:
        made.close()
        raise
    return made


async def _send_datagram(connected: socket.socket, data: bytes) -> None:
    """Send one datagram, waiting while the socket's buffer is full."""
    while True:
        try:
            connected.send(data)
        except (BlockingIOError, InterruptedError):
            await asyncio.sleep(_WAIT_SECONDS)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            await asyncio.sleep(_WAIT_SECONDS)
        else:
            return
