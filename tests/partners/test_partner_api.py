"""The partners' paths of the admin port: who may call them, what they refuse, what they change at the Trino endpoint."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.admin.api_client import TABLE, Api
from tests.operations.gateway_process import Gateway, eventually
from tests.partners.registered import FAR, client_of, entitle, issue, register

TRADES = f"SELECT id, desk FROM {TABLE} ORDER BY id"
LONG_AGO = "2024-12-31"


def audit_of(gateway: Gateway, subject: str) -> list[tuple[str, str, dict[str, Any]]]:
    with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as store:
        found = store.execute(
            "SELECT kind, actor, detail FROM penstock_audit WHERE subject = ? ORDER BY seq", [subject]
        )
        return [(kind, actor, json.loads(detail)) for kind, actor, detail in found]


def test_a_partner_is_registered_entitled_and_let_in_until_the_entitlement_is_revoked(
    sharing: Gateway, steward: Api
) -> None:
    name = register(steward, contact="data@acme.example")
    granted = entitle(steward, name, dataset_name="trades", row_filter="desk = 'SPP'", denied_columns=["DESK"])
    assert (granted["dataset_name"], granted["denied_columns"], granted["state"]) == (TABLE, ["desk"], "live")
    client = client_of(sharing, issue(steward, name, datasets=["trades"]))
    assert client.rows(f"SELECT * FROM {TABLE}") == [[3], [4]]
    assert "desk" in client.error(f"SELECT id FROM {TABLE} WHERE desk = 'SPP'")["message"]
    steward.answer("DELETE", f"/entitlements/{granted['id']}", 204)
    assert "not found" in client.error(f"SELECT * FROM {TABLE}")["message"]
    told = [(kind, actor, detail.get("change")) for kind, actor, detail in audit_of(sharing, granted["id"])]
    assert told == [("entitlement.change", "stella", "granted"), ("entitlement.change", "stella", "revoked")]


@pytest.mark.parametrize("slash", ["", "/"])
def test_paths_are_taken_with_and_without_the_last_slash(steward: Api, slash: str) -> None:
    name = f"slash-{len(slash)}"
    steward.answer("POST", f"/partners{slash}", 201, json={"partner_id": name, "organization": "ACME Trading"})
    body = {"partner_id": name, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR}
    steward.answer("POST", f"/entitlements{slash}", 201, json=body)
    steward.answer("POST", f"/tokens{slash}", 201, json={"partner_id": name, "datasets": [TABLE]})
    for path in ("partners", "entitlements", "tokens"):
        assert steward.answer("GET", f"/{path}{slash}")["items"]
    assert steward.answer("GET", f"/usage{slash}?partner_id={name}")["statements"] == 0


@pytest.mark.parametrize(("user", "reads"), [("aude", 200), ("olga", 403), ("ana", 403)])
def test_stewards_change_auditors_read_and_nobody_else_does_either(
    sharing: Gateway, steward: Api, user: str, reads: int
) -> None:
    name = register(steward)
    made = entitle(steward, name)
    token = issue(steward, name)
    with Api(sharing, user) as api:
        for path in ("/partners/", f"/partners/{name}", "/entitlements/", "/tokens/", f"/usage?partner_id={name}"):
            api.answer("GET", path, reads)
        for method, path in (
            ("POST", "/partners/"),
            ("POST", f"/partners/{name}/suspend"),
            ("DELETE", f"/entitlements/{made['id']}"),
            ("DELETE", f"/tokens/{token['id']}"),
        ):
            body = {"partner_id": "x", "organization": "X"} if path == "/partners/" else None
            assert api.answer(method, path, 403, json=body)["code"] == "forbidden"
    assert client_of(sharing, token).rows(TRADES)


def test_a_partners_own_token_opens_nothing_here(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    entitle(steward, name)
    bearer = {"Authorization": f"Bearer {issue(steward, name)['token']}"}
    with Api(sharing, None) as api:
        for path in ("/partners/", f"/usage?partner_id={name}", "/api/v1/me"):
            assert api.get(path, headers=bearer).status_code in (401, 403)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"partner_id": ""}, "partner_id"),
        ({"partner_id": "-x"}, "partner_id"),
        ({"partner_id": "a b"}, "partner_id"),
        ({"partner_id": "a\u0000b"}, "partner_id"),
        ({"partner_id": "x" * 129}, "partner_id"),
        ({"partner_id": 7}, "partner_id"),
        ({"organization": ""}, "organization"),
        ({"organization": "a\nb"}, "organization"),
        ({"rate": 0}, "rate"),
        ({"rate": "often"}, "rate"),
        ({"role": "admin"}, "role"),
    ],
    ids=str,
)
def test_what_is_no_partner_is_not_registered(steward: Api, body: dict[str, Any], field: str) -> None:
    given = {"partner_id": "never-registered", "organization": "ACME Trading", **body}
    problem = steward.answer("POST", "/partners/", 422, json=given)
    assert [each["field"] for each in problem["errors"]] == [field]
    assert all(each["reason"] for each in problem["errors"])
    steward.answer("GET", "/partners/never-registered", 404)


@pytest.mark.parametrize("name", ["ana", "root", "olga", "aude", "stella"])
def test_a_name_that_policies_know_as_somebody_elses_is_refused(steward: Api, name: str) -> None:
    problem = steward.answer("POST", "/partners/", 409, json={"partner_id": name, "organization": "Evil"})
    assert (problem["code"], problem["errors"][0]["field"]) == ("name_taken", "partner_id")


def test_the_same_twice_is_refused_and_stays_one(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    for spelled in (name, name.upper()):
        problem = steward.answer("POST", "/partners/", 409, json={"partner_id": spelled, "organization": "Other"})
        assert "registered already" in problem["detail"]
    made = entitle(steward, name)
    body = {"partner_id": name, "dataset_name": "trading.trades", "scope": "read_only", "expires_at": FAR}
    problem = steward.answer("POST", "/entitlements/", 409, json=body)
    assert made["id"] in problem["errors"][0]["fix"]
    assert len(audit_of(sharing, name)) == 1
    assert len(steward.answer("GET", f"/entitlements/?partner_id={name}")["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expires_at": LONG_AGO}, "expires_at"),
        ({"expires_at": "2024-12-31T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2027-02-30"}, "expires_at"),
        ({"expires_at": 1_900_000_000}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"starts_at": FAR}, "starts_at"),
        ({"scope": "read_write"}, "scope"),
        ({"dataset_name": "nothing_such"}, "dataset_name"),
        ({"dataset_name": "lake.trading.nothing_such"}, "dataset_name"),
        ({"dataset_name": "a.b.c.d"}, "dataset_name"),
        ({"dataset_name": "trading."}, "dataset_name"),
        ({"dataset_name": "information_schema.tables"}, "dataset_name"),
        ({"row_filter": "desk"}, "row_filter"),
        ({"row_filter": "1"}, "row_filter"),
        ({"row_filter": "desk = 'SPP' OR"}, "row_filter"),
        ({"row_filter": "desk = 'SPP'; DROP TABLE x"}, "row_filter"),
        ({"row_filter": "id = (SELECT max(id) FROM lake.trading.trades)"}, "row_filter"),
        ({"row_filter": "EXISTS (SELECT 1)"}, "row_filter"),
        ({"row_filter": "id IN (SELECT 1)"}, "row_filter"),
        ({"row_filter": "random() < 0.5"}, "row_filter"),
        ({"row_filter": "system_secret(desk) = 'x'"}, "row_filter"),
        ({"row_filter": "max(id) > 1"}, "row_filter"),
        ({"row_filter": "row_number() OVER () = 1"}, "row_filter"),
        ({"row_filter": "desk = currentUser()"}, "row_filter"),
        ({"row_filter": "desk = attr('desk')"}, "row_filter"),
        ({"row_filter": "desk = current_user"}, "row_filter"),
        ({"row_filter": "other.desk = 'SPP'"}, "row_filter"),
        ({"row_filter": "price > 3"}, "row_filter"),
        ({"row_filter": "id = 'x'"}, "row_filter"),
        ({"row_filter": "desk = ?"}, "row_filter"),
        ({"row_filter": "regexp_like(desk, '(?<=S)PP')"}, "row_filter"),
        ({"allowed_columns": []}, "allowed_columns"),
        ({"allowed_columns": ["idd"]}, "allowed_columns"),
        ({"denied_columns": ["price"]}, "denied_columns"),
        ({"denied_columns": ["id", "desk"]}, "denied_columns"),
        ({"allowed_columns": ["ID"], "denied_columns": ["id"]}, "denied_columns"),
        ({"rate": -1}, "rate"),
        ({"rate": True}, "rate"),
        ({"row_filters": "desk = 'SPP'"}, "row_filters"),
    ],
    ids=str,
)
def test_what_cannot_be_granted_is_refused_by_field_and_grants_nothing(
    steward: Api, nobody: str, body: dict[str, Any], field: str
) -> None:
    given = {"partner_id": nobody, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR, **body}
    problem = steward.answer("POST", "/entitlements/", 422, json=given)
    assert [each["field"] for each in problem["errors"]] == [field]
    assert all(each["reason"] for each in problem["errors"])
    assert steward.answer("GET", f"/entitlements/?partner_id={nobody}&all=true")["items"] == []


@pytest.fixture(scope="module")
def nobody(steward: Api) -> str:
    return register(steward)


def test_every_fault_is_told_at_once_and_with_its_mend(steward: Api, nobody: str) -> None:
    body = {"partner_id": nobody, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR}
    faulty = {**body, "row_filter": "dsk = 'SPP'", "denied_columns": ["prise"], "allowed_columns": ["desks"]}
    problem = steward.answer("POST", "/entitlements/", 422, json=faulty)
    assert [each["field"] for each in problem["errors"]] == ["allowed_columns", "denied_columns", "row_filter"]
    assert [each["fix"] for each in problem["errors"]] == [
        "Did you mean `desk`?",
        "Leave it out.",
        "Did you mean `desk`?",
    ]


def test_an_unknown_partner_is_granted_nothing_and_has_no_usage(steward: Api) -> None:
    body = {"partner_id": "unheard-of", "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR}
    assert steward.answer("POST", "/entitlements/", 404, json=body)["errors"][0]["field"] == "partner_id"
    steward.answer("POST", "/tokens/", 404, json={"partner_id": "unheard-of", "datasets": [TABLE]})
    steward.answer("GET", "/usage?partner_id=unheard-of", 404)
    steward.answer("GET", "/partners/unheard-of", 404)
    steward.answer("POST", "/partners/unheard-of/suspend", 404)
    for kind in ("entitlements", "tokens"):
        for method in ("GET", "DELETE"):
            steward.answer(method, f"/{kind}/00000000-0000-4000-8000-000000000000", 404)
    steward.answer("DELETE", "/entitlements/no-uuid", 422)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2098-07-01", "2098-07-01T00:00:00Z"),
        ("2098-07-01T02:00:00", "2098-07-01T02:00:00Z"),
        ("2098-07-01T02:00:00+02:00", "2098-07-01T00:00:00Z"),
        ("2098-07-01t00:00:00.250z", "2098-07-01T00:00:00.250000Z"),
    ],
)
def test_a_moment_without_a_zone_is_in_utc(steward: Api, written: str, meant: str) -> None:
    assert entitle(steward, register(steward), expires_at=written)["expires_at"] == meant


def test_who_changes_an_entitlement_must_have_read_its_last_version(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    made = entitle(steward, name)
    client = client_of(sharing, issue(steward, name))
    path = f"/entitlements/{made['id']}"
    assert steward.get(path).headers["etag"] == '"1"'
    assert steward.answer("PATCH", path, 422, json={"rate": 9})["errors"][0]["field"] == "If-Match"
    narrowed = {"row_filter": "desk = 'MISO'", "denied_columns": ["id"]}
    changed = steward.patch(path, json=narrowed, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    for other, status in (('"1"', 412), ('"7"', 412), ("2", 422), ('W/"2"', 422), ("*", 422), ("nonsense", 422)):
        problem = steward.answer("PATCH", path, status, json={"rate": 9}, headers={"If-Match": other})
        assert problem["errors"][0]["field"] == "If-Match"
    assert client.rows(f"SELECT * FROM {TABLE}") == [["MISO"]]
    steward.answer("DELETE", path, 412, headers={"If-Match": '"1"'})
    faulty = {"row_filter": "id", "expires_at": FAR}
    steward.answer("PATCH", path, 422, json=faulty, headers={"If-Match": '"2"'})
    lifted = steward.answer("PATCH", path, 200, json={"row_filter": None}, headers={"If-Match": '"2"'})
    assert (lifted["row_filter"], lifted["denied_columns"], lifted["version"]) == (None, ["id"], 3)
    for past in (LONG_AGO, None):
        steward.answer("PATCH", path, 422, json={"expires_at": past}, headers={"If-Match": '"3"'})
    steward.answer("DELETE", path, 204, headers={"If-Match": '"3"'})
    steward.answer("DELETE", path, 204)
    assert "all=true" in steward.answer("GET", path, 404)["errors"][0]["fix"]
    steward.answer("PATCH", path, 409, json={"rate": 9}, headers={"If-Match": '"4"'})
    assert [each["state"] for each in steward.answer("GET", f"/entitlements/?partner_id={name}&all=1")["items"]] == [
        "revoked"
    ]


def test_a_token_made_before_is_no_wider_than_it_was(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    made = entitle(steward, name, row_filter="desk = 'SPP'", allowed_columns=["id"])
    before = client_of(sharing, issue(steward, name))
    wide = {"row_filter": None, "allowed_columns": None}
    steward.answer("PATCH", f"/entitlements/{made['id']}", json=wide, headers={"If-Match": '"1"'})
    assert before.rows(f"SELECT * FROM {TABLE}") == [[3], [4]]
    assert len(client_of(sharing, issue(steward, name)).rows(TRADES)) == 5


def test_a_token_carries_its_scope_and_ends_with_its_entitlement(steward: Api) -> None:
    name = register(steward)
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    granted = entitle(steward, name, expires_at=end.isoformat(), row_filter="desk = 'SPP'", denied_columns=["desk"])
    made = issue(steward, name, duration_hours=24)
    assert (made["limited_by"], made["expires_at"]) == ("entitlement", f"{end:%Y-%m-%dT%H:%M:%SZ}")
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["exp"] == int(end.timestamp())
    assert (claims["sub"], claims["jti"]) == (name, made["id"])
    assert claims["scope"] == [
        {
            "catalog": "lake",
            "schema": "trading",
            "table": "trades",
            "entitlement": granted["id"],
            "row_filter": "desk = 'SPP'",
            "allowed_columns": None,
            "denied_columns": ["desk"],
        }
    ]
    assert jwt.get_unverified_header(made["token"])["kid"] == made["key_id"] == "p1"
    assert issue(steward, name, duration_hours=2)["limited_by"] == "duration"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"datasets": ["lake.other.table"]}, 403, "datasets"),
        ({"datasets": [TABLE, "nothing_such"]}, 403, "datasets"),
        ({"datasets": []}, 422, "datasets"),
        ({"datasets": ["a.b.c.d"]}, 422, "datasets"),
        ({"datasets": "trades"}, 422, "datasets"),
        ({"duration_hours": 0}, 422, "duration_hours"),
        ({"duration_hours": -24}, 422, "duration_hours"),
        ({"duration_hours": 1e300}, 422, "duration_hours"),
        ({"duration_hours": "forever"}, 422, "duration_hours"),
        ({"duration_hours": 1e-9}, 409, "duration_hours"),
        ({"expires_at": FAR}, 422, "expires_at"),
    ],
    ids=str,
)
def test_a_token_beyond_what_was_granted_is_not_made(
    steward: Api, entitled: str, body: dict[str, Any], status: int, field: str
) -> None:
    given = {"partner_id": entitled, "datasets": [TABLE], "duration_hours": 1, **body}
    problem = steward.answer("POST", "/tokens/", status, json=given)
    assert {each["field"].partition(".")[0] for each in problem["errors"]} == {field}
    assert steward.answer("GET", f"/tokens/?partner_id={entitled}")["items"] == []


@pytest.fixture(scope="module")
def entitled(steward: Api) -> str:
    name = register(steward)
    entitle(steward, name)
    return name


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_duration_that_is_no_number_is_refused(steward: Api, entitled: str, number: str) -> None:
    text = f'{{"partner_id": "{entitled}", "datasets": ["trades"], "duration_hours": {number}}}'
    headers = {"Content-Type": "application/json"}
    assert steward.answer("POST", "/tokens/", 422, content=text, headers=headers)["code"] == "invalid"


def test_a_token_is_shown_once_and_kept_nowhere(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    entitle(steward, name)
    answer = steward.post("/tokens/", json={"partner_id": name, "datasets": ["trades"]})
    made = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert len(client_of(sharing, made).rows(TRADES)) == 5
    listed = steward.get(f"/tokens/?partner_id={name}").text + steward.get(f"/tokens/{made['id']}").text
    signature = made["token"].rpartition(".")[2]
    kept = [path for path in sharing.folder.rglob("*") if path.is_file() and signature.encode() in path.read_bytes()]
    assert (signature in listed, kept) == (False, [])


def test_a_revoked_token_and_a_suspended_partner_are_let_in_no_more(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    entitle(steward, name)
    first, second = issue(steward, name), issue(steward, name)
    steward.answer("DELETE", f"/tokens/{first['id']}", 204)
    assert client_of(sharing, first).post("SELECT 1").status_code == 401
    assert steward.answer("GET", f"/tokens/{first['id']}", 404)["code"] == "revoked"
    assert client_of(sharing, second).rows(TRADES)
    assert [kind for kind, _, _ in audit_of(sharing, first["id"])] == ["token.issue", "token.revoke"]
    steward.answer("POST", f"/partners/{name}/suspend", 204)
    assert client_of(sharing, second).post("SELECT 1").status_code == 401
    steward.answer("POST", "/tokens/", 409, json={"partner_id": name, "datasets": [TABLE]})
    body = {"partner_id": name, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR}
    steward.answer("POST", "/entitlements/", 409, json=body)
    version = steward.get(f"/partners/{name}").headers["etag"]
    steward.answer("PATCH", f"/partners/{name}", json={"state": "active"}, headers={"If-Match": version})
    assert client_of(sharing, second).rows(TRADES)


def test_lists_are_given_page_by_page(steward: Api) -> None:
    names = sorted(register(steward) for _ in range(5))
    seen: list[str] = []
    after: str | None = None
    while True:
        page = steward.answer("GET", "/partners/", params={"limit": 2, **({"after": after} if after else {})})
        seen += [each["partner_id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert set(names) <= set(seen)
    assert len(seen) == len(set(seen))
    for bad, status in (("%00", 422), ("!!", 404), ("AA", 404)):
        assert steward.answer("GET", f"/partners/?after={bad}", status)["errors"][0]["field"] == "after"


def test_what_was_issued_is_counted(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    entitle(steward, name)
    before = sharing.metric("sharing_tokens_issued_total")
    issue(steward, name)
    steward.answer("POST", "/tokens/", 403, json={"partner_id": name, "datasets": ["elsewhere"]})
    eventually(lambda: sharing.metric("sharing_tokens_issued_total") == before + 1)
