"""Answers from views are compared with their base afterwards; a view with false rows answers one statement at most."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from gateway.recording.bounded import BoundedStore
from gateway.rewriting.certificates.store import CertificateStore
from gateway.rewriting.certificates.verifying import verify
from gateway.rewriting.shadow.counting import ComparisonStore, Counted
from gateway.rewriting.shadow.opening import open_proofs
from gateway.rewriting.shadow.quarantines import release
from gateway.rewriting.shadow.watching import ShadowViews
from tests.real import clickhouse
from tests.rewriting.conftest import HOURLY
from tests.rewriting.gateway import World, world

SUMS = "SELECT hub, sum(lmp) AS s, count(*) AS n FROM lmp GROUP BY hub"
COUNT = "SELECT count(*) AS n FROM lmp"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, ShadowViews]]:
    """Serve a world with a view whose every answer is compared."""
    settings = {"refresh_seconds": 600, "cost_margin": None, "shadow": {"share": 1, "first": 0}}
    with world(tmp_path_factory.mktemp("shadow"), materialized_views=settings) as made:
        stack = AsyncExitStack()
        shadow = made.gateway.run(open_proofs(made.gateway.house, stack))
        assert shadow is not None
        made.build("watched", HOURLY)
        yield made, shadow
        made.gateway.run(stack.aclose())


def counted(made: World, shadow: ShadowViews) -> Counted:
    """Wait for what is being compared, and return what came of it."""
    made.gateway.run(shadow.settled())
    made.gateway.run(shadow.write())
    store = BoundedStore(made.gateway.house.config.store.url.get_secret_value())
    found = made.gateway.run(ComparisonStore(store).by_view())
    made.gateway.run(store.close())
    return found.get(f"clickhouse.{made.schema}.watched", Counted({}))


def test_a_view_with_false_rows_is_stopped_by_its_first_comparison(watched: tuple[World, ShadowViews]) -> None:
    made, shadow = watched
    right = made.ask(SUMS, properties={"materialized_views": "false"}).rows
    assert made.ask(SUMS).views
    assert made.ask("SELECT hub, count(*) AS n FROM lmp GROUP BY hub ORDER BY hub LIMIT 1").views
    assert made.ask("SELECT hub, count(*) AS n FROM lmp GROUP BY hub ORDER BY n LIMIT 1").views
    before = counted(made, shadow)
    assert before.outcomes == {"equal": 2, "order": 1}

    clickhouse.run_script(
        [f"ALTER TABLE {made.schema}.watched UPDATE n = n + 1 WHERE hub = 'H1' SETTINGS mutations_sync = 2"]
    )
    false = made.ask(SUMS)
    assert false.views
    assert sorted(false.rows, key=repr) != sorted(right, key=repr)
    assert counted(made, shadow).outcomes["different"] == 1
    made.know()

    after = made.ask(SUMS)
    assert not after.views
    assert sorted(after.rows, key=repr) == sorted(right, key=repr)
    _finding_tells_all(made)

    rooms = made.gateway.house.view_rooms
    assert rooms is not None
    view = f"clickhouse.{made.schema}.watched"
    made.build("watched", HOURLY)
    assert not made.ask(SUMS).views
    made.gateway.run(rooms.quarantines.change(release(view, "built anew", by="sam", now=1.0)))
    made.know()
    assert made.ask(SUMS).views
    assert counted(made, shadow).outcomes["equal"] == 3


def _finding_tells_all(made: World) -> None:
    """Check that a finding has what shows it again, and that the certificate was no lie: the rows were."""
    rooms = made.gateway.house.view_rooms
    assert rooms is not None
    (finding,) = made.gateway.run(rooms.quarantines.findings(view=f"clickhouse.{made.schema}.watched"))
    kept = finding.reproduction
    assert finding.reason == "a comparison with the base differed: the 4 rows are as many, but not the same"
    assert kept["sql"] == SUMS
    assert kept["base"]["checksum"] != kept["views"]["checksum"]
    assert [row[0] for row in kept["only_views"]] == ["H1"]
    store = BoundedStore(made.gateway.house.config.store.url.get_secret_value())
    found = made.gateway.run(_kept(store, finding.certificate))
    assert verify(found.encode(), finding.certificate, databases=5).accepted


async def _kept(store: BoundedStore, certificate: str) -> str:
    found = await CertificateStore(store).get(certificate)
    await store.close()
    assert found is not None
    return found.document
