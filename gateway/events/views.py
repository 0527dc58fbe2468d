"""Answers from materialized views, and what becomes of these, as events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.models import Planned
    from gateway.received import Received


@dataclass(frozen=True, slots=True)
class StatementRewritten:
    """A statement is answered from materialized views; what runs, and the plan over its base, come along."""

    received: Received
    planned: Planned


@dataclass(frozen=True, slots=True)
class ViewsPassedOver:
    """A statement over tables that views are known of is answered from its base."""

    reason: str
    """Why a view that could have answered was not read: `moved`, `cost`, `rows`, `failed`, ...; else empty."""
    missing: str
    """What the nearest view lacks: `key`, `measure`, `freshness`, ...; else empty."""


@dataclass(frozen=True, slots=True)
class ViewCompared:
    """A statement answered from a view was, or was not, compared with its base."""

    view: str
    outcome: str
    """`equal`, `different`, or why there was no comparison: `moved`, `budget`, `order`, `volatile`, ..."""


@dataclass(frozen=True, slots=True)
class ViewQuarantined:
    """A comparison differed: the view answers nobody from now on, until a person releases it."""

    view: str
    reason: str
    """Without values of anybody's data."""
    certificate: str


@dataclass(frozen=True, slots=True)
class ViewsLooked:
    """All materialized views were looked at."""

    seconds: float
    states: Mapping[str, int]
    """How many are in which state: `current`, `behind`, `stale`, `unusable`, `quarantined`."""
    behind_seconds: float
    """How long the one furthest behind has lacked what its base holds; 0 where all are current."""
    error: str = ""
    """The kind of what went wrong, where the look failed; then nothing else is told."""


@dataclass(frozen=True, slots=True)
class ViewBuilt:
    """A materialized view was built from its base, or could not be."""

    view: str
    ok: bool
    seconds: float
    rows: int = 0
    reason: str = ""
    """The name of the error, where it could not."""
