"""Hold edits against the policy language, each by itself: every fault with its field, before anything is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from gateway.admin.api.problems import Fault, Problem
from gateway.changesets.model import DeleteDocument, DeleteEntry, Edit, PutDocument, PutEntry, about, plain
from gateway.policy_store.edits import LINEAGE, STATEMENTS
from policies.document import Document
from policies.overlay import SECTIONS as RULES
from policies.overlay import rule_id, rule_name
from policies.sections import SECTIONS, key_of
from policies.sources import dotted

_LINEAGE_FIX = "Tags and masks that copies inherited are the gateway's own; write an entry that decides on the column."


def checked(edits: Sequence[Edit], field: str = "edits") -> tuple[Edit, ...]:
    """Return edits in the form in which they are kept. Raises Problem 422 with every fault."""
    found = [_checked(edit, f"{field}.{number}") for number, edit in enumerate(edits)]
    faults = [fault for _, its in found for fault in its]
    faults += _meeting([edit for edit, _ in found], field)
    if faults:
        raise faulty(faults)
    return tuple(edit for edit, _ in found)


def faulty(faults: Sequence[Fault]) -> Problem:
    """Return the problem of edits that cannot be taken."""
    told = "; ".join(f"{each.field}: {each.reason}" for each in faults[:3])
    return Problem(422, "invalid", told, errors=faults)


def _checked(edit: Edit, field: str) -> tuple[Edit, list[Fault]]:
    if edit.document == LINEAGE:
        return edit, [Fault(field=f"{field}.document", reason="nobody edits `lineage`", fix=_LINEAGE_FIX)]
    if any(ord(letter) < 32 for letter in about(edit)[2]):
        return edit, [Fault(field=f"{field}.key", reason="has a control character", fix="Write it without.")]
    if isinstance(edit, PutEntry):
        return _entry(edit, field)
    if isinstance(edit, DeleteEntry):
        return _deleted(edit, field)
    if isinstance(edit, PutDocument):
        return _document(edit, field)
    return edit, []


def _entry(edit: PutEntry, field: str) -> tuple[Edit, list[Fault]]:
    section, shape = SECTIONS[edit.section], SECTIONS[edit.section].shape
    if shape == "names" and not edit.key:
        return edit, [Fault(field=f"{field}.key", reason=f"an entry of `{edit.section}` has a name", fix="Give it.")]
    if shape == "one" and edit.key:
        return edit, [Fault(field=f"{field}.key", reason=f"`{edit.section}` is a single value", fix="Leave `key` out.")]
    whole: Any = edit.entry
    if shape == "one" and whole is None:
        return edit, [Fault(field=f"{field}.entry", reason="is missing", fix="To take it away, write `op: delete`.")]
    if shape == "names":
        whole = {edit.key: edit.entry}
    elif shape == "list":
        whole = [edit.entry]
    try:
        document = Document.model_validate({"version": 1, edit.section: whole})
    except ValidationError as error:
        skipped = 1 if shape == "one" else 2
        return edit, _faults(error, f"{field}.entry", edit.entry, skipped)
    found = getattr(document, edit.section)
    if shape != "list":
        after = edit.model_copy(update={"entry": plain(found[edit.key] if shape == "names" else found)})
        return after, _unfit_statement(after, field)
    return _listed(edit, plain(found[0]), key_of(edit.section, getattr(found[0], section.key)), field)


def _listed(edit: PutEntry, value: Any, key: str, field: str) -> tuple[Edit, list[Fault]]:
    member = SECTIONS[edit.section].key
    if not key:
        reason = f"an entry of `{edit.section}` needs an `{member}`, by which it is found again"
        return edit, [Fault(field=f"{field}.entry.{member}", reason=reason, fix="Give it one of its own.")]
    if edit.key and key_of(edit.section, edit.key) != key:
        reason = f"the entry's {member} is `{key}`"
        return edit, [Fault(field=f"{field}.key", reason=reason, fix="Leave `key` out, or let both be the same.")]
    after = edit.model_copy(update={"entry": value, "key": key})
    return after, _unfit_statement(after, field)


def _unfit_statement(edit: PutEntry, field: str) -> list[Fault]:
    """Return what keeps a rule out of the document of statements, whose rules are named as statements name them."""
    if edit.document != STATEMENTS:
        return []
    shape = SECTIONS[edit.section].shape
    whole: Any = [edit.entry] if shape == "list" else {edit.key: edit.entry} if shape == "names" else edit.entry
    return _statement_faults(Document.model_validate({"version": 1, edit.section: whole}), f"{field}.entry")


def _statement_faults(document: Document, field: str) -> list[Fault]:
    strange = sorted(document.model_fields_set - {"version", *RULES.values()})
    fix = "Put it into a document of changesets, such as `governed`."
    if strange:
        return [
            Fault(field=field, reason=f"`statements` holds row filters and column masks, not {strange[0]}", fix=fix)
        ]
    faults = []
    for kind, section in RULES.items():
        for rule in getattr(document, section):
            table = (rule.table or "").lower()
            if not rule.id or rule.id != rule_id(kind, rule_name(rule), table):
                wanted = rule_id(kind, "NAME", table or "TABLE")
                faults.append(Fault(field=f"{field}.id", reason=f"a statement's rule has the id `{wanted}`", fix=fix))
    return faults


def _deleted(edit: DeleteEntry, field: str) -> tuple[Edit, list[Fault]]:
    single = SECTIONS[edit.section].shape == "one"
    if single and edit.key:
        return edit, [Fault(field=f"{field}.key", reason=f"`{edit.section}` is a single value", fix="Leave `key` out.")]
    if not single and not edit.key:
        return edit, [Fault(field=f"{field}.key", reason="is missing: which entry goes?", fix="Name it by its key.")]
    return edit.model_copy(update={"key": key_of(edit.section, edit.key)}), []


def _document(edit: PutDocument, field: str) -> tuple[Edit, list[Fault]]:
    try:
        document = Document.model_validate(edit.content)
    except ValidationError as error:
        return edit, _faults(error, f"{field}.content", edit.content, 0)
    faults = _statement_faults(document, f"{field}.content") if edit.document == STATEMENTS else []
    return edit.model_copy(update={"content": plain(document)}), faults


def _faults(error: ValidationError, field: str, value: Any, skipped: int) -> list[Fault]:
    """Return what a model says of a value; of alternatives only what the one that was meant says."""
    found = error.errors()
    meant = [each for each in found if not any(str(part).startswith("literal[") for part in each["loc"])]
    return [_fault(each, field, value, skipped) for each in meant or found]


def _fault(item: Any, field: str, value: Any, skipped: int) -> Fault:
    path = dotted(_written(tuple(item["loc"])[skipped:], value, item["type"])).encode("utf-8", "replace").decode()
    joint = "" if not path or path.startswith("[") else "."
    reason = str(item["msg"]).removeprefix("Value error, ")
    fixes = {"missing": "Give it: it has no default.", "extra_forbidden": "Leave it out, or correct its spelling."}
    return Fault(field=f"{field}{joint}{path}", reason=reason, fix=fixes.get(item["type"], ""))


def _written(path: tuple[str | int, ...], value: Any, kind: str) -> tuple[str | int, ...]:
    """Return the parts of a model's path that stand in what was written, and what is missing from it."""
    found: list[str | int] = []
    for number, part in enumerate(path, start=1):
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and isinstance(part, int)
        if inside or (kind == "missing" and number == len(path)):
            found.append(part)
            value = value[part] if inside else None
    return tuple(found)


def _meeting(edits: Sequence[Edit], field: str) -> Iterator[Fault]:
    """Yield a fault for each edit of what another one edits already."""
    whole = {edit.document for edit in edits if isinstance(edit, PutDocument | DeleteDocument)}
    seen: set[tuple[str, str, str]] = set()
    for number, edit in enumerate(edits):
        its = about(edit)
        if its in seen or (its[1] and edit.document in whole):
            reason = f"edits what another edit of this changeset does: {' '.join(filter(None, its))}"
            yield Fault(field=f"{field}.{number}", reason=reason, fix="Join the two edits.")
        seen.add(its)
