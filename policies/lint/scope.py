"""What lint looks at: compiled policies, the tables there are, and what tokens may add to what the files say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from catalog.objects import Table, TableName
from policies.faults import Origin
from policies.index import PolicySet
from policies.mask_choice import ColumnRule
from policies.row_filters import FilterRule
from policies.rules import EVERYBODY, group_key, role_key, user_key
from policies.sources import Source, each


@dataclass(frozen=True)
class Scope:
    """Everything that a rule of lint may read."""

    policies: PolicySet
    tables: Mapping[TableName, Table] = field(default_factory=dict)
    """The tables that are known, if the catalog was asked."""
    catalogs: frozenset[str] = frozenset()
    """Catalogs of which all tables are known."""
    served: frozenset[str] = frozenset()
    """Catalogs that some engine serves, if that is known."""
    claims: frozenset[str] | None = None
    """Attributes that tokens may bring; None where that is not known."""
    tokens_bring_roles: bool = False
    """Somebody may hold a role that the files do not give him."""
    files: tuple[Source, ...] = ()
    """The files as written, before stored rules took the place of some of theirs."""

    @cached_property
    def filters(self) -> Mapping[str, tuple[TableName, FilterRule, tuple[str, ...]]]:
        """Return each row filter by its id, with its table and the principals that it names."""
        found: dict[str, tuple[TableName, FilterRule, tuple[str, ...]]] = {}
        for table, by_principal in self.policies.filters.items():
            for principal, rules in by_principal.items():
                for rule in rules:
                    before = found[rule.id][2] if rule.id in found else ()
                    found[rule.id] = (table, rule, (*before, principal))
        return found

    @cached_property
    def masks(self) -> Mapping[str, tuple[TableName | None, ColumnRule, tuple[str, ...]]]:
        """Return each mask by its id, with its table (None for a tag's) and the principals that it names."""
        found: dict[str, tuple[TableName | None, ColumnRule, tuple[str, ...]]] = {}
        placed = [(table, by_p) for table, by_column in self.policies.masks.items() for by_p in by_column.values()]
        tagged = [(None, by_p) for by_p in self.policies.tag_masks.values()]
        for table, by_principal in (*placed, *tagged):
            for principal, rules in by_principal.items():
                for rule in rules:
                    before = found[rule.id][2] if rule.id in found else ()
                    found[rule.id] = (table, rule, (*before, principal))
        return found

    @cached_property
    def grants(self) -> Mapping[str, Origin]:
        """Return where each grant stands, by its id."""
        places: dict[str, Origin] = {}
        for _, origin, grant in each(self.policies.sources, "grants", lambda d: d.grants):
            if grant.id is None:  # as `Compiling.identify` names what has no name
                places[f"{origin.file}:{origin.path}"] = origin
            places.setdefault(grant.id or origin.path, origin)
        return places

    @cached_property
    def ids(self) -> Mapping[Origin, str]:
        """Return the ids of grants, filters and masks by where they stand."""
        found = {origin: identifier for identifier, origin in self.grants.items()}
        found.update((rule.origin, rule.id) for _, rule, _ in self.filters.values())
        found.update((mask.origin, mask.id) for _, mask, _ in self.masks.values())
        return found

    @cached_property
    def holders(self) -> Mapping[str, frozenset[str]]:
        """Return the people of the files that each principal stands for."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        closure = self.policies.roles.closure
        for name, person in self.policies.directory.people.items():
            held = {role for given in person.roles for role in closure.get(given, ())}
            for key in (user_key(name), *map(role_key, held), *map(group_key, person.groups)):
                found[key].add(name)
        found[EVERYBODY] = set(self.policies.directory.people)
        return {key: frozenset(names) for key, names in found.items()}

    def surely(self, principal: str) -> frozenset[str]:
        """Return the principals that everybody whom one stands for is as well, itself included."""
        kind, _, name = principal.partition(":")
        if kind == "role":
            held = self.policies.roles.closure.get(name, frozenset())
            return frozenset({principal, EVERYBODY, *map(role_key, held)})
        if kind == "user":
            roles = {r for given in self.policies.roles_of(name) for r in self.policies.roles.closure.get(given, ())}
            groups = self.policies.groups_of(name)
            return frozenset({principal, EVERYBODY, *map(role_key, roles), *map(group_key, groups)})
        return frozenset({principal, EVERYBODY})

    def required(self, table: TableName | None) -> frozenset[str]:
        """Return the columns of a table that are never NULL, as far as that is known."""
        found = self.tables.get(table) if table is not None else None
        return frozenset() if found is None else frozenset(c.name for c in found.columns if not c.nullable)

    def columns(self, table: TableName) -> Iterator[str]:
        """Yield the columns of a table, if it is known."""
        found = self.tables.get(table)
        yield from found.by_name if found is not None else ()
