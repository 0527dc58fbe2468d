"""What a draft changes for a statement: each kind of difference is found, and none is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.asked import Asked
from gateway.replay.compare import Compared
from gateway.replay.differences import Difference
from tests.replay.replaying import Document, base, compare, statement

ORDERS = "lake.sales.orders"
READ = (ORDERS, "select", ("order_id", "email"))


def _kinds(found: Compared) -> list[tuple[str, str, tuple[str, ...]]]:
    assert not found.error
    return [(each.kind, each.table, each.columns) for each in found.differences]


def _without(document: Document, section: str, name: str) -> Document:
    return {**document, section: [each for each in document[section] if each["id"] != name]}


def _changed(section: str, name: str, **changes: Any) -> Document:
    document = base()
    document[section] = [{**each, **changes} if each["id"] == name else each for each in document[section]]
    return document


@pytest.mark.asyncio
async def test_a_grant_that_is_taken_away_denies_what_ran(tmp_path: Path) -> None:
    (found,) = await compare(
        _changed("grants", "sales", roles=["steward"]), tmp_path, statement("SELECT name FROM customers")
    )
    assert _kinds(found) == [("newly_denied", "lake.sales.customers", ("name",))]
    assert found.differences[0].reason in ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND")


@pytest.mark.asyncio
async def test_a_grant_that_comes_allows_what_was_refused_and_shows_its_columns(tmp_path: Path) -> None:
    draft = base()
    draft["grants"].append({"id": "pay", "roles": ["analyst"], "assets": "lake.hr.*", "allow": ["read"]})
    (found,) = await compare(draft, tmp_path, statement("SELECT salary FROM lake.hr.salaries"))
    assert _kinds(found) == [
        ("newly_allowed", "lake.hr.salaries", ("salary",)),
        ("newly_exposed", "lake.hr.salaries", ("salary",)),
    ]


@pytest.mark.asyncio
async def test_a_mask_that_goes_exposes_the_column_for_who_read_it_only(tmp_path: Path) -> None:
    draft = _changed("column_masks", "no-email", mask="none")
    reading, other = await compare(
        draft, tmp_path, statement("SELECT order_id, email FROM orders"), statement("SELECT order_id FROM orders")
    )
    assert _kinds(reading) == [("newly_exposed", ORDERS, ("email",))]
    assert reading.differences[0].reason == "masked by a constant -> clear"
    assert _kinds(other) == []


@pytest.mark.asyncio
async def test_a_weaker_mask_exposes_and_a_stronger_one_hides(tmp_path: Path) -> None:
    asked = statement("SELECT email FROM orders")
    (weaker,) = await compare(_changed("column_masks", "no-email", mask={"kind": "last_n", "n": 4}), tmp_path, asked)
    assert _kinds(weaker) == [("newly_exposed", ORDERS, ("email",))]
    (as_strong,) = await compare(_changed("column_masks", "no-email", mask="redact"), tmp_path, asked)
    assert _kinds(as_strong) == [("changed_mask", ORDERS, ("email",))]
    draft = _changed("column_masks", "clear", mask="redact")
    (stronger,) = await compare(draft, tmp_path, statement("SELECT email FROM orders", "root"))
    assert _kinds(stronger) == [("newly_hidden", ORDERS, ("email",))]


@pytest.mark.asyncio
async def test_columns_that_come_and_go_behind_a_star_are_told_of(tmp_path: Path) -> None:
    draft = base()
    draft["grants"].append(
        {"id": "no-names", "users": ["ana"], "assets": "lake.sales.customers", "deny": ["select"], "columns": ["name"]}
    )
    star, named = await compare(
        draft, tmp_path, statement("SELECT * FROM customers"), statement("SELECT name FROM customers")
    )
    assert _kinds(star) == [("newly_hidden", "lake.sales.customers", ("name",))]
    assert _kinds(named) == [("newly_denied", "lake.sales.customers", ("name",))]
    assert named.differences[0].reason == "COLUMN_NOT_FOUND"


@pytest.mark.asyncio
async def test_another_filter_changes_the_rows_of_its_readers_only(tmp_path: Path) -> None:
    draft = _changed("row_filters", "own-region", filter="region = attr('region') OR region = 'US'")
    ana, sue = await compare(
        draft, tmp_path, statement("SELECT count(*) FROM orders"), statement("SELECT count(*) FROM orders", "sue")
    )
    assert _kinds(ana) == [("changed_filter", ORDERS, ())]
    assert ana.differences[0].before == "\"region\" = 'EU'"
    assert "'US'" in ana.differences[0].after
    assert _kinds(sue) == []


@pytest.mark.asyncio
async def test_a_role_that_a_user_loses_counts_as_what_it_takes_along(tmp_path: Path) -> None:
    draft = base()
    draft["users"]["ana"]["roles"] = []
    by_policy = statement("SELECT name FROM customers")
    by_token = statement("SELECT name FROM customers", asked=Asked("lake", "sales", roles=("analyst",)))
    lost, kept = await compare(draft, tmp_path, by_policy, by_token)
    assert _kinds(lost) == [("newly_denied", "lake.sales.customers", ("name",))]
    assert _kinds(kept) == [], "the credential itself gave the role"


@pytest.mark.asyncio
async def test_a_write_that_is_no_longer_allowed_is_denied(tmp_path: Path) -> None:
    draft = _changed("grants", "sandbox", allow=["read"])
    (found,) = await compare(draft, tmp_path, statement("INSERT INTO lake.sandbox.t VALUES (1, 'a')"))
    assert [each.kind for each in found.differences] == ["newly_denied"]
    assert found.differences[0].table == "lake.sandbox.t"


@pytest.mark.asyncio
async def test_a_filter_behind_a_view_is_found_through_it(tmp_path: Path) -> None:
    draft = _changed("row_filters", "own-region", filter="region = 'US'")
    recorded = (("lake.sandbox.of_orders", "select", ("x",)), (ORDERS, "select", ("order_id",)))
    (found,) = await compare(
        draft, tmp_path, statement("SELECT x FROM lake.sandbox.of_orders", kind="SELECT", allowed=True, tables=recorded)
    )
    assert ("changed_filter", ORDERS, ()) in _kinds(found)


@pytest.mark.asyncio
async def test_what_the_draft_does_not_touch_is_not_planned(tmp_path: Path) -> None:
    draft = _changed("column_masks", "no-email", mask="none")
    recorded = (("lake.sales.customers", "select", ("name",)),)
    plain = statement("SELECT name FROM customers", kind="SELECT", allowed=True, tables=recorded)
    refused = statement("SELECT nothing FROM customers")
    reading = statement("SELECT order_id, email FROM orders", kind="SELECT", allowed=True, tables=(READ,))
    untouched, once, twice = await compare(draft, tmp_path, plain, refused, reading)
    assert [each.planned for each in (untouched, once, twice)] == [0, 1, 2]
    assert [len(each.differences) for each in (untouched, once, twice)] == [0, 0, 1]


@pytest.mark.asyncio
async def test_a_row_that_does_not_tell_how_it_was_asked_is_judged_by_what_it_read(tmp_path: Path) -> None:
    draft = _changed("column_masks", "no-email", mask="none")
    old = statement("SELECT order_id, email FROM orders", asked=None, kind="SELECT", allowed=True, tables=(READ,))
    (found,) = await compare(draft, tmp_path, old)
    assert old.approximate
    assert _kinds(found) == [("newly_exposed", ORDERS, ("email",))]


@pytest.mark.asyncio
async def test_an_execute_whose_prepared_text_was_not_kept_is_judged_by_what_it_read(tmp_path: Path) -> None:
    draft = _changed("row_filters", "own-region", filter="region = 'US'")
    lost = statement("EXECUTE p", asked=Asked("lake", "sales", cut=True), kind="SELECT", allowed=True, tables=(READ,))
    kept = statement("EXECUTE p", asked=Asked("lake", "sales", prepared=(("p", "SELECT order_id FROM orders"),)))
    for found in await compare(draft, tmp_path, lost, kept):
        assert _kinds(found) == [("changed_filter", ORDERS, ())]


@pytest.mark.asyncio
async def test_a_text_that_was_cut_is_not_guessed_at(tmp_path: Path) -> None:
    (found,) = await compare(base(), tmp_path, statement("SELECT 'xxxx ... [70000 characters]"))
    assert found == Compared(error="its text was too long to be kept")


@pytest.mark.asyncio
async def test_keys_of_hashes_are_not_in_what_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPLAY_KEY", "an own key of these tests, which nobody is to see")
    draft = _changed("column_masks", "no-email", mask={"kind": "hash", "key": "k"})
    draft["keys"] = {"k": {"env": "REPLAY_KEY", "engines": ["lake_engine"]}}
    (found,) = await compare(draft, tmp_path, statement("SELECT email FROM orders"))
    (difference,) = found.differences
    assert (difference.kind, difference.reason) == ("newly_exposed", "masked by a constant -> masked one way")
    assert "(key)" in difference.after
    assert "from_hex" not in difference.after


@pytest.mark.asyncio
async def test_a_draft_that_says_the_same_in_other_words_changes_nothing(tmp_path: Path) -> None:
    draft = base()
    draft["grants"] = [{**each, "id": f"{each['id']}-again"} for each in reversed(draft["grants"])]
    every = [
        statement(sql, user)
        for user in ("ana", "bob", "sue", "root", "kim", "nobody")
        for sql in (
            "SELECT * FROM orders",
            "SELECT * FROM lake.sandbox.v",
            "SHOW TABLES",
            "DESCRIBE orders",
            "nonsense",
        )
    ]
    assert [each.differences for each in await compare(draft, tmp_path, *every)] == [()] * len(every)


def test_differences_are_told_without_policy_text_by_default() -> None:
    assert "secret" not in repr(Difference("changed_mask", "t", before="secret", after="secret"))
