"""The scenarios of the conformance table, and the policies that they ask for, read from their file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("scenarios.yaml")
HOME = "iceberg.tiny"


@dataclass(frozen=True, slots=True)
class Held:
    """The policies of one user."""

    filters: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    masks: Mapping[str, str] = field(default_factory=dict)
    deny: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A row of the table: policies, statements, and how they end."""

    n: int
    source: str
    what: str
    steps: Sequence[Mapping[str, Any]]
    ends: str
    held: Held
    also: Mapping[str, Held]
    bad: Sequence[Held]
    lake: Sequence[Mapping[str, Any]] | None

    @property
    def user(self) -> str:
        """Return the user of the scenario."""
        return f"s{self.n:02}"

    def steps_on(self, engine: str) -> Sequence[Mapping[str, Any]]:
        """Return the statements for an engine."""
        return self.lake if engine == "lake" and self.lake is not None else self.steps


def read_scenarios() -> list[Scenario]:
    """Read the table."""
    return [
        Scenario(
            row["n"], row["source"], row["what"], row.get("steps") or [], row["ends"], _held(row),
            {user: _held(entry) for user, entry in (row.get("also") or {}).items()},
            [_held(entry) for entry in row.get("bad") or ()], row.get("lake"),
        )
        for row in yaml.safe_load(FILE.read_text("utf-8"))
    ]  # fmt: skip


def _held(entry: Mapping[str, Any]) -> Held:
    return Held(entry.get("filters") or {}, entry.get("masks") or {}, entry.get("deny") or ())


def policies(scenarios: Sequence[Scenario]) -> str:
    """Return the policies of all users; whom a table's filters and masks do not name sees it whole."""
    users: dict[str, list[Held]] = {"admin": [], "owner": []}
    for scenario in scenarios:
        for user, held in {scenario.user: scenario.held, **scenario.also}.items():
            users.setdefault(user, []).append(held)
    return document(users)


def document(users: Mapping[str, Sequence[Held]]) -> str:
    """Return a policy file."""
    everything = {"id": "all", "roles": list(users), "assets": ["iceberg.*", "memory.*"], "allow": ["all"]}
    denied = [
        {"id": f"deny-{user}", "roles": [user], "assets": f"{HOME}.orders", "deny": ["select"], "columns": list(held.deny)}
        for user, all_held in users.items()
        for held in all_held
        if held.deny
    ]  # fmt: skip
    return yaml.safe_dump(
        {
            "version": 1,
            "roles": {user: {} for user in users},
            "users": {user: {"roles": [user]} for user in users},
            "grants": [everything, *denied],
            "row_filters": list(_filters(users)),
            "column_masks": list(_masks(users)),
        },
        sort_keys=False,
    )


def _filters(users: Mapping[str, Sequence[Held]]) -> Iterator[dict[str, Any]]:
    tables = {table for held in users.values() for each in held for table in each.filters}
    for table in sorted(tables):
        for user, all_held in users.items():
            own = [text for held in all_held for text in _texts(held.filters.get(table, ()))] or ["none"]
            for number, text in enumerate(own):
                yield {"id": f"{table}-{user}-{number}", "table": _full(table), "roles": [user], "filter": text}


def _masks(users: Mapping[str, Sequence[Held]]) -> Iterator[dict[str, Any]]:
    columns = {column for held in users.values() for each in held for column in each.masks}
    for masked in sorted(columns):
        table, _, column = masked.rpartition(".")
        for user, all_held in users.items():
            own = [held.masks[masked] for held in all_held if masked in held.masks]
            mask: Any = {"kind": "sql", "expression": own[0]} if own else "none"
            mask = {"kind": "null"} if own == ["NULL"] else mask
            yield {"id": f"{masked}-{user}", "table": _full(table), "column": column, "roles": [user], "mask": mask}


def _texts(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _full(table: str) -> str:
    return table if table.count(".") == 2 else f"{HOME}.{table}"
