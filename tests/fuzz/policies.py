"""Random policies: roles that inherit, grants and denials, protected tables, row filters, masks, attributes, SET ROLE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.masks import KEY_NAME, KEY_VARIABLE, Spec, draw_spec, masked
from tests.fuzz.terms import Term, condition, masking
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, WORLD, Relation, Row

USER = "ada"
INHERITS: Mapping[str, tuple[str, ...]] = {"staff": (), "trader": ("staff",), "auditor": (), "lead": ("trader",)}
ROLES = tuple(INHERITS)
Whom = dict[str, Any]
"""`roles` or `users`, as the policy file says it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Allow or deny reading a table, all tables, or some columns."""

    whom: Whom
    table: str
    """`*` stands for all tables of the schema."""
    deny: bool = False
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A row filter; without a term it says `none`."""

    whom: Whom
    table: str
    term: Term | None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnMask:
    """A mask; without a spec it says `none`. `value` is what it shows for a row."""

    whom: Whom
    table: str
    column: str
    spec: Spec | None
    value: Callable[[Row, Mapping[str, str]], Any]


@dataclass(frozen=True, slots=True)
class Protected:
    """A table of which nothing is shown by omission."""

    table: str
    open: tuple[str, ...]
    sensitive: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """All rules, and the one caller under them."""

    roles: tuple[str, ...]
    attributes: Mapping[str, str]
    chosen: str = "ALL"
    """What SET ROLE chose: ALL, NONE or a role."""
    grants: Sequence[Grant] = ()
    filters: Sequence[RowFilter] = ()
    masks: Sequence[ColumnMask] = ()
    protected: Sequence[Protected] = ()
    engine: str = "lake"

    @property
    def document(self) -> dict[str, Any]:
        """Return the same as a policy file."""
        return _document(self)


def draw_policy(choices: Choices, world: Mapping[str, Relation] = WORLD, engine: str = "lake") -> Policy:
    """Draw a policy over the world. The first choices leave everything open."""
    roles = tuple(choices.some(ROLES, 40))
    attributes = {"region": choices.pick(("EU", "US", "APAC"))}
    chosen = choices.weighted(((80, "ALL"), (5, "NONE"), (15, "one")))
    if chosen == "one":
        held = sorted({r for role in roles for r in closure(role)})
        chosen = choices.pick(held) if held else "ALL"
    grants: list[Grant] = []
    filters: list[RowFilter] = []
    masks: list[ColumnMask] = []
    protected: list[Protected] = []
    for relation in world.values():
        grants += _draw_grants(relation, choices)
        filters += _draw_filters(relation, choices)
        masks += _draw_masks(relation, choices)
        if choices.chance(12):
            open_ = tuple(choices.some(list(relation.columns), 60))
            protected.append(Protected(relation.name, open_, tuple(c for c in relation.columns if c not in open_)[:3]))
    return Policy(roles, attributes, chosen, grants, filters, masks, protected, engine)


def closure(role: str) -> frozenset[str]:
    """Return a role and all that it inherits."""
    return frozenset({role}).union(*(closure(other) for other in INHERITS[role]))


def _draw_whom(choices: Choices) -> Whom:
    form = choices.below(10)
    if form < 5:
        return {"roles": "all"}
    if form < 6:
        return {"users": [USER]}
    return {"roles": [choices.pick(ROLES)]}


def _draw_grants(relation: Relation, choices: Choices) -> list[Grant]:
    form = choices.weighted(((70, "whole"), (12, "columns"), (8, "denied columns"), (10, "other")))
    names = list(relation.columns)
    if form == "whole":
        return [Grant({"roles": "all"}, relation.name)]
    some = tuple(choices.some(names, 60)) or (names[0],)
    if form == "columns":
        return [Grant(_draw_whom(choices), relation.name, columns=some), Grant({"roles": ["staff"]}, relation.name)]
    if form == "denied columns":
        return [
            Grant({"roles": "all"}, relation.name),
            Grant(_draw_whom(choices), relation.name, deny=True, columns=some[:3]),
        ]
    grants = [Grant(_draw_whom(choices), relation.name)]
    return [*grants, Grant({"roles": [choices.pick(ROLES)]}, relation.name, deny=True)]


def _draw_filters(relation: Relation, choices: Choices) -> list[RowFilter]:
    form = choices.weighted(((40, 0), (35, 1), (15, 2), (10, 3)))
    filters = []
    for _ in range(form):
        term = condition(relation, choices) if not choices.chance(8) else None
        filters.append(RowFilter(_draw_whom(choices), relation.name, term, "g" if choices.chance(25) else None))
    if filters and choices.chance(70):
        filters.append(RowFilter({"roles": "all"}, relation.name, condition(relation, choices), None))
    return filters


def _draw_masks(relation: Relation, choices: Choices) -> list[ColumnMask]:
    masks: list[ColumnMask] = []
    for column in relation.columns:
        if not choices.chance(25):
            continue
        masks.append(_draw_mask(relation, column, {"roles": "all"}, choices))
        if choices.chance(25):
            masks.append(_draw_mask(relation, column, {"roles": [choices.pick(ROLES)]}, choices))
        if choices.chance(8):
            masks.append(_draw_mask(relation, column, {"users": [USER]}, choices))
    return masks


def _draw_mask(relation: Relation, column: str, whom: Whom, choices: Choices) -> ColumnMask:
    kind = relation.columns[column]
    form = choices.weighted(((60, "library"), (25, "sql"), (15, "none")))
    if form == "none":
        return ColumnMask(whom, relation.name, column, None, lambda row, _: row[column])
    if form == "sql":
        term = masking(relation, column, choices)
        return ColumnMask(whom, relation.name, column, {"kind": "sql", "expression": term.sql}, term.value)
    spec = draw_spec(relation, column, choices)
    return ColumnMask(whom, relation.name, column, spec, lambda row, _: masked(spec, kind, row[column]))


def _document(policy: Policy) -> dict[str, Any]:
    def table(name: str) -> str:
        return f"{CATALOG}.{SCHEMA}.{name}"

    grants = [{"roles": "all", "assets": f"{CATALOG}.{SANDBOX}.*", "allow": ["all"]}]
    for grant in policy.grants:
        entry = {**grant.whom, "assets": table(grant.table), "deny" if grant.deny else "allow": ["select"]}
        if grant.columns is None and not grant.deny:
            entry["allow"] = ["read"]
        grants.append(entry | ({"columns": list(grant.columns)} if grant.columns is not None else {}))
    filters = [
        {**f.whom, "table": table(f.table), "filter": f.term.sql if f.term else "none"}
        | ({"group": f.group} if f.group else {})
        for f in policy.filters
    ]
    masks = [{**m.whom, "table": table(m.table), "column": m.column, "mask": m.spec or "none"} for m in policy.masks]
    protected = [
        {"table": table(p.table), "open": list(p.open), "sensitive": list(p.sensitive)} for p in policy.protected
    ]
    return {
        "version": 1,
        "roles": {role: {"inherits": list(above)} for role, above in INHERITS.items()},
        "users": {USER: {"roles": list(policy.roles), "attributes": dict(policy.attributes)}},
        "grants": grants,
        "row_filters": filters,
        "column_masks": masks,
        "protected": protected,
        "keys": {KEY_NAME: {"env": KEY_VARIABLE, "engines": [policy.engine]}},
    }
