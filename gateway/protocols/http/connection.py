"""One client connection: requests in order, one answer at a time, nobody may hold it for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol, cast

from gateway.protocols.http.compression import choose_coding, encode_body, encoded
from gateway.protocols.http.limits import HttpLimits
from gateway.protocols.http.messages import Peer, Request, Response, text_response
from gateway.protocols.http.parser import Fault, Incoming, RequestParser
from gateway.protocols.http.writing import Length, UnsafeHeaderError, render_head

Handler = Callable[[Request], Response | Awaitable[Response]]
"""Answer a request: at once where nothing is awaited, otherwise by a coroutine."""

_log = logging.getLogger("penstock.http")
_JOIN_BELOW = 65_536


class Host(Protocol):
    """What a connection needs of its server."""

    handler: Handler
    limits: HttpLimits
    date: bytes
    draining: bool

    @property
    def full(self) -> bool:
        """Tell whether one more connection is one too many."""
        ...

    def opened(self, connection: Connection) -> None:
        """Count a connection in."""
        ...

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        ...


class Connection(asyncio.Protocol):
    """Speak HTTP/1.1 over one transport."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for the transport."""
        self._host = host
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser = RequestParser(host.limits, Peer())
        self._task: asyncio.Task[None] | None = None
        self._blocked = False
        self._blocked_size = 0
        self._reading = True
        self._ending = False
        self._lingering = False
        self._deadline = 0.0
        self._overdue = False
        self._writable: asyncio.Future[None] | None = None

    # --- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._transport = cast(asyncio.Transport, transport)
        self._parser = RequestParser(self._host.limits, _peer(self._transport))
        self._deadline = self._loop.time() + self._host.limits.idle_seconds
        self._host.opened(self)
        if self._host.full:
            self._refuse(Fault(503, "Too many connections"))

    def data_received(self, data: bytes) -> None:
        """Feed the parser and serve what is complete."""
        if self._lingering:
            return
        before = self._parser.phase
        self._parser.feed(data)
        self._set_read_deadline(before, len(data))
        if self._task is None:
            self._advance()
        elif self._parser.ready:
            self._read(on=False)

    def eof_received(self) -> bool:
        """Answer what was asked before the client shut its side, then close."""
        self._ending = True
        if self._task is None and not self._parser.ready:
            return False
        return self._transport is not None and self._transport.get_extra_info("sslcontext") is None

    def connection_lost(self, error: Exception | None) -> None:
        """Drop what waits; a running handler ends by itself, since a client may come back for its answer."""
        self._transport = None
        self._wake()
        self._parser.ready.clear()
        self._host.closed(self)

    def pause_writing(self) -> None:
        """Serve nothing more until the client has read."""
        self._blocked = True
        self._blocked_size = self._transport.get_write_buffer_size() if self._transport else 0
        self._deadline = self._loop.time() + self._host.limits.write_seconds

    def resume_writing(self) -> None:
        """Go on with what waits."""
        self._blocked = False
        self._rest()
        self._wake()
        if self._task is None:
            self._advance()

    # --- the server's side -----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Tell whether an answer is being made or still being read."""
        return self._task is not None or bool(self._parser.ready) or self._blocked

    def check(self, now: float) -> None:
        """Act on a deadline that had passed at the look before, too.

        Between two looks the sockets are read: what came in time, while the loop was busy, counts as in time.
        """
        passed, self._overdue = self._overdue, now >= self._deadline
        if not (passed and self._overdue) or self._transport is None:
            return
        if self._blocked:
            self._check_reader(now)
        elif self._lingering:
            self._transport.abort()
        elif self._task is None and self._parser.phase != "idle":
            self._refuse(Fault(408, "The request did not arrive in time"))
        elif self._task is None:
            self._transport.close()

    def retire(self) -> None:
        """Close as soon as nothing is under way."""
        self._ending = True
        if not self.busy and self._transport is not None and not self._lingering:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection now."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    # --- requests --------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        while self._task is None and not self._blocked and self._parser.ready and self._transport is not None:
            self._serve(self._parser.ready.popleft())
        if self._task is not None or self._blocked or self._transport is None:
            return
        if self._parser.fault is not None:
            self._refuse(self._parser.fault)
        elif self._ending:
            self._transport.close()
        elif self._parser.awaits_continue:
            self._parser.awaits_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._transport is not None:
            self._read(on=True)

    def _serve(self, incoming: Incoming) -> None:
        try:
            answer = self._host.handler(incoming.request)
        except Exception:  # noqa: BLE001  (the last line: one request must not end the server)
            _log.exception("a handler failed")
            answer = text_response(500, "Internal error")
        if isinstance(answer, Response) and not self._compresses_off_loop(incoming.request, answer):
            self._answer(incoming, _compressed(incoming.request, answer, self._host.limits))
        else:
            self._task = self._loop.create_task(self._finish(incoming, answer))

    async def _finish(self, incoming: Incoming, answer: Response | Awaitable[Response]) -> None:
        try:
            response = answer if isinstance(answer, Response) else await answer
            if self._compresses_off_loop(incoming.request, response):
                response = await self._loop.run_in_executor(
                    None, _compressed, incoming.request, response, self._host.limits
                )
            else:
                response = _compressed(incoming.request, response, self._host.limits)
        except Exception:  # noqa: BLE001  (the last line: one request must not end the server)
            _log.exception("a handler failed")
            response = text_response(500, "Internal error")
        if response.chunks is not None:
            await self._stream(incoming, response, response.chunks)
            return
        self._task = None
        self._rest()
        self._answer(incoming, response)
        self._advance()

    async def _stream(self, incoming: Incoming, response: Response, chunks: AsyncGenerator[bytes]) -> None:
        """Send a body piece by piece, none before the client has taken most of what went before.

        A body that breaks off breaks the connection off, so that nobody takes a part for the whole.
        """
        stays = incoming.keep_alive and not incoming.old and not self._host.draining and not self._ending
        connection = b"" if stays else b"Connection: close\r\n"
        length: Length = "until close" if incoming.old else "chunked"
        whole = False
        try:
            async with aclosing(chunks):
                self._write(render_head(response.status, response.headers, length, connection, self._host.date), b"")
                if incoming.request.method != "HEAD":
                    await self._send(chunks, plain=incoming.old)
            whole = True
        except Exception:  # noqa: BLE001  (whatever it is, the client must not take it for the end)
            _log.exception("a streamed answer broke off")
        finally:
            self._task = None
            if not whole and self._transport is not None:
                self._transport.abort()
        self._rest()
        if not stays and self._transport is not None:
            self._ending = True
            self._parser.ready.clear()
            self._transport.close()
        self._advance()

    async def _send(self, chunks: AsyncGenerator[bytes], *, plain: bool) -> None:
        async for chunk in chunks:
            self._write(*((b"", chunk) if plain else (b"%x\r\n" % len(chunk), chunk + b"\r\n")))
            while self._blocked and self._transport is not None:
                self._writable = self._loop.create_future()
                await self._writable
            if self._transport is None:
                return
        if not plain:
            self._write(b"0\r\n\r\n", b"")

    def _wake(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _compresses_off_loop(self, request: Request, response: Response) -> bool:
        if not response.compressible or len(response.body) <= self._host.limits.offload_above:
            return False
        return request.method != "HEAD" and choose_coding(request.headers.get("accept-encoding")) is not None

    def _answer(self, incoming: Incoming, response: Response) -> None:
        if self._transport is None:
            return
        stays = incoming.keep_alive and not self._host.draining and not self._ending
        connection = (b"Connection: keep-alive\r\n" if incoming.old else b"") if stays else b"Connection: close\r\n"
        try:
            head = render_head(response.status, response.headers, len(response.body), connection, self._host.date)
        except UnsafeHeaderError:
            _log.exception("an unsafe response header was held back")
            response = text_response(500, "Internal error")
            head = render_head(response.status, response.headers, len(response.body), connection, self._host.date)
        self._write(head, b"" if incoming.request.method == "HEAD" or response.status == 204 else response.body)
        if not stays:
            self._ending = True
            self._parser.ready.clear()
            self._parser.fault = None
            self._transport.close()

    def _write(self, head: bytes, body: bytes) -> None:
        if self._transport is None:
            return
        if len(body) < _JOIN_BELOW:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def _refuse(self, fault: Fault) -> None:
        """Say what is wrong, then read on for a moment: closing at once would destroy the answer on its way."""
        if self._transport is None or self._lingering:
            return
        response = text_response(fault.status, fault.message)
        self._write(
            render_head(fault.status, response.headers, len(response.body), b"Connection: close\r\n", self._host.date),
            response.body,
        )
        self._lingering = True
        self._deadline = self._loop.time() + self._host.limits.linger_seconds
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._read(on=True)

    # --- clocks and flow -------------------------------------------------------------------------------------

    def _set_read_deadline(self, before: str, size: int) -> None:
        limits, now = self._host.limits, self._loop.time()
        phase = self._parser.phase
        if phase == "idle":
            self._deadline = now + limits.idle_seconds
        elif phase != before:
            self._deadline = now + limits.read_seconds
        elif phase == "body":
            self._deadline += size / limits.min_body_rate

    def _rest(self) -> None:
        """Start the clock of whatever the client does next."""
        limits = self._host.limits
        seconds = limits.idle_seconds if self._parser.phase == "idle" else limits.read_seconds
        self._deadline = self._loop.time() + seconds

    def _check_reader(self, now: float) -> None:
        if self._transport is None:
            return
        size = self._transport.get_write_buffer_size()
        if size < self._blocked_size:
            self._blocked_size, self._deadline = size, now + self._host.limits.write_seconds
        else:
            self._transport.abort()

    def _read(self, *, on: bool) -> None:
        if self._transport is None or on == self._reading or self._transport.is_closing():
            return
        self._reading = on
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


def _compressed(request: Request, response: Response, limits: HttpLimits) -> Response:
    if not response.compressible:
        return response
    coding = choose_coding(request.headers.get("accept-encoding"))
    if coding is None or len(response.body) <= limits.compress_above:
        return encoded(response, response.body, None)
    return encoded(response, encode_body(response.body, coding), coding)


def _peer(transport: asyncio.Transport) -> Peer:
    name = transport.get_extra_info("peername")
    address, port = (name[0], name[1]) if isinstance(name, tuple) else (None, None)
    certificate = transport.get_extra_info("peercert")
    subject = None
    if certificate and certificate.get("subject"):
        pairs = [pair for part in certificate["subject"] for pair in part]
        subject = ",".join(f"{_SHORT.get(key, key)}={value}" for key, value in reversed(pairs))
    return Peer(address, port, transport.get_extra_info("sslcontext") is not None, subject)


_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
}
