"""The index of grants: from an asset or tag and a principal to what its rules say, joined beforehand where they can be.

Rules without bounds are joined when policies are read; the others are few at any one place and looked at one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from catalog.objects import TableName
from policies.bounds import ALWAYS, Asking, Bounds
from policies.decisions import Action
from policies.rules import Asset, Rule
from policies.tags import NO_TAGS, TableTags, Tag, covering


@dataclass(slots=True)
class Effects:
    """What one principal's rules say about one asset, joined."""

    allowed: set[Action] = field(default_factory=set)
    denied: set[Action] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    denied_columns: set[str] = field(default_factory=set)
    rules: list[str] = field(default_factory=list)
    bounded: list[Rule] = field(default_factory=list)
    """Rules that hold for some callers or for some time only."""

    def add(self, rule: Rule) -> None:
        """Join a rule that is in force."""
        self.rules.append(rule.id)
        if rule.columns is not None:
            (self.columns if rule.effect == "allow" else self.denied_columns).update(rule.columns)
        else:
            (self.allowed if rule.effect == "allow" else self.denied).update(rule.actions)

    def include(self, other: Effects) -> None:
        """Join what was joined before."""
        self.allowed |= other.allowed
        self.denied |= other.denied
        self.columns |= other.columns
        self.denied_columns |= other.denied_columns
        self.rules.extend(other.rules)


ByPrincipal = Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class Grants:
    """The index of grants."""

    effects: Mapping[Asset, Mapping[str, Effects]]
    within: Mapping[Asset, Mapping[str, frozenset[Bounds]]]
    """Principals who are allowed anything at or below a catalog or schema, and under which bounds."""
    tagged: Mapping[Tag, ByPrincipal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """What all grants on one table say for one caller."""

    allowed: frozenset[Action]
    denied: frozenset[Action]
    columns: frozenset[str] | None
    """Columns that SELECT is limited to; None means all."""
    denied_columns: frozenset[str]
    rules: tuple[str, ...]


def index_grants(rules: Iterable[Rule], tags: Mapping[TableName, TableTags] | None = None) -> Grants:
    """Join flat rules by asset and principal, those for tags by tag."""
    effects: dict[Asset, dict[str, Effects]] = defaultdict(lambda: defaultdict(Effects))
    tagged: dict[Tag, dict[str, list[Rule]]] = defaultdict(lambda: defaultdict(list))
    within: dict[Asset, dict[str, set[Bounds]]] = defaultdict(lambda: defaultdict(set))
    for rule in rules:
        if rule.tag is not None:
            tagged[rule.tag][rule.principal].append(rule)
            continue
        found = effects[rule.asset][rule.principal]
        if rule.bounds is ALWAYS:
            found.add(rule)
        else:
            found.bounded.append(rule)
        if rule.effect == "allow":
            _note_within(within, rule, rule.asset)
    for name, carried in (tags or {}).items():
        for tag in covering(carried.all()):
            for rule in (each for its in tagged.get(tag, {}).values() for each in its):
                if rule.effect == "allow" and tuple(name)[: len(rule.asset)] == rule.asset:
                    _note_within(within, rule, tuple(name))
    return Grants(
        {asset: dict(by_principal) for asset, by_principal in effects.items()},
        {asset: {p: frozenset(b) for p, b in by_principal.items()} for asset, by_principal in within.items()},
        {tag: {p: tuple(its) for p, its in by_principal.items()} for tag, by_principal in tagged.items()},
    )


def _note_within(within: dict[Asset, dict[str, set[Bounds]]], rule: Rule, asset: Asset) -> None:
    for depth in range(min(len(asset), 2) + 1):
        within[asset[:depth]][rule.principal].add(rule.bounds)


def sees_into(grants: Grants, asking: Asking, asset: Asset) -> bool:
    """Tell whether a caller is allowed anything at or below a catalog or schema."""
    by_principal = grants.within.get(asset, {})
    return any(
        bounds.opens(asking.attributes, asking.moment)
        for principal in asking.principals
        for bounds in by_principal.get(principal, ())
    )


def standing(grants: Grants, asking: Asking, asset: Asset, tags: TableTags = NO_TAGS) -> Standing:
    """Join the grants on an asset, on everything above it (at most four steps) and on its tags."""
    joined = Effects()
    for depth in range(len(asset) + 1):
        by_principal = grants.effects.get(asset[:depth])
        if by_principal is None:
            continue
        for principal in asking.principals:
            effects = by_principal.get(principal)
            if effects is not None:
                joined.include(effects)
                for rule in effects.bounded:
                    if in_force(rule, asking):
                        joined.add(rule)
    if grants.tagged and tags is not NO_TAGS:
        _join_tagged(joined, grants, asking, asset, tags)
    whole = Action.SELECT in joined.allowed
    if joined.columns:
        joined.allowed.add(Action.SELECT)
    return Standing(
        frozenset(joined.allowed),
        frozenset(joined.denied),
        None if whole else frozenset(joined.columns),
        frozenset(joined.denied_columns),
        tuple(sorted(set(joined.rules))),
    )


def in_force(rule: Rule, asking: Asking) -> bool:
    """Tell whether a rule holds: an allow beyond doubt, a deny if it may."""
    if rule.effect == "allow":
        return rule.bounds.opens(asking.attributes, asking.moment)
    return rule.bounds.closes(asking.attributes, asking.moment)


def _join_tagged(joined: Effects, grants: Grants, asking: Asking, asset: Asset, tags: TableTags) -> None:
    for rule in _tag_rules(grants, asking, asset, tags.table):
        joined.add(rule)
    for column, carried in tags.columns.items():
        for rule in _tag_rules(grants, asking, asset, carried):
            if Action.SELECT in rule.actions:
                joined.rules.append(rule.id)
                (joined.columns if rule.effect == "allow" else joined.denied_columns).add(column)


def _tag_rules(grants: Grants, asking: Asking, asset: Asset, tags: Iterable[Tag]) -> Iterator[Rule]:
    """Yield the rules in force for any of the tags whose assets cover this one."""
    for tag in covering(tags):
        by_principal = grants.tagged.get(tag)
        for principal in asking.principals if by_principal is not None else ():
            for rule in by_principal.get(principal, ()) if by_principal is not None else ():
                if asset[: len(rule.asset)] == rule.asset and in_force(rule, asking):
                    yield rule
