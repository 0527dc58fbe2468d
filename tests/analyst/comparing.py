"""Compare an answer with Trino's exactly: names, types, rows, and their order where the statement orders them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.analyst.asking import Answer
from tests.analyst.statements import Asked

RELATIVE = 1e-11
"""How far sums of doubles may lie apart; Trino's own differ as much from run to run."""
CLOSE = 0.01
"""How far percentiles may lie apart: Trino's are read off a sketch."""
Kept = Callable[[Asked, Answer], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one statement, and why."""

    is_: Literal["equal", "refused", "wrong"]
    why: str = ""


def judge(asked: Asked, trino: Mapping[str, Any], ours: Answer, kept: Kept) -> Verdict:
    """Compare our answer with what is recorded of Trino's."""
    if ours.error is not None:
        if ours.error == trino.get("error"):
            return Verdict("equal")
        kind: Literal["refused", "wrong"] = "refused" if ours.error == "NOT_SUPPORTED" else "wrong"
        return Verdict(kind, f"{ours.error}: {ours.message}; Trino {trino.get('error', 'answers')}")
    if "error" in trino:
        return Verdict("wrong", f"Trino refuses: {trino['error']}")
    have = kept(asked, ours)
    for part in trino:
        if not _same(trino[part], have.get(part), CLOSE if asked.close else RELATIVE if asked.floats else 0.0):
            return Verdict("wrong", f"{part} {str(trino[part])[:500]}, here {str(have.get(part))[:500]}")
    return Verdict("equal")


def in_order(asked: Asked, rows: list[list[Any]]) -> list[list[Any]]:
    """Return the rows as they are where the statement orders them, sorted otherwise."""
    return rows if asked.ordered else sorted(rows, key=_key)


def _key(row: list[Any]) -> str:
    return json.dumps([f"{v:.6e}" if isinstance(v, float) else v for v in row], sort_keys=True)


def _same(a: Any, b: Any, apart: float) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y, apart) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k], apart) for k in a)
    if apart and isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= apart * max(abs(a), abs(b), 1.0)
    return type(a) is type(b) and repr(a) == repr(b)
