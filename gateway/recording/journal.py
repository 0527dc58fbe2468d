"""The live journal of one worker: lines appended by plain writes, read back to be shipped, dropped once shipped.

A write hands the line to the operating system, so it survives the process's death (kill -9 too), not a power loss.
Nothing here awaits; all calls belong to one thread.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gateway.recording.entries import (
    FINAL,
    MAX_LINE,
    NOTED,
    PROVISIONAL,
    decode_line,
    decode_note,
    encode_line,
    encode_note,
)
from gateway.recording.segments import segment_path, settle

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.entries import Entry
    from gateway.usage_record import UsageRecord


class Position(NamedTuple):
    """Point into the journal: a segment's number and a byte in it."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Finished rows and notes read from the journal, and how far it is read once they are in the store."""

    records: tuple[UsageRecord, ...]
    end: Position
    lines: Counter[int] = field(default_factory=Counter)
    """How many of them come from which segment."""
    notes: tuple[Entry, ...] = ()
    """Entries for the audit."""


@dataclass(slots=True)
class _Segment:
    """How many bytes a segment holds, how many of its rows and notes are not shipped, who is under way by its lines."""

    size: int = 0
    waiting: int = 0
    open: dict[str, None] = field(default_factory=dict)


class Journal:
    """Append what becomes of statements; read finished rows in order; forget what is shipped."""

    def __init__(self, root: Path, segment_bytes: int) -> None:
        """Settle in a folder of its own under `root`. Raises OSError."""
        self._home = settle(root)
        self._segment_bytes = segment_bytes
        self._segments: dict[int, _Segment] = {}
        self._open: dict[str, tuple[int, bytes]] = {}
        self._open_bytes = 0
        self._read_to = Position(1, 0)
        self._synced_to = Position(1, 0)
        self._mend = b""
        self._descriptor = -1
        self._active = 0
        self.size = 0
        """Bytes in all segments."""
        self.vanished = 0
        """Finished rows whose segment somebody else deleted before they were shipped."""
        try:
            self._start_segment(1)
        except OSError:
            self._home.remove()
            raise

    @property
    def root(self) -> Path:
        """The folder that all workers' folders lie in."""
        return self._home.folder.parent

    @property
    def folder(self) -> Path:
        """The folder that holds this worker's segments."""
        return self._home.folder

    @property
    def waiting(self) -> int:
        """Finished rows and notes not yet shipped."""
        return sum(segment.waiting for segment in self._segments.values())

    @property
    def unfinished(self) -> int:
        """Statements opened and not finished."""
        return len(self._open)

    def open(self, record: UsageRecord) -> None:
        """Write what becomes of a statement should the process die; again when more is known. Raises OSError."""
        line = encode_line(record, PROVISIONAL)
        self._append(line)
        self._hold(record.query_id, line)

    def finish(self, record: UsageRecord) -> None:
        """Write a statement's final row. Raises OSError, and then nothing was written."""
        self._append(encode_line(record, FINAL))
        self._segments[self._active].waiting += 1
        self.forget(record.query_id)

    def note(self, entry: Entry) -> None:
        """Write an entry for the audit. Raises OSError, and then nothing was written."""
        self._append(encode_note(entry))
        self._segments[self._active].waiting += 1

    def probe(self) -> None:
        """Find out whether the disk takes lines; an empty one says nothing. Raises OSError."""
        self._append(b"\n")

    def forget(self, query_id: str) -> None:
        """Cease to carry an opened statement, whose final row went to the store another way."""
        number, line = self._open.pop(query_id, (0, b""))
        self._open_bytes -= len(line)
        if number in self._segments:
            self._segments[number].open.pop(query_id, None)

    def read(self, limit: int) -> Batch:
        """Return the next finished rows and notes, at most `limit`, without moving on. Raises OSError."""
        found = _Found([], [])
        lines: Counter[int] = Counter()
        segment, offset = self._read_to
        while found.count < limit:
            try:
                data = self._chunk(segment, offset)
            except FileNotFoundError:
                self.vanished += self._segments[segment].waiting
                following = self._after(segment)
                self._delete(segment)
                segment, offset = following, 0
                continue
            if not data and segment == self._active:
                break
            if not data:
                segment, offset = self._after(segment), 0
                continue
            before = found.count
            offset += found.take(data, limit)
            lines[segment] += found.count - before
        return Batch(tuple(found.records), Position(segment, offset), lines, tuple(found.notes))

    def advance(self, batch: Batch) -> None:
        """Note that a batch is in the store; delete segments that hold nothing else, the oldest first.

        What is under way is written again where its segment goes, and that only when it makes up less than half of
        the journal: with many statements under way their lines would otherwise be all that is ever written.
        """
        for number, count in batch.lines.items():
            if number in self._segments:
                self._segments[number].waiting -= count
        self._read_to = max(self._read_to, batch.end)
        for number in sorted(self._segments):
            if number >= self._read_to.segment:
                break
            if self._segments[number].open and not (self._is_wasteful and self._carry(self._segments[number])):
                break
            self._delete(number)

    def drop_oldest(self) -> int | None:
        """Delete the oldest segment and return how many finished rows are lost by it; None if there is no other."""
        number = min(self._segments)
        if number == self._active:
            return None
        lost = self._segments[number].waiting
        self._read_to = max(self._read_to, Position(self._after(number), 0))
        dropped = self._segments[number]
        self._delete(number)
        self._carry(dropped)  # after deleting, which made the room
        return lost

    def unsynced(self) -> list[Path]:
        """Return the segments written to since the last call, for `segments.force_to_disk`."""
        now = Position(self._active, self._segments[self._active].size)
        since, self._synced_to = self._synced_to, now
        if since == now:
            return []
        return [segment_path(self.folder, each) for each in self._segments if each >= since.segment]

    def close(self, *, keep: bool = False) -> None:
        """Let go of the folder; delete it if nothing in it is needed, and it is not to be kept. Idempotent."""
        if self._descriptor < 0:
            return
        os.close(self._descriptor)
        self._descriptor = -1
        if self.waiting or self._open or keep:
            self._home.lock.release()
        else:
            self._home.remove()

    def _append(self, line: bytes) -> None:
        """Write one line wholly or not at all."""
        if self._segments[self._active].size >= self._segment_bytes:
            self._rotate()
        data = self._mend + line
        written = os.write(self._descriptor, data)
        if written != len(data):
            self._undo(written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._mend = b""
        self._grow(written)

    def _grow(self, count: int) -> None:
        self._segments[self._active].size += count
        self.size += count

    def _undo(self, written: int) -> None:
        """Take back half a line; where even that fails, end it before the next, so that the next can be read."""
        try:
            os.ftruncate(self._descriptor, self._segments[self._active].size)
        except OSError:
            self._grow(written)
            self._mend = b"\n"

    def _rotate(self) -> None:
        """Begin a new segment; where that cannot be, the old one grows on."""
        try:
            self._start_segment(self._active + 1)
        except OSError:
            return

    def _start_segment(self, number: int) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(segment_path(self.folder, number), flags, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._active = descriptor, number
        self._segments[number] = _Segment()

    def _after(self, number: int) -> int:
        return min(each for each in self._segments if each > number)

    def _chunk(self, number: int, offset: int) -> bytes:
        """Read some whole lines of a segment from `offset`; empty at its end."""
        want = min(self._segments[number].size - offset, 2 * MAX_LINE)
        if want <= 0:
            return b""
        if number == self._active:
            data = os.pread(self._descriptor, want, offset)
        else:
            with segment_path(self.folder, number).open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), want, offset)
        return data[: data.rfind(b"\n") + 1]

    @property
    def _is_wasteful(self) -> bool:
        return self.size > 2 * self._open_bytes + self._segment_bytes

    def _hold(self, query_id: str, line: bytes) -> None:
        """Note where the line of a statement under way lies now."""
        self.forget(query_id)
        self._open[query_id] = (self._active, line)
        self._open_bytes += len(line)
        self._segments[self._active].open[query_id] = None

    def _carry(self, segment: _Segment) -> bool:
        """Write the statements still open in a segment again, at the journal's end; False if that cannot be."""
        for query_id in tuple(segment.open):
            line = self._open[query_id][1]
            try:
                self._append(line)
            except OSError:
                return False
            self._hold(query_id, line)
        return True

    def _delete(self, number: int) -> None:
        segment_path(self.folder, number).unlink(missing_ok=True)
        self.size -= self._segments.pop(number).size


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read of a journal so far."""

    records: list[UsageRecord]
    notes: list[Entry]

    @property
    def count(self) -> int:
        return len(self.records) + len(self.notes)

    def take(self, data: bytes, limit: int) -> int:
        """Decode whole lines until there are `limit` rows and notes; return how many bytes that took."""
        taken = 0
        for line in data.split(b"\n")[:-1]:
            if self.count >= limit:
                break
            taken += len(line) + 1
            if line.startswith(FINAL) and (record := decode_line(line)) is not None:
                self.records.append(record)
            elif line.startswith(NOTED) and (note := decode_note(line)) is not None:
                self.notes.append(note)
        return taken
