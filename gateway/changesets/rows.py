"""The passage between changesets and the rows of the store."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import RowMapping, Select

from gateway.changesets.model import EDITS, Changeset, Moved, State, about, edits_text
from gateway.recording.changeset_tables import changesets


@dataclass(frozen=True, slots=True)
class Head:
    """What lists show of a changeset."""

    id: str
    number: int
    revision: int
    state: State
    title: str
    note: str
    author: str
    edited_by: str
    promoted_by: str | None
    made_at: float
    changed_at: float
    documents: tuple[str, ...]
    sections: frozenset[str]
    """The sections that it edits; an empty one stands for whole documents."""
    edit_count: int


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed an entry, when, and by which changeset."""

    version_id: str
    section: str
    key: str
    document: str
    op: str
    changeset: str
    author: str
    made_at: float
    serial: int


def listed(query: Select[Any], state: State | None, author: str | None, before: int | None) -> Select[Any]:
    """Narrow a query to what a list asks for, the youngest first."""
    its = changesets.c
    if state is not None:
        query = query.where(its.state == state)
    if author is not None:
        query = query.where(its.author == author)
    if before is not None:
        query = query.where(its.number < before)
    return query.order_by(its.number.desc())


def short_key(key: str) -> str:
    """Return a key as rows have it: sound, and no longer than an index takes."""
    return key.replace("\x00", "\ufffd")[:400]


def to_row(changeset: Changeset) -> dict[str, Any]:
    """Return the row of a changeset."""
    moved = {name: [each.before, each.after] for name, each in changeset.moved.items()}
    made = {
        "base": json.dumps(dict(changeset.base)),
        "moved": json.dumps(moved),
        "edits": edits_text(changeset.edits),
        "documents": json.dumps(changeset.documents),
        "sections": json.dumps(sorted({about(edit)[1] for edit in changeset.edits})),
        "edit_count": len(changeset.edits),
    }
    return {**{each.name: getattr(changeset, each.name) for each in changesets.c if each.name not in made}, **made}


HEAD_COLUMNS = tuple(each.name for each in fields(Head))


def to_head(row: RowMapping) -> Head:
    """Return what lists show of a row."""
    read = {"documents": tuple(json.loads(row["documents"])), "sections": frozenset(json.loads(row["sections"]))}
    return Head(**{**row, **read})


def to_changeset(row: RowMapping) -> Changeset:
    """Return the changeset that a row holds."""
    read: dict[str, Any] = {
        "base": json.loads(row["base"]),
        "edits": EDITS.validate_json(row["edits"]),
        "moved": {name: Moved(*pair) for name, pair in json.loads(row["moved"]).items()},
    }
    own = {each.name: row[each.name] for each in fields(Changeset)}
    return Changeset(**{**own, **read})


def to_change(row: RowMapping) -> Change:
    """Return the change that a row holds."""
    named = {name: value for name, value in row.items() if name != "entry_key"}
    return Change(**named, key=row["entry_key"])
