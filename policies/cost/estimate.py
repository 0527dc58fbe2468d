"""What a statement is expected to read, make and cost, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog.statistics import Interval, ScanEstimate

EstimateKind = Literal["exact", "upper bound", "calibrated", "bounded by table size", "unknown"]


@dataclass(frozen=True, slots=True)
class Widest:
    """The operator that makes the most rows."""

    rows: Interval
    operator: str = ""
    """As people name it: `the join of orders o and lineitem l`; no literal and no name that the caller may not know."""
    fix: str = ""
    """What would bound it: `join them ON a column that both have`; empty where nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statement's price before it runs. Bytes are those read from storage, compressed; money is nanodollars."""

    kind: EstimateKind
    bytes: Interval
    widest: Widest
    seconds: Interval
    nano: Interval
    scans: tuple[ScanEstimate, ...]
    engine: str
    rate: str
    """Which entry of the price book, and what it says: `trino/us-west-1: USD 5.00 per TB`."""
    basis: str
    """What it rests on, for people: `manifest, snapshot 123, read 12 s ago`."""
    coverage: float = 0.9
    """The share of statements whose actual bytes lie within the interval, as stated."""
    why: str = ""
    """Why it could not be estimated (better)."""
    policed: bool = False
    """Filters or masks apply: how many rows pass them is not told, since that would tell of the rows that do not."""
    rows_hidden: bool = False
    """Policies hide rows of what is read from the caller: what he is told of this estimate is `policies.cost.told`."""
    raw: Interval | None = None
    """The bytes before calibration: what calibration learns from. None where they are the same."""
