"""Ragged edges and changed regions: the parts are disjoint and complete, for random rows with NULLs."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlglot import exp

from catalog.materialized_views import Bound, Region
from catalog.types import parse_type
from rewrite_rules.substitution.making import column
from rewrite_rules.substitution.ragged import split_edges
from rewrite_rules.substitution.regions import touches, widen
from tests.rewrite_rules.substitution.bucketing import MOMENTS, bucketed, read
from tests.rewrite_rules.substitution.evaluating import evaluate

KEYS = (
    "date_trunc('hour', ts)",
    "date_trunc('day', ts)",
    "date_trunc('week', ts)",
    "date_trunc('month', ts)",
    "CAST(ts AS date)",
    "date_trunc('hour', tz)",
    "CAST(tz AT TIME ZONE 'America/Los_Angeles' AS date)",
    "date_trunc('day', tz)",
    "date_trunc('month', dt)",
)
TYPES = {each.name: each.type for each in MOMENTS.columns}
_START = datetime(2024, 1, 1)


def _moment(chooser: random.Random) -> datetime:
    rough = chooser.choice((3_600, 900, 86_400, 1))
    since = chooser.randrange(0, 200 * 86_400) // rough * rough
    return _START + timedelta(seconds=since, microseconds=chooser.choice((0, 0, 1, 999_999)))


def _literal(name: str, moment: datetime) -> str:
    if name == "dt":
        return f"DATE '{moment.date()}'"
    return f"TIMESTAMP '{moment.isoformat(' ', 'microseconds')}{' UTC' if name == 'tz' else ''}'"


def _row(chooser: random.Random) -> dict[str, Any]:
    moment = _moment(chooser)
    values = {"ts": moment, "tz": moment.replace(tzinfo=UTC).astimezone(ZoneInfo("UTC")), "dt": moment.date()}
    row: dict[str, Any] = {name: value if chooser.random() > 0.1 else None for name, value in values.items()}
    return {**row, "hub": chooser.choice((None, "", "A", "B", "C"))}


def _conditions(chooser: random.Random, name: str) -> list[str]:
    ends = sorted(_moment(chooser) for _ in range(4))
    low, high, third, fourth = (_literal(name, end) for end in ends)
    return chooser.choice(
        (
            [f"{name} >= {low}", f"{name} < {high}"],
            [f"{name} > {low}"],
            [f"{name} BETWEEN {low} AND {high}"],
            [f"{name} NOT BETWEEN {low} AND {high}"],
            [f"{name} <> {low}"],
            [f"{name} < {low} OR {name} >= {high}", f"{name} > {third} OR {name} IS NULL"],
            [f"({name} >= {low} AND {name} <= {high}) OR ({name} > {third} AND {name} < {fourth})"],
            [f"NOT ({name} > {low})"],
            [f"{name} IS NULL OR {name} < {high}"],
        )
    )


@pytest.mark.parametrize("key", KEYS)
def test_whole_buckets_and_edges_are_disjoint_and_together_the_range(key: str) -> None:
    chooser = random.Random(key)
    found = bucketed(key)
    assert found is not None
    split = 0
    for _ in range(30):
        texts = _conditions(chooser, found.column.name)
        conditions = [read(text) for text in texts]
        made = split_edges(conditions, found)
        if made is None:
            continue
        split += 1
        for _ in range(25):
            row = _row(chooser)
            shown = {**row, "h": evaluate(read(key), row)}
            asked = all(evaluate(condition, row) is True for condition in conditions)
            whole = evaluate(made.whole, shown) is True
            edge = made.edges is not None and evaluate(made.edges, row) is True
            assert not (whole and edge), (texts, row)
            assert (whole or edge) == asked, (texts, row)
    assert split >= 7


def _region(chooser: random.Random) -> Region:
    bounds: list[Bound] = []
    for name in chooser.sample(("ts", "tz", "dt", "hub"), chooser.choice((1, 2, 3))):
        nulls = chooser.random() < 0.3
        if name == "hub":
            low, high = sorted(chooser.choices(("''", "'A'", "'B'"), k=2))
        else:
            low, high = (_literal(name, end) for end in sorted(_moment(chooser) for _ in range(2)))
        ends = chooser.choice(((low, high), (low, None), (None, high), (None, None)))
        bounds.append(Bound(name, *ends, nulls))
    return Region(tuple(bounds))


def _lies_in(row: dict[str, Any], region: Region) -> bool:
    return all(_within(row[bound.column], bound) for bound in region.bounds)


def _within(value: Any, bound: Bound) -> bool:
    if value is None:
        return bound.nulls
    low, high = (evaluate(read(end), {}) if end is not None else None for end in (bound.low, bound.high))
    return (low is None or _key(low) <= _key(value)) and (high is None or _key(value) <= _key(high))


def _key(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else value


def test_a_widened_region_holds_all_its_rows_and_leaves_no_view_row_in_two() -> None:
    chooser = random.Random(5)
    made = kept = 0
    for _ in range(60):
        chosen = chooser.sample([*KEYS, "hub"], chooser.choice((1, 2, 3)))
        shown = [column("v", f"h{at}", read(key).meta["type"]) for at, key in enumerate(chosen)]
        regions = [_region(chooser) for _ in range(chooser.choice((1, 1, 2)))]
        pairs: list[tuple[exp.Expr, exp.Expr]] = [(read(key), name) for key, name in zip(chosen, shown, strict=True)]
        parts = widen(regions, "", TYPES, pairs)
        if parts is None:
            continue
        made += 1
        for _ in range(25):
            row = _row(chooser)
            over = {name.name: evaluate(value, row) for value, name in pairs}  # type: ignore[attr-defined]  # a column
            base, view, unchanged = (
                evaluate(parts.base, row),
                evaluate(parts.view, over),
                evaluate(parts.unchanged, over),
            )
            assert isinstance(base, bool), (regions, row)
            assert base is view is not unchanged, (chosen, regions, row)
            if any(_lies_in(row, region) for region in regions):
                assert base, (regions, row)
            else:
                kept += not base
    assert made >= 20
    assert kept >= 100


def test_a_region_that_no_key_of_the_view_tells_of_is_anywhere() -> None:
    keys = [(read("date_trunc('hour', ts)"), column("v", "h", parse_type("timestamp(6)")))]
    anywhere = Region((Bound("hub", "'A'", "'B'"),))
    assert widen([anywhere], "", TYPES, keys) is None
    assert widen([Region()], "", TYPES, keys) is None
    known = Region((Bound("ts", "TIMESTAMP '2024-01-01 00:30:00'", "TIMESTAMP '2024-01-01 00:40:00'"),))
    assert widen([known, anywhere], "", TYPES, keys) is None
    assert widen([known], "", TYPES, keys) is not None


def test_a_query_that_asks_for_no_row_of_a_region_is_not_touched_by_it() -> None:
    chooser = random.Random(11)
    missed = 0
    for _ in range(200):
        region, name = _region(chooser), chooser.choice(("ts", "tz", "dt"))
        conditions = [read(text) for text in _conditions(chooser, name)]
        if touches(region, conditions, "", TYPES):
            continue
        missed += 1
        for _ in range(30):
            row = _row(chooser)
            asked = all(evaluate(condition, row) is True for condition in conditions)
            assert not (asked and _lies_in(row, region)), (region, conditions, row)
    assert missed >= 8
