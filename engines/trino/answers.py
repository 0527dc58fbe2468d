"""What an exchange with an engine is bounded by, what comes of it, and how it fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum

import msgspec


class Fault(Enum):
    """Name how an exchange failed."""

    REFUSED = "the connection could not be opened"
    GONE = "the connection was closed before the answer was complete"
    TIMEOUT = "the answer did not come in time"
    NONSENSE = "the answer was not HTTP"
    TOO_LARGE = "the answer was larger than allowed"


class UpstreamError(Exception):
    """Tell how an exchange with an engine failed; never shown to clients."""

    def __init__(self, fault: Fault, detail: str = "", *, answered: bool = False, sent: bool = True) -> None:
        """Say whether a byte of the answer had come, and whether any of the request may have been sent."""
        super().__init__(f"{fault.value}{f': {detail}' if detail else ''}")
        self.fault = fault
        self.answered = answered
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bound an exchange, in seconds."""

    connect: float = 5.0
    """To open a connection, TLS included."""
    first_byte: float = 60.0
    """From the request to the first byte of the answer; Trino answers a poll after a second at most."""
    idle: float = 30.0
    """Between two bytes of an answer."""
    total: float = 600.0
    """For the whole exchange."""
    queue: float = 30.0
    """For a free connection when all are in use."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound what answers may cost; shared by all connections to one engine."""

    timeouts: Timeouts
    max_body: int
    """Largest answer taken, in bytes."""
    permits: asyncio.Semaphore
    """How many large answers may be in memory at once."""


class Answer(msgspec.Struct, frozen=True):
    """Hold a complete answer; header names are lower case, repeated headers are kept apart."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None
