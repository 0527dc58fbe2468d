"""The widest operator of an outline, where its cardinalities can be told."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.statistics import ScanEstimate
from gateway.pricing.raw import UNKNOWN_WIDEST
from policies.cost.estimate import Widest
from rewrite_rules.outline.nodes import Outline


def widest_of(outline: Outline, scans: Sequence[ScanEstimate]) -> Widest:
    """Return the operator that makes the most rows."""
    return UNKNOWN_WIDEST
