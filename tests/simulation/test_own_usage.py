"""What is said of one's own usage, which everybody reads without any rule."""

from __future__ import annotations

import os

import pytest

from tests.simulation.sim_world import SECRET, world

OWN = "SELECT cost_usd FROM penstock.usage.statements"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEY", SECRET)


@pytest.mark.asyncio
async def test_one_reads_ones_own_usage_since_it_is_ones_own_and_no_grant_is_missed() -> None:
    found = await (await world()).simulate("nobody", OWN)
    assert found.decision == "allow"
    assert [(each.kind, each.effect, each.table) for each in found.reasons] == [
        ("row_filter", "filters", "penstock.usage.statements")
    ]
    assert found.reasons[0].text.startswith("Everybody reads what was recorded of his own statements")
    assert found.reasons[0].sql == "\"user\" = CAST('nobody' AS VARCHAR)"
    assert [(str(each.table.name), each.decision.allowed) for each in found.seen] == [
        ("penstock.usage.statements", True)
    ]


@pytest.mark.asyncio
async def test_no_grant_of_usage_is_missed_where_a_statement_over_it_fails_for_something_else() -> None:
    found = await (await world()).simulate("nobody", OWN.replace("cost_usd", "no_such_column"))
    assert (found.decision, found.code) == ("refuse", "COLUMN_NOT_FOUND")
    assert [(each.kind, each.table) for each in found.reasons] == [("refusal", "")]
    assert found.missing is None
