"""What a copy inherited, under the name that the copy gets."""

from __future__ import annotations

from catalog.objects import TableName
from gateway.policy_store.edits import EMPTY
from gateway.policy_store.renaming import Carry
from policies.document import Document

OLD, NEW = TableName("lake", "marts", "mart__tmp"), TableName("lake", "marts", "mart")
KEPT = Document.model_validate(
    {
        "version": 1,
        "tags": [{"table": str(OLD), "tags": ["feed"], "columns": {"mail": ["pii.email"]}}],
        "column_masks": [{"table": str(OLD), "column": "mail", "roles": ["viewer"], "mask": "redact"}],
        "row_filters": [{"table": str(OLD), "roles": ["viewer"], "filter": "desk = 'SPP'"}],
        "licences": [{"id": f"feed of {OLD}", "table": str(OLD), "no_partner": True}],
        "aggregate_only": [{"table": str(OLD), "roles": ["viewer"], "min_group_size": 5}],
        "grants": [{"assets": str(OLD), "deny": ["select"], "columns": ["wage"], "roles": ["viewer"]}],
    }
)


def of(document: Document, table: TableName) -> dict[str, list[dict[str, object]]]:
    """Return what a document says of a table, without the names that entries have."""
    said = document.model_dump(mode="json", exclude_defaults=True)
    found = {}
    for section, entries in said.items():
        if isinstance(entries, list):
            own = [each for each in entries if str(table) in (each.get("table"), *each.get("assets", ()))]
            found[section] = [{k: v for k, v in each.items() if k not in ("table", "assets", "id")} for each in own]
    return found


def renamed(before: Document, old: TableName = OLD, new: TableName = NEW) -> Document:
    after = Carry(old, new).apply(before)
    return before if after is None else after


def test_all_that_was_inherited_is_said_of_the_new_name_and_still_of_the_old() -> None:
    after = renamed(KEPT)
    assert of(after, NEW) == of(KEPT, OLD) == of(after, OLD)
    assert all(of(KEPT, OLD).values())


def test_a_rename_that_is_told_again_changes_nothing() -> None:
    after = renamed(KEPT)
    again = renamed(after)
    assert {name: of(again, name) for name in (OLD, NEW)} == {name: of(after, name) for name in (OLD, NEW)}


def test_what_was_inherited_under_the_new_name_before_stays_beside_it() -> None:
    there = {"version": 1, "licences": [{"id": "other", "table": str(NEW), "allowed_regions": ["US"]}]}
    there["aggregate_only"] = [{"table": str(NEW), "roles": ["viewer"], "min_group_size": 9}]
    before = Document.model_validate(there)
    after = renamed(
        KEPT.model_copy(
            update={
                "licences": (*KEPT.licences, *before.licences),
                "aggregate_only": (*KEPT.aggregate_only, *before.aggregate_only),
            }
        )
    )
    assert [each["min_group_size"] for each in of(after, NEW)["aggregate_only"]] == [9, 5]
    assert len(of(after, NEW)["licences"]) == 2
    assert len({each.id for each in after.licences}) == len(after.licences)


def test_a_table_that_inherited_nothing_carries_nothing() -> None:
    assert Carry(OLD, NEW).apply(EMPTY) is None
