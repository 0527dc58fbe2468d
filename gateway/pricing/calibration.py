"""Calibrate estimates by what statements really took, so that the share within the interval is the one stated.

What is learnt is log(actual / estimated). Where estimates of a fingerprint lie is taken from that fingerprint, else
from its table, else from the engine; how far apart, too. The interval's ends are quantiles of the errors that this
itself made before, in units of its own spread, over all statements of an engine whose fingerprint was known as well,
or as little (conformal prediction). Their ranks move with each miss (adaptive conformal inference), so that coverage
holds while tables and queries change. Where most statements read the very same each time, no interval is so narrow
that it holds only the share wished for. So what is stated is the share that intervals did hold that were told before.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

from catalog.statistics import Interval
from gateway.pricing.residuals import Residuals, at_least, normal

_MOST_KEYS = 4096
_SCORES = 512
_ENOUGH_SCORES = 20
_TABLE_NEEDS, _ENGINE_NEEDS = 3, 8
"""Observations of a table, and of an engine, from which on they say something of new fingerprints."""
_TOLD, _WISH_WEIGHS = 256, 10
"""Intervals told that a stated share rests on, and how many of them the share wished for is worth."""
_STEP = 0.01
"""How far a miss moves the ranks."""
_WIDENED = 1.25
"""By how much an engine's own ends are widened, before it has shown what they are worth."""
_WIDEST = 12.0
"""Logarithm of the greatest factor that calibration puts between two figures."""


Level = Literal["fingerprint", "table", "engine", "none"]


class Keys(NamedTuple):
    """What estimates have in common, the most particular first."""

    fingerprint: str
    table: str
    engine: str
    loose: bool
    """The engine itself left much open."""


class Observation(NamedTuple):
    """One statement that ran to its end: what was estimated of it, and what it took."""

    keys: Keys
    raw: float
    """The likely figure before calibration."""
    actual: float
    told: tuple[float, float] | None = None
    """The interval that its estimate had; None where none was told."""


@dataclass(frozen=True, slots=True)
class Factors:
    """How a raw estimate is to be corrected, as logarithms."""

    shift: float
    below: float
    above: float
    level: Level
    seen: int
    coverage: float
    """The share of statements that intervals like it did hold."""


class _Tails:
    """The scores of some of an engine's statements, and the ranks at which intervals end."""

    def __init__(self, coverage: float) -> None:
        self._wished = self.coverage = coverage
        self._missed = (1 - coverage) / 2
        self._ranks = [self._missed, self._missed]
        self._scores: deque[float] = deque(maxlen=_SCORES)
        self._held: deque[bool] = deque(maxlen=_TOLD)
        self.below, self.middle, self.above = normal(self._missed), 0.0, normal(1 - self._missed)

    def add(self, score: float) -> None:
        self._scores.append(score)

    def told(self, actual: float, low: float, high: float) -> None:
        """Move the ranks, and what is stated, by what became of an interval that was told."""
        self._held.append(low <= actual <= high)
        for side, missed in enumerate((actual < low, actual > high)):
            moved = self._ranks[side] + _STEP * (self._missed - missed)
            self._ranks[side] = min(max(moved, 0.001), 0.45)

    def settle(self) -> None:
        """Work out anew what is stated, and the ends."""
        self.coverage = (_WISH_WEIGHS * self._wished + sum(self._held)) / (_WISH_WEIGHS + len(self._held))
        if len(self._scores) < _ENOUGH_SCORES:
            return
        ordered = sorted(self._scores)
        self.above = at_least(ordered, 1 - self._ranks[1])
        self.below = -at_least([-each for each in reversed(ordered)], 1 - self._ranks[0])
        self.middle = ordered[len(ordered) // 2]  # not zero where tables grow away from what is known of them


class Calibration:
    """What is known of estimates' errors. Learning is a list append; `settle` does the work, from time to time."""

    def __init__(self, coverage: float, *, offset: float, prior: float) -> None:
        """`offset` is the size below which differences do not matter; `prior` the spread that is taken at first."""
        self._coverage = coverage
        self._offset = offset
        self._prior = prior
        self._kept: OrderedDict[tuple[str, ...], Residuals] = OrderedDict()
        self._tails: dict[tuple[str, bool], _Tails] = {}
        self._unsettled: list[Observation] = []
        self.version = 0
        """Grows whenever factors may have changed."""

    def learn(self, observation: Observation) -> None:
        """Take what a statement took; it counts after the next `settle`."""
        if len(self._unsettled) < _MOST_KEYS:
            self._unsettled.append(observation)

    def settle(self) -> None:
        """Let what was learnt count."""
        if not self._unsettled:
            return
        unsettled, self._unsettled = self._unsettled, []
        for tails in {self._take(observation) for observation in unsettled}:
            tails.settle()
        self.version += 1

    def factors(self, keys: Keys) -> Factors:
        """Return how estimates with these keys are to be corrected."""
        level, center, spread, seen = self._place(keys)
        tails = self._tails_of(keys.engine, level)
        below, middle, above = (
            center + min(max(spread * each, -_WIDEST), _WIDEST) for each in (tails.below, tails.middle, tails.above)
        )
        return Factors(middle, min(below, middle), max(above, middle), level, seen, tails.coverage)

    def corrected(self, raw: Interval, factors: Factors) -> Interval:
        """Return a calibrated interval. What nothing is known of keeps its own ends, widened."""
        likely = self._moved(raw.likely, factors.shift)
        if factors.level == "none":
            low, high = raw.low / _WIDENED, raw.high * _WIDENED + self._offset
        else:
            low, high = self._moved(raw.likely, factors.below), self._moved(raw.likely, factors.above)
        return Interval(float(math.floor(low)), likely, high if math.isinf(high) else float(math.ceil(high)))

    def _moved(self, figure: float, by: float) -> float:
        return max(0.0, (figure + self._offset) * math.exp(by) - self._offset)

    def _take(self, observation: Observation) -> _Tails:
        """Learn from an observation; return the scores that it is one of."""
        keys = observation.keys
        error = math.log((observation.actual + self._offset) / (observation.raw + self._offset))
        level, center, spread, _ = self._place(keys)
        tails = self._tails_of(keys.engine, level)
        tails.add((error - center) / spread)
        if observation.told is not None:
            tails.told(observation.actual, *observation.told)
        for key in (("f", keys.engine, keys.fingerprint), _table_key(keys), _engine_key(keys)):
            self._residuals(key).add(error)
        return tails

    def _place(self, keys: Keys) -> tuple[Level, float, float, int]:
        """Return the level that says most of these keys, and its center, spread and number of observations."""
        engine, table = self._kept.get(_engine_key(keys)), self._kept.get(_table_key(keys))
        prior, center, seen = self._prior, 0.0, 0
        level: Level = "none"
        if engine is not None and engine.seen >= _ENGINE_NEEDS:
            level, center, prior, seen = "engine", engine.center, _shrunk(engine, prior), engine.seen
        if table is not None and table.seen >= _TABLE_NEEDS:
            level, center, prior, seen = "table", table.center, _shrunk(table, prior), table.seen
        own = self._kept.get(("f", keys.engine, keys.fingerprint)) if keys.fingerprint else None
        if own is not None and own.seen:
            level, center, prior, seen = "fingerprint", own.center, _shrunk(own, prior), own.seen
        return level, center, max(prior, 1e-4), seen

    def _residuals(self, key: tuple[str, ...]) -> Residuals:
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Residuals()
            if len(self._kept) > _MOST_KEYS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return found

    def _tails_of(self, engine: str, level: Level) -> _Tails:
        key = (engine, level == "fingerprint")
        found = self._tails.get(key)
        if found is None:
            found = self._tails[key] = _Tails(self._coverage)
        return found


def _table_key(keys: Keys) -> tuple[str, ...]:
    return ("t", keys.engine, keys.table, "loose" if keys.loose else "tight")


def _engine_key(keys: Keys) -> tuple[str, ...]:
    return ("e", keys.engine, "loose" if keys.loose else "tight")


def _shrunk(own: Residuals, prior: float) -> float:
    """Return a spread between one's own and that of the level above: few observations say little of it."""
    weight = own.weight
    return math.sqrt((prior**2 + weight * own.spread**2) / (1 + weight))
