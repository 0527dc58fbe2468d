"""One HTTP/1.1 connection to an engine: a request, its answer, and whether it may be used again.

Strict on purpose, since a confused connection would hand one user's page to another: an answer without a length, bytes
nobody asked for, a second answer or a malformed one end the connection.
"""

from __future__ import annotations

import asyncio
import select
from typing import cast

import httptools

from engines.trino.answers import Answer, Fault, Limits, UpstreamError
from engines.trino.plain import plain_answer

MAX_HEAD_BYTES = 256 * 1024
"""Bound of an answer's status line and headers; Trino sends prepared statements back in headers."""
_FRAMING = frozenset({"content-length", "transfer-encoding"})
LARGE_BODY = 8 << 20
"""Above this an answer needs a permit to go on, so that only a few large ones are held at a time."""


class Connection(asyncio.Protocol):
    """Exchange one request at a time over one connection."""

    def __init__(self, limits: Limits) -> None:
        """Make a connection that is not open yet."""
        self.loop = asyncio.get_running_loop()
        self.limits = limits
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.idle_since = 0.0
        self._poll = select.poll()
        self._exchange: _Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None

    # -- the owner's side

    async def exchange(self, request: bytes, *, bodiless: bool) -> Answer:
        """Send a request and wait for its complete answer. Raises UpstreamError; the connection is then closed."""
        if self.closed or self.transport is None:
            raise UpstreamError(Fault.GONE, "closed while idle", sent=False)
        exchange = _Exchange(self, bodiless=bodiless)
        self._exchange = exchange
        self.transport.write(request)
        if self._timer is None:
            self.watch()
        try:
            return await exchange.answer
        except BaseException:
            self.close()
            raise
        finally:
            exchange.end()
            self._exchange = None
            self.idle_since = self.loop.time()

    def watch(self) -> None:
        """Fail the exchange under way if a deadline has passed, and look again when the next one could have.

        One timer serves all exchanges of a connection: it wakes for nothing once a minute, where a timer for each
        exchange costs more than the rest of it.
        """
        self._timer = None
        if self._exchange is None or self._exchange.answer.done():
            return
        due = self._exchange.due()
        if self.loop.time() >= due:
            self._exchange.time_out()
        else:
            self._timer = self.loop.call_at(due, self.watch)

    def usable(self) -> bool:
        """Say whether the connection is open and silent; a readable one was closed by the engine or is confused."""
        return not self.closed and not self._poll.poll(0)

    def close(self) -> None:
        """Close at once, dropping whatever is under way."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transport is not None:
            self.transport.abort()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Feed the answer being read; bytes outside an exchange end the connection."""
        if self._exchange is None or self._exchange.answer.done():
            self.close()
            return
        self._exchange.feed(data)

    def eof_received(self) -> None:
        """Fail the exchange under way when the engine closes its side; the transport then closes itself."""
        self.closed = True
        if self._exchange is not None:
            self._exchange.fail(Fault.GONE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the exchange under way, if any."""
        self.closed = True
        if self._exchange is not None:
            self._exchange.fail(Fault.GONE, repr(exc) if exc else "")


class _Exchange:
    """Collect one answer. The methods `on_*` are called by the parser."""

    def __init__(self, owner: Connection, *, bodiless: bool) -> None:
        self._owner = owner
        self._bodiless = bodiless
        self._loop = owner.loop
        self._parser: httptools.HttpResponseParser | None = None
        self._over = False
        self.answer: asyncio.Future[Answer] = self._loop.create_future()
        self._headers: list[tuple[str, str]] = []
        self._chunks: list[bytes] = []
        self._size = 0
        self._head_size = 0
        self._head_done = False
        self._answered = False
        self._began = self._last = self._loop.time()
        self._permit: asyncio.Task[None] | None = None
        self._holds_permit = False

    # -- time

    def due(self) -> float:
        """Return the loop's time at which the next deadline passes."""
        limits = self._owner.limits.timeouts
        if self._permit is not None and not self._permit.done():
            return self._began + limits.total
        step = limits.idle if self._answered else limits.first_byte
        return min(self._began + limits.total, self._last + step)

    def time_out(self) -> None:
        """Fail for a deadline that has passed."""
        self.fail(Fault.TIMEOUT, "between bytes" if self._answered else "before the first byte")

    def end(self) -> None:
        """Release the permit and the parser, which would keep the body alive in a reference cycle."""
        self._parser, self._over = None, True
        if self._permit is not None and not self._permit.done():
            self._permit.cancel()
            self._owner.close()  # it may have stopped reading
        if self._holds_permit:
            self._holds_permit = False
            self._owner.limits.permits.release()

    def fail(self, fault: Fault, detail: str = "") -> None:
        """End with an error, unless already ended."""
        if not self.answer.done():
            self.answer.set_exception(UpstreamError(fault, detail, answered=self._answered))

    # -- bytes

    def feed(self, data: bytes) -> None:
        """Take what came: at once where it is a plain answer as a whole, else piece by piece through a parser."""
        if self._over:
            return
        if not self._answered and not self._bodiless:
            plain = plain_answer(data, min(LARGE_BODY, self._owner.limits.max_body))
            if plain is not None:
                self._answered = self._over = True
                self.answer.set_result(plain)
                return
        self._answered = True
        self._last = self._loop.time()
        if not self._head_done:
            self._head_size += len(data)
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse what came; end the exchange when it is no HTTP or its head is too long."""
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.answer.done():  # the answer is complete and something followed it
                self._owner.close()
            else:
                self.fail(Fault.NONSENSE, str(error))
            return
        if not self._head_done and self._head_size > MAX_HEAD_BYTES:
            self.fail(Fault.TOO_LARGE, "headers")

    def on_message_begin(self) -> None:
        """Close the connection when an answer follows the one that was asked for."""
        if self.answer.done():
            self._owner.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. A trailer after the body is dropped."""
        if not self._head_done:
            self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Decide how the body ends; an answer that only the closing connection would end is refused."""
        self._head_done = True
        status, keep = self._state()
        framed = not _FRAMING.isdisjoint([name for name, _ in self._headers])
        if self._bodiless and status >= 200:
            self._complete(status, keep=keep)
        elif status >= 200 and status not in (204, 304) and not framed:
            self.fail(Fault.NONSENSE, "an answer without a length")

    def on_body(self, data: bytes) -> None:
        """Collect the body, waiting for a permit when it is large."""
        if self.answer.done():  # a body where there must be none
            self._owner.close()
            return
        self._size += len(data)
        self._chunks.append(data)
        if self._size > self._owner.limits.max_body:
            self.fail(Fault.TOO_LARGE, "body")
        elif self._size > LARGE_BODY and self._permit is None:
            self._permit = self._loop.create_task(self._take_permit())

    def on_message_complete(self) -> None:
        """Hand over the answer, unless it was only an interim one (1xx)."""
        status, keep = self._state()
        if 100 <= status < 200:
            self._headers.clear()
            self._head_done = False
            return
        self._complete(status, keep=keep)

    def _state(self) -> tuple[int, bool]:
        """Return the status and whether the engine lets the connection be used again."""
        assert self._parser is not None  # noqa: S101  (for mypy: an answer is being read)
        return self._parser.get_status_code(), self._parser.should_keep_alive()

    def _complete(self, status: int, *, keep: bool) -> None:
        if self.answer.done():
            return
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if not keep:
            self._owner.close()
        self.answer.set_result(Answer(status, tuple(self._headers), body))

    async def _take_permit(self) -> None:
        """Stop reading until there is a permit: the engine then feels the back-pressure."""
        transport = self._owner.transport
        assert transport is not None  # noqa: S101  (for mypy: an answer is being read)
        transport.pause_reading()
        await self._owner.limits.permits.acquire()
        self._holds_permit = True
        self._last = self._loop.time()
        if not transport.is_closing():
            transport.resume_reading()
