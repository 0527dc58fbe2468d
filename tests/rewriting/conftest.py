"""One gateway with views for the tests that change nothing under it, and one of its own for each that does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.materialized_views import State
from tests.rewriting.gateway import World, world

HOURLY = (
    "SELECT hub, node, date_trunc('day', ts) AS d, count(*) AS n, sum(lmp) AS s, count(lmp) AS c, max(ts) AS latest "
    "FROM lmp GROUP BY hub, node, date_trunc('day', ts)"
)
NODES = "SELECT hub, array_agg(DISTINCT node) FILTER (WHERE node IS NOT NULL) AS u FROM lmp GROUP BY hub"


def _views(made: World) -> None:
    made.build("by_day", HOURLY)
    made.build("nodes", NODES, State("u", "uniqExact", ("node",)))


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve a world with two views, which stays as it is."""
    with world(tmp_path_factory.mktemp("rewriting")) as made:
        _views(made)
        yield made


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[World]:
    """Serve a world with two views, which may be changed."""
    with world(tmp_path) as made:
        _views(made)
        yield made
