"""The price book: the most specific entry that holds when a statement is received decides what it costs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ErrorCode, Refusal
from gateway.billing.price_book import PriceBook
from gateway.config.prices import Prices

NOW = datetime(2026, 11, 26, tzinfo=UTC).timestamp()


def book(*entries: dict[str, Any], **rule: Any) -> PriceBook:
    return PriceBook(Prices.model_validate({"entries": entries, **rule}))


def instant(*parts: int, zone: str = "UTC") -> float:
    return datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[misc, arg-type]  # the words of a test


def test_without_any_entry_a_terabyte_costs_five_dollars_everywhere() -> None:
    rate = PriceBook(Prices()).rate("trino", "", NOW)
    assert (rate.usd_per_tb, rate.nano_per_tb) == (Decimal("5.00"), 5 * 10**9)
    assert rate.price(10**12) == 5 * 10**9
    assert rate.price(1) == 1, "what is not free never costs nothing"
    assert rate.price(0) == 0


def test_an_engine_in_a_region_outranks_the_engine_and_that_the_region() -> None:
    prices = book(
        {"usd_per_tb": "1"},
        {"region": "us", "usd_per_tb": "2"},
        {"engine": "trino", "usd_per_tb": "3"},
        {"engine": "trino", "region": "us", "usd_per_tb": "4"},
    )
    asked = [("trino", "us"), ("trino", "eu"), ("trino", ""), ("lake", "us"), ("lake", "")]
    assert [int(prices.rate(*each, NOW).usd_per_tb) for each in asked] == [4, 3, 3, 2, 1]
    assert prices.rate("trino", "us", NOW).name == "trino/us: USD 4 per TB"


def test_the_price_changes_at_midnight_of_its_zone() -> None:
    prices = book(
        {"until": "2026-12-01", "usd_per_tb": "5"},
        {"from": "2026-12-01", "usd_per_tb": "6"},
        zone="America/Los_Angeles",
    )
    midnight = instant(2026, 12, 1, zone="America/Los_Angeles")
    assert midnight == instant(2026, 12, 1, 8)
    assert [int(prices.rate("lake", "", midnight + ms / 1000).usd_per_tb) for ms in (-1, 0, 1)] == [5, 6, 6]


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        ("2026-03-08", "America/Los_Angeles", instant(2026, 3, 8, 8)),
        ("2026-03-09", "America/Los_Angeles", instant(2026, 3, 9, 7)),
        ("2026-11-01", "America/Los_Angeles", instant(2026, 11, 1, 7)),
        ("2026-11-02", "America/Los_Angeles", instant(2026, 11, 2, 8)),
        ("2018-11-04", "America/Sao_Paulo", instant(2018, 11, 4, 3)),  # midnight itself did not happen
    ],
)
def test_days_on_which_clocks_change_begin_when_the_day_does(day: str, zone: str, begins: float) -> None:
    prices = book({"until": day, "usd_per_tb": "5"}, {"from": day, "usd_per_tb": "6"}, zone=zone)
    assert [int(prices.rate("lake", "", at).usd_per_tb) for at in (begins - 0.001, begins)] == [5, 6]


def test_a_price_that_ends_leaves_a_hole_to_the_less_specific_one_and_then_to_the_rule() -> None:
    ended = {"engine": "lake", "until": "2026-11-01", "usd_per_tb": "9"}
    assert int(book(ended, {"usd_per_tb": "7"}).rate("lake", "", NOW).usd_per_tb) == 7
    assert book(ended).rate("lake", "", NOW).name == "default: USD 5.00 per TB"
    assert int(book(ended, default_usd_per_tb="8").rate("lake", "", NOW).usd_per_tb) == 8
    with pytest.raises(Refusal, match="There is no price for engine lake in us") as refused:
        book(ended, missing="refuse").rate("lake", "us", NOW)
    assert refused.value.code is ErrorCode.QUERY_REJECTED


def test_a_minimum_is_paid_by_what_reads_anything_only() -> None:
    rate = book({"usd_per_tb": "5", "minimum_usd_per_query": "0.01"}).rate("lake", "", NOW)
    assert [rate.price(size) for size in (0, 1, 10**10)] == [0, 10**7, 5 * 10**7]
    assert rate.name == "*: USD 5 per TB, at least USD 0.01"


def test_partners_pay_their_own_price_where_there_is_one() -> None:
    with_own = PriceBook(Prices(), Decimal("12.50"))
    assert with_own.rate("lake", "", NOW, partner=True).usd_per_tb == Decimal("12.50")
    assert with_own.rate("lake", "", NOW).usd_per_tb == Decimal("5.00")
    assert PriceBook(Prices()).rate("lake", "", NOW, partner=True).usd_per_tb == Decimal("5.00")


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8, unique=True), st.integers(-10, 60))
def test_of_any_periods_that_follow_one_another_the_last_begun_holds(starts: list[int], asked: int) -> None:
    starts = sorted(starts)
    ends = [*starts[1:], None]
    prices = book(
        *(
            {
                "from": datetime.fromtimestamp(start * 86_400, UTC),
                "until": None if end is None else datetime.fromtimestamp(end * 86_400, UTC),
                "usd_per_tb": number,
            }
            for number, (start, end) in enumerate(zip(starts, ends, strict=True))
        ),
        default_usd_per_tb=999,
    )
    expected = max((number for number, start in enumerate(starts) if start <= asked), default=999)
    assert prices.rate("lake", "", asked * 86_400.0).usd_per_tb == expected
