"""Every entry of every policy document, in order, with where it stands: built once for what is in force."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from gateway.changesets.naming import table_named
from gateway.policy_files import Live, PolicyFiles
from policies.overlay import LINEAGE, STATEMENTS, stored_name
from policies.reload import Files
from policies.rules import asset_of, keys_of
from policies.sections import SECTIONS, Placed, SectionName, entries
from policies.sources import Source

Origin = Literal["file", "changeset", "statement", "lineage"]
Standing = Literal["live", "overlaid"]
"""In force, or in a file while something stored stands in its place."""
_ORIGINS: dict[str, Origin] = {LINEAGE: "lineage", STATEMENTS: "statement"}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry, and what lists ask of it."""

    kind: SectionName
    key: str
    """What it is known by; where it has no id, its place."""
    origin: Origin
    document: str
    """The stored document, or the file's name."""
    place: str
    line: int | None
    standing: Standing
    assets: tuple[str, ...]
    """The tables and patterns that it names."""
    principals: tuple[str, ...]
    value: Any

    @property
    def order(self) -> str:
        """Return what lists are sorted by: printable, and of no other entry."""
        return json.dumps([self.kind, self.key, self.origin, self.document, self.place])

    def names(self, table: str) -> bool:
        """Tell whether it is about a table, by its name or by a pattern above it."""
        wanted = asset_of(table)
        paths = [asset_of(each) for each in self.assets]
        return any(wanted[: len(path)] == path for path in paths)


@dataclass(frozen=True, slots=True)
class Index:
    """All entries in order."""

    files: Files
    live: Live
    items: tuple[Item, ...]
    orders: tuple[str, ...]

    def behind(self, after: str) -> Iterator[Item]:
        """Yield the entries behind a place in the order."""
        for number in range(bisect_right(self.orders, after), len(self.items)):
            yield self.items[number]

    def of(self, kind: SectionName, key: str) -> list[Item]:
        """Return what is known by a key: in force first, and of that what changesets put."""
        rank: dict[Origin, int] = {"changeset": 0, "statement": 1, "file": 2, "lineage": 3}
        first = bisect_right(self.orders, json.dumps([kind, key])[:-1])
        found = []
        for number in range(first, len(self.items)):
            if (self.items[number].kind, self.items[number].key) != (kind, key):
                break
            found.append(self.items[number])
        return sorted(found, key=lambda each: (each.standing != "live", rank[each.origin]))


_built: WeakKeyDictionary[PolicyFiles, Index] = WeakKeyDictionary()


def index_of(files: PolicyFiles) -> Index:
    """Return the index of what is in force, built when that has changed."""
    known = _built.get(files)
    if known is not None and known.files is files.files and known.live is files.live:
        return known
    made = _build(files.files, files.live, files.current().sources)
    _built[files] = made
    return made


def _build(files: Files, live: Live, sources: Sequence[Source]) -> Index:
    items = [item for source in sources for item in _items(source, "live")]
    now = {source.file: source for source in sources}
    for source in files.sources:
        left = {_mark(each) for each in entries(now[source.file].document)} if source.file in now else set()
        items += [item for item, mark in _marked(source) if mark not in left]
    items.sort(key=lambda item: item.order)
    return Index(files, live, tuple(items), tuple(item.order for item in items))


def _marked(source: Source) -> Iterator[tuple[Item, object]]:
    marks = (_mark(each) for each in entries(source.document))
    return zip(_items(source, "overlaid"), marks, strict=True)


def _mark(placed: Placed) -> object:
    """Return what tells whether an entry is still there: a list's entries move up when one before them is gone."""
    listed = SECTIONS[placed.section].shape == "list"
    return (placed.section, id(placed.value)) if listed else (placed.section, placed.key)


def _items(source: Source, standing: Standing) -> Iterator[Item]:
    name = stored_name(source.file)
    origin: Origin = "file" if name is None else _ORIGINS.get(name, "changeset")
    document = Path(source.file).name if name is None else name
    for placed in entries(source.document):
        at = source.origin(placed.section, *([placed.place] if placed.place != "" else []))
        key = placed.key or (at.path if SECTIONS[placed.section].shape == "list" else "")
        line = at.line if name is None else None
        yield Item(
            placed.section,
            key,
            origin,
            document,
            at.path,
            line,
            standing,
            _assets(placed),
            _principals(placed),
            placed.value,
        )


def _assets(placed: Placed) -> tuple[str, ...]:
    table = getattr(placed.value, "table", None)
    if isinstance(table, str):
        return (table,)
    found = getattr(placed.value, "assets", ())
    return tuple(found)


def _principals(placed: Placed) -> tuple[str, ...]:
    value = placed.value
    if placed.section in ("roles", "groups", "users"):
        return (f"{placed.section[:-1]}:{placed.key}",)
    roles = getattr(value, "roles", ()) or getattr(value, "apply_to_roles", ())
    return keys_of(roles, getattr(value, "users", ()), getattr(value, "groups", ()))


def single_tables(item: Item) -> bool:
    """Tell whether an entry is about single tables only."""
    return bool(item.assets) and all(table_named(each) is not None for each in item.assets)
