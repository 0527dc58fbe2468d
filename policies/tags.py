"""Tags: what tables and columns carry, and which rules for a tag cover them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalog.objects import TableName

Tag = str


@dataclass(frozen=True, slots=True)
class TableTags:
    """The tags of one table, and those of its columns by name."""

    table: frozenset[Tag] = frozenset()
    columns: Mapping[str, frozenset[Tag]] = field(default_factory=dict)

    def all(self) -> frozenset[Tag]:
        """Return every tag on the table or on any of its columns."""
        return self.table.union(*self.columns.values())


NO_TAGS = TableTags()


def covering(tags: Iterable[Tag]) -> frozenset[Tag]:
    """Return the tags whose rules hold for these: each itself, and all that it is a part of (`pii` of `pii.email`)."""
    found: set[Tag] = set()
    for tag in tags:
        parts = tag.split(".")
        found.update(".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return frozenset(found)


def join_tags(
    entries: Iterable[tuple[TableName, Iterable[Tag], Mapping[str, Iterable[Tag]]]],
) -> dict[TableName, TableTags]:
    """Join entries by table: tags only ever add up."""
    tables: dict[TableName, set[Tag]] = {}
    columns: dict[TableName, dict[str, set[Tag]]] = {}
    for name, tags, by_column in entries:
        tables.setdefault(name, set()).update(tags)
        for column, its in by_column.items():
            columns.setdefault(name, {}).setdefault(column, set()).update(its)
    return {
        name: TableTags(frozenset(tags), {c: frozenset(its) for c, its in columns.get(name, {}).items()})
        for name, tags in tables.items()
    }
