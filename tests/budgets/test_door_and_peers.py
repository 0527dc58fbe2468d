"""What the door does for the ledger: lets go of what nobody settles, and calls back what other workers do not use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.errors import ErrorCode, Refusal
from gateway.events import EventBus, StatementPlanned
from gateway.models import Planned
from gateway.protocols.trino.ports import Ended
from gateway.received import Received
from gateway.recording.entries import PROVISIONAL, decode_line
from gateway.recording.journal import Journal
from gateway.recording.recovery import ship_dead
from gateway.recording.segments import segment_paths
from gateway.recording.writer import Writer
from gateway.usage_record import Charge, UsageRecord
from tests.gateway.protocols.trino.harness import engine_plan, site
from tests.gateway.recording.usage_records import plan as a_plan
from tests.gateway.recording.usage_records import received
from tests.gateway.recording.usage_records import settings as recording

pytestmark = pytest.mark.asyncio


async def test_what_was_reserved_for_a_statement_that_ended_while_it_was_planned_is_let_go() -> None:
    told: list[str] = []

    def settle(_: Ended) -> None:
        told.append("settled")

    async with site(ports={"settle": settle, "release": lambda _: told.append("released")}) as at:
        door = at.door._door

        async def plan(asked: Received) -> Planned:
            query = door.queries.get(asked.query_id)
            assert query is not None
            door.queries.stop(query, Refusal(ErrorCode.ADMINISTRATIVELY_KILLED, "killed"))
            return Planned(engine_plan("select"))

        door.ports = replace(door.ports, plan=plan)
        await at.post()
    assert told == ["settled", "released"]


async def test_others_are_asked_for_what_they_do_not_use_and_it_is_known_whether_all_gave_it() -> None:
    asked: list[tuple[str, ...]] = []
    gives = True

    async def give_back(accounts: Sequence[str]) -> bool:
        asked.append(tuple(accounts))
        return gives

    workers: dict[str, str] = {}
    async with (
        site(worker="aaaaa", workers=workers, real_time=True) as one,
        site(worker="bbbbb", workers=workers, real_time=True, ports={"give_back": give_back}) as two,
    ):
        workers |= {"aaaaa": f"127.0.0.1:{one.peer_port}", "bbbbb": f"127.0.0.1:{two.peer_port}"}
        assert await one.door.call_back(("a/x/usd/1",))
        assert asked == [("a/x/usd/1",)]
        gives = False
        assert not await one.door.call_back(("a/x/usd/1",))
        workers["ccccc"] = "127.0.0.1:1"
        gives = True
        assert not await one.door.call_back(("a/x/usd/1",))


async def test_the_journal_says_what_a_statement_holds_before_its_engine_is_asked(tmp_path: Path) -> None:
    made = recording(tmp_path)
    journal = Journal(made.folder, made.segment_bytes)
    writer = Writer(journal, made, EventBus(), lambda: None)
    held = (Charge("b/all/usd/1", 40, 0, "w/1"),)
    writer.holds = lambda query_id: held if query_id == "q1" else ()
    for query_id in ("q1", "q2"):
        writer.admit(received(query_id))
        writer.planned(StatementPlanned(query_id, a_plan(), cached=False))
    lines = [line for path in segment_paths(journal.folder) for line in path.read_bytes().splitlines()]
    found = {row.query_id: row.bill for row in map(decode_line, lines) if row is not None}
    assert all(line.startswith(PROVISIONAL) for line in lines)
    assert found["q2"] is None
    assert found["q1"] is not None
    assert found["q1"].charges == held
    await _judged_when_dead(journal, held)


async def _judged_when_dead(journal: Journal, held: tuple[Charge, ...]) -> None:
    """Let another worker read the journal: each statement that was cut off is judged."""
    judged: list[UsageRecord] = []

    async def judge(record: UsageRecord) -> UsageRecord:
        judged.append(record)
        return record

    async def insert(_: object, __: object) -> None:
        return None

    journal.close()
    await ship_dead(journal.folder, insert, 10, judge)
    assert {record.query_id: record.bill.charges if record.bill else () for record in judged} == {"q1": held, "q2": ()}
    assert {record.outcome for record in judged} == {"CUT_OFF"}
