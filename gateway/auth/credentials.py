"""What a request shows of its sender, and how it is turned away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from gateway.received import Principal

USER = re.compile(r"[^\x00-\x20\x7f:,\"'\\]{1,128}")
"""What a user may be called."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The parts of a request that identity may rest on."""

    user: str | None
    """X-Trino-User, as sent: a wish, not a proof."""
    original: str | None = None
    """X-Trino-Original-User, as sent: for whom the session was opened, where it went on as `user`."""
    authorization: str | None = None
    api_key: str | None = None
    certificate_subject: str | None = None
    """The proxy's certificate header, as sent."""
    remote_address: str | None = None
    secure: bool = False
    """True when the connection, or the trusted proxy's own front, is TLS."""


class Unauthorized(Exception):  # noqa: N818  (an answer, not a crash)
    """Answer 401 with the challenges of the configured ways; `reason` is for the log, `text` for the client."""

    def __init__(self, text: str, *, challenges: tuple[str, ...] = (), reason: str = "") -> None:
        """Keep the client's text free of what would help guessing."""
        super().__init__(text)
        self.text = text
        self.challenges = challenges
        self.reason = reason or text


class Forbidden(Exception):  # noqa: N818  (named for what became of it)
    """Answer 403: the sender is known and may not do this."""

    def __init__(self, text: str, *, reason: str = "", principal: Principal | None = None) -> None:
        """Keep what the client is told and what the log says apart; `principal` is who proved to be the sender."""
        super().__init__(text)
        self.text = text
        self.reason = reason or text
        self.principal = principal


def is_loopback(address: str | None) -> bool:
    """Tell whether a peer address is this machine's own."""
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False


def in_networks(address: str | None, networks: tuple[str, ...]) -> bool:
    """Tell whether a peer address lies in one of the configured networks."""
    try:
        return address is not None and any(ip_address(address) in ip_network(net, strict=False) for net in networks)
    except ValueError:
        return False
