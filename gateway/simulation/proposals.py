"""Proposals: what could be added to policies, or would have to go, for a statement to be allowed; as policy entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import yaml

from catalog.names import fold_trino
from catalog.objects import SchemaName, TableName
from policies.account import Part
from policies.decisions import Action
from policies.index import PolicySet

Section = Literal[
    "grants", "row_filters", "column_masks", "session_properties", "impersonation", "users", "entitlements", ""
]
_OF_POLICIES = frozenset({"grants", "row_filters", "column_masks", "session_properties", "impersonation"})
FILE = "proposal"
"""What stands for a file's name in the places of what is proposed."""
Key = tuple[object, ...]
_MAX_ID = 128


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that is missing, or (without a section) one rule that stands in the way."""

    section: Section
    text: str
    user: str
    """Whom it is for."""
    table: str = ""
    action: str = ""
    columns: tuple[str, ...] = ()
    rule: str = ""
    """The rule in the way."""
    kind: str = ""
    """What that rule is: `deny`, `row_filter`, `column_mask`, `licence` or `aggregate_only`."""
    entry: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What to put into the section."""
    asset: TableName | None = None
    """The table, where it is about one."""

    @property
    def key(self) -> Key:
        """Return what it is about: of two for the same, one is enough."""
        return (self.section, self.user, self.table, self.action, self.columns, self.rule, self.kind)

    @property
    def stands_in_the_way(self) -> bool:
        """Tell whether a rule has to go, rather than one to come."""
        return not self.section


def grant(user: str, action: Action, asset: TableName | SchemaName, columns: tuple[str, ...] = ()) -> Proposal:
    """Propose the right to one action, on a table, on columns of it, or on a schema."""
    table = asset if isinstance(asset, TableName) else None
    name = str(asset) if table is not None else f"{asset}.*"
    entry: dict[str, Any] = {"users": [user], "assets": name, "allow": [action.value]}
    if columns:
        entry["columns"] = list(columns)
    entry = _named(entry, user, action.value, name)
    what = f"{action.value} on {', '.join(columns)} of {name}" if columns else f"{action.value} on {name}"
    text = f"Grant {what} to {user}."
    return Proposal("grants", text, user, name, action.value, columns, entry=entry, asset=table)


def entitlement(partner: str, table: TableName, columns: tuple[str, ...]) -> Proposal:
    """Propose what `POST /entitlements/` takes; how long it lasts is for people to say."""
    what = f"{', '.join(columns)} of {table}" if columns else str(table)
    entry = {"partner_id": partner, "dataset_name": str(table), "scope": "read_only", "allowed_columns": list(columns)}
    text = f"Entitle the partner {partner} to {what}."
    return Proposal("entitlements", text, partner, str(table), "select", columns, entry=entry, asset=table)


def narrowed(proposal: Proposal, columns: tuple[str, ...]) -> Proposal:
    """Return a grant's or entitlement's proposal for fewer columns."""
    if proposal.asset is None:
        return proposal
    if proposal.section == "entitlements":
        return entitlement(proposal.user, proposal.asset, columns)
    return grant(proposal.user, Action(proposal.action), proposal.asset, columns)


def row_filter(policies: PolicySet, user: str, table: TableName, known: Iterable[str], *, clear: bool) -> Proposal:
    """Propose a filter statement: a condition that others have on the table, else all rows.

    `known` are the attributes that the user has; `clear` says that nothing less than all rows will do.
    """
    attributes = frozenset(known)
    text = None if clear else _filter_of_others(policies, table, attributes)
    entry = {"table": str(table), "users": [user], "filter": text or "none"}
    told = f"Add a row filter statement on {table} that names {user}"
    if text is not None:
        told += ", such as the condition that others have there."
    else:
        told += ": `none` shows him all rows, so write a condition where that is too much."
    return Proposal("row_filters", told, user, str(table), "filter", entry=_named(entry, user, "filter", str(table)))


def _filter_of_others(policies: PolicySet, table: TableName, attributes: frozenset[str]) -> str | None:
    rules = {rule.id: rule for rules in policies.filters.get(table, {}).values() for rule in rules}
    fit = [r for _, r in sorted(rules.items()) if r.expression is not None and r.expression.attributes <= attributes]
    texts = {e.id: e.filter for source in policies.sources for e in source.document.row_filters if e.id is not None}
    return next((texts[rule.id] for rule in fit if rule.id in texts), None)


def column_mask(policies: PolicySet, user: str, table: TableName, column: str, *, clear: bool) -> Proposal:
    """Propose a mask statement: the mask that others have on the column, else NULL; `none` where it must be clear."""
    mask: Any = "none" if clear else _mask_of_others(policies, table, column)
    entry = {"table": str(table), "column": column, "users": [user], "mask": mask}
    text = f"Add a mask statement on {column} of {table} that names {user}"
    text += ": `none` shows him the values." if clear else "."
    name = f"{table}.{column}"
    return Proposal("column_masks", text, user, str(table), "mask", (column,), entry=_named(entry, user, "mask", name))


def _mask_of_others(policies: PolicySet, table: TableName, column: str) -> Any:
    for source in policies.sources:
        for mask in source.document.column_masks:
            named = (mask.table or "").lower() == str(table) and fold_trino(mask.column or "") == column
            if named and (found := mask.model_dump(mode="json", exclude_unset=True).get("mask")) not in (None, "none"):
                return found
    return {"kind": "null"}


def session_property(user: str, name: str) -> Proposal:
    """Propose the right to set a session property."""
    entry = {"users": [user], "allow": [name]}
    return Proposal(
        "session_properties", f"Let {user} set the session property {name}.", user, action=name, entry=entry
    )


def impersonation(principal: str, user: str) -> Proposal:
    """Propose the right to act for somebody."""
    entry = {"users": [principal], "may_act_as": {"users": [user]}}
    return Proposal("impersonation", f"Let {principal} act for {user}.", principal, action=user, entry=entry)


def attribute(policies: PolicySet, user: str, name: str, rule: str) -> Proposal:
    """Propose an attribute for the user, with a value that somebody has."""
    people = sorted(policies.directory.people.items())
    value = next((v for _, person in people for n, v in person.attributes if n == name), name)
    text = f"The rule {rule} needs the attribute {name} of {user}: give it to him under `users`, or in his token."
    return Proposal("users", text, user, action=name, rule=rule, entry={"attributes": {name: value}})


def in_the_way(user: str, part: Part, table: TableName) -> Proposal:
    """Name a rule that no grant overcomes."""
    text = f"{part.text} It stands in the way: nothing that is added overcomes it."
    return Proposal("", text, user, str(table), columns=part.columns, rule=part.rule, kind=part.kind)


def document_of(proposals: Iterable[Proposal]) -> dict[str, Any]:
    """Return what is to be added, as a document of the policy language."""
    document: dict[str, Any] = {"version": 1}
    for each in proposals:
        if each.section == "users":
            person = document.setdefault("users", {}).setdefault(each.user, {"attributes": {}})
            person["attributes"].update(each.entry["attributes"])
        elif each.section in _OF_POLICIES:
            listed = document.setdefault(each.section, [])
            listed.append(_apart(dict(each.entry), listed))
    return document


def _apart(entry: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """Give an entry another id where one of the others has the same."""
    taken = {other.get("id") for other in others}
    if entry.get("id") in taken:
        entry["id"] = next(name for number in count(2) if (name := f"{entry['id']}:{number}") not in taken)
    return entry


def united(proposals: Sequence[Proposal], order: Mapping[str, Sequence[str]]) -> tuple[Proposal, ...]:
    """Return proposals with grants of one action on columns of one table as one; `order` has the tables' columns."""
    found: dict[Key, Proposal] = {}
    for each in proposals:
        same = (each.section, each.user, each.table, each.action, bool(each.columns), each.rule)
        one = found.get(same if each.section == "grants" else each.key)
        if one is None:
            found[same if each.section == "grants" else each.key] = each
            continue
        together = {*one.columns, *each.columns}
        found[same] = narrowed(one, tuple(column for column in order.get(one.table, ()) if column in together))
    return tuple(found.values())


def ready_yaml(proposals: Iterable[Proposal]) -> str:
    """Return what is to be added, as a policy file says it; empty where nothing is."""
    document = document_of(proposals)
    if len(document) == 1:
        return ""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _named(entry: dict[str, Any], *parts: str) -> dict[str, Any]:
    """Give an entry an id that says what it is for."""
    name = ":".join(parts)
    return {"id": name, **entry} if len(name) <= _MAX_ID else entry
