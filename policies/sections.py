"""The sections of a policy document as data: what an entry of each is known by, how it is put there and taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from catalog.errors import Refusal
from policies.document import Document
from policies.rules import asset_of

SectionName = Literal[
    "roles",
    "groups",
    "users",
    "grants",
    "protected",
    "tags",
    "licences",
    "aggregate_only",
    "row_filters",
    "column_masks",
    "transformations",
    "impersonation",
    "session_properties",
    "queries",
    "administration",
    "keys",
    "budgets",
    "caps",
    "engine_regions",
    "unclassified",
    "partners",
    "defaults",
    "clickhouse",
]
"""What an entry can be of."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section: a mapping of names, a list whose entries have a key of their own, or a single value."""

    shape: Literal["names", "list", "one"]
    key: str = ""
    """The member that a list's entries are known by."""
    own: bool = False
    """It is about its own document only, so that it never stands in another's place."""


_BY_ID = Section("list", "id")
SECTIONS: Mapping[SectionName, Section] = {
    "roles": Section("names"),
    "groups": Section("names"),
    "users": Section("names"),
    "grants": _BY_ID,
    "protected": Section("list", "table"),
    "tags": Section("list", "table"),
    "licences": _BY_ID,
    "aggregate_only": _BY_ID,
    "row_filters": _BY_ID,
    "column_masks": _BY_ID,
    "transformations": Section("list", "name", own=True),
    "impersonation": _BY_ID,
    "session_properties": _BY_ID,
    "queries": _BY_ID,
    "administration": _BY_ID,
    "keys": Section("names"),
    "budgets": _BY_ID,
    "caps": _BY_ID,
    "engine_regions": Section("names"),
    "unclassified": Section("one"),
    "partners": Section("one"),
    "defaults": Section("one", own=True),
    "clickhouse": Section("one", own=True),
}
"""Every section of the language but `version`; a test holds this against the language."""
_ONES = Document(version=1)


class Placed(NamedTuple):
    """An entry of a document, and where in its section it stands."""

    section: SectionName
    key: str
    """What it is known by; empty for a list's entry that was given no id, and for a single value."""
    place: str | int
    value: Any
    """As the language's models have it."""


def entries(document: Document) -> Iterator[Placed]:
    """Yield every entry of a document, section by section."""
    for name, section in SECTIONS.items():
        found = getattr(document, name)
        if section.shape == "names":
            yield from (Placed(name, key, key, value) for key, value in found.items())
        elif section.shape == "list":
            for number, value in enumerate(found):
                yield Placed(name, key_of(name, getattr(value, section.key)), number, value)
        elif found != getattr(_ONES, name):
            yield Placed(name, "", "", found)


def key_of(section: SectionName, written: str | None) -> str:
    """Return what an entry is known by, of what is written: tables are folded as Trino folds them."""
    if written is None:
        return ""
    if SECTIONS[section].key != "table":
        return written
    try:
        return ".".join((*asset_of(written), *(["*"] if written.endswith("*") else [])))
    except Refusal:
        return written


def find_entry(document: Mapping[str, Any], section: SectionName, key: str) -> tuple[Any, ...]:
    """Return the entries known by a key in a document's JSON: none, one, or, of hand-written tags, several."""
    return tuple(unfold(document, section).get(key, ()))


def unfold(document: Mapping[str, Any], section: SectionName) -> dict[object, list[Any]]:
    """Return a section of a document's JSON by key, in its order; entries without a key each by themselves."""
    found = document.get(section)
    shape = SECTIONS[section]
    if shape.shape == "one":
        return {"": [found]} if section in document else {}
    if shape.shape == "names":
        return {key: [value] for key, value in (found or {}).items()}
    unfolded: dict[object, list[Any]] = {}
    for number, each in enumerate(found or ()):
        unfolded.setdefault(key_of(section, each.get(shape.key)) or number, []).append(each)
    return unfolded


def fold(document: Mapping[str, Any], section: SectionName, unfolded: Mapping[object, list[Any]]) -> dict[str, Any]:
    """Return a document's JSON with a section that was unfolded and changed."""
    kept = {name: value for name, value in document.items() if name != section}
    if not unfolded:
        return kept
    shape = SECTIONS[section].shape
    if shape == "one":
        return {**kept, section: unfolded[""][0]}
    if shape == "names":
        return {**kept, section: {key: values[0] for key, values in unfolded.items()}}
    return {**kept, section: [value for values in unfolded.values() for value in values]}


def put_entry(document: Mapping[str, Any], section: SectionName, key: str, value: Any) -> dict[str, Any]:
    """Return a document's JSON with an entry, in the place of those of its key."""
    return fold(document, section, {**unfold(document, section), key: [value]})


def take_entry(document: Mapping[str, Any], section: SectionName, key: str) -> dict[str, Any]:
    """Return a document's JSON without the entries of a key."""
    return fold(document, section, {k: v for k, v in unfold(document, section).items() if k != key})
