"""Where in a changeset a fault stands that compiling found in a document as it would be: its edit, not its line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from gateway.changesets.model import Edit, PutDocument, about
from gateway.changesets.proposing import Write
from policies.faults import Fault, PolicyError
from policies.overlay import stored_name
from policies.sections import SECTIONS, SectionName, key_of

_LISTED = re.compile(r"(\w+)\[(\d+)\]\.?(.*)", re.DOTALL)


def placed(error: PolicyError, edits: Sequence[Edit], writes: Sequence[Write]) -> PolicyError:
    """Return faults with those of what edits put named by them: `edits.0.entry.roles`; others stay where they are."""
    numbers = {about(edit): number for number, edit in enumerate(edits)}
    texts = {write.name: json.loads(write.text) for write in writes if write.text is not None}
    return PolicyError([_placed(fault, edits, numbers, texts) for fault in error.faults])


def _placed(
    fault: Fault, edits: Sequence[Edit], numbers: Mapping[tuple[str, str, str], int], texts: Mapping[str, Any]
) -> Fault:
    name = stored_name(fault.origin.file)
    if name is None or name not in texts:
        return fault
    whole = numbers.get((name, "", ""))
    if whole is not None and isinstance(edits[whole], PutDocument):
        return _at(fault, f"edits.{whole}.content", fault.origin.path)
    section, key, rest = _entry(fault.origin.path, texts[name])
    number = numbers.get((name, section, key))
    return fault if number is None else _at(fault, f"edits.{number}.entry", rest)


def _entry(path: str, document: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the section and the key of the entry that a path leads to, and the way on from there."""
    listed = _LISTED.fullmatch(path)
    if listed is None:
        section, _, rest = path.partition(".")
        if section not in SECTIONS or SECTIONS[cast("SectionName", section)].shape != "names":
            return section, "", rest
        name = max((each for each in document.get(section, ()) if _leads(rest, each)), key=len, default="")
        return section, name, rest[len(name) + 1 :]
    section, number, rest = listed.groups()
    if section not in SECTIONS or SECTIONS[cast("SectionName", section)].shape != "list":
        return section, "", rest
    member = SECTIONS[cast("SectionName", section)].key
    entry = document[section][int(number)]
    return section, key_of(cast("SectionName", section), entry.get(member) or ""), rest


def _leads(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _at(fault: Fault, field: str, rest: str) -> Fault:
    joint = "." if rest and not rest.startswith("[") else ""
    return replace(fault, origin=replace(fault.origin, file="", path=f"{field}{joint}{rest}"))
