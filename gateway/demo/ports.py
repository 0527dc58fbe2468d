"""Ports for servers that are started here and reached by others a moment later."""

from __future__ import annotations

import os
import random
import socket
from collections import deque

HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_000
"""Below what Linux and macOS give to outgoing connections: one of those could take a port before its server does."""
_TRIES = 1_000
_claims: deque[int] = deque(maxlen=64)
"""Descriptors of UDP ports of the same numbers: nobody else who asks gets the port before its server has taken it."""


def free_port() -> int:
    """Return a port of the loopback interface that is free, and given to no other process that asks here.

    The newest 64 are kept for this process until it ends. Raises OSError where there is none.
    """
    for port in random.SystemRandom().choices(range(_FIRST, _LAST), k=_TRIES):
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind((HOST, port))
            with socket.socket() as probe:
                probe.bind((HOST, port))
        except OSError:
            claim.close()
            continue
        if len(_claims) == _claims.maxlen:
            os.close(_claims.popleft())
        _claims.append(claim.detach())
        return port
    raise OSError(f"no port of {HOST} between {_FIRST} and {_LAST} is free")
