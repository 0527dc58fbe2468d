"""Reasons: one for every change that policy makes, and none that the decision does not bear out."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from catalog.dialect.generate import generate
from catalog.objects import Table, TableName
from gateway.simulation.answers import explanation
from gateway.simulation.question import Question, received
from policies.account import account
from policies.decisions import Action
from tests.simulation.sim_world import PEOPLE, SECRET, TABLES, VIEWS, world


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEY", SECRET)


@pytest.mark.asyncio
async def test_the_account_of_a_decision_bears_it_out() -> None:
    found = await world()
    seen = 0
    for user in PEOPLE:
        subject = received(Question(user, ""), found.policies).subject
        for name in (*TABLES, *VIEWS):
            table = found.catalog.get(TableName(*name.split(".")))
            assert table is not None
            for action in Action:
                parts = account(found.policies, subject, action, table)
                decision = found.policies.decide(subject, action, table)
                if decision.allowed:
                    seen += 1
                    assert not [p for p in parts if p.effect in ("bars", "lacks") and not p.columns]
                    hidden = {c for p in parts if p.effect in ("bars", "lacks") for c in p.columns}
                    assert set(decision.columns) == {c.name for c in table.columns} - hidden
                    masked = {p.columns[0] for p in parts if p.kind == "column_mask" and p.effect == "restricts"}
                    assert set(decision.masks) == masked & set(decision.columns)
                    conditions = [
                        p.sql
                        for p in parts
                        if p.effect == "restricts" and p.kind in ("row_filter", "licence") and p.sql
                    ]
                    whole = generate(decision.row_filter) if decision.row_filter is not None else ""
                    assert all(sql in whole for sql in conditions)
                    assert bool(conditions) == bool(whole)
                else:
                    assert [p for p in parts if p.effect != "allows"], (user, name, action)
    assert seen > 20


@pytest.mark.asyncio
async def test_every_kind_of_change_has_its_reason() -> None:
    found = await world()
    asked = {
        ("grant", "sales"): ("ana", "SELECT order_id FROM orders"),
        ("row_filter", "own-region"): ("ana", "SELECT order_id FROM orders"),
        ("column_mask", "no-email"): ("ana", "SELECT email FROM orders"),
        ("withheld", "no-card"): ("ana", "SELECT * FROM orders"),
        ("guard", ""): ("ana", "SELECT order_id FROM orders WHERE 1 / amount > 0"),
        ("licence", "late"): ("ana", "SELECT symbol FROM quotes"),
        ("aggregate_only", "groups"): ("eve", "SELECT sum(salary) FROM lake.hr.salaries"),
        ("view", ""): ("wil", "SELECT x FROM lake.box.v"),
    }
    for (kind, rule), (user, sql) in asked.items():
        simulated = await found.simulate(user, sql)
        assert simulated.decision == "allow", (kind, simulated.message)
        assert (kind, rule) in {(each.kind, each.rule) for each in simulated.reasons}, kind


@pytest.mark.asyncio
async def test_masks_of_columns_that_are_not_read_are_no_reason() -> None:
    simulated = await (await world()).simulate("ana", "SELECT order_id FROM orders")
    assert "column_mask" not in {each.kind for each in simulated.reasons}


@pytest.mark.asyncio
async def test_no_key_of_a_mask_is_told() -> None:
    simulated = await (await world()).simulate("ana", "SELECT email FROM orders")
    assert simulated.plan is not None
    governed = simulated.plan.governed_sql or ""
    (key,) = {text for text in governed.split("'") if len(text) == 64}
    told = explanation(simulated).model_dump_json()
    assert key not in told
    assert "<key>" in told


@pytest.mark.asyncio
async def test_a_moment_of_ones_own_counts_as_the_present() -> None:
    found = await world()
    before = datetime.fromisoformat("2019-06-01T00:00:00+00:00").timestamp()
    assert (await found.simulate("rob", "SELECT x FROM lake.box.t", at=before)).decision == "allow"
    assert (await found.simulate("rob", "SELECT x FROM lake.box.t")).decision == "refuse"


@pytest.mark.asyncio
async def test_a_simulation_leaves_no_plan_and_changes_no_decision() -> None:
    found = await world()
    table = found.catalog.get(TableName("lake", "hr", "salaries"))
    assert isinstance(table, Table)
    await found.simulate("nobody", "SELECT * FROM lake.hr.salaries")
    subject = received(Question("nobody", ""), found.policies).subject
    assert not found.policies.decide(subject, Action.SELECT, table).allowed
    assert found.pipeline.cached_plans == 0
