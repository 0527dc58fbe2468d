"""A client of the protocol by bare HTTP: each request on a connection of its own, so that any worker may take it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import requests

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """Ask one gateway as one user."""

    url: str
    user: str = "ana"
    timeout: float = 30.0
    patient: bool = False
    """Ask again when a connection is reset, as drivers do: those that a dying worker had not accepted yet are."""
    token: str | None = None
    """A bearer token to show beside the name."""

    @property
    def headers(self) -> dict[str, str]:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"X-Trino-User": self.user, **bearer}

    def post(self, sql: str) -> requests.Response:
        headers = {**self.headers, "X-Trino-Time-Zone": "UTC"}
        return requests.post(f"{self.url}/v1/statement", data=sql.encode(), headers=headers, timeout=self.timeout)

    def begin(self, sql: str) -> Answer:
        """Post a statement that must be taken."""
        answer = self.post(sql)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        found: Answer = answer.json()
        return found

    def poll(self, uri: str) -> requests.Response:
        return requests.get(uri, headers=self.headers, timeout=self.timeout)

    def delete(self, uri: str) -> requests.Response:
        return requests.delete(uri, headers=self.headers, timeout=self.timeout)

    def next(self, page: Answer) -> Answer:
        """Follow nextUri once, as a client does: 502, 503 and 504 are tried again for a while."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                answer = self.poll(page["nextUri"])
            except requests.ConnectionError:
                if not self.patient or time.monotonic() > deadline:
                    raise
                continue
            if answer.status_code == 200:
                found: Answer = answer.json()
                return found
            assert answer.status_code in (502, 503, 504), (answer.status_code, answer.text)
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.1)

    def finish(self, page: Answer) -> Answer:
        """Follow to the last page; return it with all rows as `rows`."""
        rows: list[Any] = []
        while "nextUri" in page:
            page = self.next(page)
            rows += page.get("data", [])
        return {**page, "rows": rows}

    def run(self, sql: str) -> Answer:
        """Run a statement to its end, whatever that is."""
        return self.finish(self.begin(sql))

    def rows(self, sql: str) -> list[Any]:
        """Run a statement that must succeed."""
        last = self.run(sql)
        assert "error" not in last, last["error"]
        found: list[Any] = last["rows"]
        return found

    def error(self, sql: str) -> Answer:
        """Run a statement that must fail; return its error."""
        last = self.run(sql)
        assert "error" in last, last
        found: Answer = last["error"]
        return found
