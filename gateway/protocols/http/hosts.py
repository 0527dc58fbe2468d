"""Names of hosts in requests: what a Host header may hold, and what an absolute request target names."""

from __future__ import annotations

import re

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


def is_host(text: str) -> bool:
    """Tell whether a text is a host, with a port or without, that an address can be made of."""
    found = _HOST.fullmatch(text)
    return found is not None and int(found[1] or 0) < 65_536


def authority_of(target: bytes) -> str | None:
    """Return what stands for the host in a target of the absolute form; None in every other form."""
    found = _ABSOLUTE.match(target)
    return found[1].decode("latin-1") if found is not None else None
