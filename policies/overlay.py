"""Stored policies over those of files: a stored entry stands in the place of the file's that is known by the same.

A statement stands in the place of the rule of its name on its table; an entry that a changeset put, in that of its id,
name or table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from policies.document import Document, RowFilter
from policies.following_live import undecided_rows
from policies.mask_entries import ColumnMask
from policies.sections import SECTIONS as EVERY_SECTION
from policies.sections import SectionName, entries, key_of
from policies.sources import Source

RuleKind = Literal["row", "column"]
SECTIONS: dict[RuleKind, str] = {"row": "row_filters", "column": "column_masks"}
LINEAGE = "lineage"
"""The stored document of what copies inherited."""
STATEMENTS = "statements"
"""The stored document of policies made by statements."""
Taken = Mapping[SectionName, frozenset[str]]
"""What stored documents take the place of, by section: the keys of entries."""
Rule = RowFilter | ColumnMask
_NOTHING = Document(version=1)
Key = tuple[object, ...]
"""What a rule is known by: its name, its table and, for a mask, its column."""


def rule_id(kind: RuleKind, name: str, table: str) -> str:
    """Return the id of a policy made by a statement: names are unique for a table only, ids for all policies."""
    return f"{kind} policy {name} on {table}"


def rule_name(rule: Rule) -> str:
    """Return the name that a statement gave to a policy."""
    kind: RuleKind = "row" if isinstance(rule, RowFilter) else "column"
    before, after = rule_id(kind, "\0", rule.table or "").split("\0")
    return (rule.id or "").removeprefix(before).removesuffix(after)


def stored_origin(name: str) -> str:
    """Return what stands for a file's name in the faults of a stored document."""
    return f"policy store ({name})"


def stored_name(file: str) -> str | None:
    """Return the name of the stored document that stands for a file; None for a file."""
    return file[len("policy store (") : -1] if file.startswith("policy store (") else None


def taken_by(stored: Iterable[Source]) -> Taken:
    """Return which entries of files the documents of changesets stand in the place of."""
    found: defaultdict[SectionName, set[str]] = defaultdict(set)
    for source in stored:
        if stored_name(source.file) not in (None, LINEAGE, STATEMENTS):
            for section, key, _, _ in entries(source.document):
                if not EVERY_SECTION[section].own and (key or EVERY_SECTION[section].shape == "one"):
                    found[section].add(key)
    return {section: frozenset(keys) for section, keys in found.items()}


def overlay(files: Sequence[Source], stored: Sequence[Source]) -> list[Source]:
    """Return all sources: those of files without what stored entries took the place of, and what is inherited.

    Masks that a column inherited from what was copied into it end where somebody decides on the column itself; what
    follows rows, where somebody decides on the copy's rows.
    """
    taken = taken_by(stored)
    made = [source for source in stored if stored_name(source.file) == STATEMENTS]
    replaced = {_key(rule_name(rule), rule) for source in made for rule in _rules(source) if rule.id}
    kept = [*(_without(source, replaced, taken) if replaced or taken else source for source in files)]
    above = [source for source in stored if source.file != stored_origin(LINEAGE)]
    decided = {_column(mask) for source in (*kept, *above) for mask in source.document.column_masks}
    known = frozenset(name for each in (*kept, *above) for name in (*each.document.roles, *each.document.groups))
    others = [each.document for each in (*kept, *above)]
    inherited = [
        replace(source, document=undecided_rows(_undecided(source, decided, known).document, others, known))
        for source in stored
        if source.file == stored_origin(LINEAGE)
    ]
    return [*kept, *inherited, *above]


def _column(mask: ColumnMask) -> Key:
    return ((mask.table or "").lower(), (mask.column or "").lower())


def _undecided(source: Source, decided: set[Key], known: frozenset[str]) -> Source:
    """Return what is inherited where nobody decided, for roles and groups that still exist.

    Were a role that is gone a fault, nobody could take it away; a column whose masks name none that is left is NULL.
    """
    left = [mask for mask in source.document.column_masks if _column(mask) not in decided]
    named = [mask for mask in left if mask.roles == "all" or {*mask.roles, *mask.groups} <= known]
    orphans = {_column(mask): mask for mask in left} if len(named) < len(left) else {}
    for mask in named:
        orphans.pop(_column(mask), None)
    nulls = [
        ColumnMask.model_validate({"table": mask.table, "column": mask.column, "roles": "all", "mask": "null"})
        for mask in orphans.values()
    ]
    return replace(source, document=source.document.model_copy(update={"column_masks": (*named, *nulls)}))


def _rules(source: Source) -> Iterable[Rule]:
    return (*source.document.row_filters, *source.document.column_masks)


def _key(name: str | None, rule: Rule) -> Key:
    column = rule.column if isinstance(rule, ColumnMask) else None
    return (type(rule), name, (rule.table or "").lower(), (column or "").lower())


def _without(source: Source, replaced: set[Key], taken: Taken) -> Source:
    """Take entries out of a document; those behind them keep their lines."""
    kept: dict[str, object] = {}
    lines = dict(source.lines)
    for name, section in EVERY_SECTION.items():
        there = getattr(source.document, name)
        keys = taken.get(name, frozenset())
        if section.shape == "one":
            if keys and there != getattr(_NOTHING, name):
                kept[name] = getattr(_NOTHING, name)
        elif section.shape == "names":
            if not keys.isdisjoint(there):
                kept[name] = {key: value for key, value in there.items() if key not in keys}
        elif keys or (replaced and name in SECTIONS.values()):
            left = [n for n, each in enumerate(there) if not _gone(name, section.key, each, replaced, keys)]
            if len(left) < len(there):
                kept[name] = tuple(there[number] for number in left)
                lines = dict(_renumbered(lines, name, left))
    if not kept:
        return source
    return replace(source, document=source.document.model_copy(update=kept), lines=lines)


def _gone(section: SectionName, member: str, entry: Any, replaced: set[Key], keys: frozenset[str]) -> bool:
    """Tell whether something stands in a listed entry's place."""
    key = key_of(section, getattr(entry, member))
    if key and key in keys:
        return True
    return isinstance(entry, Rule) and bool(replaced) and _key(entry.id, entry) in replaced


def _renumbered(
    lines: dict[tuple[str | int, ...], int], section: str, left: Sequence[int]
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    now = {before: after for after, before in enumerate(left)}
    for path, line in lines.items():
        if path[:1] != (section,) or len(path) == 1:
            yield path, line
        elif path[1] in now:
            yield (section, now[int(path[1])], *path[2:]), line
