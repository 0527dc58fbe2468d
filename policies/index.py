"""The compiled policy: an index from asset to effect, so that a decision costs the same with any number of rules.

`PolicySet` answers every question of policy. It is made whole by `policies.compile` and never changes; reloading
makes another one. `enforce()` on the casbin model is its oracle in tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from catalog.names import fold_trino
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import VARCHAR
from policies.assembly import (
    FiltersByPrincipal,
    MaskOutcome,
    MasksByColumn,
    assemble_filter,
    choose_mask,
    table_faults,
)
from policies.decisions import Action, PolicyRef, Subject, TableDecision
from policies.directory import Directory
from policies.expressions import TypeOf
from policies.faults import Fault, Unfit
from policies.masks import HashKey
from policies.narrowing import narrower
from policies.rules import Asset, Roles, Rule

MAX_CACHED = 65_536
"""Decisions kept at once; then all are forgotten and found again."""
_READS = frozenset({Action.SELECT, Action.EXPLAIN})
_MUST_BE_CLEAR = frozenset(Action) - _READS


@dataclass(slots=True)
class Effects:
    """What one principal's rules say about one asset, joined."""

    allowed: set[Action] = field(default_factory=set)
    denied: set[Action] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    denied_columns: set[str] = field(default_factory=set)
    rules: list[str] = field(default_factory=list)


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
class Grants:
    """The index of grants."""

    effects: Mapping[Asset, Mapping[str, Effects]]
    within: Mapping[Asset, frozenset[str]]
    """Principals who are allowed anything at or below a catalog or schema."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What all grants on one table say for one caller."""

    allowed: frozenset[Action]
    denied: frozenset[Action]
    columns: frozenset[str] | None
    """Columns that SELECT is limited to; None means all."""
    denied_columns: frozenset[str]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies in force at one moment."""

    version: str
    """Hash of the files' content."""
    roles: Roles
    directory: Directory
    grants: Grants
    protections: Mapping[Asset, Protection]
    filters: Mapping[TableName, FiltersByPrincipal]
    masks: Mapping[TableName, MasksByColumn]
    keys: Mapping[str, HashKey] = field(repr=False)
    type_of: TypeOf | None = None
    """Checks the types of filters and custom masks at the first sight of a table."""
    rules: tuple[Rule, ...] = field(default=(), repr=False)
    """The flat rules behind `grants`: what the oracle reads."""
    _decisions: dict[tuple[Subject, Action, int], tuple[Table, TableDecision]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _faults: dict[int, tuple[Table, Mapping[str, Fault]]] = field(default_factory=dict, repr=False, compare=False)

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table. Never raises for what a policy says: doubt is a refusal.

        Decisions are remembered by caller, action and the very Table object.
        """
        key = (subject, action, id(table))
        known = self._decisions.get(key)
        if known is not None and known[0] is table:
            return known[1]
        first, *others = (self._decide(side, action, table) for side in subject.sides)
        decision = narrower(table, first, others[0]) if others else first
        if len(self._decisions) >= MAX_CACHED:
            self._decisions.clear()
        self._decisions[key] = (table, decision)
        return decision

    def forget(self) -> None:
        """Drop remembered decisions and faults; they will be found again."""
        self._decisions.clear()
        self._faults.clear()

    @property
    def remembered(self) -> int:
        """Return how many decisions are remembered."""
        return len(self._decisions)

    def visible_columns(self, subject: Subject, table: Table) -> tuple[str, ...]:
        """Return the columns that a caller may read, in table order; none if the table is hidden from him."""
        decision = self.decide(subject, Action.SELECT, table)
        return decision.columns if decision.allowed else ()

    def may_see_table(self, subject: Subject, table: Table) -> bool:
        """Tell whether a caller may know that a table exists: whether he may read it."""
        return self.decide(subject, Action.SELECT, table).allowed

    def may_see_catalog(self, subject: Subject, catalog: str) -> bool:
        """Tell whether a caller may know a catalog: whether anything in it is allowed to him."""
        return all(self._may_see(side, (fold_trino(catalog),)) for side in subject.sides)

    def may_see_schema(self, subject: Subject, catalog: str, schema: str) -> bool:
        """Tell whether a caller may know a schema: whether anything in it is allowed to him."""
        return all(self._may_see(side, (fold_trino(catalog), fold_trino(schema))) for side in subject.sides)

    def decide_schema(self, subject: Subject, action: Action, schema: SchemaName) -> bool:
        """Tell whether a caller may create or drop a schema."""
        standings = [self._standing(self.roles.principals(side), tuple(schema)) for side in subject.sides]
        return all(action in standing.allowed and action not in standing.denied for standing in standings)

    def names_columns(self, table: TableName) -> bool:
        """Tell whether any rule, whoever it is for, speaks of a table's single columns or rows."""
        above = [tuple(table)[:depth] for depth in range(len(table) + 1)]
        effects = (each for asset in above for each in self.grants.effects.get(asset, {}).values())
        return (
            table in self.filters
            or table in self.masks
            or any(asset in self.protections for asset in above)
            or any(each.columns or each.denied_columns for each in effects)
        )

    def check(self, table: Table, type_of: TypeOf | None = None) -> tuple[Fault, ...]:
        """Return what is wrong with the filters and masks of a table. What is faulty refuses until it is mended."""
        return tuple(self._find_faults(table, type_of or self.type_of).values())

    def may_impersonate(self, principal: str, user: str) -> bool:
        """Tell whether a principal may act for another user; everybody may act for himself."""
        return principal == user or self.directory.may_impersonate(principal, user, self.roles)

    def roles_of(self, user: str) -> frozenset[str]:
        """Return the roles that the policy files give to a user."""
        return self.directory.roles_of(user)

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the attributes that the policy files give to a user, sorted."""
        return self.directory.attributes_of(user)

    def session_property_allowed(self, subject: Subject, name: str) -> bool:
        """Tell whether a caller may set a session property, `catalog.name` for a catalog's."""
        allowed = self.directory.session_property_allowed
        return all(allowed(self.roles.principals(side), name) for side in subject.sides)

    def may_handle_queries(self, subject: Subject, way: Literal["view", "kill"]) -> bool:
        """Tell whether a caller may see or cancel the queries of others."""
        allowed = self.directory.may_handle_queries
        return all(allowed(self.roles.principals(side), way) for side in subject.sides)

    def may_take_role(self, subject: Subject, role: str) -> bool:
        """Tell whether a caller may choose a role: one of his, or one that they inherit."""
        return any(role in self.roles.closure.get(held, ()) for held in subject.sides[-1].roles)

    def _may_see(self, subject: Subject, asset: Asset) -> bool:
        principals = self.roles.principals(subject)
        standing = self._standing(principals, asset)
        if Action.SELECT in standing.denied:
            return False
        return bool(standing.allowed or principals & self.grants.within.get(asset, frozenset()))

    def _standing(self, principals: frozenset[str], asset: Asset) -> _Standing:
        """Join the grants on an asset and on everything above it: a walk of at most four steps."""
        allowed: set[Action] = set()
        denied: set[Action] = set()
        columns: set[str] = set()
        denied_columns: set[str] = set()
        rules: list[str] = []
        for depth in range(len(asset) + 1):
            by_principal = self.grants.effects.get(asset[:depth])
            if by_principal is None:
                continue
            for principal in principals:
                effects = by_principal.get(principal)
                if effects is not None:
                    allowed |= effects.allowed
                    denied |= effects.denied
                    columns |= effects.columns
                    denied_columns |= effects.denied_columns
                    rules.extend(effects.rules)
        whole = Action.SELECT in allowed
        if columns:
            allowed.add(Action.SELECT)
        return _Standing(
            frozenset(allowed),
            frozenset(denied),
            None if whole else frozenset(columns),
            frozenset(denied_columns),
            tuple(sorted(set(rules))),
        )

    def _decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        principals = self.roles.principals(subject)
        standing = self._standing(principals, tuple(table.name))
        refs = tuple(PolicyRef(rule, "grant") for rule in standing.rules)
        if action in standing.denied:
            return _refused(table, action, refs, "a grant denies it")
        if action not in standing.allowed:
            return _refused(table, action, refs, "no grant allows it")
        if action is Action.EXPLAIN and not self.decide(subject, Action.SELECT, table).allowed:
            return _refused(table, action, refs, "the table may not be read")
        try:
            condition, filter_refs = assemble_filter(
                self.filters.get(table.name, {}),
                principals,
                subject,
                self._table_faults(table),
                required=self._protection(table) is not None,
            )
        except Unfit as unfit:
            return _refused(table, action, refs, unfit.message)
        outcomes = self._outcomes(subject, table, principals, action)
        seen = _joined(table, action, standing, outcomes, condition, (*refs, *filter_refs))
        if action in _MUST_BE_CLEAR and (seen.policed or any(o.mask or o.withheld for o in outcomes.values())):
            return _refused(table, action, seen.policies, "a row filter, mask or withheld column stands in the way")
        return seen

    def _outcomes(
        self, subject: Subject, table: Table, principals: frozenset[str], action: Action
    ) -> dict[str, MaskOutcome]:
        """Choose what stands for each column; a column that policy masks for anybody needs a word for everybody."""
        by_column = self.masks.get(table.name, {})
        protection, faults = self._protection(table), self._table_faults(table)
        columns = list(table.columns)
        if action in _MUST_BE_CLEAR:
            columns += [Column(name, VARCHAR) for name in by_column if name not in table.by_name]
        outcomes = {}
        for column in columns:
            rules = by_column.get(column.name)
            if rules is None and (protection is None or column.name in protection.open):
                outcomes[column.name] = MaskOutcome()
            else:
                outcomes[column.name] = choose_mask(
                    rules or {}, principals, subject, table, column, self.roles, self.keys, faults
                )
            if rules is None and protection is not None and column.name not in protection.classified:
                outcomes[column.name] = MaskOutcome(withheld="it is not classified")
        return outcomes

    def _protection(self, table: Table) -> Protection | None:
        """Return how a table is protected; materialized views always are, since they hold what policies guard."""
        name = tuple(table.name)
        for depth in range(len(name), -1, -1):
            found = self.protections.get(name[:depth])
            if found is not None:
                return found
        return Protection(open=frozenset(table.by_name)) if table.kind == "materialized view" else None

    def _table_faults(self, table: Table) -> Mapping[str, Fault]:
        """Return the faulty rules of a table by id, found once for each Table object."""
        if table.name not in self.filters and table.name not in self.masks:
            return {}
        known = self._faults.get(id(table))
        if known is None or known[0] is not table:
            if len(self._faults) >= MAX_CACHED:
                self._faults.clear()
            known = self._faults[id(table)] = (table, self._find_faults(table, self.type_of))
        return known[1]

    def _find_faults(self, table: Table, type_of: TypeOf | None) -> dict[str, Fault]:
        filters = {rule.id: rule for rules in self.filters.get(table.name, {}).values() for rule in rules}
        masks = {rule.id: rule for rules in self.masks.get(table.name, {}).values() for rule in rules.values()}
        return table_faults(table, filters.values(), masks.values(), self.keys, type_of)


def _refused(table: Table, action: Action, refs: tuple[PolicyRef, ...], reason: str) -> TableDecision:
    return TableDecision(table.name, action, allowed=False, policies=refs, reason=reason)


def _joined(
    table: Table,
    action: Action,
    standing: _Standing,
    outcomes: Mapping[str, MaskOutcome],
    condition: exp.Expr | None,
    refs: tuple[PolicyRef, ...],
) -> TableDecision:
    """Put grants, filter and masks together."""
    columns = tuple(
        column.name
        for column in table.columns
        if (action not in _READS or standing.columns is None or column.name in standing.columns)
        and column.name not in standing.denied_columns
        and not outcomes[column.name].withheld
    )
    hidden = "; ".join(f"{c.name}: {outcomes[c.name].withheld}" for c in table.columns if outcomes[c.name].withheld)
    if not columns and table.columns:
        return _refused(table, action, refs, f"no column is left; {hidden}")
    masks = {name: mask for name in columns if (mask := outcomes[name].mask) is not None}
    mask_refs = (PolicyRef(outcomes[name].rule, "column_mask") for name in columns if outcomes[name].rule)
    return TableDecision(
        table.name,
        action,
        allowed=True,
        columns=columns,
        row_filter=condition,
        masks=masks,
        policies=tuple(dict.fromkeys((*refs, *mask_refs))),
        reason=hidden,
        withheld=len(columns) < len(table.columns),
    )
