"""Every entry of every policy document, in order, with where it stands: built once for what is in force."""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from gateway.policy_files import Live, PolicyFiles
from policies.overlay import LINEAGE, STATEMENTS, stored_name
from policies.reload import Files
from policies.rules import Asset, asset_of, keys_of
from policies.sections import SECTIONS, Placed, SectionName, entries
from policies.sources import Source

Origin = Literal["file", "changeset", "statement", "lineage"]
Standing = Literal["live", "overlaid"]
"""In force, or in a file while something stored stands in its place."""
_OWNERS = 64
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


@dataclass(frozen=True, slots=True)
class Index:
    """All entries in order."""

    files: Files
    live: Live
    items: tuple[Item, ...]
    orders: tuple[str, ...]
    by_asset: Mapping[Asset, tuple[int, ...]]
    """The places of entries that name an asset, in order."""
    visible: OrderedDict[Hashable, tuple[int, ...]] = field(default_factory=OrderedDict)
    """The places of what owners may see who asked of late, as policies stood then."""

    def behind(
        self,
        after: str,
        table: str | None = None,
        kind: SectionName | None = None,
        among: Sequence[int] | None = None,
    ) -> Iterator[Item]:
        """Yield the entries behind a place in the order: of one kind, about a table by its name or a pattern above."""
        start, end = bisect_right(self.orders, after), len(self.items)
        if kind is not None:
            start = max(start, bisect_right(self.orders, json.dumps([kind])[:-1]))
            end = bisect_right(self.orders, json.dumps([kind])[:-1] + "-")  # what follows the kind is a comma
        if among is None:
            places: Iterable[int] = range(start, end)
        else:
            places = among[bisect_left(among, start) : bisect_left(among, end)]
        if table is not None:
            wanted = asset_of(table)
            found = (self.by_asset.get(wanted[:depth], ()) for depth in range(len(wanted) + 1))
            named = {place for its in found for place in its}
            places = sorted(named & set(places)) if among is not None else sorted(p for p in named if start <= p < end)
        return (self.items[place] for place in places)

    def seen_by(self, who: Hashable, may: Callable[[Item], bool]) -> tuple[int, ...]:
        """Return the places of what somebody may see, found once for him as he is now."""
        if who not in self.visible:
            self.visible[who] = tuple(place for place, item in enumerate(self.items) if may(item))
            while len(self.visible) > _OWNERS:
                self.visible.popitem(last=False)
        return self.visible[who]

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


async def index_of(files: PolicyFiles) -> Index:
    """Return the index of what is in force, built off the loop when that has changed."""
    known = _built.get(files)
    if known is not None and known.files is files.files and known.live is files.live:
        return known
    _built[files] = await asyncio.to_thread(_build, files.files, files.live, files.current().sources)
    return _built[files]


def _build(files: Files, live: Live, sources: Sequence[Source]) -> Index:
    items = [item for source in sources for item in _items(source, "live")]
    now = {source.file: source for source in sources}
    for source in files.sources:
        left = {_mark(each) for each in entries(now[source.file].document)} if source.file in now else set()
        items += [item for item, mark in _marked(source) if mark not in left]
    items.sort(key=lambda item: item.order)
    by_asset: defaultdict[Asset, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        for asset in {asset_of(each) for each in item.assets}:
            by_asset[asset].append(place)
    known = {asset: tuple(places) for asset, places in by_asset.items()}
    return Index(files, live, tuple(items), tuple(item.order for item in items), known)


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
