"""A client that keeps every byte it was sent: bodies and headers of all pages of a statement."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.attacks.process import Gateway

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Seen:
    """All that a client saw of one statement."""

    status: int
    raw: str = ""
    """Every body and every header line, in order."""
    headers: Headers = field(default_factory=list)
    columns: list[dict[str, Any]] | None = None
    rows: list[list[Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    query_id: str | None = None
    pages: list[str] = field(default_factory=list)
    """The page addresses that were handed out."""

    @property
    def refused(self) -> bool:
        return self.status >= 400 or self.error is not None

    @property
    def says(self) -> str:
        """Return the error's name, or the HTTP status where the request itself was turned away."""
        return str(self.error["errorName"]) if self.error else f"HTTP {self.status}"

    @property
    def message(self) -> str:
        return str(self.error["message"]) if self.error else self.raw[:300]


@dataclass(slots=True)
class Caller:
    """One user at one gateway."""

    gateway: Gateway
    user: str
    catalog: str | None = "lake"
    schema: str | None = "sales"
    token: str | None = None

    def ask(self, sql: str, extra: Headers | None = None, *, pages: int = 1000) -> Seen:
        """Run a statement and read up to `pages` pages of its answer."""
        extra = extra or []
        given = {name.lower() for name, _ in extra}
        headers = [(name, value) for name, value in self.headers() if name.lower() not in given] + extra
        with closing(http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)) as connection:
            seen = _request(connection, "POST", "/v1/statement", headers, sql.encode("utf-8", "surrogatepass"))
            for _ in range(pages):
                if not seen.pages or seen.pages[-1] == "":
                    break
                address = urlsplit(seen.pages[-1])
                _request(connection, "GET", address.path, self.identity(), seen=seen)
            return seen

    def identity(self) -> Headers:
        """Return the headers that say who asks."""
        token = self.token or self.gateway.token(self.user)
        return [("Authorization", f"Bearer {token}"), ("X-Trino-User", self.user)]

    def headers(self) -> Headers:
        """Return the headers of a new statement."""
        session = [("X-Trino-Catalog", self.catalog), ("X-Trino-Schema", self.schema)]
        return [*self.identity(), *((name, value) for name, value in session if value is not None)]

    def get(self, path: str, method: str = "GET", extra: Headers | None = None, body: bytes | None = None) -> Seen:
        """Send one bare request as this user."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)) as connection:
            return _request(connection, method, path, self.identity() + (extra or []), body)


def ask_engine(port: int, sql: str, catalog: str, schema: str) -> Seen:
    """Run a text on a Trino without a gateway, as one who may see everything."""
    headers = [("X-Trino-User", "admin"), ("X-Trino-Catalog", catalog), ("X-Trino-Schema", schema)]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        seen = _request(connection, "POST", "/v1/statement", headers, sql.encode("utf-8", "surrogatepass"))
        while seen.pages and seen.pages[-1]:
            _request(connection, "GET", urlsplit(seen.pages[-1]).path, headers[:1], seen=seen)
        return seen


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    headers: Headers,
    body: bytes | None = None,
    seen: Seen | None = None,
) -> Seen:
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    with suppress(BrokenPipeError, ConnectionResetError):  # turned away before all was sent: the answer is there
        connection.endheaders(body)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    seen = seen or Seen(answer.status)
    seen.status = answer.status
    seen.headers += answer.getheaders()
    seen.raw += text + "\n" + "\n".join(f"{name}: {value}" for name, value in answer.getheaders()) + "\n"
    if answer.status == 503:
        time.sleep(0.1)
        return seen
    _take_page(seen, text if answer.status == 200 else "")
    return seen


def _take_page(seen: Seen, text: str) -> None:
    try:
        page = json.loads(text)
    except ValueError:
        seen.pages.append("")
        return
    if not isinstance(page, dict):
        seen.pages.append("")
        return
    seen.query_id = page.get("id", seen.query_id)
    seen.columns = page.get("columns", seen.columns)
    seen.rows += page.get("data") or []
    seen.error = page.get("error", seen.error)
    seen.pages.append(page.get("nextUri", ""))
