"""The smallest missing grant: it is what the statement lacks, it is enough, and nothing of it can be left out."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from catalog.objects import Table, TableName
from gateway.models import Planned
from gateway.simulation.missing import Missing
from gateway.simulation.proposals import Proposal
from gateway.simulation.question import Question, received
from gateway.simulation.trial import compiled, tried
from policies.decisions import Action
from policies.entitlements import Entitlement, Partner, access_of
from tests.simulation.sim_world import SECRET, World, world

LACKING: dict[str, tuple[str, str, list[str]]] = {
    "a grant on the columns that are read": (
        "nobody",
        "SELECT name FROM customers WHERE region = 'EU'",
        ["grants select lake.sales.customers (name, region)"],
    ),
    "one column for a count": (
        "nobody",
        "SELECT count(*) FROM customers",
        ["grants select lake.sales.customers (customer_id)"],
    ),
    "all columns for a star": (
        "nobody",
        "SELECT * FROM customers",
        ["grants select lake.sales.customers (customer_id, name, region)"],
    ),
    "no column of a star that stays withheld": (
        "nobody",
        "SELECT * FROM orders",
        ["grants select lake.sales.orders (order_id, region, amount)", "row_filters filter lake.sales.orders ()"],
    ),
    "both sides of a join": (
        "wil",
        "SELECT x FROM lake.box.t JOIN customers ON name = y",
        ["grants select lake.sales.customers (name)"],
    ),
    "a grant and a filter statement": (
        "nobody",
        "SELECT order_id FROM orders",
        ["grants select lake.sales.orders (order_id)", "row_filters filter lake.sales.orders ()"],
    ),
    "a mask statement": (
        "rob",
        "SELECT email FROM orders",
        ["grants select lake.sales.orders (email)", "column_masks mask lake.sales.orders (email)"],
    ),
    "columns beside those that he has": (
        "rob",
        "SELECT order_id, amount FROM orders",
        ["grants select lake.sales.orders (amount)"],
    ),
    "a table behind a view": (
        "nobody",
        "SELECT x FROM lake.box.v",
        ["grants select lake.box.t (x)", "grants select lake.box.v (x)"],
    ),
    "what has ended": ("rob", "SELECT x FROM lake.box.t", ["grants select lake.box.t (x)"]),
    "a right to write": (
        "ana",
        "INSERT INTO customers SELECT 1, 'a', 'b'",
        ["grants insert lake.sales.customers ()"],
    ),
    "a right to make a table, and to read": (
        "wil",
        "CREATE TABLE lake.hr.copy AS SELECT name FROM customers",
        ["grants create_table lake.hr.copy ()", "grants select lake.sales.customers (name)"],
    ),
    "a right to make a schema": ("ana", "CREATE SCHEMA lake.new", ["grants create_schema lake.new.* ()"]),
    "a right over policies": (
        "ana",
        "CREATE ROW POLICY p ON orders USING region = 'EU' TO ALL",
        ["grants manage_policies lake.sales.orders ()"],
    ),
    "a session property": (
        "ana",
        "SET SESSION query_max_run_time = '1m'",
        ["session_properties query_max_run_time  ()"],
    ),
    "to act for somebody": ("ana", "SET SESSION AUTHORIZATION bob", ["impersonation bob  ()"]),
    "an attribute": ("bob", "SELECT order_id FROM orders", ["users region  ()"]),
    "a denial in the way": (
        "ana",
        "SELECT card FROM orders",
        [" no-card lake.sales.orders (card)", "column_masks mask lake.sales.orders (card)"],
    ),
    "a denial of a whole schema": (
        "wil",
        "SELECT person FROM lake.hr.people",
        [" not-hr lake.hr.people ()", "grants select lake.hr.people (person)"],
    ),
    "a licence in the way": (
        "wil",
        "CREATE TABLE lake.box.q AS SELECT symbol FROM quotes",
        [" late lake.sales.quotes ()", "grants select lake.sales.quotes (symbol)"],
    ),
    "groups in the way": ("eve", "SELECT person FROM lake.hr.salaries", [" groups lake.hr.salaries ()"]),
    "a view, which must see all in the clear": (
        "rob",
        "CREATE VIEW lake.box.mails AS SELECT mail FROM lake.hr.people",
        [
            "column_masks mask lake.hr.people (mail)",
            "grants create_view lake.box.mails ()",
            "grants select lake.hr.people (person, ssn)",
        ],
    ),
    "a view over a table that he does not know": (
        "wil",
        "CREATE VIEW lake.box.w AS SELECT name FROM customers",
        ["grants create_view lake.box.w ()", "grants select lake.sales.customers (customer_id, name, region)"],
    ),
    "nothing that he has": (
        "rob",
        "SELECT order_id, mail FROM orders, lake.hr.people",
        ["column_masks mask lake.hr.people (mail)"],
    ),
}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEY", SECRET)


def told(each: Proposal) -> str:
    """Return a proposal in short."""
    return f"{each.section} {each.action or each.rule} {each.table} ({', '.join(each.columns)})"


@pytest.mark.asyncio
@pytest.mark.parametrize(("user", "sql", "wanted"), LACKING.values(), ids=LACKING.keys())
async def test_what_is_missing_is_found_and_is_the_least(user: str, sql: str, wanted: list[str]) -> None:
    found = await world()
    simulated = await found.simulate(user, sql)
    assert simulated.decision == "refuse"
    missing = simulated.missing
    assert missing is not None
    assert sorted(map(told, missing.proposals)) == sorted(wanted)
    assert missing.verified
    for each in missing.proposals:
        rest = tuple(other for other in missing.proposals if other is not each)
        assert not await planned(found, user, sql, rest), f"{told(each)} was not needed"


async def planned(found: World, user: str, sql: str, proposals: tuple[Proposal, ...]) -> bool:
    """Tell whether a statement is planned with changes, everything compiled together."""
    changed = compiled(found.policies, proposals)
    assert changed is not None
    given = {n: v for p in proposals if p.section == "users" for n, v in p.entry["attributes"].items()}
    asked = received(Question(user, sql, "lake", "sales", attributes=given), changed)
    return isinstance(await found.pipeline.under(changed).plan(asked), Planned)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "sql",
    [
        "SELEC 1",
        "SELECT * FROM nowhere.at.all",
        "SELECT nothing FROM customers",
        "SELECT name + 1 FROM customers",
        "SELECT 1 FROM customers GROUP BY 7",
    ],
)
async def test_what_no_policy_refuses_lacks_nothing(sql: str) -> None:
    simulated = await (await world()).simulate("ana", sql)
    assert (simulated.decision, simulated.missing) == ("refuse", None)


@pytest.mark.asyncio
async def test_the_yaml_is_a_policy_file_that_makes_it_so() -> None:
    import yaml

    from policies.document import Document

    found = await world()
    missing = (await found.simulate("nobody", "SELECT email FROM orders")).missing
    assert missing is not None
    document = Document.model_validate(yaml.safe_load(missing.yaml))
    assert [g.columns for g in document.grants] == [("email",)]
    assert [f.filter for f in document.row_filters] == ["none"]
    assert [m.column for m in document.column_masks] == ["email"]


@pytest.mark.asyncio
async def test_trying_a_change_decides_as_compiling_it_does() -> None:
    found = await world()
    tables: list[Table] = found.catalog.tables("lake")
    for user, sql, _ in LACKING.values():
        missing = (await found.simulate(user, sql)).missing or Missing()
        quick, whole = tried(found.policies, missing.proposals), compiled(found.policies, missing.proposals)
        assert quick is not None
        assert whole is not None
        for table in tables:
            for action in Action:
                subject = received(Question(user, sql), whole).subject
                one, other = quick.decide(subject, action, table), whole.decide(subject, action, table)
                assert (one, one.row_filter, one.masks) == (other, other.row_filter, other.masks)


@pytest.mark.asyncio
async def test_a_partner_lacks_an_entitlement_and_sees_by_those_that_he_has() -> None:
    found = await world()
    quotes, orders = TableName("lake", "sales", "quotes"), TableName("lake", "sales", "orders")
    made = Entitlement(
        "e1", "acme", orders, float("inf"), row_filter="region = 'EU'", denied_columns=frozenset({"card"})
    )
    access = access_of(1, {"acme": Partner("acme")}, (made,))
    partners = replace(found, policies=found.policies.with_partners(access))
    (lacking,) = ((await partners.simulate("acme", "SELECT symbol FROM quotes")).missing or Missing()).proposals
    assert told(lacking) == f"entitlements select {quotes} (symbol)"
    assert lacking.entry["dataset_name"] == str(quotes)
    seen = await partners.simulate("acme", "SELECT order_id FROM orders")
    assert seen.decision == "allow", seen.message
    reasons = {(each.kind, each.effect) for each in seen.reasons}
    assert {("entitlement", "allows"), ("row_filter", "filters"), ("withheld", "withholds")} <= reasons
    suspended = access_of(2, {"acme": Partner("acme", suspended=True)}, (made,))
    away = replace(found, policies=found.policies.with_partners(suspended))
    assert "is suspended" in (await away.simulate("acme", "SELECT 1")).message
    refused = await partners.simulate("acme", "DELETE FROM orders")
    assert (refused.decision, refused.missing) == ("refuse", None)
