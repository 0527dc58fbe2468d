"""Listen, watch over the connections, and leave gracefully."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate

from gateway.protocols.http.connection import Connection, Handler
from gateway.protocols.http.limits import HttpLimits

__all__ = ["Handler", "HttpServer"]


def _ignore() -> None:
    return None


def _bind(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """Return a listening address; several workers may share one. Raises OSError."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    bound = socket.socket(family, kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


class HttpServer:
    """Serve one handler on any number of sockets."""

    def __init__(
        self,
        handler: Handler,
        limits: HttpLimits | None = None,
        *,
        on_open: Callable[[], None] = _ignore,
        on_close: Callable[[], None] = _ignore,
    ) -> None:
        """Bind nothing yet; `on_open` and `on_close` are called for each connection."""
        self.handler = handler
        self.limits = limits or HttpLimits()
        self.date = b""
        self.draining = False
        self._connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []
        self._on_open, self._on_close = on_open, on_close
        self._ticker: asyncio.TimerHandle | None = None
        self._tick_seconds = min(
            1.0, self.limits.idle_seconds / 4, self.limits.read_seconds / 4, self.limits.write_seconds / 4
        )

    async def listen(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        reuse_port: bool = False,
        sock: socket.socket | None = None,
    ) -> int:
        """Accept connections on an address, or on a socket that is already bound; return the port."""
        loop = asyncio.get_running_loop()
        self._tick(loop)
        bound = sock or _bind(host, port, reuse_port=reuse_port)
        handshake = self.limits.read_seconds if tls is not None else None
        server = await loop.create_server(
            lambda: Connection(self, loop), sock=bound, backlog=1024, ssl=tls, ssl_handshake_timeout=handshake
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """Return how many clients are connected."""
        return len(self._connections)

    @property
    def full(self) -> bool:
        """Tell whether one more connection is one too many."""
        return len(self._connections) > self.limits.max_connections

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, let requests under way finish, close the rest; True when all ended in time."""
        self.draining = True
        for server in self._servers:
            server.close()
        deadline = time.monotonic() + seconds
        while self._connections and time.monotonic() < deadline:
            for connection in tuple(self._connections):
                connection.retire()
            await asyncio.sleep(0.01)
        ended = not self._connections
        await self.close()
        return ended

    async def close(self) -> None:
        """Stop now."""
        self.draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        await asyncio.sleep(0)

    # --- the connections' side -------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """Count a connection in."""
        self._connections.add(connection)
        self._on_open()

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        self._on_close()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        self.date = f"Date: {formatdate(usegmt=True)}\r\n".encode("ascii")
        now = loop.time()
        for connection in tuple(self._connections):
            connection.check(now)
        self._ticker = loop.call_later(self._tick_seconds, self._tick, loop)
