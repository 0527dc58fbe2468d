"""What stands for each column of a table: its own masks, those for its tags, and how the table is protected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.objects import Column, Table, TableName
from catalog.types import VARCHAR
from policies.bounds import Asking
from policies.faults import Fault, Unfit
from policies.mask_choice import ColumnRule, MaskOutcome, MasksByColumn, choose_rule, masked
from policies.mask_specs import NullMask
from policies.masks import HashKey, build_mask
from policies.rules import Asset, Roles
from policies.tags import NO_TAGS, TableTags, covering

Unclassified = Literal["deny", "mask", "allow"]


@dataclass(frozen=True, slots=True)
class Protection:
    """Which columns of a protected table are classified, and how."""

    open: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()

    @property
    def classified(self) -> frozenset[str]:
        """Return the columns that somebody decided about."""
        return self.open | self.sensitive


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """All that policies say of columns, apart from grants."""

    masks: Mapping[TableName, MasksByColumn]
    tag_masks: MasksByColumn
    tags: Mapping[TableName, TableTags]
    protections: Mapping[Asset, Protection]
    unclassified: Unclassified
    keys: Mapping[str, HashKey]
    roles: Roles

    def outcomes(
        self, table: Table, asking: Asking, faults: Mapping[str, Fault], *, named: bool
    ) -> dict[str, MaskOutcome]:
        """Choose what stands for each column; a column that policy masks for anybody needs a word for everybody.

        `named` adds the columns that rules name and the table does not have (yet).
        """
        columns = list(table.columns)
        if named:
            spoken_of = (*self.masks.get(table.name, {}), *self.tags.get(table.name, NO_TAGS).columns)
            columns += [Column(name, VARCHAR) for name in dict.fromkeys(spoken_of) if name not in table.by_name]
        return {column.name: self._outcome(table, column, asking, faults) for column in columns}

    def _outcome(self, table: Table, column: Column, asking: Asking, faults: Mapping[str, Fault]) -> MaskOutcome:
        """Choose by the column's own statements, else by those for its tags, else by how the table is protected."""
        own = self.masks.get(table.name, {}).get(column.name)
        tagged = self.masks_by_tag(table.name, column.name)
        chosen = choose_rule(own, asking, self.roles) if own is not None else None
        if chosen is None and tagged:
            chosen = choose_rule(tagged, asking, self.roles)
        if isinstance(chosen, str):
            return MaskOutcome(withheld=chosen)
        if chosen is not None:
            return masked(chosen, column, table, self.keys, asking, faults)
        if own is not None or tagged:
            return MaskOutcome(withheld="no mask statement names the caller")
        return self._unspoken(table, column)

    def _unspoken(self, table: Table, column: Column) -> MaskOutcome:
        """Decide on a column that no mask statement speaks of, whoever it is for."""
        protection = self.protection(table)
        if protection is None or column.name in protection.open:
            return MaskOutcome()
        if column.name in protection.sensitive:
            return MaskOutcome(withheld="no mask statement names the caller")
        if self.unclassified == "deny":
            return MaskOutcome(withheld="it is not classified")
        if self.unclassified == "allow":
            return MaskOutcome()
        try:
            return MaskOutcome(build_mask(NullMask(kind="null"), column, table.engine, self.keys), "unclassified")
        except Unfit as unfit:
            return MaskOutcome(withheld=f"it is not classified, and cannot be masked: {unfit.message}")

    def rules_of(self, table: TableName, column: str) -> tuple[ColumnRule, ...]:
        """Return all mask statements of a column and of what it is tagged with, whomever they are for."""
        by_principal = (self.masks.get(table, {}).get(column, {}), self.masks_by_tag(table, column))
        return tuple(rule for each in by_principal for rules in each.values() for rule in rules)

    def masks_by_tag(self, table: TableName, column: str) -> dict[str, tuple[ColumnRule, ...]]:
        """Return the mask statements for any tag of a column (or of its table), by principal."""
        if not self.tag_masks:
            return {}
        carried = self.tags.get(table, NO_TAGS)
        found: dict[str, tuple[ColumnRule, ...]] = {}
        for tag in sorted(covering(carried.table | carried.columns.get(column, frozenset()))):
            for principal, rules in self.tag_masks.get(tag, {}).items():
                found[principal] = (*found.get(principal, ()), *rules)
        return found

    def protection(self, table: Table) -> Protection | None:
        """Return how a table is protected; materialized views always are, since they hold what policies guard."""
        name = tuple(table.name)
        for depth in range(len(name), -1, -1):
            found = self.protections.get(name[:depth])
            if found is not None:
                return found
        return Protection(open=frozenset(table.by_name)) if table.kind == "materialized view" else None

    def guarded(self, table: Table) -> Mapping[str, tuple[str, ...]]:
        """Return the columns whose reading is to be told: tagged, protected, or masked for anybody, each with why."""
        carried, protection = self.tags.get(table.name, NO_TAGS), self.protection(table)
        masks = self.masks.get(table.name, {})
        found: dict[str, tuple[str, ...]] = {}
        for column in table.columns:
            why = set(carried.table | carried.columns.get(column.name, frozenset()))
            if protection is not None and column.name not in protection.open:
                why.add("sensitive" if column.name in protection.sensitive else "unclassified")
            if column.name in masks:
                why.add("masked")
            if why:
                found[column.name] = tuple(sorted(why))
        return found
