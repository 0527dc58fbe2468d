"""Cheaper statements for a caller: drafted, planned by the very pipeline as his own, priced by the very estimator."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from catalog.errors import Refusal
from catalog.statistics import Interval
from gateway.coaching.drafts import Draft, Maker, Matter
from gateway.coaching.fewer_columns import fewer_columns
from gateway.coaching.model import Alternative, Room
from gateway.coaching.nearby_views import nearby_views
from gateway.coaching.partition_filters import partition_filters
from gateway.coaching.prunable_filters import prunable_filters
from gateway.coaching.readable import readable
from gateway.coaching.unused_joins import unused_joins
from gateway.models import NotPlanned, Plan, Planned
from gateway.pipeline import Pipeline
from gateway.received import Received
from policies.cost.estimate import Estimate

MAKERS: tuple[Maker, ...] = (prunable_filters, unused_joins, nearby_views, partition_filters, fewer_columns)
"""Who drafts, the same result first."""
CHEAPER = 0.9
"""What an alternative may take of the original's price at most."""
_MOST_DRAFTS = 8

EstimateOf = Callable[[Plan, Received], Awaitable[Estimate | None]]


@dataclass(slots=True)
class Found:
    """What was found so far: a search that runs out of time keeps it."""

    alternatives: list[Alternative] = field(default_factory=list)

    def sorted(self, room: Room) -> tuple[Alternative, ...]:
        """Return them: those with the same result first, those that surely fit into the room, then the cheapest."""
        return tuple(
            sorted(
                self.alternatives,
                key=lambda each: (not each.same_result, not _fits(each.estimate, room), *_weight(each.estimate)),
            )
        )


async def find_alternatives(
    matter: Matter,
    planned: Planned,
    received: Received,
    pipeline: Pipeline,
    estimate_of: EstimateOf,
    makers: Sequence[Maker],
    found: Found,
) -> None:
    """Add to `found` every draft that the caller may run, and that is estimated to be cheaper by a tenth at least."""
    seen: set[str] = set()
    for draft in _drafts(matter, makers):
        asked = msgspec.structs.replace(received, sql=draft.prefix + readable(draft.tree))
        if asked.sql in seen or any(
            (each.kind, each.table) == (draft.kind, draft.table) for each in found.alternatives
        ):
            continue  # of drafts of one kind for one table the first that fits is enough
        seen.add(asked.sql)
        made = await _judged(draft, planned, asked, pipeline, estimate_of)
        if made is None or any((each.kind, each.table) == (made.kind, made.table) for each in found.alternatives):
            continue
        if is_cheaper(made.estimate, matter.estimate) and _may_run(made.estimate, matter.room):
            found.alternatives.append(made)


def _drafts(matter: Matter, makers: Sequence[Maker]) -> Iterator[Draft]:
    count = 0
    for maker in makers:
        for draft in maker(matter):
            yield draft
            count += 1
            if count == _MOST_DRAFTS:
                return


async def _judged(
    draft: Draft, planned: Planned, asked: Received, pipeline: Pipeline, estimate_of: EstimateOf
) -> Alternative | None:
    """Return a draft as an alternative; None where it is refused, or shows other columns though it should not."""
    found = await pipeline.plan(asked)
    if isinstance(found, NotPlanned) or (draft.same_result and found.plan.columns != planned.plan.columns):
        return None
    plan, title, table = found.plan, draft.title, draft.table
    if draft.kind == "materialized_view":
        used = plan.rewritten
        if used is None or used.base_tables or not plan.views_told.issuperset(used.views):
            return None
        plan, table = used.plan, " and ".join(map(str, used.views))
        title = f"{draft.title}, from materialized view {table}"
    try:
        estimate = await estimate_of(plan, asked)
    except Refusal:
        return None
    if estimate is None or (not draft.same_result and _reads_nothing(estimate)):
        return None
    return Alternative(
        draft.kind,
        title,
        asked.sql,
        estimate,
        draft.same_result,
        draft.difference,
        found.plan.fingerprint,
        table,
    )


def is_cheaper(candidate: Estimate, original: Estimate) -> bool:
    """Tell whether a statement is estimated to take a tenth less at least: of the bytes, or of the money."""
    if candidate.kind == "unknown" or not math.isfinite(candidate.bytes.likely):
        return False
    return _less(candidate.bytes, original.bytes) or _less(candidate.nano, original.nano)


def _reads_nothing(estimate: Estimate) -> bool:
    """Tell whether no partition of some table is left: who asked for rows is not helped by none."""
    return any(scan.partitions is not None and scan.partitions[0] == 0 for scan in estimate.scans)


def _less(candidate: Interval, original: Interval) -> bool:
    if math.isnan(original.likely) or original.likely <= 0:
        return False
    return candidate.likely <= original.likely * CHEAPER


def _may_run(estimate: Estimate, room: Room) -> bool:
    """Tell whether a statement would be let in, at the least that it is estimated to take."""
    in_bytes = room.bytes is None or estimate.bytes.low <= room.bytes
    return in_bytes and (room.nano is None or estimate.nano.low <= room.nano)


def _fits(estimate: Estimate, room: Room) -> bool:
    """Tell whether a statement stays within what there is room for, at the most that it is estimated to take."""
    in_bytes = room.bytes is None or estimate.bytes.high <= room.bytes
    return in_bytes and (room.nano is None or estimate.nano.high <= room.nano)


def _weight(estimate: Estimate) -> tuple[float, float]:
    return estimate.nano.likely, estimate.bytes.likely
