"""The compiled policy: an index from asset to effect, so that a decision costs the same with any number of rules.

`PolicySet` answers every question of policy. It is made whole by `policies.compile` and never changes; reloading
makes another one. `enforce()` on the casbin model is its oracle in tests.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from sqlglot import exp

from catalog.names import fold_trino
from catalog.objects import SchemaName, Table, TableName
from policies.bounds import Asking, attributes_of
from policies.budgets.matching import NO_BUDGETS, Budgets, Spender
from policies.budgets.model import Budget, Cap
from policies.clock import PROCESS_CLOCK, Clock, Moment
from policies.columns import ColumnRules, Protection, Unclassified
from policies.decisions import NO_ENTITLEMENT, NO_GRANT, Action, PolicyRef, Subject, TableDecision, Window
from policies.directory import AdminRole, Directory
from policies.entitlements import NO_PARTNERS, PartnerAccess
from policies.expressions import TypeOf
from policies.faults import Fault, Unfit
from policies.first_sight import embargo_faults, mask_faults, table_faults
from policies.grants import Grants, sees_into, standing
from policies.joining import MUST_BE_CLEAR, join_decision, refused
from policies.licences import NO_LICENCES, Licences, embargoes, exportable, forbids
from policies.mask_choice import ColumnRule, MasksByColumn
from policies.masks import HashKey
from policies.narrowing import narrower
from policies.row_filters import FiltersByPrincipal, assemble_filter, guard_of, joined
from policies.rules import Asset, Roles, Rule, role_key, user_key
from policies.sharing import Given, given, narrowed, sees_something, share_filters
from policies.sources import Source
from policies.tags import NO_TAGS, TableTags

MAX_CACHED = 65_536
"""Decisions kept at once; then all are forgotten and found again."""
Epoch = tuple[int, int]
"""Between which turning points of the rules a moment lies, by both readings of the clock."""


_SERIALS = count(1)
GroupRule = tuple[str, int]
"""The id of a statement of `aggregate_only`, and the size."""


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
    tags: Mapping[TableName, TableTags] = field(default_factory=dict)
    tag_masks: MasksByColumn = field(default_factory=dict)
    licences: Licences = NO_LICENCES
    groups: Mapping[TableName, Mapping[str, tuple[GroupRule, ...]]] = field(default_factory=dict)
    """Least sizes of groups, by table and principal."""
    unclassified: Unclassified = "deny"
    turning_points: tuple[float, ...] = ()
    """The moments at which any rule begins or ends, in order."""
    sources: tuple[Source, ...] = field(default=(), repr=False, compare=False)
    """The documents that all this was compiled from."""
    warnings: tuple[Fault, ...] = ()
    """Rules that contradict each other or have no effect: in force all the same, and worth a look."""
    reads_sources: bool = False
    """Some term depends on the application that asks (`display_only`)."""
    clock: Clock = field(default=PROCESS_CLOCK, repr=False, compare=False)
    partners: PartnerAccess = field(default=NO_PARTNERS, repr=False, compare=False)
    """Who is a partner, and what he was given."""
    budgets: Budgets = NO_BUDGETS
    _decisions: dict[tuple[Subject, Action, int, Hashable], tuple[Table, TableDecision]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _faults: dict[int, tuple[Table, Mapping[str, Fault]]] = field(default_factory=dict, repr=False, compare=False)

    def with_partners(self, access: PartnerAccess) -> PolicySet:
        """Return the same policies over another state of what partners were given."""
        return replace(self, partners=replace(access, serial=next(_SERIALS)), _decisions={})

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table. Never raises for what a policy says: doubt is a refusal.

        Decisions are remembered by caller, action, the very Table object and the time between two turning points.
        """
        if not self.reads_sources and (subject.source or subject.authenticated):
            subject = replace(subject, source="", authenticated="")
        moment = self.clock.moment()
        key = (subject, action, id(table), (self._epoch(moment), self.partners.standing(subject.user, moment)))
        known = self._decisions.get(key)
        if known is not None and known[0] is table and holds(known[1].holds, moment):
            return known[1]
        first, *others = (self._decide(side, action, table, moment) for side in subject.sides)
        decision = narrower(table, first, others[0]) if others else first
        if len(self._decisions) >= MAX_CACHED:
            self._decisions.clear()
        self._decisions[key] = (table, decision)
        return decision

    def cache_key(self, subject: Subject) -> Hashable:
        """Return what decisions depend on besides the caller's name, roles, groups and attributes."""
        asker = (subject.source, subject.authenticated) if self.reads_sources else None
        moment = self.clock.moment()
        partner = (self.partners.standing(subject.user, moment), subject.scope) if self._is_partner(subject) else None
        return (self.version, self._epoch(moment), asker, partner)

    def _epoch(self, moment: Moment) -> Epoch:
        points = self.turning_points
        return (bisect_right(points, moment.now), bisect_right(points, moment.latest)) if points else (0, 0)

    def still_holds(self, window: Window | None) -> bool:
        """Tell whether a decision that has the time in it holds now."""
        return holds(window, self.clock.moment())

    def tags_of(self, table: TableName) -> TableTags:
        """Return the tags that a table and its columns carry: what a copy of them inherits."""
        return self.tags.get(table, NO_TAGS)

    def guarded(self, table: Table) -> Mapping[str, tuple[str, ...]]:
        """Return the columns whose reading is to be told: tagged, protected, or masked for anybody, each with why."""
        return self._columns.guarded(table)

    def mask_rules(self, table: TableName, column: str) -> tuple[ColumnRule, ...]:
        """Return all mask statements of a column and of what it is tagged with, whomever they are for."""
        return self._columns.rules_of(table, column)

    @property
    def _columns(self) -> ColumnRules:
        return ColumnRules(
            self.masks, self.tag_masks, self.tags, self.protections, self.unclassified, self.keys, self.roles
        )

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
        if self._is_partner(subject):
            return False
        standings = [standing(self.grants, self._asking(side), tuple(schema)) for side in subject.sides]
        return all(action in found.allowed and action not in found.denied for found in standings)

    def may_manage(self, subject: Subject, table: TableName) -> bool:
        """Tell whether a caller may make, drop and read the policies of a table, whether it exists or not."""
        if self._is_partner(subject):
            return False
        sides = [standing(self.grants, self._asking(side), tuple(table), self.tags_of(table)) for side in subject.sides]
        action = Action.MANAGE_POLICIES
        return all(action in found.allowed and action not in found.denied for found in sides)

    def names_columns(self, table: TableName) -> bool:
        """Tell whether any rule, whoever it is for, speaks of a table's single columns or rows."""
        above = [tuple(table)[:depth] for depth in range(len(table) + 1)]
        effects = (each for asset in above for each in self.grants.effects.get(asset, {}).values())
        return (
            table in self.filters
            or table in self.masks
            or table in self.tags
            or table in self.groups
            or self.partners.named(table, self.clock.moment())
            or any(asset in self.protections or asset in self.licences.by_asset for asset in above)
            or any(
                each.columns or each.denied_columns or any(rule.columns for rule in each.bounded) for each in effects
            )
        )

    def check(self, table: Table, type_of: TypeOf | None = None) -> tuple[Fault, ...]:
        """Return what is wrong with the filters and masks of a table. What is faulty refuses until it is mended."""
        kinds = type_of or self.type_of
        licences = self.licences.of(tuple(table.name), self.tags_of(table.name))
        return (
            *self._find_faults(table, kinds).values(),
            *mask_faults(table, self._columns, kinds),
            *embargo_faults(table, licences),
        )

    def may_impersonate(self, principal: str, user: str) -> bool:
        """Tell whether a principal may act for another user; each for himself, a partner for nobody else."""
        if principal in self.partners:
            return principal == user
        return principal == user or self.directory.may_impersonate(principal, user, self.roles)

    def roles_of(self, user: str) -> frozenset[str]:
        """Return the roles that the policy files give to a user, and what every registered partner is."""
        return self.directory.roles_of(user) | self._partner_role(user)

    def groups_of(self, user: str) -> frozenset[str]:
        """Return the groups that the policy files give to a user."""
        return self.directory.groups_of(user)

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the attributes that the policy files give to a user, sorted."""
        return self.directory.attributes_of(user)

    def session_property_allowed(self, subject: Subject, name: str) -> bool:
        """Tell whether a caller may set a session property, `catalog.name` for a catalog's."""
        allowed = self.directory.session_property_allowed
        return all(allowed(self.roles.principals(side), name) for side in subject.sides)

    def may_handle_queries(self, subject: Subject, way: Literal["view", "kill"]) -> bool:
        """Tell whether a caller may see or cancel the queries of others."""
        if self._is_partner(subject):
            return False
        allowed = self.directory.may_handle_queries
        return all(allowed(self.roles.principals(side), way) for side in subject.sides)

    def admin_roles_of(self, subject: Subject) -> frozenset[AdminRole]:
        """Return what a caller is in the admin API: a partner nothing at all."""
        if self._is_partner(subject):
            return frozenset()
        first, *others = (self.directory.admin_roles(self.roles.principals(side)) for side in subject.sides)
        return first.intersection(*others)

    def budgets_for(self, subject: Subject) -> tuple[Budget, ...]:
        """Return the budgets that a caller spends from now."""
        return self.limits_for(subject)[0]

    def limits_for(self, subject: Subject) -> tuple[tuple[Budget, ...], tuple[Cap, ...]]:
        """Return the budgets and caps that hold for a caller now, whichever of his roles he chose."""
        principals = frozenset().union(*(self._asking(side).principals for side in subject.sides))
        spender = Spender(subject, principals, self._is_partner(subject))
        return self.budgets.of(spender, self.clock.moment())

    def may_take_role(self, subject: Subject, role: str) -> bool:
        """Tell whether a caller may choose a role: one of his, or one that they inherit."""
        return any(role in self.roles.closure.get(held, ()) for held in subject.sides[-1].roles)

    def _asking(self, subject: Subject, moment: Moment | None = None) -> Asking:
        principals = self.roles.principals(subject)
        for role in self._partner_role(subject.user):
            principals |= {role_key(each) for each in self.roles.closure[role]}
        return Asking(subject, principals, attributes_of(subject), moment or self.clock.moment())

    def _is_partner(self, subject: Subject) -> bool:
        """Tell whether entitlements say what a caller sees: nothing, if only his token says so."""
        return subject.scope is not None or subject.user in self.partners

    def _partner_role(self, user: str) -> frozenset[str]:
        role = self.partners.role
        return frozenset({role} if user in self.partners and role in self.roles.closure else ())

    def _may_see(self, subject: Subject, asset: Asset) -> bool:
        asking = self._asking(subject)
        found = standing(self.grants, asking, asset)
        if Action.SELECT in found.denied:
            return False
        if self._is_partner(subject):
            return sees_something(self.partners, subject, asset, asking.moment)
        return bool(found.allowed) or sees_into(self.grants, asking, asset)

    def _decide(self, subject: Subject, action: Action, table: Table, moment: Moment) -> TableDecision:
        asking, tags, columns = self._asking(subject, moment), self.tags_of(table.name), self._columns
        found = standing(self.grants, asking, tuple(table.name), tags)
        partner = self._is_partner(subject)
        shares = given(self.partners, subject, table.name, moment) if partner else ()
        if partner:
            found = narrowed(found, shares)
        refs = tuple(PolicyRef(rule, "grant") for rule in found.rules)
        if action in found.denied:
            return refused(table, action, refs, "a grant denies it")
        if action not in found.allowed:
            return refused(table, action, refs, NO_ENTITLEMENT if partner else NO_GRANT)
        licences = self.licences.of(tuple(table.name), tags)
        refs += tuple(PolicyRef(rule.id, "licence") for rule in licences)
        reason = forbids(self.licences, licences, asking, action, table.engine, partner=partner)
        if reason:
            return refused(table, action, refs, reason)
        if action is Action.EXPLAIN and not self.decide(subject, Action.SELECT, table).allowed:
            return refused(table, action, refs, "the table may not be read")
        try:
            filters, faults = self._filters(table, subject.user, shares)
            condition, filter_refs = assemble_filter(
                filters,
                asking,
                faults,
                required=columns.protection(table) is not None,
            )
            hidden, window = embargoes(licences, table, asking)
        except Unfit as unfit:
            return refused(table, action, refs, unfit.message)
        if hidden:
            condition = joined([*([condition] if condition is not None else []), *hidden], exp.And)
        least = {rule for p in asking.principals for rule in self.groups.get(table.name, {}).get(p, ())}
        refs = (*refs, *filter_refs, *(PolicyRef(rule_id, "aggregate_only") for rule_id, _ in sorted(least)))
        named = action in MUST_BE_CLEAR
        outcomes = columns.outcomes(table, asking, self._table_faults(table), named=named)
        seen = replace(
            join_decision(table, action, found, outcomes, condition, refs),
            min_group=max((size for _, size in least), default=0),
            exportable=exportable(licences),
            guard=guard_of(filters, asking) if not hidden else "auto",
            holds=window,
        )
        if action is Action.REVEAL and least:
            return refused(table, action, seen.policies, "aggregates only")
        if named and (seen.policed or any(o.mask or o.withheld for o in outcomes.values())):
            return refused(table, action, seen.policies, "a row filter, mask or withheld column stands in the way")
        return seen

    def _filters(
        self, table: Table, user: str, shares: tuple[Given, ...]
    ) -> tuple[FiltersByPrincipal, Mapping[str, Fault]]:
        """Return the row filter statements of a table, with those that a partner's shares stand for, and the faulty."""
        filters, faults = self.filters.get(table.name, {}), self._table_faults(table)
        if not shares:
            return filters, faults
        own, key = share_filters(shares, table), user_key(user)
        own_faults = table_faults(table, own, (), self.keys, self.type_of)
        return {**filters, key: (*filters.get(key, ()), *own)}, {**faults, **own_faults}

    def _table_faults(self, table: Table) -> Mapping[str, Fault]:
        """Return the faulty rules of a table by id, found once for each Table object."""
        if table.name not in self.filters and table.name not in self.masks:
            return {}  # what tags and licences say is checked where it is used
        known = self._faults.get(id(table))
        if known is None or known[0] is not table:
            if len(self._faults) >= MAX_CACHED:
                self._faults.clear()
            known = self._faults[id(table)] = (table, self._find_faults(table, self.type_of))
        return known[1]

    def _find_faults(self, table: Table, type_of: TypeOf | None) -> dict[str, Fault]:
        filters = {rule.id: rule for rules in self.filters.get(table.name, {}).values() for rule in rules}
        own = self.masks.get(table.name, {}).values()
        masks = {rule.id: rule for by_principal in own for rules in by_principal.values() for rule in rules}
        return table_faults(table, filters.values(), masks.values(), self.keys, type_of)


def holds(window: Window | None, moment: Moment) -> bool:
    """Tell whether a window has both readings of the clock in it."""
    return window is None or (window.start <= moment.now < window.end)
