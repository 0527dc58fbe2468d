"""Who makes many statements fail on values of restricted tables is slowed, then refused for a time; nobody else is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from catalog.errors import Refusal
from gateway.breaker import Breaker, is_probe
from gateway.config.breaker import Breaker as Settings
from gateway.events import Event, ProbingNoticed
from gateway.received import Principal
from gateway.usage_record import UsageRecord
from tests.gateway.recording.usage_records import finished

SETTINGS = Settings(window_seconds=60, slow_after=3, delay_seconds=0.5, refuse_after=5, refuse_seconds=30)
ANA = Principal("ana", "ana")


@dataclass
class World:
    """A breaker with a clock of its own."""

    folder: Path
    worker: str = "a"
    settings: Settings = SETTINGS
    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        self.breaker = Breaker(
            self.settings, self.folder, self.told.append, worker=self.worker, clock=lambda: self.now, sleep=sleep
        )

    def fail(self, times: int = 1, record: UsageRecord | None = None) -> None:
        for _ in range(times):
            self.breaker.failed(record or probe())

    async def settle(self) -> None:
        """Wait until what other workers counted has been read."""
        if self.breaker._reading is not None:
            await self.breaker._reading


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def probe(user: str = "ana", authenticated: str = "ana", **changes: object) -> UsageRecord:
    record = finished("q1", "FAILED", engine="trino", error_code="DIVISION_BY_ZERO", reasons=("row_filter: some rows",))
    return msgspec.structs.replace(record, user=user, authenticated=authenticated, **changes)


@pytest.mark.asyncio
async def test_few_failures_change_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fail(2)
    await world.breaker.admit(ANA)
    assert (world.slept, world.told) == ([], [])


@pytest.mark.asyncio
async def test_more_failures_slow_and_many_refuse_until_a_time_has_passed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fail(3)
    await world.breaker.admit(ANA)
    await world.breaker.admit(ANA)
    assert world.slept == [0.5, 0.5]
    world.fail(2)
    with pytest.raises(Refusal, match="Try again in 31 seconds") as refused:
        await world.breaker.admit(ANA)
    assert refused.value.code.name == "QUERY_REJECTED"
    assert world.told == [ProbingNoticed("ana", "ana", 3, "slowed"), ProbingNoticed("ana", "ana", 5, "refused")]
    world.now += 31
    await world.breaker.admit(ANA)
    assert world.slept == [0.5, 0.5, 0.5]
    world.fail()
    with pytest.raises(Refusal):
        await world.breaker.admit(ANA)
    world.now += 61
    await world.breaker.admit(ANA)
    assert len(world.slept) == 3


@pytest.mark.asyncio
async def test_another_principal_is_not_hit_nor_is_somebody_else_who_acts_for_the_same_user(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.fail(9)
    await world.breaker.admit(Principal("bob", "bob"))
    await world.breaker.admit(Principal("ana", "superset"))
    assert world.slept == []
    with pytest.raises(Refusal):
        await world.breaker.admit(ANA)


@pytest.mark.parametrize(
    "harmless",
    [
        probe(outcome="REFUSED", error_code="SYNTAX_ERROR", engine=None),
        probe(outcome="REFUSED", error_code="COLUMN_NOT_FOUND", engine=None),
        probe(outcome="FAILED", error_code="EXCEEDED_TIME_LIMIT"),
        probe(outcome="FINISHED", error_code=None),
        probe(outcome="CANCELED", error_code="USER_CANCELED"),
        probe(reasons=()),
        probe(reasons=("notice: integers are wider",)),
    ],
    ids=lambda record: f"{record.outcome} {record.error_code} {record.reasons}",
)
def test_a_typo_or_a_failure_on_open_tables_is_no_probe(harmless: UsageRecord) -> None:
    assert not is_probe(harmless)
    assert is_probe(probe())
    assert is_probe(probe(reasons=("column_mask: e-mail",), error_code="INVALID_CAST_ARGUMENT"))


@pytest.mark.asyncio
async def test_workers_of_a_replica_count_together_and_forget_together(tmp_path: Path) -> None:
    one, two = World(tmp_path, "one"), World(tmp_path, "two")
    one.fail(3)
    two.fail(2)
    await two.breaker.admit(Principal("bob", "bob"))  # the first look of a worker begins the reading
    await two.settle()
    with pytest.raises(Refusal):
        await two.breaker.admit(ANA)
    assert not any("ana" in name for name in names(tmp_path))
    two.now += 100
    for name in names(tmp_path):
        os.utime(tmp_path / name, (1_000.0, 1_000.0))
    await two.breaker.admit(ANA)
    await two.settle()
    assert names(tmp_path) == []


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_written_costs_only_what_others_would_have_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    world = World(tmp_path / "file" / "folder")
    world.fail(5)
    with pytest.raises(Refusal):
        await world.breaker.admit(ANA)


@pytest.mark.asyncio
async def test_a_breaker_that_is_off_lets_everybody_pass(tmp_path: Path) -> None:
    world = World(tmp_path, settings=SETTINGS.model_copy(update={"enabled": False}))
    world.fail(50)
    await world.breaker.admit(ANA)
    assert (world.slept, names(tmp_path)) == ([], [])


def test_thresholds_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="slow_after"):
        Settings(slow_after=9, refuse_after=5)
