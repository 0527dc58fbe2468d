"""What is said about changesets at `/api/v1/changesets`: bodies and answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.admin.api.moments import moment_of
from gateway.admin.api.preconditions import etag
from gateway.changesets.looking import known_in
from gateway.changesets.model import (
    MAX_EDITS,
    Changeset,
    DeleteDocument,
    DeleteEntry,
    Edit,
    PutDocument,
    PutEntry,
    State,
    about,
    plain,
)
from gateway.changesets.proposing import in_files
from gateway.changesets.rights import Ground
from gateway.changesets.rows import Head

Title = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["Traders see their desk only"])
]
Note = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Edits = Annotated[list[Edit], Field(max_length=MAX_EDITS)]
_EXAMPLE: dict[str, JsonValue] = {
    "title": "Trader1 sees the desk CAISO",
    "edits": [
        {
            "op": "put",
            "section": "row_filters",
            "entry": {
                "id": "own_desk",
                "table": "lake.trading.trades",
                "users": ["trader1"],
                "filter": "desk = 'CAISO'",
            },
        }
    ],
}


class ChangesetText(BaseModel):
    """What a changeset says: its whole body."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    title: Title
    note: Note = ""
    edits: Edits = Field(default_factory=list)


class Document(BaseModel):
    """What became of a document when a changeset was made live: version ids; null for none."""

    document: str
    before: str | None
    after: str | None


class ChangesetHead(BaseModel):
    """A changeset without its edits."""

    id: UUID
    number: int = Field(description="Counts changesets in the order in which they were begun.")
    revision: int = Field(description="Also the ETag.")
    state: State
    title: str
    note: str
    author: str
    edited_by: str
    promoted_by: str | None
    made_at: datetime
    changed_at: datetime
    documents: list[str] = Field(description="The stored documents that it edits.")
    edit_count: int


class ChangesetShown(ChangesetHead):
    """A changeset."""

    base: dict[str, str] = Field(description="The ids of the live versions by document when it was begun or rebased.")
    moved: list[Document] = Field(description="What became of each document, once it was made live.")
    edits: list[Edit]


class Changesets(BaseModel):
    """A page of changesets, the youngest first."""

    items: list[ChangesetHead]
    next: str | None


class EditEffect(BaseModel):
    """An edit beside what is there now."""

    number: int
    op: str
    document: str
    section: str
    key: str
    origin: str | None = Field(description="Where what is there now stands: `stored`, `file`, or nowhere.")
    before: JsonValue = Field(description="What is there now.")
    after: JsonValue = Field(description="What the edit puts there.")


class EditEffects(BaseModel):
    """A changeset's edits beside what is there now."""

    items: list[EditEffect]


def head_of(seen: Changeset | Head, documents: Sequence[str], edit_count: int) -> dict[str, Any]:
    """Return what lists show of a changeset, by field."""
    return {
        "id": seen.id,
        "number": seen.number,
        "revision": seen.revision,
        "state": seen.state,
        "title": seen.title,
        "note": seen.note,
        "author": seen.author,
        "edited_by": seen.edited_by,
        "promoted_by": seen.promoted_by,
        "made_at": moment_of(seen.made_at),
        "changed_at": moment_of(seen.changed_at),
        "documents": list(documents),
        "edit_count": edit_count,
    }


def shown(seen: Changeset, response: Response) -> ChangesetShown:
    """Return a changeset, and put its revision into an answer's ETag."""
    response.headers["ETag"] = etag(seen.revision)
    moved = [Document(document=name, before=each.before, after=each.after) for name, each in sorted(seen.moved.items())]
    return ChangesetShown(
        **head_of(seen, seen.documents, len(seen.edits)), base=dict(seen.base), moved=moved, edits=list(seen.edits)
    )


def effects_of(seen: Changeset, ground: Ground) -> list[EditEffect]:
    """Return each edit beside what is there now."""
    found = []
    for number, edit in enumerate(seen.edits):
        document, section, key = about(edit)
        origin, before = _now(edit, ground)
        after = edit.entry if isinstance(edit, PutEntry) else edit.content if isinstance(edit, PutDocument) else None
        found.append(
            EditEffect(
                number=number,
                op=edit.op,
                document=document,
                section=section,
                key=key,
                origin=origin,
                before=before,
                after=after,
            )
        )
    return found


def _now(edit: Edit, ground: Ground) -> tuple[str | None, Any]:
    """Return what is there now where an edit is made: stored, else in a file."""
    version = ground.live.get(edit.document)
    if isinstance(edit, PutDocument | DeleteDocument):
        return ("stored", json.loads(version.document)) if version is not None else (None, None)
    stored = known_in(version.document).get((edit.section, edit.key), ()) if version is not None else ()
    if stored or isinstance(edit, DeleteEntry):
        return ("stored", stored[0]) if stored else (None, None)
    written = [plain(each) for each in in_files(edit, ground.files)]
    return ("file", written[0] if len(written) == 1 else written) if written else (None, None)
