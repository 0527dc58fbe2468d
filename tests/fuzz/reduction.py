"""The copy: what a policy leaves of the world for its caller, computed row by row from docs/policies.md.

Nothing here uses the product's code. The copy is then written as tables of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz.policies import USER, ColumnMask, Policy, RowFilter, Whom, closure
from tests.fuzz.world import VIEWS, Derived, Relation, Row

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Side:
    """What one set of roles lets a caller see of one table."""

    columns: Mapping[str, ColumnMask | None]
    """The columns left, each with its mask."""
    filters: Sequence[RowFilter]


def reduce_world(policy: Policy, world: Mapping[str, Relation]) -> dict[str, Relation]:
    """Return the tables, columns, rows and values that the caller may see; views as tables of what they show."""
    found = (reduce_table(policy, relation) for relation in world.values() if not relation.view)
    copy = {relation.name: relation for relation in found if relation is not None}
    for view in VIEWS:
        if view.relation.name in world:
            shown = _through(view, copy.get(view.base))
            relation = replace(view.relation, rows=shown or [], view="", closed=shown is None)
            reduced = reduce_table(policy, relation)
            if reduced is not None:
                copy[reduced.name] = reduced
    return copy


def with_other_secrets(policy: Policy, world: Mapping[str, Relation], *, as_many: bool) -> dict[str, Relation]:
    """Return a world of which the caller may see just the same, and in which what he may not see is other.

    Hidden rows are gone or, where there are to be as many, all alike; a column's values stand in other rows where
    that changes nothing of what is left.
    """
    left = reduce_world(policy, world)
    other = dict(world)
    for name, relation in world.items():
        rows = _levelled(policy, relation) if as_many else _passing(policy, relation)
        turned = {**other, name: replace(relation, rows=rows)}
        if not as_many or reduce_world(policy, turned) == left:
            other = turned
    for name, relation in world.items():
        for column in relation.columns:
            turned = {**other, name: replace(relation, rows=_turned(other[name].rows, column))}
            if reduce_world(policy, turned) == left:
                other = turned
    return other


def _levelled(policy: Policy, relation: Relation) -> list[Row]:
    """Return the rows of a table, the first of the hidden ones in place of each of them."""
    passing = {id(row) for row in _passing(policy, relation)}
    hidden = next((row for row in relation.rows if id(row) not in passing), {})
    return [row if id(row) in passing else hidden for row in relation.rows]


def _passing(policy: Policy, relation: Relation) -> list[Row]:
    """Return the rows of a table that the caller sees something of, as they are; a view has none of its own."""
    sides = [_side(policy, relation, principals) for principals in _sides(policy)]
    known = {"currentUser": USER, **policy.attributes}
    if relation.view or any(side is None for side in sides):
        return []
    return [row for row in relation.rows if all(side and _passes(side.filters, row, known) for side in sides)]


def _turned(rows: Sequence[Row], column: str) -> list[Row]:
    """Return rows with one column's values each in the row after."""
    values = [row[column] for row in rows]
    return [{**row, column: value} for row, value in zip(rows, values[1:] + values[:1], strict=True)]


def _through(view: Derived, base: Relation | None) -> list[Row] | None:
    """Return what a view shows of what is left of its table: the policies of both hold, one after the other."""
    if base is None or any(column not in base.columns for column in view.reads):
        return None
    return [row for row in map(view.derive, base.rows) if row is not None]


def reduce_table(policy: Policy, relation: Relation) -> Relation | None:
    """Return what is left of a table; None where it does not exist for the caller."""
    sides = [_side(policy, relation, principals) for principals in _sides(policy)]
    if any(side is None for side in sides):
        return None
    known = {"currentUser": USER, **policy.attributes}
    first, *others = [side for side in sides if side is not None]
    columns = {n: kind for n, kind in relation.columns.items() if all(n in s.columns for s in (first, *others))}
    if not columns:
        return None
    rows = [row for row in relation.rows if all(_passes(side.filters, row, known) for side in (first, *others))]
    shown = [{n: _shown([s.columns[n] for s in (first, *others)], n, row, known) for n in columns} for row in rows]
    return Relation(relation.name, columns, shown, closed=relation.closed)


def sees_schema(policy: Policy) -> bool:
    """Tell whether the caller is granted anything in the schema, so that he may know that it exists."""
    return all(
        any(not grant.deny and _names(grant.whom) & principals for grant in policy.grants)
        for principals in _sides(policy)
    )


def _sides(policy: Policy) -> list[frozenset[str]]:
    """Return whom rules must name: with all roles, and with those that the session chose."""
    whole = _principals(policy.roles)
    if policy.chosen == "ALL":
        return [whole]
    return [_principals(() if policy.chosen == "NONE" else (policy.chosen,)), whole]


def _principals(roles: Sequence[str]) -> frozenset[str]:
    held = frozenset(r for role in roles for r in closure(role))
    return frozenset({EVERYBODY, f"user:{USER}"}) | {f"role:{role}" for role in held}


def _names(whom: Whom) -> frozenset[str]:
    if whom.get("roles") == "all":
        return frozenset({EVERYBODY})
    return frozenset({f"role:{r}" for r in whom.get("roles", ())} | {f"user:{u}" for u in whom.get("users", ())})


def _side(policy: Policy, relation: Relation, principals: frozenset[str]) -> Side | None:
    columns = _granted(policy, relation, principals)
    filters = _filters(policy, relation, principals)
    if columns is None or filters is None:
        return None
    protected = next((p for p in policy.protected if p.table == relation.name), None)
    left: dict[str, ColumnMask | None] = {}
    for name in columns:
        rules = [m for m in policy.masks if m.table == relation.name and m.column == name]
        if rules:
            chosen = _most_particular(rules, principals)
            if chosen is not None and not _asks_for_the_unknown(chosen.spec):
                left[name] = chosen if chosen.spec is not None else None
        elif protected is None or name in protected.open:
            left[name] = None
    return Side(left, filters) if left else None


def _granted(policy: Policy, relation: Relation, principals: frozenset[str]) -> list[str] | None:
    mine = [g for g in policy.grants if g.table == relation.name and _names(g.whom) & principals]
    if any(grant.deny and grant.columns is None for grant in mine):
        return None
    allowed = [grant for grant in mine if not grant.deny]
    if not allowed:
        return None
    named = {c for grant in allowed for c in grant.columns or ()}
    denied = {c for grant in mine if grant.deny for c in grant.columns or ()}
    whole = any(grant.columns is None for grant in allowed)
    return [c for c in relation.columns if (whole or c in named) and c not in denied]


def _filters(policy: Policy, relation: Relation, principals: frozenset[str]) -> list[RowFilter] | None:
    """Return the filters that hold; None where none names the caller, or one asks for what is not known of him."""
    there = [f for f in policy.filters if f.table == relation.name]
    mine = [f for f in there if _names(f.whom) & principals]
    if not mine and (there or any(p.table == relation.name for p in policy.protected)):
        return None
    if any(f.term is not None and "attr('desk')" in f.term.sql for f in mine):
        return None
    return mine


def _asks_for_the_unknown(spec: Mapping[str, Any] | None) -> bool:
    return "attr('desk')" in (spec or {}).get("expression", "")


def _passes(filters: Sequence[RowFilter], row: Row, known: Mapping[str, str]) -> bool:
    """Tell whether a row is shown: all filters hold, of each group one at least."""
    groups: dict[str, bool] = {}
    for each in filters:
        holds = each.term is None or each.term.value(row, known) is True
        if each.group is not None:
            groups[each.group] = groups.get(each.group, False) or holds
        elif not holds:
            return False
    return all(groups.values())


def _most_particular(rules: Sequence[ColumnMask], principals: frozenset[str]) -> ColumnMask | None:
    """Return the mask that goes before all others; None where there is none, or two that differ."""
    matched = {name: rule for rule in rules for name in _names(rule.whom) & principals}
    best = [name for name in matched if not any(_outranks(other, name) for other in matched)]
    if not best or any(matched[name].spec != matched[best[0]].spec for name in best):
        return None
    return matched[best[0]]


def _outranks(one: str, other: str) -> bool:
    if one in (other, EVERYBODY) or other.startswith("user:"):
        return False
    if other == EVERYBODY or one.startswith("user:"):
        return True
    return other.removeprefix("role:") in closure(one.removeprefix("role:"))


def _shown(masks: Sequence[ColumnMask | None], column: str, row: Row, known: Mapping[str, str]) -> Any:
    """Return what stands in a column; where chosen and held roles mask it in two ways, NULL does."""
    rules = [mask for mask in masks if mask is not None]
    if not rules:
        return row[column]
    if any(rule.spec != rules[0].spec for rule in rules):
        return None
    return rules[0].value(row, known)
