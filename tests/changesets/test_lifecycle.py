"""Changesets over HTTP on one gateway with SQLite: what each step does, and what it refuses."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from tests.admin.api_client import TABLE, Api
from tests.changesets.speaking import CHANGESETS, begin, delete, ids, live, put, row_filter, step
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually

OWN = [0, 2]
"""What Ana's desk traded, by the policy file."""


def audit(gateway: Gateway, subject: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the outcome and detail of what the audit has of a changeset, in order."""
    with closing(sqlite3.connect(gateway.folder / "usage.db")) as store:
        query = "SELECT outcome, detail FROM penstock_audit WHERE subject = ? AND kind = ? ORDER BY seq"
        found = store.execute(query, (subject, "policy.changeset")).fetchall()
    return [(outcome, json.loads(detail)) for outcome, detail in found]


def test_a_draft_and_a_shadow_do_nothing_and_what_is_promoted_acts_at_once_until_it_is_rolled_back(
    changing: Gateway, stella: Api
) -> None:
    made = begin(stella, row_filter("less", "id < 2"))
    assert (made["state"], made["revision"], made["author"]) == ("draft", 1, "stella")
    assert ids(changing) == OWN
    shadow = step(stella, made, "submit")
    assert shadow["state"] == "shadow"
    assert ids(changing) == OWN
    promoted = step(stella, shadow, "promote")
    assert (promoted["state"], promoted["promoted_by"]) == ("live", "stella")
    assert ids(changing) == [0]
    back = step(stella, promoted, "rollback")
    assert back["state"] == "rolled_back"
    assert ids(changing) == OWN
    steps = [detail["step"] for outcome, detail in audit(changing, made["id"]) if outcome == "done"]
    assert steps == ["begin", "submit", "promote", "roll back"]
    assert changing.metric("penstock_changeset_steps_total", step="promote", result="success") >= 1


def test_several_documents_become_live_together(changing: Gateway, stella: Api) -> None:
    edits = [
        put("roles", None, "night", document="people"),
        put("users", {"roles": ["night"], "attributes": {"desk": "SPP"}}, "nina", document="people"),
        put("grants", {"id": "night", "roles": ["night"], "assets": "lake.trading.*", "allow": ["read"]}),
        row_filter("night_desk", "desk = attr('desk')", roles=["night"]),
    ]
    promoted = live(stella, *edits)
    assert [each["document"] for each in promoted["moved"]] == ["governed", "people"]
    assert ids(changing, "nina") == [3, 4]
    step(stella, promoted, "rollback")
    assert "error" in Client(changing.url, "nina").run(f"SELECT id FROM {TABLE}")


def test_a_stored_entry_stands_in_the_place_of_the_files_and_deleting_it_lets_the_files_hold(
    changing: Gateway, stella: Api
) -> None:
    live(stella, row_filter("own_desk", "desk = 'SPP'"))
    assert ids(changing) == [3, 4]
    shown = stella.answer("GET", "/api/v1/policies/row_filters/own_desk")
    assert [(each["origin"], each["state"]) for each in shown["items"]] == [("changeset", "live"), ("file", "overlaid")]
    assert shown["version"]["author"] == "stella"
    assert shown["changes"][0]["author"] == "stella"
    live(stella, delete("row_filters", "own_desk"))
    assert ids(changing) == OWN


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (delete("row_filters", "own_desk"), "comes from a policy file"),
        (delete("roles", "analyst"), "comes from a policy file"),
        (delete("grants", "nothing"), "has no grants nothing"),
        ({"op": "delete_document", "document": "nothing"}, "no stored document `nothing`"),
    ],
)
def test_what_is_not_stored_cannot_be_deleted(stella: Api, edit: dict[str, Any], words: str) -> None:
    problem = begin(stella, edit, status=409)
    assert problem["code"] == "nothing_to_delete"
    assert words in problem["errors"][0]["reason"]
    assert problem["errors"][0]["field"] == "edits.0"
    assert problem["errors"][0]["fix"]


BAD = {
    "unknown section": (put("rolls", {}), "edits.0"),
    "unknown key": (row_filter("x", "id = 1") | {"colour": "red"}, "edits.0"),
    "unknown key in the entry": (put("grants", {"id": "x", "assets": "*", "allow": ["read"], "user": ["a"]}), "user"),
    "half an entry": (put("row_filters", {"id": "x"}), "edits.0.entry.table"),
    "a mask without its number": (
        put("column_masks", {"id": "x", "table": TABLE, "column": "desk", "mask": {"kind": "last_n"}, "roles": "all"}),
        "edits.0.entry.mask.n",
    ),
    "no id": (put("row_filters", {"table": TABLE, "filter": "id = 1", "users": ["ana"]}), "edits.0.entry.id"),
    "two names": (
        put("row_filters", {"id": "x", "table": TABLE, "filter": "none", "users": ["a"]}, "y"),
        "edits.0.key",
    ),
    "a name where none is": (put("unclassified", "deny", "x"), "edits.0.key"),
    "no name": (put("roles", None), "edits.0.key"),
    "no role's form": (put("roles", {"inherits": "all of them"}, "x"), "edits.0.entry.inherits"),
    "a control character": (put("roles", None, "a\x00b"), "edits.0.key"),
    "a document of the gateway's": (put("roles", None, "x", document="lineage"), "edits.0.document"),
    "a statement's rule by another id": (row_filter("x", "id = 1") | {"document": "statements"}, "edits.0.entry.id"),
    "a role among statements": (put("roles", None, "x", document="statements"), "edits.0.entry"),
    "half a document": ({"op": "put_document", "document": "x", "content": {"roles": {}}}, "edits.0.content.version"),
    "a document of another version": ({"op": "put_document", "content": {"version": 2}}, "edits.0.content.version"),
    "an unknown role": (row_filter("x", "id = 1", roles=["nobody"]), "edits.0.entry"),
    "no SQL": (row_filter("x", "id ="), "edits.0.entry"),
    "an unknown column": (row_filter("x", "colour = 'red'"), "edits.0.entry"),
    "no condition": (row_filter("x", "id"), "edits.0.entry"),
    "a subquery": (row_filter("x", "id IN (SELECT 1)"), "edits.0.entry"),
    "an id used twice": (row_filter("trading", "id = 1"), "edits.0.entry"),
    "two masks of one column": (
        put("column_masks", {"id": "x", "table": TABLE, "column": "desk", "mask": "redact", "users": ["ana", "ana"]}),
        "edits.0.entry",
    ),
    "roles in a circle": (put("roles", {"inherits": ["analyst"]}, "analyst"), "roles"),
    "a key that is not there": (put("keys", {"env": "NO_SUCH_VARIABLE", "engines": ["lake"]}, "k"), "edits.0.entry"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_is_refused_whole_with_its_field_and_reason(changing: Gateway, stella: Api, case: str) -> None:
    edit, field = BAD[case]
    before = stella.answer("GET", "/api/v1/documents")
    problem = begin(stella, edit, row_filter("sound", "id = 1"), status=422)
    assert problem["errors"], problem
    assert any(field in each["field"] for each in problem["errors"]), problem
    assert all(each["reason"] for each in problem["errors"])
    assert stella.answer("GET", "/api/v1/documents") == before
    assert ids(changing) == OWN


def test_every_fault_is_told_at_once(stella: Api) -> None:
    problem = begin(stella, put("row_filters", {"id": "x"}), put("grants", {"id": "y"}), put("roles", None), status=422)
    assert {each["field"].rsplit(".", 1)[0] for each in problem["errors"]} >= {"edits.0.entry", "edits.1", "edits.2"}


def test_a_draft_is_written_piece_by_piece_and_checked_as_a_whole_when_it_is_submitted(
    changing: Gateway, stella: Api
) -> None:
    made = begin(stella)
    path = f"{CHANGESETS}/{made['id']}"

    def edit(method: str, where: str, status: int = 200, **body: Any) -> Any:
        seen = stella.answer("GET", path)
        return stella.answer(method, path + where, status, headers={"If-Match": f'"{seen["revision"]}"'}, **body)

    edit("POST", "/edits", json=row_filter("x", "id < 2", roles=["night"]))
    problem = step(stella, stella.answer("GET", path), "submit", 422)
    assert "unknown role `night`" in problem["errors"][0]["reason"]
    edit("POST", "/edits", json=put("roles", None, "night"))
    edit("PUT", "/edits/0", json=row_filter("x", "id < 2"))
    seen = edit("DELETE", "/edits/1")
    assert [each["key"] for each in seen["edits"]] == ["x"]
    assert edit("DELETE", "/edits/1", 404)["code"] == "not_found"
    assert edit("POST", "/edits", 422, json=row_filter("x", "id < 3"))["errors"][0]["fix"] == "Join the two edits."
    seen = edit("PUT", "", json={"title": "another", "edits": [row_filter("x", "id < 1")]})
    assert (seen["title"], len(seen["edits"])) == ("another", 1)
    shadow = step(stella, seen, "submit")
    assert edit("POST", "/edits", 409, json=put("roles", None, "x"))["code"] == "wrong_state"
    draft = step(stella, shadow, "recall")
    assert draft["state"] == "draft"
    assert step(stella, draft, "discard")["state"] == "discarded"
    assert ids(changing) == OWN


def test_a_change_needs_the_revision_that_was_read(stella: Api) -> None:
    made = begin(stella, row_filter("x", "id < 2"))
    path = f"{CHANGESETS}/{made['id']}"
    assert stella.answer("POST", f"{path}/submit", 422)["errors"][0]["field"] == "If-Match"
    assert stella.answer("POST", f"{path}/submit", 412, headers={"If-Match": '"7"'})["code"] == "stale"
    for header in ('W/"1"', "*", "1"):
        problem = stella.answer("POST", f"{path}/submit", 422, headers={"If-Match": header})
        assert problem["errors"][0]["field"] == "If-Match"
    found = stella.get(path)
    assert found.headers["etag"] == '"1"'
    step(stella, made, "submit")
    assert step(stella, made, "promote", 412)["code"] == "stale"


def test_of_two_stewards_at_once_one_wins_and_the_other_is_told_what_moved_and_rebases(
    changing: Gateway, stella: Api
) -> None:
    one, two = begin(stella, row_filter("one", "id < 3")), begin(stella, row_filter("two", "id > 0"))
    with ThreadPoolExecutor(2) as pool:
        path = lambda each: f"{CHANGESETS}/{each['id']}/promote"  # noqa: E731  (short as it is)
        ends = list(pool.map(lambda each: stella.post(path(each), headers={"If-Match": '"1"'}), (one, two)))
    assert sorted(each.status_code for each in ends) == [200, 409]
    lost, seen = next(
        (each.json(), seen) for each, seen in zip(ends, (one, two), strict=True) if each.status_code == 409
    )
    assert lost["code"] == "moved"
    assert (lost["errors"][0]["field"], lost["errors"][0]["fix"]) == ("governed", "Rebase the changeset.")
    rebased = step(stella, seen, "rebase")
    step(stella, rebased, "promote")
    assert ids(changing) == [2]


def test_a_rebase_over_an_entry_that_was_changed_meanwhile_names_it(stella: Api) -> None:
    late = begin(stella, row_filter("same", "id < 2"))
    live(stella, row_filter("same", "id < 3"))
    problem = step(stella, late, "rebase", 409)
    assert problem["code"] == "changed_meanwhile"
    assert problem["errors"][0]["field"] == "edits.0"
    assert "row_filters same was changed meanwhile by stella" in problem["errors"][0]["reason"]
    assert step(stella, late, "promote", 409)["code"] == "changed_meanwhile"


def test_what_something_newer_stands_on_is_not_rolled_back_and_nothing_twice(changing: Gateway, stella: Api) -> None:
    older = live(stella, row_filter("older", "id < 2"))
    newer = live(stella, row_filter("newer", "id < 4"))
    problem = step(stella, older, "rollback", 409)
    assert problem["code"] == "newer"
    assert problem["errors"][0]["field"] == "governed"
    back = step(stella, newer, "rollback")
    assert step(stella, back, "rollback", 409)["code"] == "wrong_state"
    step(stella, older, "rollback")
    assert ids(changing) == OWN


def test_rolling_back_restores_the_very_policies_of_before(stella: Api, changing: Gateway) -> None:
    def version(sql: str) -> str:
        Client(changing.url, "ana").rows(sql)
        rows = eventually(lambda: [row for row in changing.usage() if row["sql_text"] == sql])
        return str(rows[-1]["policy_version"])

    first = live(stella, row_filter("first", "id < 4"))
    before = version("SELECT 1")
    second = live(stella, row_filter("second", "id < 2"), put("roles", None, "r", document="people"))
    assert version("SELECT 2") != before
    step(stella, second, "rollback")
    assert version("SELECT 3") == before
    step(stella, first, "rollback")
    documents = {each["document"] for each in stella.answer("GET", "/api/v1/documents")["items"]}
    assert "people" not in documents


def test_what_changes_nothing_is_not_made_live(stella: Api) -> None:
    live(stella, row_filter("x", "id < 4"))
    assert step(stella, begin(stella, row_filter("x", "id < 4")), "promote", 409)["code"] == "changes_nothing"
    assert step(stella, begin(stella), "promote", 409)["code"] == "changes_nothing"


def test_a_statements_policy_is_changed_through_its_own_document(changing: Gateway, stella: Api) -> None:
    root = Client(changing.url, "root")
    root.rows(f"CREATE ROW POLICY made ON {TABLE} USING id < 3 TO USER ana")
    try:
        assert ids(changing) == OWN
        name = f"row policy made on {TABLE}"
        (found,) = stella.answer("GET", f"/api/v1/policies/row_filters/{name}")["items"]
        assert found["origin"] == "statement"
        edit = {**put("row_filters", {**found["entry"], "filter": "id < 1"}), "document": "statements"}
        promoted = live(stella, edit)
        assert ids(changing) == [0]
        assert [row[2] for row in root.rows("SHOW ROW POLICIES") if row[0] == "made"] == ["id < 1"]
        step(stella, promoted, "rollback")
        gone = live(stella, delete("row_filters", name, document="statements"))
        assert ids(changing) == OWN
        step(stella, gone, "rollback")
    finally:
        root.run(f"DROP ROW POLICY IF EXISTS made ON {TABLE}")


def test_each_edit_is_shown_beside_what_is_there(stella: Api) -> None:
    made = begin(stella, row_filter("own_desk", "id = 1"), put("roles", None, "fresh"))
    first, second = stella.answer("GET", f"{CHANGESETS}/{made['id']}/effects")["items"]
    assert (first["origin"], first["before"]["filter"], first["after"]["filter"]) == (
        "file",
        "desk = attr('desk')",
        "id = 1",
    )
    assert (second["origin"], second["before"], second["after"]) == (None, None, None)


def test_changesets_are_listed_youngest_first_page_by_page(stella: Api) -> None:
    made = [begin(stella, title=f"number {n}")["id"] for n in range(6)]
    found: list[str] = []
    after: str | None = None
    while len(found) < 6:
        params = {"limit": 2, "author": "stella", **({"after": after} if after else {})}
        page = stella.answer("GET", CHANGESETS, params=params)
        assert len(page["items"]) == 2
        found += [each["id"] for each in page["items"]]
        after = page["next"]
    assert found == made[::-1]
    assert stella.answer("GET", CHANGESETS, 404, params={"after": "bm8"})["errors"][0]["field"] == "after"
