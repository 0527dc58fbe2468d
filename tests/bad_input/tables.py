"""The tables of docs/bad-input.md, and the file of requests that one part of them is held to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "bad-input.md"
REQUESTS = ROOT / "tests" / "fixtures" / "bad_input" / "requests.yaml"
_REPEATED = re.compile(r"\{(\d+) ([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One request of the file; `says` stands in the last answer, `trino` are the statuses of the real Trino."""

    section: str
    sent: str
    bytes: str
    status: str
    says: str
    stays: bool
    trino: str = ""
    after: str = ""
    """Sent once the first answer, `100 Continue`, is there."""
    shuts: bool = False
    bytewise: bool = False

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in self.status.split()]

    def data(self, who: str) -> bytes:
        """Return the bytes, sent by whom the header lines `who` name."""
        me = f"Host: gateway.test\r\n{who}"
        known = {
            "{post}": f"POST /v1/statement HTTP/1.1\r\n{me}",
            "{get}": "GET /v1/info HTTP/1.1\r\nHost: gateway.test\r\n",
            "{state}": "GET /v1/info/state HTTP/1.1\r\nHost: gateway.test\r\n",
            "{me}": me,
            "{who}": who,
        }
        text = self.bytes
        for name, value in known.items():
            text = text.replace(name, value)
        return _REPEATED.sub(lambda found: int(found[1]) * found[2], text).encode("latin-1")

    def cells(self) -> list[str]:
        """Return the row as the page shows it."""
        shown = {'"state":"QUEUED"': "a result page", "nodeId": "the server's information"}.get(self.says, self.says)
        kept = "goes on" if self.stays else "closed"
        return [self.sent, self.status or "none", shown.replace("|", "\\|") or "nothing", kept]


def rows() -> list[Row]:
    """Return all requests of the file."""
    sections = yaml.safe_load(REQUESTS.read_text("utf-8"))
    return [Row(section["section"], **row) for section in sections for row in section["rows"]]


def documented(section: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the page, without its head."""
    return list(_cells(section))[2:]


def _cells(section: str) -> Iterator[list[str]]:
    _, found, rest = PAGE.read_text("utf-8").partition(f"\n## {section}\n")
    assert found, f"docs/bad-input.md has no section {section!r}"
    for line in rest.partition("\n## ")[0].splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
