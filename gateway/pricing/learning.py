"""From usage rows to what calibration learns: only what ran to its end says what its estimate was worth."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.statistics import Interval
from gateway.pricing.calibration import Calibration, Keys, Observation
from gateway.pricing.raw import is_loose
from gateway.usage_record import Priced, UsageRecord

_OFFSET_BYTES = 4096.0
"""A footer more or less is no error."""
_OFFSET_SECONDS = 0.005
_BEGIN_SECONDS = 0.05
_BYTES_A_SECOND = 2e8
"""What an engine is taken to read in a second, until it has shown what it does."""
_REMEMBERED = 20_000
_SAYS_SOMETHING = frozenset({"upper bound", "calibrated"})
"""Kinds of estimates that calibration is for: what is exact needs none, and what is guessed would teach nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one usage row says of one estimate."""

    query_id: str
    engine: str
    fingerprint: str
    priced: Priced
    scanned_bytes: int
    seconds: float


def shape_of(fingerprint: str, *, from_views: bool) -> str:
    """Return what statements have in common that are learnt from together: one read from views is not like itself."""
    return f"{fingerprint}+views" if from_views else fingerprint


def run_of(record: UsageRecord) -> Run | None:
    """Return what a row teaches; None for statements that were refused, failed, cancelled, or not measured."""
    priced = record.priced
    if record.outcome != "FINISHED" or priced is None or record.scanned_bytes is None or not record.engine:
        return None
    seconds = record.finished_at - record.received_at
    shape = shape_of(record.fingerprint, from_views=record.rewritten is not None and bool(record.rewritten.views))
    run = Run(record.query_id, record.engine, shape, priced, record.scanned_bytes, seconds)
    return run if teaches(run) else None


def teaches(run: Run) -> bool:
    """Tell whether a finished statement says anything of its estimate."""
    return (
        run.priced.kind in _SAYS_SOMETHING
        and bool(run.priced.scans)
        and run.scanned_bytes >= 0
        and run.priced.raw[1] >= 0
        and math.isfinite(run.seconds)
    )


def seconds_by(size: Interval) -> Interval:
    """Return how long reading takes before anything is known of the engine: with wide ends."""
    low, likely, high = (_BEGIN_SECONDS + each / _BYTES_A_SECOND for each in size)
    return Interval(low / 10, likely, high * 10)


class Learning:
    """Take each run once, wherever it is heard of first: here as it ends, or from the store's rows."""

    def __init__(self, coverage: float) -> None:
        """Begin knowing nothing."""
        self.bytes = Calibration(coverage, offset=_OFFSET_BYTES, prior=0.5)
        self.seconds = Calibration(coverage, offset=_OFFSET_SECONDS, prior=1.5)
        self._taken: OrderedDict[str, None] = OrderedDict()

    def hear(self, record: UsageRecord) -> None:
        """Learn of a statement that has just ended."""
        run = run_of(record)
        if run is not None:
            self.take((run,))

    def take(self, runs: Iterable[Run]) -> None:
        """Learn of runs, the oldest first; of one that was taken before: nothing."""
        for run in runs:
            if run.query_id in self._taken:
                continue
            self._taken[run.query_id] = None
            if len(self._taken) > _REMEMBERED:
                self._taken.popitem(last=False)
            self._learn(run)

    def settle(self) -> None:
        """Let what was heard count."""
        self.bytes.settle()
        self.seconds.settle()

    @property
    def version(self) -> int:
        """Return a number that changes whenever estimates may."""
        return self.bytes.version + self.seconds.version

    def _learn(self, run: Run) -> None:
        priced = run.priced
        keys = keys_of(run.engine, run.fingerprint, priced)
        low, likely, high = priced.bytes
        told = (float(low), math.inf if high is None else float(high))
        self.bytes.learn(Observation(keys, float(priced.raw[1]), float(run.scanned_bytes), told))
        expected = seconds_by(Interval(low, likely, likely))
        self.seconds.learn(Observation(keys, expected.likely, max(run.seconds, 0.0), _told(priced.seconds)))


def keys_of(engine: str, fingerprint: str, priced: Priced) -> Keys:
    """Return by what a row's estimate is calibrated: the same keys as the estimate itself had."""
    low, likely, high = priced.raw
    loose = is_loose(Interval(low, likely, math.inf if high is None else high))
    table = max(priced.scans, key=lambda each: each[1])[0]
    return Keys(fingerprint, table, engine, loose)


def _told(seconds: tuple[float, float, float | None]) -> tuple[float, float]:
    return (seconds[0], math.inf if seconds[2] is None else seconds[2])
