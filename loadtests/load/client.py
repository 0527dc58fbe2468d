"""A Trino client for gevent: keep-alive connections, pages followed to the last, a busy server asked again."""

from __future__ import annotations

import gzip
import re
import time
from dataclasses import dataclass, field
from typing import Any

import gevent
import orjson
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

PATIENCE_SECONDS = 120.0
"""How long a request is repeated that is answered "later", as Trino's own clients do."""
LATER = frozenset({429, 502, 503, 504})
_PATH = re.compile(r"https?://[^/]+(/.*)")


class AskedWrongly(Exception):  # noqa: N818  (named for what became of it)
    """Say why a statement gave no answer, or not the one it must give."""


@dataclass(slots=True)
class Answer:
    """What a statement gave, and what it took."""

    first: list[object] | None = None
    last: list[object] | None = None
    rows: int = 0
    changed: int | None = None
    size: int = 0
    exchanges: list[tuple[str, float]] = field(default_factory=list)
    """Milliseconds of each HTTP exchange, with its method."""
    later: int = 0
    """How often the server said "later"."""


class Client:
    """One tool's connections, all as one user."""

    def __init__(self, url: str, user: str, source: str, connections: int) -> None:
        """Open nothing yet."""
        self._http = HTTPClient.from_url(url, concurrency=connections, connection_timeout=60, network_timeout=150)
        self._headers = {
            "X-Trino-User": user,
            "X-Trino-Source": source,
            "X-Trino-Catalog": "iceberg",
            "X-Trino-Schema": "curated",
            "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME,SESSION_AUTHORIZATION",
            "Accept-Encoding": "gzip",
        }

    def run(self, sql: str, answer: Answer, headers: dict[str, str] | None = None) -> None:
        """Run a statement to its last page. Raises AskedWrongly."""
        page = self._ask(answer, "POST", "/v1/statement", sql.encode(), headers or {})
        while True:
            if (error := page.get("error")) is not None:
                raise AskedWrongly(f"{error['errorName']}: {error['message']}")
            data = page.get("data") or ()
            if data:
                answer.first = answer.first or data[0]
                answer.last = data[-1]
            answer.rows += len(data)
            answer.changed = page.get("updateCount", answer.changed)
            if (following := page.get("nextUri")) is None:
                return
            page = self._ask(answer, "GET", _path(following))

    def leave(self, sql: str, answer: Answer) -> None:
        """Begin a statement and cancel it after its second page, as who saw enough. Raises AskedWrongly."""
        page = self._ask(answer, "POST", "/v1/statement", sql.encode())
        page = self._ask(answer, "GET", _path(page["nextUri"]))
        if (following := page.get("nextUri")) is not None:
            self._ask(answer, "DELETE", _path(following))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(
        self, answer: Answer, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            begun = time.perf_counter()
            try:
                response = self._http.request(method, path, body, {**self._headers, **(headers or {})})
                content = response.read()
            except (OSError, HTTPParseError) as error:
                raise AskedWrongly(f"{method}: {type(error).__name__}: {error}") from None
            answer.exchanges.append((method, (time.perf_counter() - begun) * 1000))
            answer.size += len(content)
            if response.status_code not in LATER or time.monotonic() > deadline:
                break
            answer.later += 1
            gevent.sleep(float(response.get("retry-after", 0.1)))
        if response.status_code == 204:
            return {}
        if response.status_code != 200:
            raise AskedWrongly(f"{method} was answered {response.status_code}: {content[:200]!r}")
        return orjson.loads(_plain(content, response.get("content-encoding")))


def _plain(content: bytes, coding: str | None) -> bytes:
    return gzip.decompress(content) if coding == "gzip" else bytes(content)


def _path(address: str) -> str:
    match = _PATH.fullmatch(address)
    if match is None:
        raise AskedWrongly(f"an address that is none: {address!r}")
    return match.group(1)
