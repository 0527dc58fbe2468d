"""Read the statements of a data file: each ends with `;` at a line's end, marks stand in comments before it.

`-- zone: America/Chicago` is the session's time zone, `-- floats` allows sums of doubles to differ in the last digits
(they depend on the order of the rows), `-- close` allows percentiles to differ by a hundredth, and `-- refused` says that another answer is impossible for now.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"-- (zone|floats|close|refused)(?:: *(.*))?")


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement with its marks."""

    sql: str
    line: int
    zone: str = "UTC"
    floats: bool = False
    close: bool = False
    refused: bool = False

    @property
    def ordered(self) -> bool:
        """Tell whether the statement itself orders its rows."""
        return bool(re.search(r"\bORDER BY\b(?![^()]*\))", _flat(self.sql), re.IGNORECASE))


def _flat(sql: str) -> str:
    """Leave out what stands in brackets and quotes."""
    flat = re.sub(r"'[^']*'", "''", sql)
    while (shorter := re.sub(r"\([^()]*\)", "", flat)) != flat:
        flat = shorter
    return flat


def read_statements(path: Path) -> list[Asked]:
    """Read all statements of a file, in order."""
    found: list[Asked] = []
    lines: list[str] = []
    marks: dict[str, str] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        mark = _MARK.fullmatch(line) if not lines else None
        if mark is not None:
            marks[mark[1]] = mark[2] or ""
        elif line.strip() and not (line.startswith("--") and not lines):
            lines.append(line)
            if line.endswith(";"):
                sql = "\n".join(lines).removesuffix(";")
                first = number - len(lines) + 1
                flags = {name: name in marks for name in ("floats", "close", "refused")}
                found.append(Asked(sql, first, marks.get("zone", "UTC"), **flags))
                lines, marks = [], {}
    assert not lines, f"{path.name} ends within a statement"
    return found
