"""A file of cases, read: only what says how things stand and what is asked, never what is expected of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

MAIN = "main"
Maintained = Literal["none", "inserts", "full"]
_STATE = re.compile(r"^\s*(\w+)\s*(?:\(([^()]*)\)\s*(?=\())?\((.*)\)\s*$", re.DOTALL)


class BadCaseError(Exception):
    """The file, or a case in it, cannot be understood."""


@dataclass(frozen=True, slots=True)
class BaseTable:
    """A base table as its fixture gives it."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """(name, Trino type)."""
    required: frozenset[str]
    """Columns that are NOT NULL."""
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A key of a table, or (with `references`) a foreign key."""

    table: str
    columns: tuple[str, ...]
    status: str
    references: str = ""
    referenced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fixture:
    """Base tables, and what is said of them."""

    tables: Mapping[str, BaseTable]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the asking user may see of one table."""

    table: str
    row_filter: str = ""
    masks: tuple[tuple[str, str], ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a base table after the views were built: one snapshot."""

    op: Literal["append", "delete", "update"]
    table: str
    rows: tuple[tuple[object, ...], ...] = ()
    where: str = ""
    assignments: tuple[tuple[str, str], ...] = ()
    branch: str = MAIN
    as_operation: str = ""
    visible: bool = True


@dataclass(frozen=True, slots=True)
class StateColumn:
    """A column that ClickHouse keeps as a state: `quantileExact(mw)`, `uniq(node)`."""

    column: str
    function: str
    arguments: tuple[str, ...]
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A materialized view: its definition, and how its rows came about."""

    name: str
    sql: str
    columns: tuple[tuple[str, str], ...]
    states: tuple[StateColumn, ...] = ()
    maintained: Maintained = "none"
    lost: str = ""
    built_under: tuple[Policy, ...] = ()
    built_as: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """The session of the asking user."""

    time_zone: str = "UTC"
    integrity: str = "enforced"
    min_grade: str = "exact"
    max_staleness_s: float | None = None
    as_of: str = ""
    branch: str = MAIN


@dataclass(frozen=True, slots=True)
class Setting:
    """All that is the case before somebody asks; cases with the same setting can share one."""

    fixture: str
    views: tuple[View, ...]
    changes: tuple[Change, ...] = ()
    policies: tuple[Policy, ...] = ()
    facts: tuple[Fact, ...] = ()
    """The fixture's, with what the case says otherwise."""
    whole_history: bool = True
    """The history of snapshots reaches back to where the views were built."""
    view_age: float | None = None
    travels: bool = False
    """Somebody asks for a branch, or for the time before the changes."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question in its setting."""

    id: str
    setting: Setting
    session: Session
    query: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All of a file."""

    fixtures: Mapping[str, Fixture]
    cases: tuple[Case, ...] = field(default=())


def read_cases(path: Path) -> CaseFile:
    """Read a file of cases. Raises BadCaseError that names the case."""
    document = yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        fixtures = {name: _fixture(each) for name, each in document["fixtures"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadCaseError(f"fixtures: {error!r}") from None
    return CaseFile(fixtures, tuple(_case(each, fixtures) for each in document["cases"]))


def _fixture(raw: Mapping[str, Any]) -> Fixture:
    tables = {name: _table(name, each) for name, each in raw["tables"].items()}
    return Fixture(tables, _facts(raw.get("facts") or {}))


def _table(name: str, raw: Mapping[str, Any]) -> BaseTable:
    declared = {column: str(text).strip() for column, text in raw["columns"].items()}
    required = frozenset(column for column, text in declared.items() if text.lower().endswith(" not null"))
    columns = tuple((column, re.sub(r"(?i)\s+not null$", "", text)) for column, text in declared.items())
    return BaseTable(name, columns, required, _rows(raw.get("rows")))


def _rows(raw: Sequence[Sequence[object]] | None) -> tuple[tuple[object, ...], ...]:
    return tuple(tuple(row) for row in raw or ())


def _facts(raw: Mapping[str, Any]) -> tuple[Fact, ...]:
    keys = [Fact(each["table"], tuple(each["columns"]), each["status"]) for each in raw.get("keys") or ()]
    foreign = [
        Fact(each["table"], tuple(each["columns"]), each["status"], each["ref_table"], tuple(each["ref_columns"]))
        for each in raw.get("foreign_keys") or ()
    ]
    return (*keys, *foreign)


def _case(raw: Mapping[str, Any], fixtures: Mapping[str, Fixture]) -> Case:
    name = str(raw.get("id", "?"))
    try:
        session = Session(**(raw.get("session") or {}))
        return Case(name, _setting(raw, fixtures, session), session, raw["query"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadCaseError(f"{name}: {error!r}") from None


def _setting(raw: Mapping[str, Any], fixtures: Mapping[str, Fixture], session: Session) -> Setting:
    fixture = raw.get("fixture") or next(iter(fixtures))
    facts = raw.get("facts") or {}
    changes = tuple(_change(each) for each in raw.get("changes") or ())
    return Setting(
        fixture,
        tuple(_view(each) for each in raw["views"]),
        changes,
        _policies(raw.get("policies")),
        _overridden(fixtures[fixture].facts, facts.get("override")),
        whole_history=(facts.get("history") or {}).get("complete_since_watermark", True) is not False,
        view_age=raw.get("view_age_s"),
        travels=bool(session.as_of) or session.branch != MAIN or any(each.branch != MAIN for each in changes),
    )


def _overridden(facts: tuple[Fact, ...], raw: object) -> tuple[Fact, ...]:
    """Replace the statuses that a case gives to facts of its fixture; facts that it adds come with them."""
    if not raw:
        return facts
    given = _facts(raw) if isinstance(raw, Mapping) else _mixed(raw)
    named = {_named(fact): fact for fact in given}
    kept = tuple(named.pop(_named(fact), fact) for fact in facts)
    return (*kept, *named.values())


def _mixed(raw: Any) -> tuple[Fact, ...]:
    """Read keys and foreign keys from one list: those that refer to a table are foreign keys."""
    return _facts(
        {
            "keys": [each for each in raw if "ref_table" not in each],
            "foreign_keys": [each for each in raw if "ref_table" in each],
        }
    )


def _named(fact: Fact) -> tuple[object, ...]:
    return (fact.table, fact.columns, fact.references, fact.referenced)


def _policies(raw: Sequence[Mapping[str, Any]] | None) -> tuple[Policy, ...]:
    return tuple(
        Policy(
            each["table"],
            each.get("row_filter") or "",
            tuple((each.get("masks") or {}).items()),
            tuple(each.get("deny") or ()),
        )
        for each in raw or ()
    )


def _change(raw: Mapping[str, Any]) -> Change:
    if raw["op"] not in ("append", "delete", "update"):
        raise ValueError(f"no such change: {raw['op']}")
    return Change(
        raw["op"],
        raw["table"],
        _rows(raw.get("rows")),
        raw.get("where") or "true",
        tuple((column, str(value)) for column, value in (raw.get("set") or {}).items()),
        raw.get("branch", MAIN),
        raw.get("as_operation") or "",
        raw.get("visible", True) is not False,
    )


def _view(raw: Mapping[str, Any]) -> View:
    return View(
        raw["name"],
        raw["sql"],
        tuple((name, str(kind)) for name, kind in (raw.get("columns") or {}).items()),
        tuple(_state(column, text) for column, text in (raw.get("states") or {}).items()),
        raw.get("maintained", "none"),
        raw.get("lost") or "",
        _policies(raw.get("built_under")),
        raw.get("built_as") or "",
    )


def _state(column: str, text: str) -> StateColumn:
    found = _STATE.match(text)
    if found is None:
        raise ValueError(f"no state of an aggregate: {text}")
    return StateColumn(column, found[1], _split(found[3]), _split(found[2] or ""))


def _split(text: str) -> tuple[str, ...]:
    """Split at the commas outside of parentheses."""
    parts, depth, begun = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append(text[begun:at].strip())
            begun = at + 1
    return tuple(part for part in (*parts, text[begun:].strip()) if part)
