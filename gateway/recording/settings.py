"""What an operator may choose about recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gateway.audit.derive import Reads
from gateway.audit.links import START, ChainKeys, Head

LossPolicy = Literal["refuse", "drop_oldest"]
"""What to do when nothing more can be recorded: take no new statements, or forget the oldest rows (counted)."""


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Say where usage rows go and how much may wait. Sizes in bytes, times in seconds."""

    folder: Path
    """The journal's folder, on a local disk that outlives the process; shared by the workers of one host."""
    store_url: str
    """`sqlite:///path` or `postgresql://user:password@host/database`."""
    on_full: LossPolicy = "refuse"
    max_bytes: int = 256 * 1024 * 1024
    """Bound of one worker's journal, together with journals of dead workers not yet in the store."""
    segment_bytes: int = 1024 * 1024
    """A journal file is closed at this size, and removed once all of it is in the store."""
    sql_limit: int = 65_536
    """Characters of a statement's text that are kept."""
    batch_rows: int = 50
    """Rows sent to the store at a time; preparing them occupies the event loop for some 40 microseconds each."""
    batch_seconds: float = 1.0
    """A finished statement's row waits at most this long before it is sent to the store."""
    retry_seconds: float = 30.0
    """Longest pause between two tries when the store is down; the first pauses are shorter."""
    store_timeout: float = 10.0
    sweep_seconds: float = 30.0
    """How often to look for journals of dead workers."""
    fsync_seconds: float | None = None
    """How often to force the journal to the disk. None: rows survive the process's death, not a power loss."""
    audit_keys: ChainKeys = field(default_factory=ChainKeys)
    """What the audit's hashes are made with."""
    audit_reads: Reads = "sensitive"
    """Which statements leave an entry in the audit for what they read."""
    audit_seen: Head = START
    """The last head of the audit's chain that is known here."""
    migrate: bool = True
    """Bring the store's tables up to date before the first row; otherwise `penstock migrate` must have done it."""
