"""Who may do what in the admin API: a bearer token, and a role that policy gives."""

from __future__ import annotations

import pytest

from tests.admin.api_client import Api, token_of
from tests.operations.gateway_process import Gateway


@pytest.mark.parametrize(
    ("user", "roles"),
    [("root", ["auditor", "owner", "steward"]), ("olga", ["owner"]), ("stella", ["steward"]), ("aude", ["auditor"])],
)
def test_a_caller_is_told_his_roles(governed: Gateway, user: str, roles: list[str]) -> None:
    with Api(governed, user) as api:
        assert api.answer("GET", "/api/v1/me")["admin_roles"] == roles


def test_who_has_no_role_here_is_refused(governed: Gateway) -> None:
    with Api(governed, "ana") as api:
        problem = api.answer("GET", "/api/v1/me", 403)
    assert problem["code"] == "forbidden"
    assert problem["detail"] == "ana has no role for this here: it takes owner or steward or auditor."


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Trino-User": "root"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {token_of('root', seconds=-60)}"},
        {"Authorization": f"Bearer {token_of('root', iss='elsewhere')}x"},
        {"Authorization": "Basic cm9vdDo="},
    ],
    ids=["nothing", "a user header", "nonsense", "an expired token", "a forged token", "a name without a password"],
)
def test_without_proof_nobody_gets_in(governed: Gateway, headers: dict[str, str]) -> None:
    with Api(governed, None) as api:
        found = api.get("/api/v1/me", headers=headers)
    assert found.status_code == 401
    assert found.headers["content-type"] == "application/problem+json"
    assert "WWW-Authenticate" in found.headers


def test_the_description_is_openapi_31_and_open_to_all(governed: Gateway) -> None:
    with Api(governed, None) as api:
        described = api.answer("GET", "/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/me" in described["paths"]


def test_what_is_not_there_is_a_problem_too(root: Api) -> None:
    assert root.answer("GET", "/api/v1/nothing", 404)["code"] == "not_found"
    assert root.answer("PATCH", "/api/v1/me", 405)["code"] == "method_not_allowed"
