"""What is wrong with a policy statement is told before anything changes, to those who may manage policies only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from msgspec.structs import replace

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.names import quoted
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import parse_type
from gateway.models import NotPlanned, Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.policy_store.edits import DropRule, PutRule, document_text
from gateway.received import Principal, Received, Session, Transaction
from policies.document import Document
from policies.index import PolicySet
from policies.reload import StoredDocument, join_policies, read_files

pytestmark = pytest.mark.asyncio
REFUSED = yaml.safe_load((Path(__file__).parents[1] / "fixtures" / "policy_store" / "refused.yaml").read_text())
POLICIES = """\
version: 1
roles: {viewer: , steward: , owner: }
users: {root: {roles: [steward]}, ana: {roles: [viewer]}, bob: {roles: [owner]}}
grants:
  - {id: read, roles: [viewer, owner], assets: "lake.trading.*", allow: [all]}
  - {id: manage, roles: [steward], assets: "*", allow: [manage_policies]}
  - {id: own, roles: [owner], assets: lake.trading.trades, allow: [manage_policies]}
row_filters:
  - {id: in_file, table: lake.trading.trades, roles: [viewer], filter: "id > 0"}
"""
LAYOUT = (Column("id", parse_type("bigint")), Column("desk", parse_type("varchar")))


class Lake:
    """A source of two tables."""

    name = "lake"
    catalogs = ("lake",)

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return [SchemaName("lake", "trading")]

    async def tables(self, catalog: str) -> Sequence[Table]:
        return [Table(TableName("lake", "trading", name), LAYOUT, "lake") for name in ("trades", "positions")]

    async def describe(self, name: TableName) -> Table | None:
        return next((each for each in await self.tables("lake") if each.name == name), None)


class Planner:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def __call__(self, sql: str, user: str = "root", **more: Any) -> Planned | NotPlanned:
        role = {"root": "steward", "ana": "viewer", "bob": "owner"}[user]
        session = Session(catalog="lake", schema="trading")
        received = Received("q", sql, Principal(user, user, frozenset({role})), session, time.time())
        return await self._pipeline.plan(replace(received, **more))

    async def refused(self, sql: str, user: str = "root", **more: Any) -> str:
        found = await self(sql, user, **more)
        assert isinstance(found, NotPlanned), found
        return f"{found.refusal.code.name} {found.refusal.text}"


@pytest_asyncio.fixture
async def plan(tmp_path: Path) -> Planner:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    return await _planner(load_policy_files([tmp_path / "policies.yaml"]))


async def _planner(policies: PolicySet) -> Planner:
    cache = CatalogCache([Lake()])
    await cache.refresh("lake")
    engines = EngineKinds({"lake": "trino", "system": "system"}, "lake")
    return Planner(Pipeline(lambda: policies, cache, engines, Limits()))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["sql"][:90])
async def test_a_bad_policy_is_refused_with_its_name_and_place(plan: Planner, case: dict[str, str]) -> None:
    assert (await plan.refused(case["sql"])).startswith(case["error"])


async def test_names_complete_with_the_session_and_fold_as_trino_folds_them(plan: Planner) -> None:
    found = await plan("CREATE ROW POLICY Mine ON Trades USING DESK = currentUser() TO VIEWER, USER Ana")
    assert isinstance(found, Planned)
    edit = found.plan.policy_edit
    assert isinstance(edit, PutRule)
    assert (edit.name, edit.rule.table, edit.rule.roles, edit.rule.users) == (
        "mine",
        "lake.trading.trades",
        ("viewer",),
        ("Ana",),
    )
    assert found.plan.noted().tables == (("lake.trading.trades", "manage_policies", ()),)
    found = await plan('DROP ROW POLICY IF EXISTS "MINE" ON trading.gone')
    assert isinstance(found, Planned)
    edit = found.plan.policy_edit
    assert isinstance(edit, DropRule)
    assert (edit.name, edit.table) == ("mine", TableName("lake", "trading", "gone"))


@pytest.mark.parametrize("table", ["trades", "gone", "nowhere.gone", "system.runtime.queries"])
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE ROW POLICY p ON {} USING nothing TO nobody",
        "CREATE COLUMN POLICY p ON {} MODIFY nothing TO 1 FOR nobody",
        "DROP ROW POLICY IF EXISTS in_file ON {}",
        "SHOW ROW POLICIES ON {}",
        "SHOW CREATE ROW POLICY in_file ON {}",
    ],
)
async def test_all_is_not_enough_to_manage_policies_and_nothing_is_told(plan: Planner, sql: str, table: str) -> None:
    refused = await plan.refused(sql.format(table), "ana")
    assert refused.startswith(
        "PERMISSION_DENIED Access Denied: Cannot manage policies of table lake.trading.trades"
    ) or (table != "trades" and refused.startswith("PERMISSION_DENIED Access Denied: Cannot manage policies of table "))


async def test_the_list_holds_the_policies_of_tables_that_the_caller_manages(plan: Planner) -> None:
    shown = {}
    for user in ("root", "bob", "ana"):
        found = await plan("SHOW ROW POLICIES", user)
        assert isinstance(found, Planned)
        assert found.plan.answer is not None
        shown[user] = found.plan.answer.rows
    row = ("in_file", "lake.trading.trades", "id > 0", "viewer", "file")
    assert shown == {"root": (row,), "bob": (row,), "ana": ()}
    assert "Cannot manage policies" in await plan.refused("SHOW ROW POLICIES ON positions", "bob")


async def test_a_chosen_role_without_the_right_has_it_no_more(plan: Planner) -> None:
    session = Session(catalog="lake", schema="trading", roles={"system": "NONE"})
    assert "Cannot manage policies" in await plan.refused("DROP ROW POLICY p ON trades", session=session)


async def test_policies_are_not_changed_within_a_transaction(plan: Planner) -> None:
    inside = {"transaction": Transaction("lake", "t"), "session": Session("lake", "trading", transaction="t")}
    refused = await plan.refused("CREATE ROW POLICY p ON trades USING true TO viewer", **inside)
    assert refused == "NOT_SUPPORTED line 1:1: CREATE ROW POLICY is not supported within a transaction"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE ROW POLICY p ON lake.trading.trades USING desk = attr('desk') AND id > 5 TO viewer, owner",
        'CREATE ROW POLICY "select" ON lake.trading.trades USING NONE TO ALL',
        'CREATE ROW POLICY "a ""b""" ON trades USING id = 1 /* why */ AND true TO USER "acme-corp", USER user, viewer',
        "CREATE COLUMN POLICY m ON trades MODIFY desk TO CASE WHEN id > 1 THEN 'a' ELSE desk END FOR viewer",
        "CREATE COLUMN POLICY m ON lake.trading.trades MODIFY desk TO NONE FOR USER Bob",
    ],
)
async def test_what_is_shown_back_makes_the_same_policy(plan: Planner, tmp_path: Path, sql: str) -> None:
    made = await _edit(plan, sql)
    text = document_text(made.apply(Document(version=1)) or Document(version=1))
    files = read_files([tmp_path / "policies.yaml"])
    again = await _planner(join_policies(files, [StoredDocument("statements", text)]))
    kind = "ROW" if made.kind == "row" else "COLUMN"
    shown = await again(f"SHOW CREATE {kind} POLICY {quoted(made.name)} ON trades")
    assert isinstance(shown, Planned)
    assert shown.plan.answer is not None
    assert (await _edit(plan, str(shown.plan.answer.rows[0][0]))).rule == made.rule


async def _edit(plan: Planner, sql: str) -> PutRule:
    found = await plan(sql)
    assert isinstance(found, Planned), found.refusal.text
    assert isinstance(found.plan.policy_edit, PutRule)
    return found.plan.policy_edit
