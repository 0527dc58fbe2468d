"""All that planning may know of materialized views, as one frozen value that is replaced when something changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from catalog.materialized_views import Facts, MaterializedView
from catalog.objects import Table, TableName


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """What is known of the views over one base table: one and the same object while that is the same.

    A plan that was made by it holds it, and is valid for as long.
    """

    views: tuple[MaterializedView, ...]
    facts: Facts
    tables: tuple[Table, ...]
    """The base tables of these views, as the catalog described them."""


@dataclass(frozen=True, slots=True)
class KnownViews:
    """The views that there are at one moment."""

    views: tuple[MaterializedView, ...] = ()
    """Also those that answer nobody: each says why."""
    index: object = None
    """A `rewrite_rules.substitution.index.ViewIndex` of all of them."""
    facts: Facts = field(default_factory=Facts)
    for_table: Mapping[TableName, Above] = field(default_factory=dict)
    """By base table."""
    by_name: Mapping[TableName, MaterializedView] = field(init=False, compare=False, repr=False)
    rows: Mapping[TableName, Table] = field(init=False, compare=False, repr=False)
    """The table of each view's rows."""
    bases: Mapping[TableName, tuple[Table, ...]] = field(init=False, compare=False, repr=False)
    """The base tables of each view."""
    tables: Mapping[TableName, Table] = field(init=False, compare=False, repr=False)
    """All base tables, by name."""

    def __post_init__(self) -> None:
        """Put in order once what each plan asks for."""
        tables = {table.name: table for above in self.for_table.values() for table in above.tables}
        below: defaultdict[TableName, list[Table]] = defaultdict(list)
        for name, above in self.for_table.items():
            for view in above.views:
                below[view.name].append(tables[name])
        object.__setattr__(self, "by_name", {view.name: view for view in self.views})
        object.__setattr__(self, "rows", {view.name: view.table for view in self.views})
        object.__setattr__(self, "bases", {name: tuple(found) for name, found in below.items()})
        object.__setattr__(self, "tables", tables)

    def over(self, tables: Iterable[TableName]) -> bool:
        """Tell whether some view has one of the tables among its own."""
        return bool(self.for_table) and not self.for_table.keys().isdisjoint(tables)


NO_VIEWS = KnownViews()
"""Where nothing is configured."""


class Based(NamedTuple):
    """A view with the base tables that its definition reads."""

    view: MaterializedView
    tables: tuple[Table, ...]


def known_views(found: Iterable[Based], facts: Facts, index: object, before: KnownViews = NO_VIEWS) -> KnownViews:
    """Put together what is known, keeping of `before` each object about which nothing changed."""
    over: defaultdict[TableName, list[Based]] = defaultdict(list)
    everything = tuple(found)
    for based in everything:
        for table in based.tables:
            over[table.name].append(based)
    for_table = {name: _kept(before.for_table.get(name), _above(each, facts)) for name, each in over.items()}
    return KnownViews(tuple(based.view for based in everything), index, facts, for_table)


def _above(over: Iterable[Based], facts: Facts) -> Above:
    found = tuple(over)
    tables = {table.name: table for based in found for table in based.tables}
    return Above(tuple(based.view for based in found), _about(facts, tables.keys()), tuple(tables.values()))


def _about(facts: Facts, tables: Iterable[TableName]) -> Facts:
    """Return the facts that speak of some tables."""
    named = set(tables)
    return Facts(
        tuple(key for key in facts.keys if key.table in named),
        tuple(each for each in facts.foreign_keys if {each.table, each.references} & named),
        {name: version for name, version in facts.versions.items() if name in named},
    )


def _kept(before: Above | None, now: Above) -> Above:
    """Return what was known where the same is known now: sizes alone make no plan wrong."""
    if before is None or (before.facts, before.tables) != (now.facts, now.tables):
        return now
    if len(before.views) != len(now.views):
        return now
    pairs = zip(before.views, now.views, strict=True)
    return before if all(one is other or _without_sizes(one) == _without_sizes(other) for one, other in pairs) else now


def _without_sizes(view: MaterializedView) -> MaterializedView:
    return replace(view, rows=None, bytes=None)
