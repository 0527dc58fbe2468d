"""One gateway with an admin API for all tests that leave it as they found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.api_client import Api, governed_gateway
from tests.operations.gateway_process import Gateway, running


@pytest.fixture(scope="session")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway over a tiny lake, with SQLite as its store."""
    with running(governed_gateway(tmp_path_factory.mktemp("governed"))) as found:
        yield found


@pytest.fixture(scope="session")
def root(governed: Gateway) -> Iterator[Api]:
    """Speak to it as who may do all."""
    with Api(governed) as found:
        yield found
