"""Bodies that no tool would send: each is refused by name, and the gateway stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.admin.api_client import TABLE, Api
from tests.changesets.speaking import CHANGESETS, begin, put, row_filter

FILTER: dict[str, Any] = row_filter("x", "id = 1")


def nested(depth: int) -> str:
    edit = json.dumps(put("users", "HERE", "x")).replace('"HERE"', "[" * depth + "]" * depth)
    return f'{{"title": "deep", "edits": [{edit}]}}'


BODIES: dict[str, str] = {
    "no JSON": "{",
    "no object": "[]",
    "deep": nested(300),
    "deeper": nested(3_000),
    "deepest": nested(100_000),
    "half a surrogate as a name": '{"title": "x", "edits": [{"op": "put", "section": "roles", "key": "\\ud800", "entry": {}}]}',
    "half a surrogate as a key": '{"title": "x", "edits": [{"op": "put", "section": "users", "key": "u", "entry": {"\\ud800": 1}}]}',
    "half a surrogate as a title": '{"title": "\\ud800"}',
    "half a surrogate in a document": '{"title": "x", "edits": [{"op": "put_document", "content": {"version": 1, "\\udfff": {}}}]}',
    "NUL": '{"title": "a\\u0000b"}',
    "a number too large": '{"title": "x", "edits": [{"op": "put", "section": "users", "key": "u", "entry": 1e999}]}',
    "no number": '{"title": "x", "edits": [{"op": "put", "section": "users", "key": "u", "entry": NaN}]}',
    "an unknown key": '{"title": "x", "edit": []}',
    "an unknown op": '{"title": "x", "edits": [{"op": "drop", "section": "users"}]}',
    "a document's name that is a path": json.dumps({"title": "x", "edits": [{**FILTER, "document": "../x"}]}),
    "a title of nothing": '{"title": ""}',
    "too many edits": json.dumps({"title": "x", "edits": [FILTER] * 10_001}),
    "a long key": json.dumps({"title": "x", "edits": [put("roles", None, "k" * 500)]}),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_hostile_body_is_refused_by_name(stella: Api, case: str) -> None:
    headers = {"Content-Type": "application/json"}
    found = stella.post(CHANGESETS, content=BODIES[case].encode(), headers=headers)
    assert found.status_code in (400, 413, 422), found.text[:300]
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["code"] in ("invalid", "bad_request", "too_large"), found.text[:300]


@pytest.mark.parametrize(
    "condition", ["id = '\ud83d", "id = \x00", "true; DROP TABLE x", "id = 1 -- ", "secret_udf(id)"]
)
def test_a_condition_that_is_none_is_refused(stella: Api, condition: str) -> None:
    entry = {"id": "x", "table": TABLE, "filter": condition, "users": ["ana"]}
    body = json.dumps({"title": "x", "edits": [put("row_filters", entry)]})
    found = stella.post(CHANGESETS, content=body.encode(), headers={"Content-Type": "application/json"})
    assert found.status_code in (201, 422)
    if found.status_code == 201:
        assert condition == "id = 1 -- "  # a comment behind a condition is none of it


@pytest.mark.parametrize(
    "path",
    [
        f"{CHANGESETS}/nothing",
        f"{CHANGESETS}/00000000-0000-0000-0000-000000000000",
        f"{CHANGESETS}?after=%00",
        f"{CHANGESETS}?author=%00",
        f"{CHANGESETS}?limit=0",
        "/api/v1/policies?table=trades",
        "/api/v1/policies?principal=%00",
        "/api/v1/policies/rolls",
        "/api/v1/policies/roles/",
        "/api/v1/policies/roles/%00",
        "/api/v1/documents/UPPER/versions",
        "/api/v1/documents/governed/versions/0",
        "/api/v1/documents/nothing/versions/1",
        "/api/v1/policy-changes?kind=rolls&id=x",
        "/api/v1/policy-changes?kind=roles&id=%00",
    ],
)
def test_a_place_that_is_none_is_refused_by_name(stella: Api, path: str) -> None:
    found = stella.get(path)
    assert found.status_code in (404, 422), (found.status_code, found.text)
    assert found.headers["content-type"] == "application/problem+json"


def test_entries_are_found_whatever_their_names(stella: Api) -> None:
    names = ["a/b", "a b", "ü", "a%2Fb", "x?y#z", ".", "..", "history", "a/../b"]
    made = begin(stella, *(put("roles", None, name) for name in names))
    etag = {"If-Match": '"1"'}
    stella.answer("POST", f"{CHANGESETS}/{made['id']}/promote", headers=etag)
    listed = {each["id"] for each in stella.answer("GET", "/api/v1/policies/roles?limit=1000")["items"]}
    assert set(names) <= listed
    for name in ("a/b", "a b", "ü", "x?y#z", "history"):
        quoted = "".join(f"%{byte:02X}" for byte in name.encode())
        assert stella.answer("GET", f"/api/v1/policies/roles/{quoted}")["items"][0]["id"] == name


def test_what_does_not_go_together_is_named_by_its_edit(stella: Api) -> None:
    edits = [
        put("roles", None, "night.shift"),
        row_filter("fine", "id = 1"),
        row_filter("odd", "id = 1", roles=["nobodys"]),
        row_filter("deskless", "gone = 1"),
    ]
    problem = begin(stella, *edits[:3], status=422)
    assert problem["code"] == "policies_not_whole"
    assert [each["field"] for each in problem["errors"]] == ["edits.2.entry"]
    problem = begin(stella, *edits[:2], edits[3], status=422)
    assert [each["field"] for each in problem["errors"]] == ["edits.2.entry"]
    whole = {"op": "put_document", "content": {"version": 1, "row_filters": [edits[2]["entry"]]}}
    (fault,) = begin(stella, whole, status=422)["errors"]
    assert fault["field"] == "edits.0.content.row_filters[0]"
    wrong = put("users", {"roles": ["nobodys"]}, "night.shift")
    (fault,) = begin(stella, edits[0], wrong, status=422)["errors"]
    assert fault["field"].startswith("edits.1.entry")
