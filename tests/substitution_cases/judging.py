"""Judge how cases were answered: rows and schema against those without views, and what was allowed to be rewritten."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.mv_cases.running import Told

TOLERANCE = 1e-9
_FRACTION = re.compile(r"\.\d+")
_BASE_HELPS = frozenset({"wrong-result", "stale"})
"""Kinds of traps that a statement is out of which reads the base, too."""


@dataclass
class Verdict:
    """What is to be said of a file of cases."""

    must: int = 0
    covered: int = 0
    wrong: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    schema: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    rewritten: int = 0

    def __str__(self) -> str:
        """Say it in a line, and who is concerned below."""
        share = 100 * self.covered / self.must if self.must else 100.0
        first = (
            f"{self.rewritten} rewritten, must {self.covered}/{self.must} ({share:.1f} %), wrong {len(self.wrong)}, "
            f"forbidden {len(self.forbidden)}, schema {len(self.schema)}"
        )
        lists = [(name, getattr(self, name)) for name in ("wrong", "forbidden", "schema", "missed")]
        return "\n".join([first, *(f"{name}: {' '.join(ids)}" for name, ids in lists if ids)])


def judge(document: Mapping[str, Any], told: Iterable[Told]) -> Verdict:
    """Compare each case with its answer without views, and with what the file allows."""
    cases = {case["id"]: case for case in document["cases"]}
    verdict = Verdict()
    for each in told:
        case = cases[each.case.id]
        right, same_schema = _holds(case, each)
        rewritten = bool(each.line["rewritten"])
        verdict.rewritten += rewritten
        verdict.wrong += [] if right else [each.case.id]
        verdict.schema += [each.case.id] if right and not same_schema else []
        if case["expect"] == "never" and rewritten and not (right and _allowed(case, each.line)):
            verdict.forbidden.append(each.case.id)
        if case["expect"] == "must":
            verdict.must += 1
            hit = rewritten and right and same_schema
            verdict.covered += hit
            verdict.missed += [] if hit else [each.case.id]
    return verdict


def _allowed(case: Mapping[str, Any], line: Mapping[str, Any]) -> bool:
    return bool(line["base_tables"]) and (case["kind"] in _BASE_HELPS or case.get("unless") == "base")


def _holds(case: Mapping[str, Any], told: Told) -> tuple[bool, bool]:
    """Tell whether rows (or the outcome) and the schema are those of the answer without views."""
    line, plain = told.line, told.plain
    assert plain is not None, "asked once only"
    if case.get("answer") in ("refused", "error"):
        return line["error"] is not None and not line["rows"] and plain["error"] is not None, True
    if line["error"] is not None or plain["error"] is not None:
        return False, True
    if _volatile(case):
        return len(line["rows"]) == len(plain["rows"]) or case.get("compare") == "skip", line["columns"] == plain[
            "columns"
        ]
    kinds = [column["type"] for column in plain["columns"]]
    ordered = case.get("compare") == "ordered"
    approximate = case.get("session", {}).get("min_grade") == "approximate"
    right = approximate or case.get("accept_watermark") or same(line["rows"], plain["rows"], kinds, ordered=ordered)
    return bool(right), line["columns"] == plain["columns"]


def _volatile(case: Mapping[str, Any]) -> bool:
    return bool(case.get("volatile")) or case.get("compare") in ("count", "skip")


def same(some: Sequence[Any], others: Sequence[Any], kinds: Sequence[str], *, ordered: bool = False) -> bool:
    """Tell whether two results hold the same rows: doubles nearly, all else exactly."""
    one, other = ([_row(row, kinds) for row in rows] for rows in (some, others))
    if len(one) != len(other):
        return False
    if not ordered:
        exact = [at for at, kind in enumerate(kinds) if not _floating(kind)]
        if Counter(_only(row, exact) for row in one) != Counter(_only(row, exact) for row in other):
            return False
        one, other = (sorted(rows, key=lambda row: _order(row, exact)) for rows in (one, other))
    return all(all(map(_near, a, b)) for a, b in zip(one, other, strict=True))


def _row(row: Sequence[Any], kinds: Sequence[str]) -> tuple[Any, ...]:
    return tuple(_value(value, kind) for value, kind in zip(row, kinds, strict=True))


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if _floating(kind):
        return float(value)
    if kind.startswith(("decimal", "timestamp")):
        return _FRACTION.sub(lambda found: found[0].rstrip("0").rstrip("."), str(value))
    return str(value) if isinstance(value, list | dict) else value


def _floating(kind: str) -> bool:
    return kind.startswith(("double", "real"))


def _only(row: tuple[Any, ...], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(repr(row[at]) for at in places)


def _order(row: tuple[Any, ...], exact: Sequence[int]) -> tuple[Any, ...]:
    """Sort by what is compared exactly, then by doubles as far as they surely agree."""
    rest = [row[at] for at in range(len(row)) if at not in set(exact)]
    return (_only(row, exact), [_coarse(value) for value in rest])


def _coarse(value: float | None) -> tuple[int, float]:
    if value is None:
        return (0, 0.0)
    return (1, 0.0) if math.isnan(value) else (2, float(f"{value:.6g}"))


def _near(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other or math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other) and type(one) is type(other)
