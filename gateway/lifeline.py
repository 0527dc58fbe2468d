"""A worker's line to its supervisor: it says that the worker serves, and ends the worker when the supervisor does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

from gateway.supervise import LIFELINE


@contextlib.contextmanager
def lifeline(stop: asyncio.Event) -> Iterator[None]:
    """Tell the supervisor that this worker serves, and end when the supervisor does; nothing without one."""
    given = os.environ.get(LIFELINE)
    if given is None:
        yield
        return
    loop = asyncio.get_running_loop()
    with socket.socket(fileno=int(given)) as line:
        os.set_inheritable(line.fileno(), False)
        line.setblocking(False)
        with contextlib.suppress(OSError):  # it is gone already: the reader sees the same at once
            line.send(b".")

        def ended() -> None:
            loop.remove_reader(line)
            stop.set()

        loop.add_reader(line, ended)
        try:
            yield
        finally:
            loop.remove_reader(line)
