"""A governed gateway that tests of changesets may change, and what they say to it."""

from __future__ import annotations

from collections.abc import Iterator

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
        for each in api.answer("GET", "/api/v1/changesets?state=live&limit=1000")["items"]:
            etag = {"If-Match": f'"{each["revision"]}"'}
            api.answer("POST", f"/api/v1/changesets/{each['id']}/rollback", headers=etag)


@pytest.fixture
def olga(changing: Gateway, stella: Api) -> Iterator[Api]:
    """Speak as the owner of the trades."""
    with Api(changing, "olga") as api:
        yield api
