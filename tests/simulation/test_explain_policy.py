"""EXPLAIN POLICY: what a caller learns of a statement's policies, and what he does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway" / "planning"))
from house import make_pipeline, plan

from catalog.dialect import statements as st
from catalog.dialect.parse import parse_statement
from gateway.models import NotPlanned, Plan

Rows = set[tuple[object, ...]]


async def explained(sql: str, user: str = "ana", **session: object) -> tuple[tuple[str, ...], Rows]:
    """Return the headings and rows that a caller is answered with."""
    found = await plan(f"EXPLAIN POLICY {sql}", user, **session)
    assert isinstance(found, Plan), found
    assert found.answer is not None
    return tuple(c.name for c in found.answer.columns), set(found.answer.rows)


def test_the_statement_is_read_with_what_it_explains() -> None:
    found = parse_statement("explain policy SELECT 1 -- x")
    assert isinstance(found, st.ExplainPolicy)
    assert (found.text, found.statement.kind) == ("SELECT 1", "SELECT")


@pytest.mark.asyncio
async def test_a_user_learns_how_he_meets_his_tables_and_no_condition() -> None:
    headings, rows = await explained("SELECT * FROM orders")
    assert headings == ("Table", "Column", "Effect", "Reason")
    assert rows == {
        ("lake.sales.orders", None, "allows", "You may read it: order_id, region, amount, email."),
        ("lake.sales.orders", None, "filters", "You see only some of its rows."),
        ("lake.sales.orders", "email", "masks", "You see a mask in the place of its values."),
    }


@pytest.mark.asyncio
async def test_a_withheld_column_and_one_that_does_not_exist_give_the_same() -> None:
    withheld = await explained("SELECT card FROM orders")
    absent = await explained("SELECT cart FROM orders")
    assert str(withheld).replace("card", "cart") == str(absent)


@pytest.mark.asyncio
@pytest.mark.parametrize("verb", ["SELECT * FROM", "INSERT INTO", "DELETE FROM", "DROP TABLE", "DESCRIBE"])
async def test_a_hidden_table_and_one_that_does_not_exist_give_the_same(verb: str) -> None:
    tail = " SELECT 1" if verb == "INSERT INTO" else ""
    hidden = await explained(f"{verb} lake.hr.salaries{tail}")
    absent = await explained(f"{verb} lake.xx.salaries{tail}")
    assert str(hidden).replace("hr", "xx") == str(absent)


@pytest.mark.asyncio
async def test_a_refused_statement_answers_with_what_to_ask_for() -> None:
    _, rows = await explained("INSERT INTO lake.sales.customers SELECT 1, 'x', 'y'")
    assert ("lake.sales.customers", None, "refuses", "Ask for the right to insert into lake.sales.customers.") in rows
    (refused,) = [row[3] for row in rows if row[0] is None]
    assert "Access Denied" in str(refused)


@pytest.mark.asyncio
async def test_who_keeps_the_policies_of_all_its_tables_is_shown_rules_and_governed_sql() -> None:
    pipeline = (await make_pipeline())[0]
    found = await plan("EXPLAIN POLICY SELECT email FROM orders", "mona", pipeline)
    assert isinstance(found, Plan)
    assert found.answer is not None
    assert [c.name for c in found.answer.columns] == ["Table", "Column", "Effect", "Reason", "Rule", "SQL"]
    rules = {row[4] for row in found.answer.rows}
    assert {"own-region", "no-email", "no-card"} <= rules
    (governed,) = [row[5] for row in found.answer.rows if row[2] == "governed"]
    assert "'EU'" in str(governed)


@pytest.mark.asyncio
async def test_who_keeps_one_of_two_tables_is_told_as_any_user_is() -> None:
    headings, rows = await explained("SELECT 1 FROM orders, customers", "mona")
    assert headings == ("Table", "Column", "Effect", "Reason")
    assert "'EU'" not in str(rows)


@pytest.mark.asyncio
async def test_text_that_is_no_statement_fails() -> None:
    found = await plan("EXPLAIN POLICY SELEC 1")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "SYNTAX_ERROR"


@pytest.mark.asyncio
async def test_prepared_statements_are_explained_as_what_they_stand_for() -> None:
    direct = await explained("SELECT email FROM orders WHERE order_id = 5")
    assert await explained("EXECUTE IMMEDIATE 'SELECT email FROM orders WHERE order_id = ?' USING 5") == direct
    prepared = {"p": "SELECT email FROM orders WHERE order_id = ?"}
    assert await explained("EXECUTE p USING 5", prepared=prepared) == direct
