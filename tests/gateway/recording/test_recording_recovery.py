"""What a dead worker left becomes rows: finished ones as they were, the others as cut off."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.audit.entries import Entry
from gateway.recording.entries import FINAL, PROVISIONAL, encode_line, opened
from gateway.recording.recovery import Recovered, count_rows, ship_dead
from gateway.usage_record import UsageRecord
from tests.gateway.recording.usage_records import finished, received

LAST_SIGN = 1_760_000_100.0


class Sink:
    """Take rows as a store does; refuse after `fail_after` batches."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.batches: list[list[UsageRecord]] = []
        self.fail_after = fail_after

    async def insert(self, records: Sequence[UsageRecord], notes: Sequence[Entry] = ()) -> None:
        if self.fail_after is not None and len(self.batches) >= self.fail_after:
            raise ConnectionError
        self.batches.append(list(records))

    @property
    def outcomes(self) -> dict[str, str]:
        return {record.query_id: record.outcome for batch in self.batches for record in batch}


def leave(folder: Path, *segments: bytes) -> Path:
    """Write a dead worker's folder."""
    folder.mkdir()
    for number, data in enumerate(segments, 1):
        path = folder / f"{number:08d}.jsonl"
        path.write_bytes(data)
        os.utime(path, (LAST_SIGN, LAST_SIGN))
    return folder


def start(query_id: str) -> bytes:
    return encode_line(opened(received(query_id), 1000), PROVISIONAL)


def end(query_id: str, outcome: str = "FINISHED") -> bytes:
    return encode_line(finished(query_id, outcome), FINAL)


@pytest.mark.asyncio
async def test_a_statement_without_an_end_was_cut_off_when_the_worker_last_wrote(tmp_path: Path) -> None:
    sink = Sink()
    folder = leave(tmp_path / "w", start("q1") + start("q2") + end("q1", "FAILED"))
    assert await ship_dead(folder, sink.insert, 10) == Recovered(finished=1, cut_off=1, damaged=0)
    assert sink.outcomes == {"q1": "FAILED", "q2": "CUT_OFF"}
    cut_off = sink.batches[-1][-1]
    assert cut_off.finished_at == LAST_SIGN
    assert cut_off.user == "analyst1"
    assert cut_off.error_message


@pytest.mark.asyncio
async def test_an_end_in_a_later_segment_counts(tmp_path: Path) -> None:
    sink = Sink()
    folder = leave(tmp_path / "w", start("q1") + start("q2"), end("q2"), start("q1") + end("q1"))
    assert await ship_dead(folder, sink.insert, 10) == Recovered(2, 0, 0)
    assert sink.outcomes == {"q1": "FINISHED", "q2": "FINISHED"}


@pytest.mark.asyncio
@pytest.mark.parametrize("kept", [1, 20, -1])
async def test_a_line_torn_by_death_is_counted_and_its_statement_cut_off(tmp_path: Path, kept: int) -> None:
    sink = Sink()
    folder = leave(tmp_path / "w", start("q1") + start("q2") + end("q1") + end("q2")[:-1][:kept])
    assert await ship_dead(folder, sink.insert, 10) == Recovered(1, 1, 1)
    assert sink.outcomes == {"q1": "FINISHED", "q2": "CUT_OFF"}


@pytest.mark.asyncio
async def test_garbage_in_the_middle_costs_no_other_line(tmp_path: Path) -> None:
    sink = Sink()
    data = start("q1") + b"\x00" * 5000 + b"\n" + end("q1") + b"\n" + start("q2")
    folder = leave(tmp_path / "w", data)
    assert await ship_dead(folder, sink.insert, 10) == Recovered(1, 1, 1)


@pytest.mark.asyncio
async def test_a_file_of_zeros_from_a_power_loss_is_read_in_bounded_pieces(tmp_path: Path) -> None:
    sink = Sink()
    folder = leave(tmp_path / "w", start("q1"), b"\x00" * 3_000_000)
    recovered = await ship_dead(folder, sink.insert, 10)
    assert (recovered.finished, recovered.cut_off) == (0, 1)
    assert recovered.damaged > 1


@pytest.mark.asyncio
async def test_rows_go_in_batches_of_the_given_size(tmp_path: Path) -> None:
    sink = Sink()
    ends = b"".join(end(f"q{number}") for number in range(7))
    starts = b"".join(start(f"open{number}") for number in range(7))
    await ship_dead(leave(tmp_path / "w", ends + starts), sink.insert, 3)
    assert max(len(batch) for batch in sink.batches) == 3
    assert len(sink.outcomes) == 14


@pytest.mark.asyncio
async def test_when_the_store_fails_half_way_the_journal_stays_for_another_try(tmp_path: Path) -> None:
    folder = leave(tmp_path / "w", b"".join(end(f"q{number}") for number in range(7)))
    with pytest.raises(ConnectionError):
        await ship_dead(folder, Sink(fail_after=1).insert, 3)
    sink = Sink()
    assert await ship_dead(folder, sink.insert, 3) == Recovered(7, 0, 0)


def test_the_statements_of_a_dead_journal_can_be_counted(tmp_path: Path) -> None:
    assert count_rows(leave(tmp_path / "w", start("q1") + end("q1") + start("q2") + b"torn")) == 2
