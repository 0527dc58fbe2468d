"""What a client says that it takes: pages and queries are JSON, or nothing."""

from __future__ import annotations

from functools import lru_cache

from gateway.protocols.http import Request
from gateway.protocols.trino.errors import NotAcceptable

_RANGES = frozenset({"application/json", "application/*", "*/*"})


def need_json(request: Request) -> None:
    """Turn away who reads or posts and names no range that JSON is in; weights are not read, as by Trino.

    Raises NotAcceptable.
    """
    lines = request.headers.all("accept")
    if lines and request.method in ("GET", "POST") and not _takes_json(lines):
        raise NotAcceptable


@lru_cache(maxsize=64)
def _takes_json(lines: tuple[str, ...]) -> bool:
    """Tell it of the header's lines, which are bounded as all that is kept of a head is, and the same in every poll."""
    named = [item.partition(";")[0].strip().lower() for line in lines for item in line.split(",")]
    return not any(named) or not _RANGES.isdisjoint(named)
