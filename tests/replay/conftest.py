"""A gateway of these tests' own, for recorded statements would be others' otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.api_client import Api, governed_gateway
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, running

ASKED = (
    ("ana", "SELECT count(*) FROM lake.trading.trades"),
    ("ana", "SELECT id, desk FROM lake.trading.trades"),
    ("ana", "SELECT id, desk FROM lake.trading.trades"),
    ("root", "SELECT desk FROM lake.trading.trades"),
    ("olga", "SELECT id FROM lake.trading.trades"),
    ("nobody", "SELECT id FROM lake.trading.trades"),
    ("ana", "SELECT 1"),
    ("ana", "SELECT nothing FROM lake.trading.trades"),
)
"""Who asked what, once the gateway runs."""


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway in whose store statements of several people are."""
    with running(governed_gateway(tmp_path_factory.mktemp("recorded"))) as gateway:
        for user, sql in ASKED:
            Client(gateway.url, user).run(sql)
        gateway.await_usage(len(ASKED))
        yield gateway


@pytest.fixture
def stella(recorded: Gateway) -> Iterator[Api]:
    """Speak to it as a steward."""
    with Api(recorded, "stella") as found:
        yield found
