"""One small market for all tests of the coach."""

from __future__ import annotations

import pytest

from gateway.config import Config
from tests.coaching.world import make_market


@pytest.fixture(scope="session")
def market_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A lake of ticks, partitioned by day."""
    return make_market(tmp_path_factory.mktemp("market") / "lake")
