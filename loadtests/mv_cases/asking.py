"""Ask the gateway as any client does, and keep what it showed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from loadtests.mv_cases.places import LAKE

_PATIENCE = 120.0


class AskedError(Exception):
    """A statement of the harness itself failed; `name` is the protocol's name of the error."""

    def __init__(self, text: str, name: str = "") -> None:
        """Say what happened."""
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client saw of a statement."""

    query_id: str
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[list[Any], ...] = ()
    error: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()


class Asker:
    """Ask one gateway over one connection."""

    def __init__(self, url: str) -> None:
        """Say where it listens."""
        self._url = url
        self._session = requests.Session()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def ask(
        self, sql: str, user: str, schema: str, *, zone: str = "UTC", properties: Mapping[str, str] | None = None
    ) -> Answer:
        """Run a statement to its end, whatever that is."""
        headers = {
            "X-Trino-User": user,
            "X-Trino-Catalog": LAKE,
            "X-Trino-Schema": schema,
            "X-Trino-Time-Zone": zone,
            "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
        }
        if properties:
            headers["X-Trino-Session"] = ",".join(f"{name}={quote(value)}" for name, value in properties.items())
        page = self._page(self._session.post(f"{self._url}/v1/statement", sql.encode(), headers=headers, timeout=300))
        columns: tuple[tuple[str, str], ...] = ()
        rows: list[list[Any]] = []
        deadline = time.monotonic() + _PATIENCE
        while True:
            columns = columns or tuple((each["name"], each["type"]) for each in page.get("columns") or ())
            rows += page.get("data") or ()
            if "error" in page or "nextUri" not in page:
                said = tuple(each["message"] for each in page.get("warnings") or ())
                return Answer(page["id"], columns, tuple(rows), page.get("error"), said)
            if time.monotonic() > deadline:
                raise AskedError(f"no end of {sql[:200]}")
            page = self._page(self._session.get(page["nextUri"], headers=headers, timeout=300))

    def must(self, sql: str, user: str, schema: str) -> Answer:
        """Run a statement that has to succeed. Raises AskedError."""
        answer = self.ask(sql, user, schema)
        if answer.error is not None:
            name = answer.error["errorName"]
            raise AskedError(f"{name}: {answer.error['message']} ({sql[:300]})", name)
        return answer

    def _page(self, answer: requests.Response) -> dict[str, Any]:
        if answer.status_code != 200:
            raise AskedError(f"{answer.status_code}: {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found
