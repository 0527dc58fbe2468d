"""A page is open to exactly those to whom the operation behind it is, and shows an owner what that shows him."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.api_client import TABLE, Api
from tests.operations.gateway_process import Gateway

PAGES = (
    ("/ui/policies", "GET", "/api/v1/policies", None),
    ("/ui/policies/row_filters/own_desk", "GET", "/api/v1/policies/row_filters/own_desk", None),
    ("/ui/policies/grants/everything", "GET", "/api/v1/policies/grants/everything", None),
    ("/ui/documents", "GET", "/api/v1/documents", None),
    ("/ui/documents/nothing", "GET", "/api/v1/documents/nothing/versions", None),
    ("/ui/documents/nothing/versions/1", "GET", "/api/v1/documents/nothing/versions/1", None),
    ("/ui/changesets", "GET", "/api/v1/changesets", None),
    ("/ui/changesets/{id}", "GET", "/api/v1/changesets/{id}", None),
    ("/ui/changesets/{id}/shadow", "GET", "/api/v1/changesets/{id}", None),
    ("/ui/lint", "POST", "/api/v1/policies/lint", {}),
    ("/ui/partners", "GET", "/partners/", None),
    ("/ui/partners/nobody", "GET", "/partners/nobody", None),
)
STEPS = ("promote", "submit", "recall", "rebase", "discard", "rollback")
USERS = ("root", "olga", "stella", "aude", "ana")


@pytest.fixture(scope="module")
def stewards(governed: Gateway) -> Iterator[dict[str, Any]]:
    """Have a draft that is no business of an owner."""
    entry = {"id": f"role-{uuid.uuid4().hex[:8]}", "users": ["ana"], "assets": f"{TABLE}", "allow": ["read"]}
    body = {"title": "Of stewards", "edits": [{"op": "put", "section": "grants", "entry": entry}]}
    with Api(governed) as api:
        made = api.answer("POST", "/api/v1/changesets", 201, json=body)
        yield made
        api.answer("POST", f"/api/v1/changesets/{made['id']}/discard", headers={"If-Match": '"1"'})


@pytest.mark.parametrize("user", USERS)
def test_pages_are_as_open_as_their_operations(governed: Gateway, stewards: dict[str, Any], user: str) -> None:
    with Api(governed, user) as api:
        for page, method, path, body in PAGES:
            shown = api.get(page.format(**stewards))
            answered = api.request(method, path.format(**stewards), json=body)
            assert shown.status_code == answered.status_code, page


@pytest.mark.parametrize("user", USERS)
def test_steps_are_refused_as_their_operations_are(governed: Gateway, stewards: dict[str, Any], user: str) -> None:
    with Api(governed, user) as api:
        for step in STEPS:  # of a revision that was never there
            path = f"changesets/{stewards['id']}/{step}"
            shown = api.post(f"/ui/{path}", data={"revision": "77"})
            answered = api.post(f"/api/v1/{path}", headers={"If-Match": '"77"'})
            assert shown.status_code == answered.status_code, step
            assert shown.status_code in (403, 412), step
