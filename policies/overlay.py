"""Policies made by statements, over those of files: a statement stands in the place of the file's rule of its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from policies.document import RowFilter
from policies.mask_entries import ColumnMask
from policies.sources import Source

RuleKind = Literal["row", "column"]
SECTIONS: dict[RuleKind, str] = {"row": "row_filters", "column": "column_masks"}
LINEAGE = "lineage"
"""The stored document of what copies inherited."""
Rule = RowFilter | ColumnMask
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


def overlay(files: Sequence[Source], stored: Sequence[Source]) -> list[Source]:
    """Return all sources: those of files without the rules that statements took the place of, and what is inherited.

    Masks that a column inherited from what was copied into it end where somebody decides on the column itself.
    """
    replaced = {_key(rule_name(rule), rule) for source in stored for rule in _rules(source) if rule.id}
    kept = [*(_without(source, replaced) if replaced else source for source in files)]
    statements = [source for source in stored if source.file != stored_origin(LINEAGE)]
    decided = {_column(mask) for source in (*kept, *statements) for mask in source.document.column_masks}
    known = frozenset(name for each in files for name in (*each.document.roles, *each.document.groups))
    inherited = [_undecided(source, decided, known) for source in stored if source.file == stored_origin(LINEAGE)]
    return [*kept, *inherited, *statements]


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


def _without(source: Source, replaced: set[Key]) -> Source:
    """Take rules out of a document; those behind them keep their lines."""
    kept: dict[str, tuple[Rule, ...]] = {}
    lines = dict(source.lines)
    for section in SECTIONS.values():
        rules: Sequence[Rule] = getattr(source.document, section)
        left = [number for number, rule in enumerate(rules) if _key(rule.id, rule) not in replaced]
        if len(left) < len(rules):
            kept[section] = tuple(rules[number] for number in left)
            lines = dict(_renumbered(lines, section, left))
    if not kept:
        return source
    return replace(source, document=source.document.model_copy(update=kept), lines=lines)


def _renumbered(
    lines: dict[tuple[str | int, ...], int], section: str, left: Sequence[int]
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    now = {before: after for after, before in enumerate(left)}
    for path, line in lines.items():
        if path[:1] != (section,) or len(path) == 1:
            yield path, line
        elif path[1] in now:
            yield (section, now[int(path[1])], *path[2:]), line
