"""One browser, and one gateway with an admin port, for all tests of the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.admin.api_client import governed_gateway
from tests.admin.conftest import governed, root
from tests.console.browser import launched
from tests.operations.gateway_process import Gateway, running

__all__ = ["governed", "root"]


@pytest.fixture(scope="session")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway of the same kind for tests that leave it worse than they found it."""
    keys = {"partners": {"keys": [{"id": "p1", "secret": "a secret for the tokens of the tests' partners"}]}}
    with running(governed_gateway(tmp_path_factory.mktemp("spoilt"), keys)) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run Chromium once."""
    with launched() as found:
        yield found
