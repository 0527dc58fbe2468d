"""Following the registry: what is revoked is gone soon, and without the store partners, and only they, are refused."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from catalog.errors import Refusal
from catalog.objects import TableName
from engines.base import OutputColumn
from gateway.config.partners import Partners
from gateway.events import Event, PartnerAsked
from gateway.models import Plan, Planned, TableAccess
from gateway.partners.admission import Admission
from gateway.partners.changes import register
from gateway.partners.database import RegistryError
from gateway.partners.following import Following, KnownPartners
from gateway.partners.model import PartnerRecord
from gateway.partners.offline import stored_access
from gateway.partners.rates import Rates
from gateway.partners.store import PartnerStore
from gateway.received import Principal, Received, Session
from policies.clock import Clock
from policies.entitlements import NO_PARTNERS, Entitlement, Partner, PartnerAccess, Scope, Share, access_of
from tests.partners.test_enforcement_rates import Hands, OneStore

PRICES = TableName("lake", "curated", "lmp_prices")
SETTINGS = Partners(stale_seconds=30)
ENTITLED = Entitlement("e1", "acme", PRICES, 1000.0)
ACME = Principal("acme", "acme")
BY_TOKEN = Principal("acme", "acme", expires_at=500.0, scope=Scope("t1", (Share(PRICES),)))
ANA = Principal("ana", "ana", roles=frozenset({"viewer"}))


class Registry:
    """A registry that a test changes, and that may be away."""

    def __init__(self) -> None:
        self.now = access_of(1, {"acme": Partner("acme")}, [ENTITLED])
        self.away = False
        self.hangs = False
        self.broken = False
        self.read = 0

    async def revision(self) -> int:
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise RegistryError("OSError")
        return self.now.revision

    async def access(self) -> PartnerAccess:
        self.read += 1
        if self.broken:
            raise ValueError("a row that nobody understands")
        return self.now


class World:
    """One worker's following and admission over a registry."""

    def __init__(self, folder: Path, registry: Registry | None = None) -> None:
        self.registry = registry or Registry()
        self.hands, self.wall = Hands(), Hands()
        self.given: list[PartnerAccess] = []
        self.told: list[Event] = []
        self.settings = SETTINGS
        self.following = Following(
            self.registry,
            lambda: self.settings,
            self.given.append,
            KnownPartners(folder, "sqlite:///store.db"),
            monotonic=self.hands,
        )
        rates = Rates(OneStore(1000), lambda: 1)
        self.admission = Admission(
            self.following, lambda: self.given[-1], rates, lambda: SETTINGS, self.told.append, clock=Clock(self.wall)
        )
        self.number = 0

    async def plan(self, principal: Principal = ACME, table: TableName = PRICES) -> Received:
        """Plan a statement that reads a table. Raises Refusal."""
        self.number += 1
        received = Received(f"q{self.number}", "SELECT 1", principal, Session(), 0.0)

        async def planner(_: Received) -> Planned:
            return Planned(self.reading(table))

        planned = await self.admission.plan(received, planner)
        if not isinstance(planned, Planned):
            raise planned.refusal
        return received

    @staticmethod
    def reading(table: TableName = PRICES) -> Plan:
        accesses = (TableAccess(table, "select", ("iso",)),)
        return Plan("SELECT", "engine", tables=accesses, columns=(OutputColumn("iso", "varchar"),))

    def why(self, received: Received) -> str:
        """Return why a running statement is answered no more; empty if it is."""
        refusal = self.admission.review(received, self.reading())
        return refusal.message if refusal is not None else ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def refused(world: World, principal: Principal = ACME) -> str:
    with pytest.raises(Refusal) as caught:
        await world.plan(principal)
    return caught.value.code.name


@pytest.mark.asyncio
async def test_what_has_not_changed_is_not_read_again(world: World) -> None:
    for _ in range(3):
        await world.following.refresh()
    assert world.registry.read == 1
    world.registry.now = access_of(2, {"acme": Partner("acme")}, [])
    await world.following.refresh()
    assert world.registry.read == 2
    assert world.given[-1].entitlements == {}


@pytest.mark.asyncio
async def test_another_role_in_the_configuration_holds_without_a_change_of_the_registry(world: World) -> None:
    await world.following.refresh()
    world.settings = Partners(role="contractor")
    await world.following.refresh()
    assert world.given[-1].role == "contractor"
    assert world.registry.read == 1


@pytest.mark.asyncio
async def test_without_the_store_the_last_access_stays_for_a_time_and_then_only_partners_are_refused(
    world: World,
) -> None:
    await world.following.refresh()
    world.registry.away = True
    for moment, served in ((10.0, True), (30.0, True), (30.1, False)):
        world.hands.now = moment
        with pytest.raises(RegistryError):
            await world.following.refresh()
        if served:
            await world.plan()
        else:
            assert await refused(world) == "SERVER_STARTING_UP"
        await world.plan(ANA)
    world.registry.away = False
    await world.following.refresh()
    await world.plan()


@pytest.mark.asyncio
async def test_a_store_that_hangs_is_a_store_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.partners.following._ANSWER_SECONDS", 0.05)
    world.registry.hangs = True
    with pytest.raises(TimeoutError):
        await world.following.refresh()
    world.registry.hangs = False
    await world.following.refresh()
    await world.plan()


@pytest.mark.asyncio
async def test_a_host_that_never_read_the_registry_refuses_whoever_may_be_a_partner(world: World) -> None:
    for stranger in (ACME, BY_TOKEN, Principal("beta", "beta", roles=frozenset({"partner"}))):
        assert await refused(world, stranger) == "SERVER_STARTING_UP"
    await world.plan(ANA)


@pytest.mark.asyncio
async def test_a_host_that_read_it_once_knows_whom_to_refuse(tmp_path: Path) -> None:
    before = World(tmp_path)
    await before.following.refresh()
    again = World(tmp_path)
    assert await refused(again) == "SERVER_STARTING_UP"
    await again.plan(Principal("nobody", "nobody"))
    await again.following.refresh()
    await again.plan()


def test_the_names_of_another_store_count_for_nothing(tmp_path: Path) -> None:
    KnownPartners(tmp_path, "sqlite:///one.db").write(["acme"])
    assert KnownPartners(tmp_path, "sqlite:///one.db").read() == {"acme"}
    assert KnownPartners(tmp_path, "sqlite:///two.db").read() is None
    (tmp_path / "partners.json").write_text("{")
    assert KnownPartners(tmp_path, "sqlite:///one.db").read() is None


@pytest.mark.asyncio
async def test_following_asks_by_itself_and_ages_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.partners.following._FOLLOW_SECONDS", 0.01)
    await world.following.start()
    try:
        world.registry.now = access_of(2, {}, [])
        await _until(lambda: world.given[-1].revision == 2)
        world.registry.away = True
        world.hands.now = 31.0
        await _until(lambda: not world.given[-1].known)
        world.registry.away = False
        await _until(lambda: world.given[-1].known)
        world.registry.broken = True
        world.registry.now = access_of(3, {}, [])
        await asyncio.sleep(0.05)
        world.registry.broken = False
        await _until(lambda: world.given[-1].revision == 3)
    finally:
        await world.following.close()


async def _until(true: object) -> None:
    deadline = time.monotonic() + 10
    while not true():  # type: ignore[operator]  # None would fail the test
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (access_of(2, {"acme": Partner("acme")}, []), "The entitlement to lake.curated.lmp_prices has ended"),
        (
            access_of(2, {"acme": Partner("acme")}, [Entitlement("e1", "acme", PRICES, 1000.0, row_filter="false")]),
            "The entitlement to lake.curated.lmp_prices has ended or was changed",
        ),
        (access_of(2, {"acme": Partner("acme", suspended=True)}, [ENTITLED]), "The partner acme is suspended"),
        (access_of(2, {"acme": Partner("acme")}, [ENTITLED], frozenset({"t1"})), "The token was revoked"),
        (access_of(2, {}, [ENTITLED]), "The partner acme is not registered"),
        (access_of(2, {"acme": Partner("acme")}, [ENTITLED]), ""),
    ],
)
async def test_a_running_statement_ends_with_what_it_rests_on(world: World, change: PartnerAccess, why: str) -> None:
    await world.following.refresh()
    running, others = await world.plan(BY_TOKEN), await world.plan(ANA)
    assert world.why(running) == ""
    world.registry.now = change
    await world.following.refresh()
    assert why in world.why(running)
    assert bool(world.why(running)) == bool(why)
    assert world.why(others) == ""


@pytest.mark.asyncio
async def test_a_running_statement_ends_at_the_end_of_token_and_entitlement(world: World) -> None:
    await world.following.refresh()
    by_token, by_name = await world.plan(BY_TOKEN), await world.plan()
    seen = []
    for moment in (499.0, 500.0, 1000.0, 400.0):
        world.wall.now = moment
        seen.append((bool(world.why(by_token)), bool(world.why(by_name))))
    assert seen == [(False, False), (True, False), (True, True), (True, True)], "also when the clock is set back"


@pytest.mark.asyncio
async def test_what_ends_while_a_statement_is_planned_ends_it(world: World) -> None:
    await world.following.refresh()
    world.wall.now = 999.0

    async def slowly(_: Received) -> Planned:
        world.wall.now = 1000.0
        return Planned(world.reading())

    received = Received("slow", "SELECT 1", ACME, Session(), 0.0)
    await world.admission.plan(received, slowly)
    assert "has ended" in world.why(received)


@pytest.mark.asyncio
async def test_whoever_becomes_a_partner_does_not_go_on_as_somebody_else(world: World) -> None:
    world.registry.now = access_of(1, {}, [])
    await world.following.refresh()
    running = await world.plan()
    world.registry.now = access_of(2, {"acme": Partner("acme")}, [ENTITLED])
    await world.following.refresh()
    assert "has begun" in world.why(running)


@pytest.mark.asyncio
async def test_what_partners_ask_is_told_and_what_ended_is_forgotten(world: World) -> None:
    await world.following.refresh()
    received = await world.plan()
    world.registry.now = access_of(2, {"acme": Partner("acme", suspended=True)}, [])
    await world.following.refresh()
    assert await refused(world) == "PERMISSION_DENIED"
    await world.plan(ANA)
    assert world.told == [PartnerAsked("acme", "allow"), PartnerAsked("acme", "refuse")]
    world.admission.end(received.query_id)
    assert not world.admission._running


@pytest.mark.asyncio
async def test_a_command_beside_the_gateway_knows_partners_and_makes_no_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    assert await stored_access(url, "partner") == NO_PARTNERS
    assert not (tmp_path / "store.db").exists()
    registry = PartnerStore(url)
    await registry.change(register(PartnerRecord("acme", "ACME", None, None, "active", 0.0, "s", 0.0, 1)))
    await registry.close()
    found = await stored_access(url, "contractor")
    assert set(found.partners) == {"acme"}
    assert found.role == "contractor"
