"""Behind a definer's view stand its owner's filters and masks, and the caller's on top."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import Column, Table, TableName, View
from catalog.types import parse_type
from gateway.models import NotPlanned, Plan, Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.received import Principal, Received, Session
from tests.gateway.planning.house import Declared

POLICIES = """\
version: 1
roles: {reader: {}, keeper: {}, poor: {}}
users: {ana: {roles: [reader]}, olga: {roles: [keeper]}, paul: {roles: [poor]}}
grants:
  - {id: all, roles: [reader, keeper], assets: lake.*, allow: [read]}
row_filters:
  - {id: keepers, table: lake.sandbox.t, roles: [keeper], filter: x < 10}
  - {id: readers, table: lake.sandbox.t, roles: [reader], filter: x > 5}
"""
OWNERS = {"by_olga": "olga", "by_paul": "paul", "by_nobody": "engine-user", "by_ana": "ana"}


async def plan(tmp_path: Path, sql: str, user: str = "ana", security: str = "DEFINER") -> Plan | NotPlanned:
    source = Declared("lake")
    for name, owner in OWNERS.items():
        view = View("SELECT x FROM lake.sandbox.t", None, None, owner, security)  # type: ignore[arg-type]  # the words of a test
        full = TableName("lake", "sandbox", name)
        source.there[full] = Table(full, (Column("x", parse_type("bigint")),), source.name, "view", view=view)
    cache = CatalogCache([source])
    await cache.refresh("lake")
    (tmp_path / "policies.yaml").write_text(POLICIES)
    policies = load_policy_files([tmp_path / "policies.yaml"])
    pipeline = Pipeline(
        lambda: policies, cache, EngineKinds({source.name: "trino", "system": "system"}, source.name), Limits()
    )
    principal = Principal(user, user, policies.roles_of(user), policies.attributes_of(user), "test")
    planned = await pipeline.plan(Received("q", sql, principal, Session(catalog="lake", schema="sandbox"), time.time()))
    return planned.plan if isinstance(planned, Planned) else planned


def sql_of(planned: Plan | NotPlanned) -> str:
    assert isinstance(planned, Plan), planned
    return planned.governed_sql or ""


@pytest.mark.asyncio
async def test_the_owners_filter_holds_inside_and_the_callers_on_top(tmp_path: Path) -> None:
    sql = sql_of(await plan(tmp_path, "SELECT x FROM by_olga"))
    assert '"x" < 10' in sql
    assert '"x" > 5' in sql


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("view", "user", "security"),
    [("by_ana", "ana", "DEFINER"), ("by_nobody", "ana", "DEFINER"), ("by_olga", "ana", "INVOKER")],
)
async def test_only_an_owner_whom_policy_names_and_who_lends_his_rights_counts(
    tmp_path: Path, view: str, user: str, security: str
) -> None:
    sql = sql_of(await plan(tmp_path, f"SELECT x FROM {view}", user, security))
    assert '"x" > 5' in sql
    assert "< 10" not in sql


@pytest.mark.asyncio
async def test_what_the_owner_may_not_see_nobody_sees_through_the_view(tmp_path: Path) -> None:
    refused = await plan(tmp_path, "SELECT x FROM by_paul")
    assert isinstance(refused, NotPlanned)
    assert refused.refusal.code.name == "PERMISSION_DENIED"
    assert "sandbox.t" not in refused.refusal.text


@pytest.mark.asyncio
async def test_a_table_is_not_read_by_two_ways_that_show_different_rows(tmp_path: Path) -> None:
    refused = await plan(tmp_path, "SELECT 1 FROM by_olga, t")
    assert isinstance(refused, NotPlanned)
    assert refused.refusal.code.name == "NOT_SUPPORTED"
    assert '"x" > 5' in sql_of(await plan(tmp_path, "SELECT 1 FROM by_ana, t"))
