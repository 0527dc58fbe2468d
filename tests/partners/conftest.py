"""One gateway that shares a tiny lake with partners; tests leave behind what they registered, under names of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.api_client import Api, governed_gateway
from tests.operations.gateway_process import Gateway, running
from tests.partners.sharing_world import Steward, sharing_gateway

KEYS = [{"id": "p1", "secret": "a secret of the tests' own that signs partners' tokens"}]


@pytest.fixture(scope="session")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run the gateway."""
    with running(governed_gateway(tmp_path_factory.mktemp("sharing"), {"partners": {"keys": KEYS}})) as found:
        yield found


@pytest.fixture(scope="session")
def steward(sharing: Gateway) -> Iterator[Api]:
    """Speak to its admin port as a steward."""
    with Api(sharing, "stella") as found:
        yield found


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway that shares a market of several tables, to partners whose role may all."""
    with running(sharing_gateway(tmp_path_factory.mktemp("market"))) as found:
        yield found


@pytest.fixture(scope="session")
def granting(market: Gateway) -> Iterator[Steward]:
    """Speak to its admin port as who registers and grants."""
    with Steward(market) as found:
        yield found
