"""Changesets in shadow beside several workers and several gateways: each difference counts once, no client sees any."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from gateway.demo.postgres import PostgresServer
from tests.admin.api_client import Api, governed_gateway
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually
from tests.operations.lake import make_lake
from tests.operations.test_worker_deaths import workers
from tests.replay.diffing import TABLE, put
from tests.replay.test_shadow_api import children, report, shadow

pytestmark = pytest.mark.long

WORKERS, SECONDS = 3, 180
CANARY = "zqshadowzq"
"""Stands in everything that the changeset says and that is in force nowhere."""
EDITS = (
    put("column_masks", id=f"{CANARY}_mask", table=TABLE, column="desk", roles="all", mask="redact"),
    put("row_filters", id=f"{CANARY}_rows", table=TABLE, users=["olga"], filter=f"desk <> '{CANARY}'"),
    put("grants", id=f"{CANARY}_shut", users=["stella"], assets=TABLE, deny=["select"]),
)
TOLD = {
    "ana": {"newly_hidden"},
    "olga": {"newly_hidden", "changed_filter"},
    "stella": {"newly_denied"},
}
"""What the changeset would make otherwise for a statement of each."""
BESIDE = (
    f"EXPLAIN POLICY SELECT id, desk FROM {TABLE}",
    f"SHOW ROW POLICIES ON {TABLE}",
    f"SELECT nothing FROM {TABLE}",
    f"SELECT id FROM {TABLE} WHERE desk = 1",
)
"""Statements whose answers speak of policies, or fail."""


def wait_ready(gateway: Gateway) -> None:
    """Wait for a gateway; several that start at once take long to answer."""

    def ready() -> bool:
        try:
            return gateway.status("readyz") == 200
        except requests.Timeout:
            return False

    eventually(ready, seconds=SECONDS)


@dataclass(frozen=True, slots=True)
class World:
    """Gateways over one store."""

    gateways: tuple[Gateway, ...]
    living: int
    """How many workers there are in all while all of them run."""

    def comparing(self) -> list[int]:
        return [pid for each in self.gateways if each.process is not None for pid in children(each)]

    def followed(self, *, without: tuple[int, ...] = ()) -> None:
        """Wait until every worker compares; none by a process of those that died."""
        eventually(
            lambda: len(found := self.comparing()) == self.living and not set(found) & set(without), seconds=SECONDS
        )

    def kill_one(self) -> None:
        """End one worker, or a gateway of several, as a power switch would."""
        if len(self.gateways) == 1:
            os.kill(random.choice(workers(self.gateways[0])), signal.SIGKILL)
        else:
            self.gateways[-1].kill()

    def mend(self) -> None:
        """Start again what nobody else does."""
        if len(self.gateways) > 1:
            self.gateways[-1].start(ready=False)
            wait_ready(self.gateways[-1])


@pytest.fixture(scope="module", params=["workers", pytest.param("gateways", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run one gateway of three workers, or three gateways of one Postgres."""
    folder = tmp_path_factory.mktemp("shadows")
    changes: dict[str, Any] = {"engines": [make_lake(folder / "lake")]}
    if request.param == "workers":
        made = [governed_gateway(folder / "a", {**changes, "workers": WORKERS})]
    else:
        postgres_server: PostgresServer = request.getfixturevalue("postgres_server")
        postgres_server.create_database("shadows")
        store = {"url": postgres_server.url("shadows")}
        made = [governed_gateway(folder / name, {**changes, "store": store}) for name in "abc"]
    try:
        for each in made:
            each.start(ready=False)
        for each in made:
            wait_ready(each)
        yield World(tuple(made), WORKERS)
    finally:
        for each in made:
            if each.process is not None:
                each.kill()


def shapes(user: str, count: int, name: str) -> list[tuple[str, str]]:
    """Return statements of a user, no two of one shape."""
    return [(user, f"SELECT id AS {name}{n}, desk FROM {TABLE} ORDER BY id") for n in range(count)]


def ask(world: World, statement: tuple[str, str]) -> dict[str, Any] | None:
    """Ask any worker and follow by any worker of the gateway; None where it died meanwhile."""
    user, sql = statement
    url = random.choice(world.gateways).url
    try:
        last = Client(url, user, patient=True).run(sql)
    except (requests.ConnectionError, AssertionError):
        return None
    assert CANARY not in str(last), "what is in shadow reaches no client"
    return last


def ask_all(world: World, statements: list[tuple[str, str]], beside: Callable[[], None] = lambda: None) -> list[Any]:
    """Ask many at once; something else may happen meanwhile."""
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, world, each) for each in statements]
        beside()
        return [each.result() for each in asked]


def counted(api: Api, made: str) -> list[tuple[str, str, str]]:
    """Return every difference that was counted, as often as it was, as (user, kind, shape)."""
    found: list[tuple[str, str, str]] = []
    after: str | None = ""
    while after is not None:
        page = report(api, made, limit=50, **({"after": after} if after else {}))
        for each in page["items"]:
            found += [(each["user"], each["kind"], each["fingerprint"])] * each["count"]
        after = page["next"]
    return found


def mixed(count: int, name: str) -> list[tuple[str, str]]:
    """Return statements of everybody in no order."""
    found = [each for user in TOLD for each in shapes(user, count, name)]
    random.shuffle(found)
    return found


def outcomes(world: World) -> dict[tuple[str, str, str], Any]:
    """Return what everybody is told by every gateway, apart from what names the statement and its time."""
    found = {}
    for gateway in world.gateways:
        for user in TOLD:
            for sql in (f"SELECT id, desk FROM {TABLE} ORDER BY id", *BESIDE):
                last = Client(gateway.url, user, patient=True).run(sql)
                assert CANARY not in str(last)
                error = last.get("error", {})
                rows = [row for row in last["rows"] if "costs" not in row]  # estimates learn from what was run
                kept = (rows, last.get("columns"), last.get("warnings"), error.get("message"))
                found[gateway.url, user, sql] = kept
    return found


@pytest.mark.timeout(900)
def test_each_difference_counts_once_whoever_answers_and_whoever_is_killed(world: World) -> None:
    with Api(world.gateways[0], "stella") as api:
        before = outcomes(world)
        with shadow(api, *EDITS) as made:
            world.followed()
            for asked_by, outcome in outcomes(world).items():
                assert outcome == before[asked_by], asked_by  # clients notice nothing
            spoken = len(before)
            eventually(lambda: report(api, made)["compared"] == spoken, seconds=SECONDS)
            others = Counter(counted(api, made))
            asked = mixed(12, "first")
            assert None not in ask_all(world, asked)
            eventually(lambda: report(api, made)["compared"] == spoken + len(asked), seconds=SECONDS)
            found = counted(api, made)
            assert report(api, made)["dropped"] == report(api, made)["failed"] == 0
            once = Counter(found) - others
            assert set(once.values()) == {1}
            assert Counter((user, kind) for user, kind, _ in once) == {
                (user, kind): 12 for user, kinds in TOLD.items() for kind in kinds
            }

            dying = tuple(world.comparing())
            world.kill_one()
            eventually(lambda: len(set(dying) & set(world.comparing())) == len(dying) - 1, seconds=SECONDS)
            world.mend()
            world.followed(without=tuple(set(dying) - set(world.comparing())))
            assert sorted(counted(api, made)) == sorted(found), "a death counts nothing again"
            more = mixed(6, "second")
            assert None not in ask_all(world, more)
            eventually(lambda: report(api, made)["compared"] == spoken + len(asked) + len(more), seconds=SECONDS)
            assert len(counted(api, made)) == len(found) + sum(6 * len(kinds) for kinds in TOLD.values())
        eventually(lambda: not world.comparing(), seconds=SECONDS)


@pytest.mark.timeout(1800)
def test_who_is_killed_in_the_midst_takes_along_what_it_had_not_written_and_nothing_counts_twice(world: World) -> None:
    with Api(world.gateways[0], "stella") as api, shadow(api, *EDITS) as made:
        world.followed()
        asked = 0
        for turn in range(4):
            dying = tuple(world.comparing())
            statements = mixed(15, f"turn{turn}of")
            ask_all(world, statements, world.kill_one)
            asked += len(statements)
            world.mend()
            world.followed(without=tuple(set(dying) - set(world.comparing())))
        last = mixed(5, "last")
        assert None not in ask_all(world, last)
        wanted = sum(5 * len(kinds) for kinds in TOLD.values())
        eventually(
            lambda: report(api, made)["compared"] >= len(last) and len(counted(api, made)) >= wanted, seconds=SECONDS
        )
        found = counted(api, made)
        assert len(found) == len(set(found)), "no shape was asked twice, so none is counted twice"
        told = report(api, made)
        assert told["compared"] + told["dropped"] <= asked + len(last)
        assert {(user, kind) for user, kind, _ in found} <= {(u, k) for u, kinds in TOLD.items() for k in kinds}
