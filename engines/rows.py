"""Write result columns and rows as the Trino protocol's JSON, for engines that make their own pages.

Values are converted a column at a time into what the wire shows (strings for decimals and times, lists for rows),
then rows are zipped together and dumped once. Source: trino-protocol sections 6, 7 and 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
import orjson

from catalog.errors import ErrorCode, Refusal
from catalog.type_signatures import downgrade, type_signature
from catalog.types import TrinoType, type_text
from engines.base import OutputColumn
from engines.values import column_converter, exact_datetimes

TARGET_BYTES = 1 << 20
"""Trino's own target for one page."""


def columns_json(columns: Sequence[OutputColumn], capabilities: frozenset[str]) -> bytes:
    """Write the `columns` member: name, type text and signature, downgraded for the client's capabilities.

    Raises Refusal NOT_SUPPORTED for types inside one another beyond what JSON writers take (some 80 levels).
    """
    shown = [(column.name, downgrade(column.type, capabilities)) for column in columns]
    try:
        return orjson.dumps(
            [{"name": name, "type": type_text(type_), "typeSignature": type_signature(type_)} for name, type_ in shown]
        )
    except orjson.JSONEncodeError:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "A column's type is nested too deeply to be described") from None


def encode_rows(columns: Sequence[Sequence[object]], types: Sequence[TrinoType], capabilities: frozenset[str]) -> bytes:
    """Write the `data` member from Python values given column by column, all of one length."""
    return dump_rows(wire_columns(columns, types, capabilities))


def wire_columns(
    columns: Sequence[Sequence[object]], types: Sequence[TrinoType], capabilities: frozenset[str]
) -> list[Sequence[object]]:
    """Convert Python values, column by column, to what the wire shows."""
    exact = exact_datetimes(capabilities)
    return [column_converter(type_, exact)(values) for values, type_ in zip(columns, types, strict=True)]


def dump_rows(columns: Sequence[Sequence[object]]) -> bytes:
    """Write the `data` member from columns whose values are already in wire form."""
    return orjson.dumps(list(zip(*columns, strict=True)))


@dataclass(frozen=True, slots=True)
class DataPage:
    """Hold the `data` member of one page and its number of rows."""

    data: bytes
    rows: int


class Paginator:
    """Cut rows into pages of about `target` bytes of JSON; a single larger row is a page of its own.

    How many rows fit is learnt from what was written so far, starting with one row and at most quadrupling, so
    that very wide rows cost no more memory than one page.
    """

    def __init__(self, target: int = TARGET_BYTES) -> None:
        """Begin with an empty page."""
        self._target = target
        self._pieces: list[bytes] = []
        self._size = 0
        self._rows = 0
        self._step = 1

    def add(self, columns: Sequence[Sequence[object]]) -> Iterator[DataPage]:
        """Take rows given as columns in wire form; yield each page that became full."""
        rows = list(zip(*columns, strict=True))
        start = 0
        while start < len(rows):
            stop = min(start + self._step, len(rows))
            piece = orjson.dumps(rows[start:stop])[1:-1]
            self._pieces.append(piece)
            self._size += len(piece) + 1
            self._rows += stop - start
            self._step = self._next_step(len(piece) / (stop - start))
            start = stop
            if self._size >= self._target:
                yield self._cut()

    def finish(self) -> Iterator[DataPage]:
        """Yield the last page, if any rows are left."""
        if self._rows:
            yield self._cut()

    def _next_step(self, width: float) -> int:
        room = self._target - self._size
        fitting = int(max(room, self._target // 8) / max(width, 1))
        return max(1, min(self._step * 4, fitting))

    def _cut(self) -> DataPage:
        page = DataPage(b"[" + b",".join(self._pieces) + b"]", self._rows)
        self._pieces, self._size, self._rows = [], 0, 0
        return page


class Progress(msgspec.Struct, frozen=True):
    """Say how far a statement is, for `stats`; times in milliseconds."""

    state: str
    """`QUEUED`, `RUNNING`, `FINISHED` or `FAILED`."""
    queued_ms: int = 0
    elapsed_ms: int = 0
    rows: int = 0
    bytes: int = 0
    scanned: int = 0
    """Bytes read from storage."""
    cpu_ms: int = 0
    peak_memory_bytes: int = 0


def stats_json(progress: Progress) -> bytes:
    """Write the `stats` member with every field clients read, `rootStage` included (the CLI draws from it)."""
    wall = max(0, progress.elapsed_ms - progress.queued_ms)
    work = (progress.cpu_ms, wall, progress.rows, progress.bytes, progress.scanned)
    times = (progress.queued_ms, progress.elapsed_ms)
    return _stats_form(progress.state) % (*times, *work, progress.peak_memory_bytes, *work)


@lru_cache(maxsize=32)
def _stats_form(state: str) -> bytes:
    """Return the member with a `%d` for each figure, in the order of `stats_json`: every poll has one made."""
    done = state in ("FINISHED", "FAILED")
    started = state != "QUEUED"
    named = state.replace("%", "%%")
    splits = {
        "totalSplits": 1,
        "queuedSplits": int(not started),
        "runningSplits": int(started and not done),
        "completedSplits": int(done),
    }
    work = {
        "cpuTimeMillis": "%d",
        "wallTimeMillis": "%d",
        "processedRows": "%d",
        "processedBytes": "%d",
        "physicalInputBytes": "%d",
    }
    form = {
        "state": named,
        "queued": not started,
        "scheduled": started,
        "progressPercentage": 100.0 if done else 0.0,
        "runningPercentage": 0.0 if done or not started else 100.0,
        "nodes": 1,
        **splits,
        "planningTimeMillis": 0,
        "analysisTimeMillis": 0,
        "queuedTimeMillis": "%d",
        "elapsedTimeMillis": "%d",
        "finishingTimeMillis": 0,
        "physicalInputTimeMillis": 0,
        **work,
        "physicalWrittenBytes": 0,
        "internalNetworkInputBytes": 0,
        "peakMemoryBytes": "%d",
        "spilledBytes": 0,
        "rootStage": {
            "stageId": "0",
            "state": named,
            "done": done,
            "nodes": 1,
            **splits,
            **work,
            "failedTasks": 0,
            "coordinatorOnly": False,
            "subStages": [],
        },
    }
    return orjson.dumps(form).replace(b'"%d"', b"%d")
