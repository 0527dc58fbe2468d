"""A changeset as data: what it edits, of which base, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from policies.sections import SectionName

State = Literal["draft", "shadow", "live", "rolled_back", "discarded"]
"""A draft is written; a shadow runs beside what is live; the other three are ends, of which `live` can be undone."""
OPEN: frozenset[State] = frozenset({"draft", "shadow"})
GOVERNED = "governed"
"""The stored document that edits are of where they name none."""

DocumentName = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_-]{0,62}$",
        description="A stored document. Entries go into `governed` unless you keep documents of your own.",
    ),
]
EntryKey = Annotated[str, Field(max_length=400)]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    document: DocumentName = GOVERNED


class PutEntry(_Edit):
    """Put an entry of a section, in the place of what is known by the same id, name or table."""

    op: Literal["put"]
    section: SectionName
    key: EntryKey = Field(
        default="", description="The name, for sections that are mappings; elsewhere the entry itself says it."
    )
    entry: JsonValue = Field(description="The entry as a policy file would have it.")


class DeleteEntry(_Edit):
    """Take a stored entry away; an entry of a policy file that it stood in the place of holds again."""

    op: Literal["delete"]
    section: SectionName
    key: EntryKey = Field(default="", description="The entry's id, name or table; nothing for a single value.")


class PutDocument(_Edit):
    """Put a whole stored document in the place of the one before, or as the first of its name."""

    op: Literal["put_document"]
    content: dict[str, JsonValue] = Field(description="The document as a policy file would have it.")


class DeleteDocument(_Edit):
    """Take a whole stored document out of force."""

    op: Literal["delete_document"]


Edit = Annotated[PutEntry | DeleteEntry | PutDocument | DeleteDocument, Field(discriminator="op")]
EDITS: TypeAdapter[tuple[Edit, ...]] = TypeAdapter(tuple[Edit, ...])
MAX_EDITS = 10_000


def about(edit: Edit) -> tuple[str, str, str]:
    """Return what an edit is about: its document, and the section and key within it, empty for the whole."""
    if isinstance(edit, PutEntry | DeleteEntry):
        return (edit.document, edit.section, edit.key)
    return (edit.document, "", "")


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a document when a changeset was made live: version ids, None for none."""

    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Changeset:
    """Edits, and all that is known of their way."""

    id: str
    number: int
    """Counts changesets in the order in which they were begun, whatever the clocks said."""
    revision: int
    """Counts changes of this changeset: who changes it says which one he saw."""
    state: State
    title: str
    note: str
    author: str
    edited_by: str
    """Who changed its edits last."""
    made_at: float
    changed_at: float
    promoted_by: str | None = None
    base: Mapping[str, str] = field(default_factory=dict)
    """The ids of the live versions by document when it was begun, or rebased."""
    edits: tuple[Edit, ...] = ()
    moved: Mapping[str, Moved] = field(default_factory=dict)
    """By document, once it is live."""

    @property
    def documents(self) -> tuple[str, ...]:
        """Return the documents that it edits."""
        return tuple(sorted({edit.document for edit in self.edits}))


def edits_text(edits: tuple[Edit, ...]) -> str:
    """Write edits as the store keeps them; ASCII, so that any text comes back as it was."""
    return EDITS.dump_json(edits, ensure_ascii=True).decode()


def plain(value: Any) -> Any:
    """Return JSON of a model of the policy language without what it leaves to defaults."""
    return (
        value.model_dump(mode="json", exclude_defaults=True, by_alias=True) if isinstance(value, BaseModel) else value
    )
