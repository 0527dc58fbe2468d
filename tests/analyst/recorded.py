"""Trino's answers as they were recorded: small ones whole, large ones by a digest of their rows.

`test_trino.py` asks the real Trino again and, where RECORD=1, writes them anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.analyst.asking import Answer
from tests.analyst.comparing import in_order
from tests.analyst.statements import Asked, read_statements

FIXTURES = Path(__file__).parents[1] / "fixtures" / "analyst"
WHOLE = 12
"""Answers of more rows are kept as a digest, but for those whose doubles may differ in the last digits."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One data file: its statements and Trino's recorded answers, by the line a statement begins at."""

    path: Path
    statements: tuple[Asked, ...]

    @property
    def answers(self) -> Path:
        """Return where the answers stand."""
        return self.path.with_suffix(".json")

    def keys(self) -> list[str]:
        """Name the statements by text and zone, so that a changed one has no answer; twins are numbered."""
        found: list[str] = []
        seen: Counter[str] = Counter()
        for asked in self.statements:
            digest = hashlib.sha256(f"{asked.zone}\n{asked.sql}".encode()).hexdigest()[:16]
            seen[digest] += 1
            found.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
        return found

    def recorded(self) -> Mapping[str, Any]:
        """Read the answers, by the keys of the statements."""
        found: Mapping[str, Any] = json.loads(self.answers.read_text("utf-8"))
        return found

    def record(self, answers: list[Answer]) -> None:
        """Write the answers, a statement a line."""
        parts = zip(self.keys(), self.statements, answers, strict=True)
        lines = [f"{json.dumps(key)}: {json.dumps(kept(a, found), ensure_ascii=False)}" for key, a, found in parts]
        self.answers.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def suite(name: str) -> Suite:
    """Open a data file, such as `lake/prices`."""
    path = FIXTURES / f"{name}.sql"
    return Suite(path, tuple(read_statements(path)))


def names(folder: str) -> list[str]:
    """List the data files of a folder."""
    return [f"{folder}/{path.stem}" for path in sorted((FIXTURES / folder).glob("*.sql"))]


def kept(asked: Asked, answer: Answer) -> dict[str, Any]:
    """Return what is recorded of an answer."""
    if answer.error is not None:
        return {"error": answer.error}
    known: dict[str, Any] = {"columns": [list(column) for column in answer.columns], "count": answer.count}
    rows = in_order(asked, answer.rows)
    if len(rows) <= WHOLE or asked.floats or asked.close:
        return {**known, "rows": rows}
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    return {**known, "number": len(rows), "first": rows[0], "digest": digest}
