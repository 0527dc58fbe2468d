"""One line of the results for each case: what the client saw, and what the usage row says was read for it."""

from __future__ import annotations

from typing import Any

from gateway.usage_record import UsageRecord
from loadtests.mv_cases.asking import Answer
from loadtests.mv_cases.cases import Case
from loadtests.mv_cases.places import Place

_OF_THE_CALLER = frozenset({"PERMISSION_DENIED", "COLUMN_NOT_FOUND", "TABLE_NOT_FOUND"})
"""How the gateway refuses what policy withholds: a column that is withheld and one that is none look the same."""


def line(case: Case, place: Place, answer: Answer, record: UsageRecord) -> dict[str, Any]:
    """Put together what is known of a case's answer."""
    used = record.rewritten
    views = [] if used is None else [_last(name) for name in used.views]
    read = [_last(name) for name, *_ in record.tables]
    base = [_last(name) for name in used.base_tables] if used is not None and views else read
    return {
        "id": case.id,
        "rewritten": bool(views),
        "views": views,
        "base_tables": [name for name in dict.fromkeys(base) if name in place.tables],
        "columns": [{"name": name, "type": kind} for name, kind in answer.columns],
        "rows": list(answer.rows) if answer.error is None else [],
        "error": _error(answer),
        "reason": "; ".join([*answer.warnings, *([] if used is None else [used.fallback, *used.missed])]).strip("; "),
    }


def failed(case: Case, kind: str, message: str) -> dict[str, Any]:
    """Say why a case could not be asked at all."""
    return {
        "id": case.id,
        "rewritten": False,
        "views": [],
        "base_tables": [],
        "columns": [],
        "rows": [],
        "error": {"kind": kind, "message": message},
        "reason": message,
    }


def _error(answer: Answer) -> dict[str, str] | None:
    if answer.error is None:
        return None
    name, message = answer.error["errorName"], answer.error["message"]
    return {"kind": "refused" if name in _OF_THE_CALLER else "engine", "message": f"{name}: {message}"}


def _last(name: object) -> str:
    """Return a table's own name, however it is given."""
    return str(name).rpartition(".")[2]
