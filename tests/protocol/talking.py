"""Statements with headers of the test's choice, by bare HTTP; every request may reach another worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

TRANSACTIONS = {"X-Trino-Transaction-Id": "NONE"}
CAPABLE = {**TRANSACTIONS, "X-Trino-Client-Capabilities": "PATH,PARAMETRIC_DATETIME,SESSION_AUTHORIZATION"}


@dataclass(slots=True)
class Told:
    """What a statement's pages said altogether."""

    id: str
    rows: list[list[Any]] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    update_type: str | None = None
    error: dict[str, Any] | None = None

    @property
    def failure(self) -> tuple[str, str] | None:
        return (self.error["errorName"], self.error["message"]) if self.error else None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def tell(url: str, sql: str, user: str = "ana", headers: Mapping[str, str] | None = None) -> Told:
    """Run a statement to its end."""
    sent = {"X-Trino-User": user, "X-Trino-Time-Zone": "UTC", **(headers or {})}
    answer = requests.post(f"{url}/v1/statement", data=sql.encode(), headers=sent, timeout=120)
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return follow(answer, user)


def follow(answer: requests.Response, user: str = "ana") -> Told:
    """Follow an answer's pages to the last."""
    page = answer.json()
    told = Told(page["id"])
    while True:
        told.headers += [pair for pair in answer.headers.items() if pair[0].lower().startswith("x-trino-")]
        told.rows += page.get("data") or []
        told.columns = page.get("columns", told.columns)
        told.update_type = page.get("updateType", told.update_type)
        told.error = page.get("error")
        if "nextUri" not in page:
            return told
        answer = requests.get(page["nextUri"], headers={"X-Trino-User": user}, timeout=120)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        page = answer.json()


def begin(url: str, sql: str, user: str = "ana") -> dict[str, Any]:
    """Post a statement and read no page of it."""
    answer = requests.post(f"{url}/v1/statement", data=sql.encode(), headers={"X-Trino-User": user}, timeout=120)
    page: dict[str, Any] = answer.json()
    return page
