"""The attack cases: the project's reference, our own, and any file of their form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import yaml

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "attacks.yaml"
FIXTURES = ROOT / "tests" / "fixtures" / "attacks"
OURS = FIXTURES / "more.yaml"
OUTCOMES = frozenset({"refuse", "filtered", "masked", "ok"})
SESSION = frozenset({"catalog", "schema", "user", "headers", "jwt", "jwt_claims", "fault", "note"})
"""What a session may say."""


class BadCaseError(ValueError):
    """Say which case of a file cannot be read, and why."""


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
        """Return the letter of the class."""
        return self.kind[0]

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the outcomes that are secure."""
        return (self.expect, *self.also_ok)

    @property
    def user(self) -> str:
        """Return who asks."""
        return str(self.session.get("user", "ana"))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that the case adds."""
        given = self.session.get("headers") or []
        return [(str(n), str(v)) for n, v in (given.items() if isinstance(given, dict) else given)]

    @property
    def texts(self) -> str:
        """Return all that the attacker says: what it holds may come back to him."""
        return f"{self.sql} {self.headers} {self.session}"


def read_cases(path: Path) -> list[Case]:
    """Read a file of cases. Raises BadCaseError, OSError."""
    entries = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(entries, list):
        raise BadCaseError(f"{path}: not a list of cases")
    return [_case(entry) for entry in entries]


def _case(entry: Any) -> Case:
    if (
        not isinstance(entry, dict)
        or not {"id", "class", "expect"} <= set(entry)
        or not {"sql", "sql_gen"} & set(entry)
    ):
        raise BadCaseError(f"not a case: {str(entry)[:200]}")
    session = entry.get("session") or {}
    ends = [entry["expect"], *(entry.get("also_ok") or ())]
    if unknown := set(ends) - OUTCOMES:
        raise BadCaseError(f"case {entry['id']}: unknown outcome {', '.join(sorted(map(str, unknown)))}")
    # The generators are expressions of a file that whoever runs the harness chose, never of a request.
    sql = eval(entry["sql_gen"]) if "sql_gen" in entry else entry["sql"]
    return Case(
        id=str(entry["id"]),
        kind=str(entry["class"]),
        sql=str(sql),
        expect=ends[0],
        also_ok=tuple(ends[1:]),
        engine=entry.get("engine"),
        session=session,
    )


_OURS = read_cases(OURS)
_OWN = {case.id for case in _OURS}
CASES = [*(read_cases(REFERENCE) if REFERENCE.exists() else []), *_OURS]


def statements(*engines: str | None) -> list[Case]:
    """Return the cases that are statements for one of the engines (None: written for Trino)."""
    return [c for c in CASES if c.engine in engines and c.letter != "N"]


def a_share(cases: list[Case], one_in: int = 16, *, half: Literal[0, 1] | None = None) -> list[ParameterSet]:
    """Return cases as parameters: those of the reference and one in so many of our own for each run, the others long.

    More of them run on Trino; the other engines share the pipeline up to the translation, so each runs `half` of the
    reference in every run.
    """
    own = [case.id for case in cases if case.id in _OWN]
    reference = [case.id for case in cases if case.id not in _OWN]
    often = {*own[::one_in], *(reference if half is None else reference[half::2])}
    return [pytest.param(case, id=case.id, marks=() if case.id in often else pytest.mark.long) for case in cases]


def in_ci() -> bool:
    """Tell whether a missing piece is a failure instead of a skip."""
    return os.environ.get("CI") == "true"
