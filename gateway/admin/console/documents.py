"""Policy documents for the eye: as a policy file would say it, and what differs between two of them, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import yaml

from gateway.admin.console.differences import Line, by_lines
from policies.sections import SECTIONS, SectionName, key_of

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The one written in C, where there is one."""
_FIRST = ("version", "id", "name", "table", "column")
_MOST_PARTS = 200
"""How many entries are shown; thousands would take seconds to write, and nobody reads them."""


class Part(NamedTuple):
    """An entry that differs, as lines."""

    section: str
    key: str
    lines: list[Line]


class Parts(NamedTuple):
    """The entries that differ, and how many of them are not shown."""

    shown: list[Part]
    left: int


def yaml_of(value: object) -> str:
    """Return JSON as a policy file would say it, what an entry is known by first."""
    return str(yaml.dump(_ordered(value), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=110))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        first = [name for name in _FIRST if name in value]
        return {name: _ordered(value[name]) for name in (*first, *(each for each in value if each not in first))}
    return [_ordered(each) for each in value] if isinstance(value, list | tuple) else value


def changed_parts(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Parts:
    """Return what differs between two documents; None stands for no document."""
    old, new = _entries(before or {}), _entries(after or {})
    places = sorted(old.keys() | new.keys(), key=lambda place: (_ORDER[place[0]], place[1]))
    changed = [place for place in places if old.get(place) != new.get(place)]
    shown = [
        Part(section, key, by_lines(_text(old.get((section, key))), _text(new.get((section, key)))))
        for section, key in islice(changed, _MOST_PARTS)
    ]
    return Parts(shown, len(changed) - len(shown))


_ORDER: Mapping[SectionName, int] = {name: number for number, name in enumerate(SECTIONS)}


def _entries(document: Mapping[str, Any]) -> dict[tuple[SectionName, str], list[Any]]:
    """Return a document's entries by section and key; those without an id share the key that stands for none."""
    found: dict[tuple[SectionName, str], list[Any]] = {}
    for name, section in SECTIONS.items():
        said = document.get(name)
        if section.shape == "names" and isinstance(said, dict):
            found |= {(name, key): [value] for key, value in said.items()}
        elif section.shape == "list" and isinstance(said, list):
            for each in said:
                found.setdefault((name, key_of(name, each.get(section.key))), []).append(each)
        elif said is not None:
            found[name, ""] = [said]
    return found


def _text(entries: Sequence[Any] | None) -> str:
    return "".join(yaml_of(each) for each in entries or ())
