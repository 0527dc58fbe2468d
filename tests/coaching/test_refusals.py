"""Refusals for price: the number and the fix come first, all that is known after, and nothing that is secret."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from catalog.errors import ErrorCode, ErrorKind
from catalog.statistics import Interval
from gateway.coaching.model import NO_ADVICE, Advice, Alternative
from gateway.coaching.refusals import SHOWN, not_estimable, over_budget, over_cap, unbounded
from gateway.coaching.words import count, moment, size, usd
from policies.cost.estimate import Widest
from tests.coaching.world import TICKS, guess, ticks_scan


@dataclass(frozen=True, slots=True)
class Budget:
    id: str = "desk-daily"
    unit: str = "usd"
    period: str = "day"
    zone: str = "America/Los_Angeles"


@dataclass(frozen=True, slots=True)
class Account:
    budget: Budget = Budget()
    holder: str = "desk CAISO"
    period_end: float = 1_772_956_800.0


@dataclass(frozen=True, slots=True)
class Short:
    limit: int = 10_000_000_000
    used: int = 9_000_000_000
    reserved: int = 990_000_000
    left: int = 10_000_000


SIGHT = {TICKS: frozenset({"id", "ts", "note"})}
CHEAPER = Alternative(
    "partition_filter",
    "only the newest day of ticks, by a filter on ts",
    "SELECT * FROM lake.market.ticks WHERE ts >= TIMESTAMP '2026-04-01 00:00:00 UTC'",
    guess(nano=1_000_000, size=2e7),
    same_result=False,
    difference="only rows with ts from 2026-04-01 00:00 UTC on",
)
ADVICE = Advice(SIGHT, (CHEAPER,), limit_in_vain=True)


def test_a_refusal_for_a_budget_tells_a_person_all_he_needs() -> None:
    refusal = over_budget(
        Short(), guess(nano=1.3e9, size=2.6e11), Account(), ADVICE, query_id="q7", override="penstock budget override"
    )
    first, *lines = refusal.text.split("\n")
    assert first == (
        "This query takes at least USD 1.04; budget desk-daily (desk CAISO) has USD 0.01 left. "
        "Fix: only the newest day of ticks, by a filter on ts: USD 0.0010."
    )
    assert lines == [
        "Estimate (upper bound): USD 1.30 (USD 1.04 to USD 1.56), reads 260 GB (208 GB to 312 GB).",
        "Widest step: 400 rows. Time: about 2 s.",
        "Rate: lake: USD 5.00 per TB. Basis: manifest, snapshot 1; 90 % of statements lie within the interval.",
        "Budget desk-daily of desk CAISO for the day: limit USD 10.00, used USD 9.00, reserved by running queries "
        "USD 0.99, left USD 0.01; it begins anew at 2026-03-08 00:00 America/Los_Angeles (2026-03-08 08:00 UTC).",
        "Dominant: 100 % = lake.market.ticks; 90 % = ticks.note; 6 % = ticks.id.",
        "Missing: no filter on day(ts) of lake.market.ticks: 60 of 60 partitions are read.",
        "The LIMIT does not help: what it cuts off has been read by then.",
        "Alternative 1 (USD 0.0010, 20 MB; different result: only rows with ts from 2026-04-01 00:00 UTC on): "
        "only the newest day of ticks, by a filter on ts",
        CHEAPER.sql,
        "More: penstock budget override",
        "Request: q7",
    ]


def test_a_table_that_is_read_twice_lacks_its_filter_once() -> None:
    twice = replace(guess(), scans=guess().scans * 2)
    assert over_budget(Short(), twice, Account(), ADVICE).message.count("Missing: no filter") == 1


def test_clients_do_not_send_it_again() -> None:
    assert over_budget(Short(), guess(), Account()).code is ErrorCode.QUERY_REJECTED
    assert ErrorCode.QUERY_REJECTED.kind is ErrorKind.USER


@pytest.mark.parametrize("long", ["x" * 300, "ä" * 300, "two\nlines " * 40])
def test_number_and_fix_stand_in_what_tools_show_however_long_the_names_are(long: str) -> None:
    budget = Account(replace(Budget(), id=long), long)
    advice = replace(ADVICE, alternatives=(replace(CHEAPER, title=long),))
    widest = Widest(Interval(1, 1e12, math.inf), long, long)
    refusals = [
        (over_budget(Short(), guess(nano=1.3e9), budget, advice), ("USD 1.04", "USD 0.01")),
        (over_cap(long, "bytes", 10**9, guess(size=5e9), advice), ("4 GB", "1 GB")),
        (over_cap(long, "rows", 10**6, guess(widest=Widest(Interval(5e8, 5e8, 5e8))), advice), ("500,000,000",)),
        (unbounded(guess(widest=widest), advice), ("1,000,000,000,000",)),
        (not_estimable(guess(kind="unknown", why=long)), ("not known",)),
    ]
    for refusal, numbers in refusals:
        first = refusal.text.split("\n")[0]
        assert len(first) <= SHOWN
        assert "Fix: " in first
        assert all(number in first for number in numbers), first


def test_what_the_caller_may_not_see_is_not_spoken_of() -> None:
    hidden = replace(ADVICE, sight={TICKS: frozenset({"id"})}, alternatives=())
    text = over_budget(Short(), guess(ticks_scan()), Account(), hidden).text
    assert "note" not in text
    assert "day(ts)" not in text
    assert "10 % = ticks" not in text.replace("100 %", "")
    nothing = over_budget(Short(), guess(ticks_scan()), Account(), NO_ADVICE).text
    assert "ticks" not in nothing


def test_no_filter_is_asked_for_where_one_prunes() -> None:
    text = over_budget(Short(), guess(ticks_scan(read=3)), Account(), replace(ADVICE, alternatives=())).text
    assert "Missing" not in text


def test_figures_that_are_no_numbers_are_said_to_be_unknown() -> None:
    endless = Interval(0, math.inf, math.inf)
    unknown = replace(guess(kind="unknown", bytes=endless, seconds=endless), nano=endless, scans=())
    text = not_estimable(unknown).text
    assert "an unknown amount" in text
    assert "inf" not in text
    nonsense = Interval(0, math.nan, math.nan)
    assert "nan" not in not_estimable(replace(guess(), nano=nonsense, bytes=nonsense)).text


@pytest.mark.parametrize(
    ("nano", "told"),
    [
        (0, "USD 0"),
        (1_234_567_890_123, "USD 1,234.57"),
        (10_000_000, "USD 0.01"),
        (9_940_000, "USD 0.0099"),
        (20_512, "USD 0.000021"),
        (1, "USD 0.0000000010"),
        (-5_000_000_000, "USD -5.00"),
    ],
)
def test_money_is_told_in_cents_or_in_the_digits_that_count(nano: int, told: str) -> None:
    assert usd(nano) == told


def test_sizes_rows_and_moments_are_told_as_people_say_them() -> None:
    assert [size(each) for each in (0, 999, 1000, 4_099_999, 999_600, 7.25e13)] == [
        "0 B", "999 B", "1 kB", "4.1 MB", "1 MB", "72.5 TB",
    ]  # fmt: skip
    assert [count(each) for each in (7, 99, 902_625_000, math.inf)] == ["7", "99", "900,000,000", "without bound"]
    assert moment(0, "UTC") == "1970-01-01 00:00 UTC"
    assert moment(0, "No/Such") == "1970-01-01 00:00 UTC"
    assert moment(math.inf, "UTC") == "never"


def test_from_whom_rows_are_hidden_no_figure_is_told_that_a_condition_of_his_can_move() -> None:
    hidden = replace(guess(nano=1.3e9, size=2.6e11), rows_hidden=True)
    pruned = replace(guess(nano=1.3e3, size=2.6e5), rows_hidden=True)
    wide, narrow = (over_budget(Short(), each, Account(), NO_ADVICE).text for each in (hidden, pruned))
    assert wide == narrow
    assert "may take up to" in wide
    assert "snapshot" not in wide
