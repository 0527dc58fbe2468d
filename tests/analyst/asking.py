"""Ask any server of the protocol, by bare HTTP, and keep exactly what it showed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_SECONDS = 120.0
CAPABLE = {"X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client saw: columns and rows, or the name of an error."""

    columns: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    count: int | None = None
    error: str | None = None
    message: str = ""
    warnings: list[str] = field(default_factory=list)


class Asker:
    """Ask one server as one user, over one connection; each thread needs its own."""

    def __init__(self, url: str, user: str, catalog: str, schema: str) -> None:
        """Say where to ask, and in which session."""
        self._url = url
        self._session = requests.Session()
        self._session.headers.update(
            {"X-Trino-User": user, "X-Trino-Catalog": catalog, "X-Trino-Schema": schema, **CAPABLE}
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def ask(self, sql: str, zone: str = "UTC") -> Answer:
        """Run a statement to its end, whatever that is."""
        headers = {"X-Trino-Time-Zone": zone}
        page = self._taken(self._session.post(f"{self._url}/v1/statement", sql.encode(), headers=headers, timeout=60))
        columns: list[tuple[str, str]] = []
        rows: list[list[Any]] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            columns = columns or [(column["name"], column["type"]) for column in page.get("columns") or ()]
            rows += page.get("data") or ()
            if "error" in page:
                return Answer(error=page["error"]["errorName"], message=page["error"]["message"])
            if "nextUri" not in page:
                warnings = [warning["message"] for warning in page.get("warnings") or ()]
                return Answer(columns, rows, page.get("updateCount"), warnings=warnings)
            assert time.monotonic() < deadline, f"no end of {sql}"
            page = self._taken(self._session.get(page["nextUri"], headers=headers, timeout=60))

    def _taken(self, answer: requests.Response) -> dict[str, Any]:
        assert answer.status_code == 200, (answer.status_code, answer.text)
        found: dict[str, Any] = answer.json()
        return found
