"""Periods of budgets: every moment lies in exactly one, neighbours meet, and days have 23 to 25 hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.budgets.periods import Period, period_of

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Havana",  # goes back to midnight
    "Asia/Beirut",  # jumps over midnight
    "America/Toronto",  # for years went back over midnight, at 00:01
    "Pacific/Apia",  # had no 30 December 2011
)
PERIODS: tuple[Period, ...] = ("hour", "day", "week", "month")
HOUR = 3600.0


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@given(
    st.sampled_from(PERIODS), st.sampled_from(ZONES), st.floats(min_value=0, max_value=4e9, allow_nan=False, width=64)
)
def test_every_moment_lies_in_exactly_one_period_and_neighbours_meet(period: Period, zone: str, moment: float) -> None:
    found = period_of(period, zone, moment)
    assert found.start <= moment < found.end
    assert period_of(period, zone, found.start) == found
    after = period_of(period, zone, found.end)
    assert after.start == found.end
    assert after.label > found.label


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-08", "America/Los_Angeles", 23),
        ("2026-11-01", "America/Los_Angeles", 25),
        ("2026-11-26", "America/Los_Angeles", 24),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2026-03-29", "Asia/Beirut", 23),
        ("2005-10-30", "America/Toronto", 25),
    ],
)
def test_a_day_lasts_as_long_as_clocks_say(day: str, zone: str, hours: float) -> None:
    found = period_of("day", zone, at(f"{day}T12:00", zone))
    assert (found.label, (found.end - found.start) / HOUR) == (day, hours)


def test_the_hour_that_clocks_show_twice_is_two_hours() -> None:
    first = at("2026-11-01T01:30", "America/Los_Angeles")
    twice = [period_of("hour", "America/Los_Angeles", moment) for moment in (first, first + HOUR)]
    assert [each.label for each in twice] == ["2026-11-01T08:00Z", "2026-11-01T09:00Z"]


@pytest.mark.parametrize(
    ("period", "moment", "label", "start", "end"),
    [
        ("week", "2027-01-01T00:00", "2026-W53", "2026-12-28", "2027-01-04"),
        ("week", "2026-11-29T23:59:59", "2026-W48", "2026-11-23", "2026-11-30"),
        ("month", "2028-02-29T23:59:59", "2028-02", "2028-02-01", "2028-03-01"),
        ("month", "2026-12-31T23:59:59", "2026-12", "2026-12-01", "2027-01-01"),
        ("day", "2026-11-26T00:00", "2026-11-26", "2026-11-26", "2026-11-27"),
    ],
)
def test_weeks_begin_on_monday_and_months_end_when_they_end(
    period: Period, moment: str, label: str, start: str, end: str
) -> None:
    zone = "America/Los_Angeles"
    assert period_of(period, zone, at(moment, zone)) == (label, at(start, zone), at(end, zone))


def test_a_day_is_the_zones_own() -> None:
    moment = at("2026-11-26T03:00", "UTC")
    assert period_of("day", "America/Los_Angeles", moment).label == "2026-11-25"
    assert period_of("day", "Asia/Kathmandu", moment).label == "2026-11-26"
