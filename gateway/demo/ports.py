"""Ports for servers that are started here and reached by others a moment later."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_000
"""Below what Linux and macOS give to outgoing connections: one of those could take a port before its server does."""
_TRIES = 1_000


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago. Raises OSError where there is none."""
    for port in random.SystemRandom().choices(range(_FIRST, _LAST), k=_TRIES):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no port of {HOST} between {_FIRST} and {_LAST} is free")
