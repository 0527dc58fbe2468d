"""A governed gateway that tests of changesets may change, and what they say to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.api_client import Api, governed_gateway
from tests.operations.gateway_process import Gateway, running


@pytest.fixture(scope="session")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway over a tiny lake, with SQLite as its store; its policies change from test to test."""
    with running(governed_gateway(tmp_path_factory.mktemp("changing"))) as found:
        yield found


@pytest.fixture
def stella(changing: Gateway) -> Iterator[Api]:
    """Speak as a steward; afterwards nothing of what a test made live is left."""
    with Api(changing, "stella") as api:
        yield api
        while live := api.answer("GET", "/api/v1/changesets?state=live&limit=1000")["items"]:
            # They were not made live in the order of their numbers: what nothing newer stands on goes first.
            assert any(_undone(api, each) for each in live), live


def _undone(api: Api, changeset: dict[str, Any]) -> bool:
    etag = {"If-Match": f'"{changeset["revision"]}"'}
    return api.post(f"/api/v1/changesets/{changeset['id']}/rollback", headers=etag).status_code == 200


@pytest.fixture
def olga(changing: Gateway, stella: Api) -> Iterator[Api]:
    """Speak as the owner of the trades."""
    with Api(changing, "olga") as api:
        yield api
