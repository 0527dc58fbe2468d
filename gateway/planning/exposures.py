"""What becomes of protected and tagged columns under a plan: for the audit, which tells who saw what in clear."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.objects import Table
from gateway.models import Exposure, Shown
from gateway.planning.context import Planning
from policies.decisions import TableDecision


def exposures(table: Table, decision: TableDecision, read: Iterable[str], planning: Planning) -> tuple[Exposure, ...]:
    """Return how the caller meets the guarded columns of a table of which some are read.

    Columns withheld from the caller are told, too, whether the statement meant them (by a star) or not.
    """
    if table.kind == "system":
        return ()
    guarded = planning.policies.guarded(table)
    if not guarded:
        return ()
    columns, granted = frozenset(read), frozenset(decision.columns)
    told = []
    for column, tags in guarded.items():
        shown: Shown | None = None
        if column not in granted:
            shown = "denied"
        elif column in columns:
            shown = "masked" if column in decision.masks else "clear"
        if shown is not None:
            told.append(Exposure(column, shown, tags))
    return tuple(told)
