"""The attack cases: the project's reference and our own, in one form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "attacks.yaml"
FIXTURES = ROOT / "tests" / "fixtures" / "attacks"
OURS = FIXTURES / "more.yaml"


@dataclass(frozen=True, slots=True)
class Case:
    """One attack and how it must end."""

    id: str
    kind: str
    """The class: its letter and name."""
    sql: str
    expect: str
    also_ok: tuple[str, ...] = ()
    engine: str | None = None
    session: Mapping[str, Any] = field(default_factory=dict)

    @property
    def letter(self) -> str:
        return self.kind[0]

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the outcomes that are secure."""
        return (self.expect, *self.also_ok)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that the case adds."""
        given = self.session.get("headers") or []
        return [(n, v) for n, v in (given.items() if isinstance(given, dict) else given)]


def read_cases(path: Path) -> list[Case]:
    """Read a file of cases; none where the file is not there."""
    if not path.exists():
        return []
    return [_case(entry) for entry in yaml.safe_load(path.read_text("utf-8"))]


def _case(entry: Mapping[str, Any]) -> Case:
    # The generators are expressions of our own fixture files, never of a request.
    sql = eval(entry["sql_gen"]) if "sql_gen" in entry else entry["sql"]
    return Case(
        id=entry["id"],
        kind=entry["class"],
        sql=sql,
        expect=entry["expect"],
        also_ok=tuple(entry.get("also_ok", ())),
        engine=entry.get("engine"),
        session=entry.get("session") or {},
    )


CASES = [*read_cases(REFERENCE), *read_cases(OURS)]

_NOTES = yaml.safe_load((FIXTURES / "notes.yaml").read_text("utf-8"))
ELSEWHERE: Mapping[str, str] = _NOTES["elsewhere"]
"""Cases with tests of their own, and why."""
ANSWERED: Mapping[str, str] = _NOTES["answered"]
"""Cases that are answered although their file expects a refusal, and why."""
EMPTY: Mapping[str, str] = _NOTES["empty"]
"""Cases that must find nothing, and what they look for."""
ORACLES: Mapping[str, str] = _NOTES["oracle"]
"""What the copy is asked instead."""
UNTRACED: Mapping[str, str] = _NOTES["untraced"]
"""Cases whose columns are described without the tables that they come from, and why."""
NOT_OFFERED: Mapping[str, Mapping[str, str]] = _NOTES["not_offered"]
"""By engine, cases that it does not offer at all, and what that is."""
UNKNOWN_SENDER: Mapping[str, str] = _NOTES["unknown_sender"]
"""Cases that are turned away before their sender is known, and why."""


def statements(*engines: str | None) -> list[Case]:
    """Return the cases that are statements for one of the engines (None: written for Trino)."""
    return [c for c in CASES if c.engine in engines and c.letter != "N" and c.id not in ELSEWHERE]


def in_ci() -> bool:
    """Tell whether a missing piece is a failure instead of a skip."""
    return os.environ.get("CI") == "true"
