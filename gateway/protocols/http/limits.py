"""What one HTTP client may ask of the server, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bound sizes (bytes), counts and times (seconds) of one listener."""

    max_header_bytes: int = 131_072
    """Request target and all header lines together; above it 431."""
    max_header_count: int = 1_000
    max_body_bytes: int = 4_194_304
    """Above it 413."""
    idle_seconds: float = 75.0
    """How long a connection may rest between requests."""
    read_seconds: float = 30.0
    """How long a head may take from its first byte, and a body at no speed at all."""
    min_body_rate: float = 8_192.0
    """Bytes a second that a body must arrive with beyond `read_seconds`."""
    write_seconds: float = 60.0
    """How long a client may read nothing of an answer before it is cut off."""
    linger_seconds: float = 2.0
    """How long what a refused client still sends is thrown away, so that it can read why it was refused."""
    max_connections: int = 10_000
    compress_above: int = 1_024
    """Answers larger than this are compressed when the client accepts it."""
    offload_above: int = 65_536
    """Answers larger than this are compressed in a thread."""
