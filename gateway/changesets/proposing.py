"""From a changeset and what is live to the documents that would be live with it; nothing is compiled or written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from gateway.admin.api.problems import Fault, Problem
from gateway.changesets.looking import known_in, known_in_files
from gateway.changesets.model import Changeset, DeleteDocument, DeleteEntry, Edit, PutDocument, PutEntry, about, plain
from gateway.policy_store.edits import document_text
from gateway.policy_store.store import Version
from policies.document import Document
from policies.reload import Files
from policies.sections import SectionName, entries, fold, unfold

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
    made: dict[str, _Open | None] = {}
    faults: list[Fault] = []
    for number, edit in enumerate(edits):
        before = live.get(edit.document)
        if edit.document not in made:
            made[edit.document] = _Open(json.loads(before.document)) if before is not None else None
        try:
            made[edit.document] = _applied(edit, made[edit.document], files)
        except Problem as problem:
            faults += [fault.model_copy(update={"field": f"edits.{number}"}) for fault in problem.body.errors]
    if faults:
        raise Problem(409, "nothing_to_delete", faults[0].reason, errors=faults)
    writes = (Write(name, live.get(name), _text(its.closed() if its else None)) for name, its in sorted(made.items()))
    return tuple(each for each in writes if (each.before.document if each.before else None) != each.text)


@dataclass(slots=True)
class _Open:
    """A document's JSON while edits are made: sections are unfolded when first edited."""

    content: Mapping[str, Any]
    sections: dict[SectionName, dict[object, list[Any]]] = field(default_factory=dict)

    def section(self, name: SectionName) -> dict[object, list[Any]]:
        if name not in self.sections:
            self.sections[name] = unfold(self.content, name)
        return self.sections[name]

    def closed(self) -> Mapping[str, Any]:
        content = self.content
        for name, unfolded in self.sections.items():
            content = fold(content, name, unfolded)
        return content


def _applied(edit: Edit, document: _Open | None, files: Files) -> _Open | None:
    if isinstance(edit, PutDocument):
        return _Open(edit.content)
    if isinstance(edit, DeleteDocument):
        if document is None:
            raise _absent(f"there is no stored document `{edit.document}`", "Look at what there is.")
        return None
    document = document or _Open(EMPTY)
    if isinstance(edit, PutEntry):
        document.section(edit.section)[edit.key] = [edit.entry]
    elif document.section(edit.section).pop(edit.key, None) is None:
        named = f"{edit.section} {edit.key}".strip()
        if in_files(edit, files):
            raise _absent(f"{named} comes from a policy file", "Change the file.")
        raise _absent(f"the document `{edit.document}` has no {named}", "Take the edit out of the changeset.")
    return document


def _absent(reason: str, fix: str) -> Problem:
    return Problem(409, "nothing_to_delete", reason, errors=[Fault(field="", reason=reason, fix=fix)])


def in_files(edit: DeleteEntry | PutEntry, files: Files) -> tuple[Any, ...]:
    """Return the entries of policy files that are known by the same key."""
    return known_in_files(files).get((edit.section, edit.key), ())


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
        return known_in(version.document).get((edit.section, edit.key), ()) if version is not None else ()
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
