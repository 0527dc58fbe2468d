"""A lean HTTP/1.1 client for one engine: keep-alive connections, strict answers, bounded waits.

It exists because page polls are the hottest path and an own transport is several times cheaper there than a general
client. Source: ecosystem section 2.2, trino-protocol section 2.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

from engines.trino.answers import Answer, Fault, Limits, Timeouts, UpstreamError
from engines.trino.bodies import decoded
from engines.trino.connection import Connection

__all__ = ["Answer", "Fault", "HttpClient", "Timeouts", "UpstreamError"]

IDLE_SECONDS = 45.0
"""Connections silent for longer are not used again; Trino closes them after a minute or more."""
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch
_PATH = re.compile(r"/[!-~]*").fullmatch
REPEATABLE = frozenset({"GET", "HEAD", "DELETE"})


class HttpClient:
    """Send requests to the one host of `base_url`; redirects are never followed.

    All methods belong to one event loop. `tls` replaces the default context, which checks certificates.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = 256,
        max_body: int = 512 << 20,
        large_bodies: int = 4,
        compression: str = "identity",
    ) -> None:
        """Bound the pool by `connections`, answers by `max_body` bytes, and large answers held at once."""
        url = urlsplit(base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.query or url.fragment:
            raise ValueError(f"the engine's address must look like https://host:port, not {base_url!r}")
        if url.username or url.password:
            raise ValueError("credentials do not belong into the engine's address")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if url.scheme == "https" else None
        self.prefix = url.path.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._limits = Limits(self._timeouts, max_body, asyncio.Semaphore(large_bodies))
        self._slots = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()
        self._fixed = f"Host: {url.netloc}\r\nAccept-Encoding: {compression}\r\nUser-Agent: penstock\r\n"
        self._closed = False

    async def request(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> Answer:
        """Send one request and return its answer, whatever the status. Raises UpstreamError.

        A request that met a connection which the engine had just closed is sent once more, but only where repeating
        is harmless, or where nothing was sent; a POST never is repeated after its bytes left.
        """
        message = self._message(method, path, headers, body)
        if self._slots.locked():
            await self._wait_for_slot()
        else:
            await self._slots.acquire()
        try:
            for last_try in (False, True):
                connection = None if last_try else self._take_idle()
                reused = connection is not None
                connection = connection or await self._open()
                try:
                    answer = await connection.exchange(message, bodiless=method == "HEAD")
                except UpstreamError as error:
                    stale = reused and error.fault is Fault.GONE and not error.answered
                    if stale and (method in REPEATABLE or not error.sent):
                        continue
                    raise
                self._put_back(connection)
                return self._decoded(answer)
        finally:
            self._slots.release()
        raise AssertionError("unreachable: the second try returns or raises")

    async def close(self) -> None:
        """Close every idle connection; those in use close when their exchange ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        await asyncio.sleep(0)

    def _message(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> bytes:
        lines = [f"{method} {self.prefix}{path} HTTP/1.1\r\n", self._fixed]
        for name, value in headers:
            lines.append(f"{name}: {value}\r\n")
            if not _HEADER_TEXT(name) or not _HEADER_TEXT(value):
                raise ValueError(f"header {name!r} holds a character that headers cannot carry")
        if not _PATH(path):
            raise ValueError(f"not a path: {path!r}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}\r\n")
        return "".join((*lines, "\r\n")).encode("latin-1") + (body or b"")

    async def _wait_for_slot(self) -> None:
        try:
            await asyncio.wait_for(self._slots.acquire(), self._timeouts.queue)
        except TimeoutError:
            raise UpstreamError(Fault.TIMEOUT, "all connections are in use", sent=False) from None

    def _take_idle(self) -> Connection | None:
        """Return the connection used last that is still good: the longest silent ones are left to age."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable() and connection.idle_since > connection.loop.time() - IDLE_SECONDS:
                return connection
            connection.close()
        return None

    def _put_back(self, connection: Connection) -> None:
        if self._closed:
            connection.close()
        elif not connection.closed:
            self._idle.append(connection)
            oldest = self._idle[0]
            if oldest.closed or oldest.idle_since < connection.idle_since - IDLE_SECONDS:
                self._idle.popleft().close()

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeouts.connect):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._limits), self._host, self._port, ssl=self._tls
                )
        except TimeoutError:
            raise UpstreamError(Fault.REFUSED, "timeout", sent=False) from None
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            raise UpstreamError(Fault.REFUSED, str(error), sent=False) from error
        return connection

    def _decoded(self, answer: Answer) -> Answer:
        encoding = answer.header("content-encoding")
        if encoding is None or not answer.body:
            return answer
        try:
            return Answer(answer.status, answer.headers, decoded(answer.body, encoding, self._limits.max_body))
        except ValueError as error:
            raise UpstreamError(Fault.NONSENSE, str(error), answered=True) from error
