"""What dead workers left: read their journals to the end and give each statement its row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.recording.entries import FINAL, MAX_LINE, NOTED, decode_line, decode_note
from gateway.recording.segments import segment_paths
from gateway.usage_record import UsageRecord

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.entries import Entry

Judge = Callable[[UsageRecord], Awaitable[UsageRecord]]
"""Say what a statement that was cut off took of what it held of budgets."""


async def held_for_nothing(record: UsageRecord) -> UsageRecord:
    """Let go of what a statement held, where nobody can be asked what it took."""
    if record.bill is None:
        return record
    return replace(record, bill=replace(record.bill, note="released: nobody could be asked what it took"))


Insert = Callable[[Sequence[UsageRecord], Sequence["Entry"]], Awaitable[None]]
"""Put rows, and entries for the audit, into the store; raises when it cannot."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a dead journal held."""

    finished: int
    cut_off: int
    damaged: int
    """Lines that could not be read, the half line at the moment of death included."""


async def ship_dead(folder: Path, insert: Insert, batch_rows: int, judge: Judge = held_for_nothing) -> Recovered:
    """Send all rows and notes of a dead worker's journal to the store: final rows, then those its death cut off.

    Raises what `insert` raises, and OSError; the journal is left as it is, so it can be done again.
    """
    unfinished: dict[str, UsageRecord] = {}
    batch: list[UsageRecord] = []
    notes: list[Entry] = []
    finished = damaged = 0
    last_sign_of_life = 0.0
    for path in segment_paths(folder):
        last_sign_of_life = max(last_sign_of_life, path.stat().st_mtime)
        for line in _lines(path):
            record = decode_line(line)
            if line.startswith(NOTED) and (note := decode_note(line)) is not None:
                notes.append(note)
            elif record is None:
                damaged += bool(line)
            elif line.startswith(FINAL):
                unfinished.pop(record.query_id, None)
                batch.append(record)
                finished += 1
            else:
                unfinished[record.query_id] = record
            if len(batch) + len(notes) >= batch_rows:
                await insert(batch, notes)
                batch, notes = [], []
    cut_off = await asyncio.gather(*(judge(closed(record, last_sign_of_life)) for record in unfinished.values()))
    batch += cut_off
    for start in range(0, max(len(batch), len(notes)), batch_rows):
        await insert(batch[start : start + batch_rows], notes[start : start + batch_rows])
    return Recovered(finished, len(cut_off), damaged)


def count_rows(folder: Path) -> int:
    """Return how many statements a dead journal holds rows of, and notes besides."""
    statements, notes = set(), 0
    for line in (line for path in segment_paths(folder) for line in _lines(path)):
        record = decode_line(line)
        notes += line.startswith(NOTED)
        if record is not None:
            statements.add(record.query_id)
    return len(statements) + notes


def closed(record: UsageRecord, last_sign_of_life: float) -> UsageRecord:
    """Return the row of a statement that its worker's death cut off; times in Unix seconds."""
    return replace(
        record,
        outcome="CUT_OFF",
        finished_at=max(record.received_at, last_sign_of_life),
        error_message="The gateway process ended before the statement did",
    )


def _lines(path: Path) -> Iterator[bytes]:
    """Yield lines without newline; a half line at the end comes as it is. Bounded memory, whatever the file holds."""
    with path.open("rb") as file:
        while line := file.readline(2 * MAX_LINE):
            yield line.rstrip(b"\n")
