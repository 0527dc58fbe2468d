"""How the API tells advice: figures with their intervals, parts, hints, and suggestions with what they would save."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, Field

from catalog.statistics import Interval
from gateway.coaching.considering import Considered
from gateway.coaching.hints import HintKind
from gateway.coaching.model import Alternative, AlternativeKind
from gateway.coaching.telling import field_text, missing_filters, parts
from policies.cost.estimate import Estimate, EstimateKind
from policies.cost.money import MOST, dollars
from policies.cost.told import told

_USD = r"^-?[0-9]+\.[0-9]{9}$"
Usd = str
_SUGGESTED: dict[AlternativeKind, Literal["view", "partition filter", "pruning"]] = {
    "partition_filter": "partition filter",
    "prunable_filter": "partition filter",
    "fewer_columns": "pruning",
    "unused_part": "pruning",
    "approximate": "pruning",
    "sample": "pruning",
    "materialized_view": "view",
}


class Range(BaseModel):
    """A figure that is not known exactly."""

    low: int
    likely: int
    high: int | None = Field(description="null: nothing bounds it.")


class UsdRange(BaseModel):
    """An amount of money that is not known exactly, in dollars."""

    low: Usd = Field(pattern=_USD)
    likely: Usd = Field(pattern=_USD)
    high: Usd | None = Field(description="null: nothing bounds it.")


class Figures(BaseModel):
    """What a statement is expected to take."""

    kind: EstimateKind
    bytes: Range = Field(description="Read from storage.")
    rows: Range = Field(description="Of the step that makes the most.")
    usd: UsdRange
    seconds: float | None = Field(description="null: not known.")
    rate: str
    basis: str
    coverage: float = Field(description="The share of statements whose bytes are meant to lie within the interval.")
    why: str = Field(description="Why nothing better is known.")


class ColumnShare(BaseModel):
    """A column's share of its table's bytes."""

    column: str
    share: float


class TableShare(BaseModel):
    """What a table takes of a statement's bytes."""

    table: str
    share: float
    columns: list[ColumnShare]


class MissingFilter(BaseModel):
    """A table of which more partitions are read than it would take, if its partition column had a filter."""

    table: str
    filter_on: list[str]
    partitions_read: int
    partitions: int


class Told(BaseModel):
    """A hint as clients get it."""

    kind: HintKind
    text: str


class Saves(BaseModel):
    """What an alternative takes less than the original, as both are estimated."""

    bytes: int
    usd: Usd = Field(pattern=_USD)
    share: float = Field(description="Of the original's bytes.")


class Suggestion(BaseModel):
    """A statement that could be run instead; it was planned as the same caller's, and priced."""

    number: int
    kind: AlternativeKind
    suggestion: Literal["view", "partition filter", "pruning"] = Field(
        description="The kind, as the platform names it."
    )
    title: str
    sql: str
    same_result: bool = Field(description="Proven by its form, whatever the tables hold.")
    difference: str = Field(description="In what the result is different.")
    estimate: Figures
    saves: Saves | None


class Advised(BaseModel):
    """All that can be said of a statement before it runs."""

    decision: Literal["allow", "refuse"]
    statement: str | None = Field(description="Its kind; null where it could not be planned.")
    engine: str | None
    code: str | None = Field(description="Why it would be refused: the error's name.")
    message: str | None
    estimate: Figures | None = Field(description="null: it is refused before, or reads nothing.")
    without_views: Figures | None = Field(
        description="What it would take without the materialized views that answer it; null: none does."
    )
    dominant: list[TableShare]
    missing: list[MissingFilter]
    hints: list[Told]
    alternatives: list[Suggestion]


def advised(found: Considered) -> Advised:
    """Return what is known of a statement in the API's form."""
    plan = found.planned.plan if found.planned is not None else None
    estimate = told(found.estimate) if found.estimate is not None else None
    sight, refusal = found.advice.sight, found.refusal
    return Advised(
        decision="refuse" if refusal is not None else "allow",
        statement=plan.kind if plan is not None else None,
        engine=plan.engine if plan is not None else None,
        code=refusal.code.name if refusal is not None else None,
        message=refusal.text if refusal is not None else None,
        estimate=figures(estimate) if estimate is not None else None,
        without_views=figures(told(found.base)) if found.base is not None else None,
        dominant=[
            TableShare(
                table=str(each.table),
                share=round(each.share, 4),
                columns=[ColumnShare(column=name, share=round(share, 4)) for name, share in each.columns],
            )
            for each in (parts(estimate, sight) if estimate is not None else ())
        ],
        missing=_missing(found),
        hints=[Told(kind=each.kind, text=each.text) for each in found.hints],
        alternatives=[suggestion(number, each, estimate) for number, each in enumerate(found.advice.alternatives, 1)],
    )


def _missing(found: Considered) -> list[MissingFilter]:
    missing: list[MissingFilter] = []
    for scan in told(found.estimate).scans if found.estimate is not None else ():
        fields = missing_filters(scan, found.advice.sight)
        if fields and scan.partitions is not None:
            read, there = scan.partitions
            names = [field_text(each) for each in fields]
            missing.append(
                MissingFilter(table=str(scan.scan.table), filter_on=names, partitions_read=read, partitions=there)
            )
    return missing


def suggestion(number: int, alternative: Alternative, original: Estimate | None) -> Suggestion:
    """Return an alternative with what it would save."""
    return Suggestion(
        number=number,
        kind=alternative.kind,
        suggestion=_SUGGESTED[alternative.kind],
        title=alternative.title,
        sql=alternative.sql,
        same_result=alternative.same_result,
        difference=alternative.difference,
        estimate=figures(told(alternative.estimate)),
        saves=_saves(told(alternative.estimate), told(original)) if original is not None else None,
    )


def _saves(less: Estimate, original: Estimate) -> Saves | None:
    if (
        not math.isfinite(less.bytes.likely)
        or not math.isfinite(original.bytes.likely)
        or not math.isfinite(original.nano.likely)
    ):
        return None
    size = original.bytes.likely - less.bytes.likely
    share = size / original.bytes.likely if original.bytes.likely else 0.0
    return Saves(bytes=int(size), usd=usd_text(int(original.nano.likely - less.nano.likely)), share=round(share, 4))


def figures(estimate: Estimate) -> Figures:
    """Return an estimate in the API's form."""
    nano = estimate.nano
    return Figures(
        kind=estimate.kind,
        bytes=_range(estimate.bytes),
        rows=_range(estimate.widest.rows),
        usd=UsdRange(
            low=usd_text(_whole(nano.low)),
            likely=usd_text(_whole(nano.likely)),
            high=usd_text(_whole(nano.high)) if math.isfinite(nano.high) else None,
        ),
        seconds=estimate.seconds.likely if math.isfinite(estimate.seconds.likely) else None,
        rate=estimate.rate,
        basis=estimate.basis,
        coverage=estimate.coverage,
        why=estimate.why,
    )


def _range(figure: Interval) -> Range:
    high = _whole(figure.high) if math.isfinite(figure.high) else None
    return Range(low=_whole(figure.low), likely=_whole(figure.likely), high=high)


def _whole(value: float) -> int:
    return int(value) if math.isfinite(value) else MOST


def usd_text(nano: int) -> Usd:
    """Return nanodollars as dollars with all their digits."""
    return f"{dollars(nano).quantize(Decimal('1.000000000')):f}"
