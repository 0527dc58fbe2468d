"""The metrics port: `/metrics` in Prometheus's text format or OpenMetrics, as the scraper prefers."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING

from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry
    from starlette.requests import Request


def _count_nothing() -> None:
    return None


def metrics_app(registry: CollectorRegistry, count: Callable[[], None] = _count_nothing) -> Starlette:
    """Return the application of the metrics port; `count` takes in what has happened and is not counted yet.

    Exposition runs in a thread: it may take long with many series.
    """

    async def metrics(request: Request) -> Response:
        count()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        body = await asyncio.to_thread(encode, registry)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body = await asyncio.to_thread(gzip.compress, body, 5)
            headers["Content-Encoding"] = "gzip"
        return Response(body, headers=headers)

    return Starlette(routes=[Route("/metrics", metrics)])
