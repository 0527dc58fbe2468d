"""What becomes of usage rows on their way to the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreUnavailable:
    """The usage store does not take rows; they wait in the journal. Published once per outage."""

    reason: str
    """The kind of the error, without addresses or values."""


@dataclass(frozen=True, slots=True)
class StoreAvailable:
    """The usage store takes rows (again)."""


@dataclass(frozen=True, slots=True)
class RowsShipped:
    """A batch of usage rows reached the store."""

    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RowsLost:
    """Usage rows are gone for good: only ever by the loss policy `drop_oldest` or by damage to the journal."""

    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """A dead worker's journal was read to its end and its rows are in the store."""

    finished: int
    cut_off: int
    """Statements that the worker's death cut off."""
    damaged: int
    """Lines that could not be read."""


@dataclass(frozen=True, slots=True)
class RecordingRefused:
    """A statement was turned away because it could not have been recorded."""

    reason: str
    """`journal full` or `disk`."""


@dataclass(frozen=True, slots=True)
class RecordingMeasured:
    """How the journal stands now."""

    journal_bytes: int
    waiting_rows: int
    lag_seconds: float
    """Age of the oldest finished row that is not in the store yet; 0 when none waits."""
