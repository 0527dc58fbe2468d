"""Who may change what: stewards everything, owners single tables that they manage, nobody his own rights."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin.api_client import TABLE, Api
from tests.changesets.speaking import CHANGESETS, begin, delete, ids, live, put, row_filter, step
from tests.changesets.test_lifecycle import OWN, audit
from tests.operations.gateway_process import Gateway, eventually

OTHER = "lake.trading.secrets"


def test_an_owner_changes_what_others_see_of_his_table(changing: Gateway, olga: Api) -> None:
    promoted = live(olga, row_filter("own_desk", "desk = 'SPP'"))
    assert ids(changing) == [3, 4]
    step(olga, promoted, "rollback")
    assert ids(changing) == OWN


BEYOND: dict[str, dict[str, Any]] = {
    "a role of his own": put("users", {"roles": ["admin"]}, "olga"),
    "a role that inherits": put("roles", {"inherits": ["admin"]}, "analyst"),
    "a grant": put("grants", {"id": "x", "users": ["olga"], "assets": "*", "allow": ["all"]}),
    "a grant in a file's place": put("grants", {"id": "olgas", "users": ["olga"], "assets": "*", "allow": ["all"]}),
    "the API's roles": put("administration", {"id": "x", "users": ["olga"], "allow": ["steward"]}),
    "acting for others": put("impersonation", {"id": "x", "users": ["olga"], "may_act_as": {"users": "all"}}),
    "queries of others": put("queries", {"id": "x", "users": ["olga"], "allow": ["kill"]}),
    "partners": put("partners", {"users": ["ana"]}),
    "licences": put("licences", {"id": "x", "table": TABLE, "no_export": True}),
    "unclassified columns": put("unclassified", "allow"),
    "a whole document": {"op": "put_document", "document": "governed", "content": {"version": 1}},
    "a document taken away": {"op": "delete_document", "document": "governed"},
    "another document": {**row_filter("x", "id = 1"), "document": "people"},
    "a statement's rule": {
        **put("row_filters", {"id": f"row policy x on {TABLE}", "table": TABLE, "filter": "id = 1", "users": ["ana"]}),
        "document": "statements",
    },
    "a table of others": put("row_filters", {"id": "x", "table": OTHER, "filter": "none", "users": ["olga"]}),
    "a table of others in other letters": put("tags", {"table": OTHER.upper(), "tags": ["a"]}),
    "tags of a table of others taken away": delete("tags", OTHER),
    "a whole schema": put("protected", {"table": "lake.trading.*"}),
    "masks by tag": put("column_masks", {"id": "x", "tag": "pii", "mask": "none", "users": ["olga"]}),
    "a short name": put("column_masks", {"id": "x", "table": "trades", "column": "id", "mask": "none", "roles": "all"}),
}


@pytest.mark.parametrize("case", BEYOND)
def test_an_owner_changes_nothing_beyond_his_tables(changing: Gateway, olga: Api, case: str) -> None:
    problem = begin(olga, BEYOND[case], status=403)
    assert problem["code"] == "forbidden"
    assert problem["errors"][0]["field"].startswith("edits.0")
    draft = begin(olga)
    path, etag = f"{CHANGESETS}/{draft['id']}/edits", {"If-Match": '"1"'}
    olga.answer("POST", path, 403, headers=etag, json=BEYOND[case])
    eventually(lambda: [detail["step"] for outcome, detail in audit(changing, draft["id"]) if outcome == "refused"])


def test_a_rule_of_another_table_is_not_taken_by_its_id(stella: Api, olga: Api) -> None:
    live(stella, put("tags", {"table": OTHER, "tags": ["secret"]}))
    live(stella, put("row_filters", {"id": "theirs", "table": OTHER, "filter": "none", "roles": ["admin"]}))
    stolen = row_filter("theirs", "none", users=["ana"])
    assert "do not manage" in begin(olga, stolen, status=403)["detail"]
    assert begin(olga, delete("row_filters", "theirs"), status=403)["code"] == "forbidden"


RAISING: dict[str, list[dict[str, Any]]] = {
    "lifting his filter": [row_filter("lid", "none", users=["olga"])],
    "taking his filter away": [delete("row_filters", "lid")],
    "a filter that shows other rows": [row_filter("lid", "id > 1", users=["olga"])],
    "lifting it later": [
        put(
            "row_filters",
            {"id": "lid", "table": TABLE, "filter": "id < 3", "users": ["olga"], "valid_until": "2094-01-01"},
        ),
        put(
            "row_filters",
            {"id": "later", "table": TABLE, "filter": "none", "users": ["olga"], "valid_from": "2094-01-01"},
        ),
    ],
    "lifting his mask": [
        put("column_masks", {"id": "lens", "table": TABLE, "column": "desk", "mask": "none", "roles": "all"})
    ],
    "a weaker mask": [
        put(
            "column_masks",
            {"id": "lens", "table": TABLE, "column": "desk", "mask": {"kind": "last_n", "n": 3}, "roles": "all"},
        )
    ],
    "taking a mask away": [delete("column_masks", "lens")],
    "taking a tag's denial away": [delete("tags", TABLE)],
}


@pytest.mark.parametrize("case", RAISING)
def test_an_owner_does_not_raise_his_own_rights(changing: Gateway, stella: Api, olga: Api, case: str) -> None:
    live(
        stella,
        row_filter("lid", "id < 3", users=["olga"]),
        put("column_masks", {"id": "lens", "table": TABLE, "column": "desk", "mask": "redact", "roles": "all"}),
        put("tags", {"table": TABLE, "columns": {"id": ["secret"]}}),
        put("grants", {"id": "no_secrets", "users": ["olga"], "tag": "secret", "deny": ["select"]}),
    )
    draft = begin(olga, *RAISING[case])
    for name in ("submit", "promote"):
        problem = step(olga, draft, name, 403)
        assert problem["code"] == "raises_own_rights", problem
        assert problem["errors"][0]["fix"]

    def refused() -> bool:
        told = [detail["step"] for outcome, detail in audit(changing, draft["id"]) if outcome == "refused"]
        return told == ["submit", "promote"]

    eventually(refused)
    step(stella, draft, "promote")  # a steward may


def test_an_owner_hides_more_from_himself_and_undoes_only_what_was_his(
    changing: Gateway, stella: Api, olga: Api
) -> None:
    his = live(olga, row_filter("less", "id < 3", users=["olga"]))
    assert ids(changing, "olga") == [0, 1, 2]
    step(olga, his, "rollback")
    theirs = live(stella, row_filter("lid", "id < 2", users=["olga"]))
    assert step(olga, theirs, "rollback", 403)["code"] == "raises_own_rights"
    assert ids(changing, "olga") == [0, 1]


def test_what_a_steward_put_into_an_owners_changeset_is_not_the_owners_to_undo(
    changing: Gateway, stella: Api, olga: Api
) -> None:
    his = begin(olga, row_filter("less", "id < 3"))
    body = {"title": his["title"], "edits": [*his["edits"], row_filter("lid", "id < 2", users=["olga"])]}
    etag = {"If-Match": f'"{his["revision"]}"'}
    both = step(stella, stella.answer("PUT", f"{CHANGESETS}/{his['id']}", headers=etag, json=body), "promote")
    assert ids(changing, "olga") == [0, 1]
    assert step(olga, both, "rollback", 403)["code"] == "raises_own_rights"
    assert ids(changing, "olga") == [0, 1]


def test_rights_are_asked_again_when_a_changeset_is_made_live(changing: Gateway, stella: Api, olga: Api) -> None:
    draft = begin(olga, row_filter("mine", "id < 2"))
    live(stella, put("grants", {"id": "olgas", "users": ["root"], "assets": TABLE, "allow": ["manage_policies"]}))
    assert step(olga, draft, "promote", 403)["code"] == "forbidden"
    assert olga.answer("GET", f"{CHANGESETS}/{draft['id']}", 404)["code"] == "not_found"
    assert ids(changing) == OWN


def test_a_steward_who_is_one_no_longer_makes_nothing_live(changing: Gateway, stella: Api) -> None:
    with Api(changing, "root") as root:
        draft = begin(root, row_filter("x", "id < 2"))
        demoted = live(
            stella,
            put("users", {"roles": ["admin"]}, "ron"),
            put("administration", {"id": "a", "users": ["ron"], "allow": ["steward"]}),
        )
        with Api(changing, "ron") as ron:
            made = begin(ron, row_filter("y", "id < 2"))
            step(stella, demoted, "rollback")
            assert step(ron, made, "promote", 403)["code"] == "forbidden"
        step(root, draft, "discard")


def test_owners_see_what_they_may_edit_auditors_everything_and_others_nothing(
    changing: Gateway, stella: Api, olga: Api
) -> None:
    theirs = begin(stella, put("roles", None, "hidden"))
    his = begin(stella, row_filter("shared", "id < 2"))
    seen = {each["id"] for each in olga.answer("GET", CHANGESETS, params={"limit": 1000})["items"]}
    assert his["id"] in seen
    assert theirs["id"] not in seen
    assert olga.answer("GET", f"{CHANGESETS}/{theirs['id']}", 404)["code"] == "not_found"
    for name in ("submit", "discard", "promote"):
        step(olga, theirs, name, 403)
    kinds = {each["kind"] for each in olga.answer("GET", "/api/v1/policies")["items"]}
    assert kinds == {"row_filters"}
    assert olga.answer("GET", "/api/v1/policies/grants/everything", 404)["code"] == "not_found"
    olga.answer("GET", "/api/v1/documents", 403)
    with Api(changing, "aude") as aude:
        assert aude.answer("GET", f"{CHANGESETS}/{theirs['id']}")["state"] == "draft"
        assert aude.answer("GET", "/api/v1/policies/grants/everything")["items"][0]["origin"] == "file"
        begin(aude, put("roles", None, "x"), status=403)
        step(aude, theirs, "promote", 403)
    with Api(changing, "ana") as ana:
        ana.answer("GET", CHANGESETS, 403)
