"""Policies as rules of Trino's own file-based access control: a second lock behind the gateway.

The rules hold for the people named in policy files, with the roles, groups and attributes written there. What they
cannot hold is closed and listed. They are as of now: export again when policies, people or tables change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from catalog.objects import SchemaName
from policies.decisions import Action
from policies.exports.model import Extent, Unexpressed
from policies.exports.trino_tables import ANY, Rule, matching, place, table_rules, with_later
from policies.rules import EVERYBODY

_WAYS: tuple[Literal["view", "kill"], ...] = ("view", "kill")


@dataclass(frozen=True, slots=True)
class TrinoRules:
    """The content of Trino's `security.config-file`, and what it leaves out."""

    rules: dict[str, Any]
    unexpressed: tuple[Unexpressed, ...]


def trino_rules(extent: Extent) -> TrinoRules:
    """Translate policies for the people and tables of an extent."""
    unexpressed = list(_of_everybody(extent))
    tables = list(table_rules(extent, unexpressed))
    rules = {
        "catalogs": list(_catalogs(extent, tables)),
        "schemas": list(_schemas(extent)),
        "tables": tables,
        "queries": list(_queries(extent)),
        "impersonation": list(_impersonation(extent)),
        "system_information": [],
        "system_session_properties": list(_properties(extent, of_catalogs=False)),
        "catalog_session_properties": list(_properties(extent, of_catalogs=True)),
    }
    return TrinoRules(rules, tuple(unexpressed))


def _of_everybody(extent: Extent) -> Iterator[Unexpressed]:
    """Say what no rule for single people can hold."""
    policies = extent.policies
    yield Unexpressed("people", "roles, groups and attributes that come with tokens: nobody else is let in")
    if policies.reads_sources:
        yield Unexpressed("licences", "terms that depend on the application that asks: read as if none did")
    now = policies.clock.moment().latest
    later = [point for point in policies.turning_points if point > now]
    if later:
        until = datetime.fromtimestamp(min(later), UTC).isoformat()
        yield Unexpressed("time", f"rules that begin or end: the export is right until {until}, then make another")


def _catalogs(extent: Extent, tables: list[Rule]) -> Iterator[Rule]:
    """Yield who may enter which catalog: whoever has any right in it, to write where he may."""
    people = matching(extent.users)
    if extent.evaluator is not None:
        yield {"user": matching([extent.evaluator]), "catalog": ANY, "allow": "read-only"}
    for catalog in sorted({name.catalog for name in extent.schemas}):
        escaped = matching([catalog])
        mine = [rule for rule in tables if rule.get("catalog") == escaped and rule["privileges"]]
        writers = {rule["user"] for rule in mine if set(rule["privileges"]) - {"SELECT"}} | {
            matching([user]) for user in extent.users if _owns_any(extent, user, catalog)
        }
        readers = {rule["user"] for rule in mine} - writers
        if writers:
            yield {"user": "|".join(sorted(writers)), "catalog": escaped, "allow": "all"}
        if readers:
            yield {"user": "|".join(sorted(readers)), "catalog": escaped, "allow": "read-only"}
    yield {"user": people, "catalog": "system", "allow": "read-only"}
    yield {"catalog": ANY, "allow": "none"}


def _owns(extent: Extent, user: str, schema: SchemaName) -> bool:
    subject = extent.subject(user)
    wanted = (Action.CREATE_SCHEMA, Action.DROP_SCHEMA)
    return all(extent.policies.decide_schema(subject, action, schema) for action in wanted)


def _owns_any(extent: Extent, user: str, catalog: str) -> bool:
    return any(_owns(extent, user, schema) for schema in with_later(extent.schemas) if schema.catalog == catalog)


def _schemas(extent: Extent) -> Iterator[Rule]:
    """Yield who owns a schema: whoever may create and drop it."""
    for schema in with_later(extent.schemas):
        owners = [user for user in extent.users if _owns(extent, user, schema)]
        if owners:
            yield {"user": matching(owners), **place(schema), "owner": True}
    yield {"owner": False}


def _queries(extent: Extent) -> Iterator[Rule]:
    """Yield who may see and cancel other people's queries; his own everybody may."""
    for user in extent.users:
        subject = extent.subject(user)
        ways = [way for way in _WAYS if extent.policies.may_handle_queries(subject, way)]
        if ways:
            yield {"user": matching([user]), "allow": ["execute", *ways]}
    yield {"user": matching(extent.users), "allow": ["execute"]}


def _impersonation(extent: Extent) -> Iterator[Rule]:
    """Yield who may act for whom among the people known; no rule lets nobody."""
    for user in extent.users:
        others = [o for o in extent.users if o != user and extent.policies.may_impersonate(user, o)]
        if others:
            yield {"original_user": matching([user]), "new_user": f"({matching(others)})"}


def _properties(extent: Extent, *, of_catalogs: bool) -> Iterator[Rule]:
    """Yield who may set which session properties."""
    directory, roles = extent.policies.directory, extent.policies.roles
    for user in extent.users:
        principals = roles.principals(extent.subject(user)) | {EVERYBODY}
        names = sorted({name for key in principals for name in directory.properties.get(key, ())})
        for name in names:
            catalog, dot, plain = name.rpartition(".")
            if bool(dot) != of_catalogs:
                continue
            rule = {"user": matching([user]), "property": ANY if plain == "*" else re.escape(plain), "allow": True}
            yield {**rule, "catalog": matching([catalog])} if of_catalogs else rule
    yield {"allow": False}
