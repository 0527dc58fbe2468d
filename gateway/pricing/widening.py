"""The widest operator of an outline, in the words of estimates."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.statistics import ScanEstimate
from policies.cost.estimate import Widest
from rewrite_rules.outline.cardinality import widest
from rewrite_rules.outline.nodes import Outline


def widest_of(outline: Outline, scans: Sequence[ScanEstimate], *, built: bool) -> Widest:
    """Return the operator that makes the most rows; `built`: the engine makes all pairs before it compares them."""
    return Widest(*widest(outline, scans, built=built))
