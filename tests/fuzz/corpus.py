"""Finds as files: a policy, a world, the copy that is left of it, and statements. Each can be read, and run again."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.fuzz.answers import Answer
from tests.fuzz.fuzzing import Find
from tests.fuzz.house import Caller
from tests.fuzz.house_sides import HouseSides
from tests.fuzz.judging import Outcome, canaries, judge
from tests.fuzz.lake import LAKE
from tests.fuzz.sql.statements import Step
from tests.fuzz.world import VIEWS, Relation

FOLDER = Path(__file__).parents[1] / "fixtures" / "fuzz"


@dataclass(frozen=True, slots=True)
class Case:
    """What escaped once. It does so no longer, and is tried first."""

    name: str
    document: Mapping[str, Any]
    caller: Caller
    world: Mapping[str, Relation]
    copy: Mapping[str, Relation]
    steps: Sequence[Step]
    engine: str = LAKE


def write_find(find: Find, folder: Path) -> Path:
    """Write a find down; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{find.seed.replace('/', '-')}.json"
    text = " ".join(f"{step.sql} {step.prepared}" for step in find.steps)
    named = {name for name in find.world if re.search(rf"\b{name}\b", text)} or set(find.world)
    named |= {view.base for view in VIEWS if view.relation.name in named}
    entry = {
        "what": find.escape.what,
        "seed": find.seed,
        "engine": find.policy.engine,
        "statements": [asdict(step) for step in find.steps],
        "governed": _told(find.escape.governed),
        "on the copy": _told(find.escape.copy),
        "caller": {
            "roles": list(find.policy.roles),
            "attributes": dict(find.policy.attributes),
            "chosen": find.policy.chosen,
        },
        "policy": find.policy.document,
        "world": {name: _written(relation) for name, relation in find.world.items() if name in named},
        "copy": {name: _written(relation) for name, relation in find.copy.items() if name in named},
    }
    path.write_text(json.dumps(entry, indent=1, default=str) + "\n")
    return path


def read_case(path: Path) -> Case:
    """Read a find back."""
    entry = json.loads(path.read_text())
    caller = entry["caller"]
    return Case(
        path.stem,
        entry["policy"],
        Caller(tuple(caller["roles"]), caller["attributes"], caller["chosen"]),
        {name: _read(name, relation) for name, relation in entry["world"].items()},
        {name: _read(name, relation) for name, relation in entry["copy"].items()},
        [Step(**step) for step in entry["statements"]],
        entry.get("engine", LAKE),
    )


def cases(engine: str) -> list[Case]:
    """Return all past finds on an engine."""
    return [case for path in sorted(FOLDER.glob("*.json")) if (case := read_case(path)).engine == engine]


async def replay(case: Case, sides: HouseSides) -> Outcome:
    """Run a past find again."""
    await sides.put(case.document, case.caller, case.world, case.copy)
    return await judge(case.steps, sides, canaries(case.world, case.copy))


def _told(answer: Answer) -> dict[str, Any]:
    return {
        "columns": list(answer.columns),
        "rows": list(answer.rows)[:20],
        "error": answer.error,
        "message": answer.message,
        "detail": answer.detail,
    }


def _written(relation: Relation) -> dict[str, Any]:
    return {
        "columns": dict(relation.columns),
        "view": relation.view,
        "rows": [[row[column] for column in relation.columns] for row in relation.rows],
    }


def _read(name: str, written: Mapping[str, Any]) -> Relation:
    kinds = written["columns"]
    rows = [
        {column: _value(value, kind) for (column, kind), value in zip(kinds.items(), row, strict=True)}
        for row in written["rows"]
    ]
    return Relation(name, kinds, rows, written.get("view", ""))


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "date":
        return dt.date.fromisoformat(value)
    if kind.startswith("timestamp"):
        return dt.datetime.fromisoformat(value)
    return Decimal(value) if kind.startswith("decimal") else value
