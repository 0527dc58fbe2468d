"""`/api/v1/policies`, `/documents`: what is in force, where each entry stands, and what became of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, JsonValue
from starlette.convertors import Convertor, register_url_convertor

from gateway.admin.api.callers import Auditor, Caller, Reader
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of, no_such_page
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.changesets.index import Index, Item, Origin, Standing, index_of
from gateway.changesets.model import DocumentName, plain
from gateway.changesets.naming import table_named
from gateway.changesets.rights import OWNED
from gateway.changesets.rows import Change
from gateway.changesets.steps import answering
from gateway.changesets.store import changesets_of
from gateway.policy_store.store import Version
from policies.sections import SECTIONS, SectionName


class _KindConvertor(Convertor[str]):
    """Let a path have a kind of policy only there where one stands: what else stands beside is another operation."""

    regex = "|".join(SECTIONS)

    def convert(self, value: str) -> str:
        """Return the kind."""
        return value

    def to_string(self, value: str) -> str:
        """Return the kind."""
        return value


register_url_convertor("policy_kind", _KindConvertor())
router = APIRouter(tags=["policies"])
Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]


class PolicyEntry(BaseModel):
    """An entry of a policy document, and where it stands."""

    kind: SectionName
    id: str = Field(description="Its id, name or table; for an entry of a file that has none, its place.")
    origin: Origin = Field(description="Who wrote it: a policy file, a changeset, a statement, or the gateway itself.")
    document: str = Field(description="The stored document, or the file's name.")
    place: str = Field(description="Its path within the document.")
    line: int | None = Field(description="Its line, in a file.")
    state: Standing = Field(description="`overlaid`: a stored entry stands in the place of this one of a file.")
    tables: list[str] = Field(description="The tables and patterns that it names.")
    principals: list[str] = Field(description="Whom it names: role:NAME, user:NAME, group:NAME, * for everybody.")
    entry: JsonValue

    @classmethod
    def of(cls, item: Item) -> PolicyEntry:
        """Return an entry as it is shown."""
        return cls(
            kind=item.kind,
            id=item.key,
            origin=item.origin,
            document=item.document,
            place=item.place,
            line=item.line,
            state=item.standing,
            tables=list(item.assets),
            principals=list(item.principals),
            entry=plain(item.value),
        )


class PolicyEntries(BaseModel):
    """A page of entries, by kind and id."""

    items: list[PolicyEntry]
    next: str | None


class EntryChange(BaseModel):
    """A change of an entry by a changeset."""

    kind: str
    id: str
    op: str = Field(description="`put` or `delete`.")
    document: str
    changeset: str
    author: str
    at: datetime

    @classmethod
    def of(cls, change: Change) -> EntryChange:
        """Return a change as it is shown."""
        return cls(
            kind=change.section,
            id=change.key,
            op=change.op,
            document=change.document,
            changeset=change.changeset,
            author=change.author,
            at=moment_of(change.made_at),
        )


class EntryChanges(BaseModel):
    """A page of an entry's changes, the latest first."""

    items: list[EntryChange]
    next: str | None


class DocumentVersion(BaseModel):
    """A version of a stored document."""

    document: str
    version: int
    parent: int = Field(description="The version that it was made of; 0 for none.")
    state: str = Field(description="`live` or `replaced`.")
    author: str
    note: str
    at: datetime

    @classmethod
    def of(cls, found: Version) -> DocumentVersion:
        """Return a version as it is shown."""
        return cls(
            document=found.name,
            version=found.version,
            parent=found.parent,
            state=found.state,
            author=found.author,
            note=found.note,
            at=moment_of(found.made_at),
        )


class PolicyShown(BaseModel):
    """All that is known by one id."""

    items: list[PolicyEntry] = Field(description="What is in force first; then what it stands in the place of.")
    version: DocumentVersion | None = Field(description="The version of the stored document that has it.")
    changes: list[EntryChange] = Field(description="Its last changes by changesets, the latest first.")


class DocumentVersions(BaseModel):
    """A page of versions."""

    items: list[DocumentVersion]
    next: str | None


class DocumentText(DocumentVersion):
    """A version of a stored document with what it says."""

    content: dict[str, Any]


EntryId = Annotated[str, Path(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$", description="Its id, name or table.")]
VersionNumber = Annotated[int, Path(ge=1, le=10**15)]
Kind = Annotated[SectionName | None, Query(description="Entries of this section only.")]
_TABLE = re.compile(r"^[^.*\x00-\x20]+(\.[^.*\x00-\x20]+){2}$")
Table = Annotated[
    str | None,
    Query(
        max_length=400,
        pattern=_TABLE.pattern,
        description="Entries that name this table, or a pattern above it.",
    ),
]
Who = Annotated[
    Text | None, Query(description="Entries that name this principal: role:NAME, user:NAME, group:NAME, *.")
]


@router.get("/policies", operation_id="list_policies")
async def list_policies(
    caller: Reader,
    rooms: WithRooms,
    after: After,
    kind: Kind = None,
    table: Table = None,
    principal: Who = None,
    origin: Annotated[Origin | None, Query(description="Entries of this origin only.")] = None,
    state: Annotated[Standing | None, Query(description="Entries of this state only.")] = None,
    limit: Limit = 100,
) -> PolicyEntries:
    """List policy entries by kind and id. Owners see those of the single tables that they manage."""
    if table is not None and not _TABLE.fullmatch(table):  # the console asks without the form's being held
        raise unfit("table", "it names no single table", "Write catalog.schema.table.")
    if table is not None and table_named(table) is None:
        return PolicyEntries(items=[], next=None)  # no table can be called so
    found: list[Item] = []
    for item in _visible(caller, rooms, await index_of(rooms.house.policies), after, table, kind):
        if (
            origin in (None, item.origin)
            and state in (None, item.standing)
            and (principal is None or principal in item.principals)
        ):
            found.append(item)
            if len(found) > limit:
                break
    return PolicyEntries(
        items=[PolicyEntry.of(each) for each in found[:limit]], next=next_of(found, limit, lambda each: each.order)
    )


@router.get("/policies/{kind:policy_kind}", operation_id="list_policies_of_kind")
async def list_policies_of_kind(
    kind: SectionName, caller: Reader, rooms: WithRooms, after: After, limit: Limit = 100
) -> PolicyEntries:
    """List the entries of one section by id."""
    return await list_policies(caller, rooms, after, kind, limit=limit)


@router.get("/policies/{kind:policy_kind}/{entry_id:path}", operation_id="get_policy")
async def get_policy(kind: SectionName, entry_id: EntryId, caller: Reader, rooms: WithRooms) -> PolicyShown:
    """Show an entry: what is in force under its id, in whose place it stands, and who changed it last."""
    files = rooms.house.policies
    may = _may_see(caller, rooms)
    items = [each for each in (await index_of(files)).of(kind, entry_id) if may(each)]
    if not items:
        raise Problem(404, "not_found", f"There is no entry of {kind} known by {entry_id!r}.")
    version = next((each for each in files.live if each.name == items[0].document), None)
    changes: tuple[Change, ...] = ()
    if files.store is not None:
        async with answering():
            changes = await changesets_of(files).history(kind, entry_id, None, 20)
    return PolicyShown(
        items=[PolicyEntry.of(each) for each in items],
        version=DocumentVersion.of(version) if version is not None and items[0].origin != "file" else None,
        changes=[EntryChange.of(each) for each in changes],
    )


@router.get("/policy-changes", operation_id="list_policy_changes")
async def list_policy_changes(
    kind: SectionName,
    entry_id: Annotated[Text, Query(alias="id")],
    _: Auditor,
    rooms: WithRooms,
    after: After,
    limit: Limit = 100,
) -> EntryChanges:
    """List the changes of an entry by changesets, the latest first; also of one that is gone."""
    async with answering():
        found = await changesets_of(rooms.house.policies).history(kind, entry_id, number_of(after), limit + 1)
    return EntryChanges(
        items=[EntryChange.of(each) for each in found[:limit]],
        next=next_of(found, limit, lambda each: str(each.serial)),
    )


@router.get("/documents", operation_id="list_documents")
async def list_documents(_: Auditor, rooms: WithRooms, after: After, limit: Limit = 100) -> DocumentVersions:
    """List the live versions of the stored documents by name."""
    found = [each for each in rooms.house.policies.live if each.name > after]
    return DocumentVersions(
        items=[DocumentVersion.of(each) for each in found[:limit]],
        next=next_of(found, limit, lambda each: each.name),
    )


@router.get("/documents/{name}/versions", operation_id="list_versions")
async def list_versions(
    name: DocumentName, _: Auditor, rooms: WithRooms, after: After, limit: Limit = 100
) -> DocumentVersions:
    """List the versions of a stored document, the latest first, live or not."""
    async with answering():
        found = await changesets_of(rooms.house.policies).versions(name, number_of(after), limit + 1)
    if not found and not after:
        raise Problem(404, "not_found", f"There was never a document {name}.")
    return DocumentVersions(
        items=[DocumentVersion.of(each) for each in found[:limit]],
        next=next_of(found, limit, lambda each: str(each.version)),
    )


@router.get("/documents/{name}/versions/{version}", operation_id="get_version")
async def get_version(name: DocumentName, version: VersionNumber, _: Auditor, rooms: WithRooms) -> DocumentText:
    """Show what a version of a stored document says."""
    async with answering():
        found = await changesets_of(rooms.house.policies).versions(name, version + 1, 1, texts=True)
    if not found or found[0].version != version:
        raise Problem(404, "not_found", f"The document {name} has no version {version}.")
    content = await asyncio.to_thread(json.loads, found[0].document)
    return DocumentText(**DocumentVersion.of(found[0]).model_dump(), content=content)


def number_of(after: str) -> int | None:
    """Return the number that a cursor stands for; None for the first page. Raises Problem 404."""
    if not after:
        return None
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise no_such_page()
    return int(after)


def _visible(
    caller: Caller, rooms: Rooms, index: Index, after: str, table: str | None, kind: SectionName | None
) -> Iterator[Item]:
    if caller.roles & {"steward", "auditor"}:
        return index.behind(after, table, kind)
    policies, subject = rooms.house.policies.current(), caller.principal.subject
    seen = index.seen_by((subject, policies.cache_key(subject)), _may_see(caller, rooms))
    return index.behind(after, table, kind, seen)


def _may_see(caller: Caller, rooms: Rooms) -> Callable[[Item], bool]:
    """Return what tells whether a caller may see an entry: an owner those that he may edit."""
    if caller.roles & {"steward", "auditor"}:
        return lambda _: True
    policies, subject = rooms.house.policies.current(), caller.principal.subject
    known: dict[str, bool] = {}

    def manages(table: str) -> bool:
        if table not in known:
            named = table_named(table)
            known[table] = named is not None and policies.may_manage(subject, named)
        return known[table]

    return lambda item: item.kind in OWNED and bool(item.assets) and all(map(manages, item.assets))
