"""From a changeset and what is live to the documents that would be live with it; nothing is compiled or written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gateway.admin.api.problems import Fault, Problem
from gateway.changesets.model import Changeset, DeleteDocument, DeleteEntry, Edit, PutDocument, PutEntry, about, plain
from gateway.policy_store.edits import document_text
from gateway.policy_store.store import Version
from policies.document import Document
from policies.reload import Files
from policies.sections import SECTIONS, SectionName, entries, find_entry, put_entry, take_entry

EMPTY: Mapping[str, Any] = {"version": 1}


@dataclass(frozen=True, slots=True)
class Write:
    """What becomes of one document: its text from now on, None to take it out of force."""

    name: str
    before: Version | None
    text: str | None

    @property
    def unwritten(self) -> Version | None:
        """Return the version as it would be, without what only the store knows."""
        if self.text is None:
            return None
        parent = self.before.version if self.before is not None else 0
        return Version("", self.name, parent + 1, parent, "live", "", "", 0.0, self.text)


def written(edits: Sequence[Edit], live: Mapping[str, Version], files: Files) -> tuple[Write, ...]:
    """Return what edits make of the live documents. Raises Problem 409 where there is nothing to take away."""
    made: dict[str, Mapping[str, Any] | None] = {}
    faults: list[Fault] = []
    for number, edit in enumerate(edits):
        before = live.get(edit.document)
        if edit.document not in made:
            made[edit.document] = json.loads(before.document) if before is not None else None
        try:
            made[edit.document] = _applied(edit, made[edit.document], files)
        except Problem as problem:
            faults += [fault.model_copy(update={"field": f"edits.{number}"}) for fault in problem.body.errors]
    if faults:
        raise Problem(409, "nothing_to_delete", faults[0].reason, errors=faults)
    writes = (Write(name, live.get(name), _text(content)) for name, content in sorted(made.items()))
    return tuple(each for each in writes if (each.before.document if each.before else None) != each.text)


def _applied(edit: Edit, content: Mapping[str, Any] | None, files: Files) -> Mapping[str, Any] | None:
    if isinstance(edit, PutEntry):
        return put_entry(content or EMPTY, edit.section, edit.key, edit.entry)
    if isinstance(edit, PutDocument):
        return edit.content
    if isinstance(edit, DeleteDocument):
        if content is None:
            raise _absent(f"there is no stored document `{edit.document}`", "Look at what there is.")
        return None
    if not find_entry(content or EMPTY, edit.section, edit.key):
        named = f"{edit.section} {edit.key}".strip()
        if in_files(edit, files):
            raise _absent(f"{named} comes from a policy file", "Change the file.")
        raise _absent(f"the document `{edit.document}` has no {named}", "Take the edit out of the changeset.")
    return take_entry(content or EMPTY, edit.section, edit.key)


def _absent(reason: str, fix: str) -> Problem:
    return Problem(409, "nothing_to_delete", reason, errors=[Fault(field="", reason=reason, fix=fix)])


def in_files(edit: DeleteEntry | PutEntry, files: Files) -> tuple[Any, ...]:
    """Return the entries of policy files that are known by the same key."""
    if SECTIONS[edit.section].own:
        return ()
    return tuple(
        value
        for source in files.sources
        for section, key, _, value in entries(source.document)
        if section == edit.section and key == edit.key and (key or SECTIONS[section].shape == "one")
    )


def _text(content: Mapping[str, Any] | None) -> str | None:
    if content is None:
        return None
    try:
        return document_text(Document.model_validate(content))
    except ValidationError as error:  # each edit was sound by itself, when it was made
        reason = str(error.errors()[0]["msg"])
        raise Problem(422, "invalid", reason, errors=[Fault(field="edits", reason=reason)]) from None


def after(live: Sequence[Version], writes: Sequence[Write]) -> tuple[Version, ...]:
    """Return all documents as they would be live, in the store's order: the version of policies depends on it."""
    changed = {each.name: each.unwritten for each in writes}
    kept = [each for each in live if each.name not in changed]
    made = [each for each in changed.values() if each is not None]
    return tuple(sorted((*kept, *made), key=lambda each: each.name))


def conflicts(changeset: Changeset, base: Mapping[str, Version], live: Mapping[str, Version]) -> tuple[Fault, ...]:
    """Return which of its edits are about something that is not what it was in its base any more."""
    found = []
    for number, edit in enumerate(changeset.edits):
        before, now = base.get(edit.document), live.get(edit.document)
        if (before.id if before else None) == (now.id if now else None):
            continue
        if _part(edit, before) != _part(edit, now):
            document, section, key = about(edit)
            what = f"{section} {key}".strip() or f"the document {document}"
            whose = f" by {now.author}" if now is not None else ""
            fix = "Look at what it is now, take this edit out, rebase, and add it again as it shall be."
            found.append(Fault(field=f"edits.{number}", reason=f"{what} was changed meanwhile{whose}", fix=fix))
    return tuple(found)


def _part(edit: Edit, version: Version | None) -> object:
    """Return what an edit is about, as it stands in a version."""
    if isinstance(edit, PutEntry | DeleteEntry):
        return find_entry(json.loads(version.document), edit.section, edit.key) if version is not None else ()
    return version.document if version is not None else None


def differences(write: Write) -> Iterator[tuple[SectionName, str, str]]:
    """Yield the entries that a write changes: section, key, and `put` or `delete`."""
    before = _known(write.before.document if write.before is not None else None)
    now = _known(write.text)
    for section, key in sorted(before.keys() | now.keys()):
        if before.get((section, key)) != now.get((section, key)):
            yield section, key, "put" if (section, key) in now else "delete"


def _known(text: str | None) -> dict[tuple[SectionName, str], list[Any]]:
    found: dict[tuple[SectionName, str], list[Any]] = {}
    if text is not None:
        for section, key, _, value in entries(Document.model_validate_json(text)):
            found.setdefault((section, key), []).append(plain(value))
    return found
