"""Filters of an earlier table of a name go when a table is made anew, and only where nobody else may be filling one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from catalog.objects import TableName
from gateway.policy_files import PolicyFiles
from gateway.policy_store.changing import Alone, change_policies
from gateway.policy_store.edits import PolicyEdit
from gateway.policy_store.inheriting import Inherit
from gateway.policy_store.renaming import Carry
from gateway.policy_store.store import PolicyStore
from gateway.protocols.trino import policy_changes
from gateway.protocols.trino.policy_changes import writes_into
from gateway.received import Received
from policies.document import RowFilter
from policies.following import Following
from policies.inheritance import Inheritance
from tests.gateway.protocols.trino.harness import MemoryEngine, engine_plan, page, site

pytestmark = pytest.mark.asyncio
COPY, OTHER = TableName("lake", "trading", "copy"), TableName("lake", "trading", "other")
OWN_DESK = RowFilter(id="follows-1", table=str(COPY), filter="desk = 'CAISO'", roles="all")
FILLING = Inherit(COPY, Inheritance(), Following(filters=(OWN_DESK,)), made=())
EMPTYING = Inherit(COPY, Inheritance(), made=(OWN_DESK,))


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[PolicyFiles, PolicyFiles]]:
    """Give two gateways that share a store, in which the copy is filtered."""
    (tmp_path / "policies.yaml").write_text("version: 1\nroles: {analyst: }\n")
    url = f"sqlite:///{tmp_path / 'usage.db'}"
    made = [PolicyFiles([tmp_path / "policies.yaml"], lambda _: None, PolicyStore(url, timeout=10)) for _ in range(2)]
    await change(made[0], FILLING, nobody)
    yield made[0], made[1]
    for each in made:
        await each.close()


async def nobody(_: TableName) -> bool:
    return True


async def somebody(_: TableName) -> bool:
    return False


async def change(files: PolicyFiles, edit: PolicyEdit, alone: Alone) -> None:
    await change_policies(files, edit, "root", lambda _, __: True, alone)


async def filtered(files: PolicyFiles) -> bool:
    await files.refresh()
    return COPY in files.current().filters


async def test_what_followed_earlier_rows_goes_where_nobody_else_writes(
    pair: tuple[PolicyFiles, PolicyFiles],
) -> None:
    one, other = pair
    await change(other, EMPTYING, nobody)
    assert not await filtered(one)


@pytest.mark.parametrize("edit", [EMPTYING, Carry(OTHER, COPY, made=(OWN_DESK,))], ids=["made", "renamed"])
async def test_it_stays_where_somebody_writes(pair: tuple[PolicyFiles, PolicyFiles], edit: PolicyEdit) -> None:
    one, other = pair
    await change(other, edit, somebody)
    assert await filtered(one)


async def test_it_stays_where_somebody_begins_to_write_once_all_have_said_that_nobody_does(
    pair: tuple[PolicyFiles, PolicyFiles],
) -> None:
    one, other = pair
    asked: list[TableName] = []

    async def till_now(table: TableName) -> bool:
        asked.append(table)
        if len(asked) > 1:
            return False
        await change(one, FILLING, nobody)  # which finds its filter there already
        return True

    await change(other, EMPTYING, till_now)
    assert asked == [COPY, COPY]
    assert await filtered(one)


async def test_a_worker_knows_which_of_its_statements_may_yet_write(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    engine.scripts = {"fill": [page([[1]], next="1"), page([[1]], state="FINISHED")]}
    asked: list[bool] = []

    async def change(edit: PolicyEdit, _: Received, alone: Alone) -> None:
        assert edit.into is not None
        asked.append(await alone(edit.into))

    workers: dict[str, str] = {}
    async with (
        site(engine, worker="aaaaa", workers=workers, real_time=True, ports={"change_policies": change}) as one,
        site(worker="bbbbb", workers=workers, real_time=True, ports={"change_policies": change}) as two,
    ):
        workers |= {"aaaaa": f"127.0.0.1:{one.peer_port}", "bbbbb": f"127.0.0.1:{two.peer_port}"}
        for at in (one, two):
            at.plans["fill"] = engine_plan("fill", policy_edit=FILLING)
        begun = await one.post("fill")
        assert (writes_into(one.door._door, COPY), writes_into(one.door._door, OTHER)) == (True, False)
        await one.post("fill")
        await two.post("fill")
        assert asked == [True, False, False], "of this worker, and of another"
        await one.get(begun.json["nextUri"], method="DELETE")
        assert writes_into(one.door._door, COPY), "it may have been at its last step"
        one.door._door.queries.end(next(iter(one.door._door.queries)), "FINISHED")
        monkeypatch.setattr(policy_changes, "_LATE_SECONDS", 0.0)
        assert not writes_into(one.door._door, COPY)


async def test_a_worker_that_does_not_answer_may_have_one_that_writes() -> None:
    workers = {"ccccc": "127.0.0.1:1"}
    async with site(worker="aaaaa", workers=workers) as at:
        assert not await at.door._door.peers.nobody_writes(COPY)
