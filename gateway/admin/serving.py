"""Serve a small ASGI application on a port of its own, on the gateway's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: the gateway decides what SIGTERM means."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Serve as configured; `ready` is set once connections are answered, or never will be."""
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer; say so even if that failed, which `started` then tells."""
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@asynccontextmanager
async def serve(app: ASGIApp, host: str, port: int, *, share_port: bool = False) -> AsyncIterator[int]:
    """Serve `app` until the block ends; yield the port, which the system chose if `port` was 0.

    `share_port` lets several workers listen on one port (SO_REUSEPORT). Raises OSError when the port is taken.
    """
    listener = _listen(host, port, share_port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        if not server.started:
            await task
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


def _listen(host: str, port: int, share_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, reuse_port=share_port)
    listener.setblocking(False)
    return listener
