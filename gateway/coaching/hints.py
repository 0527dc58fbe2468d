"""Hints: what would have cost less, in a sentence each, for clients that show the protocol's warnings.

There is none where little is to be gained, and none that asks for what the statement does already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gateway.coaching.model import Advice, Alternative
from gateway.coaching.telling import field_text, missing_filters
from gateway.coaching.words import count, size, usd
from gateway.config.coaching import Coaching
from policies.cost.estimate import Estimate
from policies.cost.money import nano_of

HintKind = Literal["partition_filter", "fewer_columns", "same_result", "exploding_join", "limit"]
_KINDS: dict[str, HintKind] = {
    "partition_filter": "partition_filter",
    "fewer_columns": "fewer_columns",
    "prunable_filter": "same_result",
    "unused_part": "same_result",
    "materialized_view": "same_result",
}
_MOST = 3


@dataclass(frozen=True, slots=True)
class Hint:
    """One sentence of advice."""

    kind: HintKind
    text: str


def worth_a_look(estimate: Estimate, settings: Coaching) -> bool:
    """Tell whether a statement is so large that a hint could be worth it at all."""
    return (
        estimate.bytes.likely >= settings.least_saving_bytes
        and estimate.nano.likely >= nano_of(settings.least_saving_usd)
    ) or _explodes(estimate, settings)


def hints_of(estimate: Estimate, advice: Advice, settings: Coaching) -> tuple[Hint, ...]:
    """Return what to tell a caller whose statement runs all the same; nothing where rows are hidden from him.

    Whether something would be saved depends on what the tables hold, hidden rows and all.
    """
    if estimate.rows_hidden:
        return ()
    found = [*_exploding(estimate, settings), *_from_alternatives(estimate, advice, settings)]
    if not any(each.kind == "partition_filter" for each in found):
        found += _filters(estimate, advice, settings)
    if found and advice.limit_in_vain:
        found.append(Hint("limit", "The LIMIT does not lower what is read: it comes last."))
    return tuple(found[:_MOST])


def _explodes(estimate: Estimate, settings: Coaching) -> bool:
    return bool(estimate.widest.fix) and estimate.widest.rows.likely >= settings.exploding_rows


def _exploding(estimate: Estimate, settings: Coaching) -> Iterator[Hint]:
    if _explodes(estimate, settings):
        widest = estimate.widest
        operator = widest.operator or "One step"
        operator = operator[0].upper() + operator[1:]
        yield Hint("exploding_join", f"{operator} makes about {count(widest.rows.likely)} rows: {widest.fix}.")


def _from_alternatives(estimate: Estimate, advice: Advice, settings: Coaching) -> Iterator[Hint]:
    told: set[HintKind] = set()
    for each in advice.alternatives:
        kind = _KINDS.get(each.kind)
        if kind is None or kind in told or not _is_worth(estimate, each.estimate.bytes.likely, each, settings):
            continue
        told.add(kind)
        result = "the same result" if each.same_result else "a different result"
        yield Hint(
            kind,
            f"This reads {size(estimate.bytes.likely)} ({usd(estimate.nano.likely)}); {each.title} would read "
            f"{size(each.estimate.bytes.likely)} ({usd(each.estimate.nano.likely)}), with {result}.",
        )


def _is_worth(estimate: Estimate, left: float, alternative: Alternative | None, settings: Coaching) -> bool:
    saved = estimate.bytes.likely - left
    if saved < settings.least_saving_bytes or saved < settings.least_saving_share * estimate.bytes.likely:
        return False
    money = estimate.nano.likely - alternative.estimate.nano.likely if alternative is not None else estimate.nano.likely
    return money >= nano_of(settings.least_saving_usd)


def _filters(estimate: Estimate, advice: Advice, settings: Coaching) -> Iterator[Hint]:
    """Yield filters for which no statement could be written: nobody but the caller knows which value he is after."""
    for scan in sorted(estimate.scans, key=lambda each: -each.bytes.likely * each.scan.times):
        read, there = scan.partitions or (0, 0)
        likely = scan.bytes.likely * scan.scan.times
        for field in missing_filters(scan, advice.sight)[:1]:
            left = estimate.bytes.likely - likely + likely / read
            if _is_worth(estimate, left, None, settings):
                yield Hint(
                    "partition_filter",
                    f"This reads {count(read)} of {count(there)} partitions of {scan.scan.table}, {size(likely)}; a "
                    f"filter on {field_text(field)} that leaves one of them would read about {size(likely / read)}.",
                )
                return
