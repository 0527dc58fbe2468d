"""Pages of policies: the entries that are in force, one of them with its versions, and stored documents with theirs."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast, get_args

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from gateway.admin.api.policies import (
    DocumentVersion,
    get_policy,
    get_version,
    list_documents,
    list_policies,
    list_versions,
)
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.console.differences import Line, by_lines
from gateway.admin.console.documents import changed_parts, yaml_of
from gateway.admin.console.visiting import Visit, fit
from gateway.changesets.index import Origin, Standing
from gateway.changesets.model import DocumentName
from gateway.changesets.steps import answering
from gateway.changesets.store import changesets_of
from gateway.policy_store.store import Version
from policies.sections import SECTIONS, SectionName, find_entry

_PAGE = 100
_VERSIONS = 20
"""How many versions of a document are looked through for those that changed an entry."""
_NUMBER = re.compile(r"[1-9][0-9]{0,14}")
_DOCUMENT: TypeAdapter[DocumentName] = TypeAdapter(DocumentName)
_CHOICES = {"kind": tuple(SECTIONS), "origin": get_args(Origin), "state": get_args(Standing)}


class EntryVersion(NamedTuple):
    """A version of a document that changed an entry, and how."""

    version: DocumentVersion
    lines: list[Line]


async def listing(visit: Visit) -> Response:
    """Show the entries that were asked for, a page of them."""
    asked = {name: visit.asked(name) for name in ("kind", "table", "principal", "origin", "state")}
    for name, known in _CHOICES.items():
        if asked[name] and asked[name] not in known:
            raise unfit(name, "there is no such", f"Choose one of {', '.join(known)}.")
    found = await list_policies(
        visit.caller,
        visit.rooms,
        visit.position("after"),
        kind=cast("SectionName | None", asked["kind"] or None),
        table=asked["table"] or None,
        principal=asked["principal"] or None,
        origin=cast("Origin | None", asked["origin"] or None),
        state=cast("Standing | None", asked["state"] or None),
        limit=_PAGE,
    )
    return visit.page(
        "policies.html",
        entries=found.items,
        next=visit.address(after=found.next),
        asked=asked,
        choices=_CHOICES,
        version=visit.rooms.house.policies.current().version,
    )


async def one(visit: Visit) -> Response:
    """Show an entry: as it is in force, what it stands in the place of, and its versions."""
    kind, key = visit.request.path_params["kind"], visit.request.path_params["id"]
    if kind not in SECTIONS or not fit(key):
        raise Problem(404, "not_found", "There is no such policy.")
    found = await get_policy(kind, key, visit.caller, visit.rooms)
    versions: list[EntryVersion] = []
    if found.version is not None and visit.is_a("auditor", "steward"):
        async with answering():
            store = changesets_of(visit.rooms.house.policies)
            past = await store.versions(found.version.document, None, _VERSIONS + 1, texts=True)
        versions = await asyncio.to_thread(lambda: list(_of_entry(past, kind, key)))
    entries = [(each, yaml_of(each.entry)) for each in found.items]
    return visit.page("policy.html", kind=kind, id=key, entries=entries, found=found, versions=versions)


def _of_entry(past: Sequence[Version], kind: SectionName, key: str) -> Iterator[EntryVersion]:
    """Yield the versions that changed an entry, the latest first; the oldest one looked at only if it is the first."""
    texts = [_entry_text(each, kind, key) for each in past]
    for number, version in enumerate(past[:_VERSIONS]):
        before = texts[number + 1] if number + 1 < len(past) else ""
        if texts[number] != before:
            yield EntryVersion(DocumentVersion.of(version), by_lines(before, texts[number]))


def _entry_text(version: Version, kind: SectionName, key: str) -> str:
    return "".join(yaml_of(each) for each in find_entry(json.loads(version.document), kind, key))


async def documents(visit: Visit) -> Response:
    """Show the stored documents that are live."""
    found = await list_documents(visit.caller, visit.rooms, visit.position("after"), _PAGE)
    return visit.page("documents.html", documents=found.items, next=visit.address(after=found.next))


async def document(visit: Visit) -> Response:
    """Show the versions of a stored document."""
    name = _name(visit)
    found = await list_versions(name, visit.caller, visit.rooms, visit.position("after"), _PAGE)
    return visit.page("document.html", name=name, versions=found.items, next=visit.address(after=found.next))


async def version(visit: Visit) -> Response:
    """Show a version of a stored document: what it changed, and what it says."""
    name, number = _name(visit), visit.request.path_params["version"]
    if not _NUMBER.fullmatch(number):
        raise Problem(404, "not_found", "There is no such version.")
    found = await get_version(name, int(number), visit.caller, visit.rooms)
    before = await get_version(name, found.parent, visit.caller, visit.rooms) if found.parent else None
    old = before.content if before is not None else None
    parts = await asyncio.to_thread(changed_parts, old, found.content)
    return visit.page("version.html", name=name, found=found, before=before, parts=parts)


def _name(visit: Visit) -> DocumentName:
    try:
        return _DOCUMENT.validate_python(visit.request.path_params["name"])
    except ValidationError:
        raise Problem(404, "not_found", "There is no such document.") from None
