"""Policies as rules of Trino's file-based access control: what each person may do, and what is closed and listed."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type
from gateway.policy_files import load_policy_files
from policies.exports.model import Extent
from policies.exports.trino_rules import TrinoRules, trino_rules

COLUMNS = {"id": "bigint", "region": "varchar", "email": "varchar", "ssn": "varchar(11)"}
PEOPLE = """
version: 1
roles: {viewer: {}, admin: {}}
users:
  ana: {roles: [viewer], attributes: {region: EU}}
  bo: {roles: [viewer], attributes: {region: US}}
  "c.d": {roles: [admin]}
"""


def table(name: str, kind: Any = "table") -> Table:
    columns = tuple(Column(column, parse_type(type_)) for column, type_ in COLUMNS.items())
    view = View("SELECT 1", None, None) if kind != "table" else None
    return Table(TableName("lake", "sales", name), columns, "trino", kind, view=view)


def exported(policy: str, folder: Path, *tables: Table, evaluator: str | None = None) -> TrinoRules:
    path = folder / "policies.yaml"
    path.write_text(PEOPLE + textwrap.dedent(policy))
    known = tables or (table("orders"),)
    schemas = [SchemaName("lake", "sales"), SchemaName("lake", "sandbox")]
    return trino_rules(Extent(load_policy_files([path]), known, schemas, evaluator))


def rule_for(found: TrinoRules, user: str, name: str = "orders", schema: str = "sales") -> dict[str, Any]:
    """Return the rule that Trino would take: the first that fits."""

    def fits(rule: dict[str, Any], key: str, value: str) -> bool:
        return re.fullmatch(rule.get(key, ".*"), value) is not None

    where = {"user": user, "catalog": "lake", "schema": schema, "table": name}
    return next(rule for rule in found.rules["tables"] if all(fits(rule, key, value) for key, value in where.items()))


READ = "grants: [{roles: [viewer], assets: lake.sales.*, allow: [read]}]\n"


def test_nobody_reads_what_no_grant_allows(tmp_path: Path) -> None:
    found = exported("", tmp_path)
    assert rule_for(found, "ana")["privileges"] == []
    assert rule_for(found, "a stranger")["privileges"] == []
    assert found.rules["catalogs"][-1] == {"catalog": ".*", "allow": "none"}


def test_each_person_has_the_row_filter_with_his_own_attributes(tmp_path: Path) -> None:
    policy = READ + "row_filters: [{roles: [viewer], table: lake.sales.orders, filter: \"region = attr('region')\"}]"
    found = exported(policy, tmp_path)
    assert rule_for(found, "ana")["filter"] == "\"region\" = 'EU'"
    assert rule_for(found, "bo")["filter"] == "\"region\" = 'US'"
    assert rule_for(found, "c.d")["privileges"] == []
    assert rule_for(found, "cxd")["privileges"] == [], "a dot in a name is a dot"


def test_masks_and_withheld_columns_stand_in_the_rule(tmp_path: Path) -> None:
    policy = (
        "grants:\n- {roles: [viewer], assets: lake.sales.*, allow: [read]}\n"
        "- {roles: [viewer], assets: lake.sales.orders, deny: [select], columns: [ssn]}\n"
        "column_masks: [{roles: [viewer], table: lake.sales.orders, column: email, mask: {kind: redact}}]"
    )
    columns = {each["name"]: each for each in rule_for(exported(policy, tmp_path), "ana")["columns"]}
    assert columns["ssn"] == {"name": "ssn", "allow": False}
    assert columns["email"]["mask"].startswith("CAST(CASE WHEN \"email\" IS NULL THEN NULL ELSE '****' END AS VARCHAR")
    assert set(columns) == {"ssn", "email"}


def test_people_of_whom_the_same_holds_share_a_rule(tmp_path: Path) -> None:
    found = exported(READ, tmp_path)
    assert rule_for(found, "ana") is rule_for(found, "bo")


def test_tables_made_later_are_open_where_a_whole_schema_is(tmp_path: Path) -> None:
    policy = "grants: [{roles: [admin], assets: lake.sandbox.*, allow: [all]}]"
    found = exported(policy, tmp_path)
    assert rule_for(found, "c.d", "new", "sandbox")["privileges"] == [
        "SELECT",
        "INSERT",
        "DELETE",
        "UPDATE",
        "OWNERSHIP",
    ]
    assert rule_for(found, "ana", "new", "sandbox")["privileges"] == []
    assert {"user": "c\\.d", "catalog": "lake", "schema": "sandbox", "owner": True} in found.rules["schemas"]


@pytest.mark.parametrize(
    ("policy", "about", "reason"),
    [
        ("aggregate_only: [{roles: [viewer], table: lake.sales.orders, min_group_size: 5}]", "lake.sales.orders", "at least 5"),
        ("column_masks: [{roles: [viewer], table: lake.sales.orders, column: email, mask: {kind: hash, key: k}}]\n"
         "keys: {k: {env: EXPORT_KEY, engines: [trino]}}", "lake.sales.orders.email", "a key"),
        ("protected: [{table: lake.sales.orders, open: [id]}]\n"
         "row_filters: [{roles: [viewer], table: lake.sales.orders, filter: \"region = 'EU'\"}]", "lake.sales.orders", "withheld"),
    ],
)  # fmt: skip
def test_what_trino_cannot_hold_is_closed_and_listed(
    policy: str, about: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORT_KEY", "k" * 32)
    found = exported(READ + policy, tmp_path)
    listed = [each for each in found.unexpressed if each.about == about]
    assert [each.users for each in listed] == [("ana", "bo")]
    assert reason in listed[0].reason
    rule = rule_for(found, "ana")
    assert rule["privileges"] == [] or {"name": "email", "allow": False} in rule["columns"]
    assert "k" * 32 not in json.dumps(found.rules)
    assert b"k".hex() * 32 not in json.dumps(found.rules)


def test_views_are_closed_for_they_read_with_their_owners_rights(tmp_path: Path) -> None:
    found = exported(READ, tmp_path, table("orders"), table("v", "view"))
    assert rule_for(found, "ana", "v")["privileges"] == []
    assert any(each.about == "lake.sales.v" and "owner's rights" in each.reason for each in found.unexpressed)


def test_filters_over_withheld_columns_hold_with_the_rights_of_an_evaluator(tmp_path: Path) -> None:
    policy = (
        READ + "protected: [{table: lake.sales.orders, open: [id]}]\n"
        "row_filters: [{roles: [viewer], table: lake.sales.orders, filter: \"region = 'EU'\"}]"
    )
    rule = rule_for(exported(policy, tmp_path, evaluator="nobody at all"), "ana")
    assert rule["filter_environment"] == {"user": "nobody at all"}
    assert rule["privileges"] == ["SELECT"]


def test_rules_that_end_say_until_when_the_export_is_right(tmp_path: Path) -> None:
    policy = "grants: [{roles: [viewer], assets: lake.sales.*, allow: [read], valid_until: 2199-01-01}]"
    found = exported(policy, tmp_path)
    assert [each.reason for each in found.unexpressed if each.about == "time"] == [
        "rules that begin or end: the export is right until 2199-01-01T00:00:00+00:00, then make another"
    ]


def test_impersonation_queries_and_session_properties_are_exported(tmp_path: Path) -> None:
    policy = """
    impersonation: [{users: [c.d], may_act_as: {roles: [viewer]}}]
    queries: [{roles: [admin], allow: [view, kill]}]
    session_properties: [{roles: [viewer], allow: [query_max_run_time, lake.*]}]
    """
    rules = exported(policy, tmp_path).rules
    assert rules["impersonation"] == [{"original_user": "c\\.d", "new_user": "(ana|bo)"}]
    assert rules["queries"][0] == {"user": "c\\.d", "allow": ["execute", "view", "kill"]}
    assert {"user": "ana", "property": "query_max_run_time", "allow": True} in rules["system_session_properties"]
    assert rules["system_session_properties"][-1] == {"allow": False}
    assert {"user": "bo", "property": ".*", "allow": True, "catalog": "lake"} in rules["catalog_session_properties"]
