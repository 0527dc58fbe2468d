"""Calibration: estimates come to lie where actuals do, and intervals hold the share that they are stated to hold."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from catalog.statistics import Interval
from gateway.pricing.calibration import Calibration, Keys, Observation
from gateway.pricing.learning import Learning, run_of
from gateway.usage_record import Priced, UsageRecord
from tests.gateway.recording import usage_records

RAW = Interval(5e6, 1e7, 2e7)
OWN, SAME_TABLE, OTHER = (
    Keys("f1", "lake.a.t", "lake", True),
    Keys("f2", "lake.a.t", "lake", True),
    Keys("f3", "lake.a.other", "lake", True),
)


def fresh(coverage: float = 0.9) -> Calibration:
    return Calibration(coverage, offset=4096, prior=0.5)


def taught(factor: float, times: int = 10, keys: Keys = OWN) -> Calibration:
    calibration = fresh()
    for _ in range(times):
        calibration.learn(Observation(keys, 1e7, factor * 1e7))
    calibration.settle()
    return calibration


def test_of_what_nothing_is_known_the_engines_own_ends_are_widened() -> None:
    calibration = fresh()
    factors = calibration.factors(OWN)
    found = calibration.corrected(RAW, factors)
    assert factors.level == "none"
    assert found.likely == pytest.approx(1e7)
    assert found.low <= RAW.low
    assert found.high >= RAW.high


def test_the_same_fingerprint_is_believed_first_then_its_table_then_its_engine() -> None:
    calibration = taught(0.25)
    for keys, level in ((OWN, "fingerprint"), (SAME_TABLE, "table"), (OTHER, "engine")):
        factors = calibration.factors(keys)
        assert factors.level == level
        assert calibration.corrected(RAW, factors).likely == pytest.approx(2.5e6, rel=0.01)
    assert calibration.factors(Keys("f1", "lake.a.t", "trino", True)).level == "none"


def test_one_observation_moves_its_own_fingerprint_and_no_other() -> None:
    calibration = taught(3.0, times=1)
    assert calibration.corrected(RAW, calibration.factors(OWN)).likely == pytest.approx(3e7, rel=0.01)
    assert calibration.factors(SAME_TABLE).level == "none"


def test_old_observations_are_outweighed_by_newer_ones() -> None:
    calibration = taught(4.0, times=32)
    for _ in range(16):
        calibration.learn(Observation(OWN, 1e7, 1e7))
    calibration.settle()
    assert calibration.corrected(RAW, calibration.factors(OWN)).likely == pytest.approx(1e7, rel=0.01)


def test_what_is_known_is_bounded_however_many_shapes_there_are() -> None:
    calibration = fresh()
    for number in range(10_000):
        calibration.learn(Observation(Keys(f"f{number}", f"t{number % 5000}", "lake", True), 1e7, 1e7))
        if number % 1000 == 0:
            calibration.settle()
    calibration.settle()
    assert len(calibration._kept) <= 4096
    assert calibration.factors(Keys("new", "new", "lake", True)).level == "engine"


def _noisy(draw: random.Random) -> Iterator[tuple[Keys, float]]:
    """Shapes that are each off by a factor of their own, and a little more or less each time."""
    offs = [draw.gauss(0, 0.8) for _ in range(60)]
    while True:
        shape = min(int(draw.expovariate(0.08)), 59)
        spread = 0.02 if shape % 3 else 0.3
        yield Keys(f"f{shape}", f"t{shape % 5}", "lake", shape % 2 == 0), math.exp(draw.gauss(offs[shape], spread))


def _drifting(draw: random.Random) -> Iterator[tuple[Keys, float]]:
    """Tables that grow away from what is known of them."""
    at = 0
    while True:
        at += 1
        shape = draw.randrange(20)
        yield Keys(f"f{shape}", "t", "lake", True), math.exp(draw.gauss(0.001 * at, 0.1))


def _mostly_constant(draw: random.Random) -> Iterator[tuple[Keys, float]]:
    """Statements of which three in four read the very same each time."""
    while True:
        shape = draw.randrange(40)
        spread = 0.0 if shape % 4 else 0.4
        yield Keys(f"f{shape}", "t", "lake", True), math.exp(draw.gauss(0.2 * (shape % 7), spread))


@pytest.mark.parametrize("stream", [_noisy, _drifting, _mostly_constant])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_intervals_hold_the_share_that_is_stated(
    stream: Callable[[random.Random], Iterator[tuple[Keys, float]]], coverage: float
) -> None:
    calibration, seen = fresh(coverage), []
    for number, (keys, factor) in enumerate(stream(random.Random(7))):
        told = calibration.corrected(RAW, calibration.factors(keys))
        actual = float(round(1e7 * factor))
        seen.append(told.low <= actual <= told.high)
        calibration.learn(Observation(keys, RAW.likely, actual, (told.low, told.high)))
        if number % 5 == 0:
            calibration.settle()
        if number == 3000:
            break
    held = sum(seen[500:]) / len(seen[500:])
    assert abs(held - coverage) <= 0.03


def test_what_is_stated_is_what_intervals_held_though_few_were_told() -> None:
    differences = {1: 0.0, 2: 0.0}
    for seed in range(20):
        draw, calibration = random.Random(seed), fresh()
        shapes = [(draw.gauss(0, 0.8), draw.choice((0.0, 0.0, 0.02, 0.3))) for _ in range(20)]
        for number in range(60):
            keys = Keys(f"f{number % 20}", f"t{number % 7}", "lake", True)
            factors = calibration.factors(keys)
            told = calibration.corrected(RAW, factors)
            actual = float(round(1e7 * math.exp(draw.gauss(*shapes[number % 20]))))
            if number >= 20:  # each shape is known by then
                differences[number // 20] += (factors.coverage - (told.low <= actual <= told.high)) / 400
            calibration.learn(Observation(keys, RAW.likely, actual, (told.low, told.high)))
            calibration.settle()
    assert max(map(abs, differences.values())) <= 0.06


def priced(**changes: Any) -> Priced:
    known = Priced(
        "upper bound",
        (900, 1_000_000, 2_000_000),
        scans=(("lake.a.t", 1_000_000),),
        raw=(900, 1_000_000, 2_000_000),
        coverage=0.9,
        seconds=(0.01, 0.1, 1.0),
    )
    return msgspec.structs.replace(known, **changes)


def record(**changes: Any) -> UsageRecord:
    known = msgspec.structs.replace(
        usage_records.finished("q1"), outcome="FINISHED", engine="lake", fingerprint="f", scanned_bytes=3_000_000
    )
    return msgspec.structs.replace(known, **{"priced": priced(), **changes})


def test_what_ran_to_its_end_teaches() -> None:
    learning = Learning(0.9)
    learning.hear(record())
    learning.settle()
    found = learning.bytes.factors(Keys("f", "lake.a.t", "lake", True))
    assert found.level == "fingerprint"
    assert found.shift == pytest.approx(math.log(3), rel=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "CANCELED"},
        {"outcome": "FAILED", "error_code": "EXCEEDED_SCAN_LIMIT"},
        {"outcome": "ABANDONED"},
        {"outcome": "CUT_OFF"},
        {"outcome": "REFUSED"},
        {"scanned_bytes": None},
        {"scanned_bytes": -5},
        {"priced": None},
        {"priced": priced(kind="unknown")},
        {"priced": priced(kind="bounded by table size")},
        {"priced": priced(scans=())},
        {"engine": None},
    ],
)
def test_nothing_is_learnt_from_what_did_not_run_to_its_end_or_was_not_measured(changes: dict[str, Any]) -> None:
    assert run_of(record(**changes)) is None


def test_a_statement_that_is_heard_of_twice_counts_once() -> None:
    learning = Learning(0.9)
    for _ in range(3):
        learning.hear(record())
    learning.settle()
    assert learning.bytes.factors(Keys("f", "lake.a.t", "lake", True)).seen == 1
