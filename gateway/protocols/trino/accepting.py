"""What a client says that it takes: pages and queries are JSON, or nothing."""

from __future__ import annotations

from gateway.protocols.http import Request
from gateway.protocols.trino.errors import NotAcceptable

_RANGES = frozenset({"application/json", "application/*", "*/*"})


def need_json(request: Request) -> None:
    """Turn away who reads or posts and names no range that JSON is in; weights are not read, as by Trino.

    Raises NotAcceptable.
    """
    if request.method not in ("GET", "POST"):
        return
    named = [
        item.partition(";")[0].strip().lower() for line in request.headers.all("accept") for item in line.split(",")
    ]
    if any(named) and _RANGES.isdisjoint(named):
        raise NotAcceptable
