"""Buckets: what is promised is expressed by them, and what they do not decide never is."""

from __future__ import annotations

import pytest

from catalog.dialect.generate import generate
from rewrite_rules.substitution.buckets import on_bucket
from tests.rewrite_rules.substitution.bucketing import bucketed, read

YEARS = ("TIMESTAMP '2020-01-01 00:00:00 UTC'", "TIMESTAMP '2025-06-01 00:00:00 UTC'")
LA = "America/Los_Angeles"


def expressed(value: str, key: str, low: str | None = None, high: str | None = None) -> str | None:
    found = bucketed(key, low=low, high=high)
    assert found is not None, key
    made = on_bucket(read(value), found)
    return generate(made[0]).replace('"v"."h"', "h") if made is not None else None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("date_trunc('hour', ts)", "date_trunc('day', ts)", "date_trunc('day', h)"),
        ("date_trunc('hour', ts)", "date_trunc('week', ts)", "date_trunc('week', h)"),
        ("date_trunc('hour', ts)", "date_trunc('month', ts)", "date_trunc('month', h)"),
        ("date_trunc('hour', ts)", "date_trunc('year', ts)", "date_trunc('year', h)"),
        ("date_trunc('month', ts)", "date_trunc('quarter', ts)", "date_trunc('quarter', h)"),
        ("date_trunc('hour', ts)", "CAST(ts AS date)", "CAST(h AS DATE)"),
        ("date_trunc('hour', ts)", "date(ts)", "date(h)"),
        ("date_trunc('hour', ms)", "date_format(ms, '%Y-%m')", "date_format(h, '%Y-%m')"),
        ("date_trunc('hour', ts)", "hour(ts) BETWEEN 7 AND 22", "hour(h) BETWEEN 7 AND 22"),
        ("date_trunc('hour', ts)", "day_of_week(ts) <= 5", "day_of_week(h) <= 5"),
        (
            "date_trunc('hour', ts)",
            "date_trunc('day', ts - INTERVAL '9' HOUR)",
            "date_trunc('day', h - INTERVAL '9' HOUR)",
        ),
        ("date_trunc('week', ts)", "week(ts)", "week(h)"),
        ("CAST(ts AS date)", "date_trunc('month', ts)", "date_trunc('month', CAST(h AS TIMESTAMP(6)))"),
        ("date_trunc('month', dt)", "year(dt)", "year(h)"),
        (
            "CAST(tz AT TIME ZONE 'Asia/Tokyo' AS date)",
            "month(tz AT TIME ZONE 'Asia/Tokyo')",
            "month(h)",
        ),
        (
            "date_trunc('hour', ts)",
            "ts >= DATE '2024-03-09'",
            "h >= CAST('2024-03-09 00:00:00.000000' AS TIMESTAMP(6))",
        ),
        (
            f"date_trunc('hour', tz AT TIME ZONE '{LA}')",
            "tz < TIMESTAMP '2024-03-11 07:00:00 UTC'",
            "h < CAST('2024-03-11 07:00:00.000000 UTC' AS TIMESTAMP(6) WITH TIME ZONE)",
        ),
        (f"date_trunc('day', CAST(tz AT TIME ZONE '{LA}' AS date))", f"year(tz AT TIME ZONE '{LA}')", "year(h)"),
        ("date_trunc('day', dt)", "date_trunc('month', dt)", "date_trunc('month', h)"),
        (
            f"CAST(tz AT TIME ZONE '{LA}' AS date)",
            f"CAST(CAST(tz AT TIME ZONE '{LA}' AS timestamp(9) with time zone) AS date)",
            "h",
        ),
        (
            "date_trunc('hour', ts)",
            "ts > TIMESTAMP '2024-03-09 23:59:59.999999'",
            "h >= CAST('2024-03-10 00:00:00.000000' AS TIMESTAMP(6))",
        ),
        (
            "date_trunc('hour', tz)",
            f"tz < TIMESTAMP '2024-03-11 00:00:00 {LA}'",
            "h < CAST('2024-03-11 07:00:00.000000 UTC' AS TIMESTAMP(6) WITH TIME ZONE)",
        ),
        (
            f"CAST(tz AT TIME ZONE '{LA}' AS date)",
            f"tz >= TIMESTAMP '2024-03-10 00:00:00 {LA}'",
            "h >= CAST('2024-03-10' AS DATE)",
        ),
    ],
)
def test_what_a_bucket_decides_is_expressed_by_it(key: str, value: str, expected: str) -> None:
    assert expressed(value, key) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("date_trunc('hour', ts)", "ts"),
        ("date_trunc('hour', ts)", "minute(ts)"),
        ("date_trunc('day', ts)", "date_trunc('hour', ts)"),
        ("date_trunc('week', ts)", "date_trunc('month', ts)"),
        ("date_trunc('week', ts)", "year(ts)"),
        ("date_trunc('month', ts)", "date_trunc('week', ts)"),
        ("date_trunc('hour', ts)", "ts > TIMESTAMP '2024-03-09 10:30:00'"),
        ("date_trunc('hour', ts)", "ts = TIMESTAMP '2024-03-09 10:00:00'"),
        ("date_trunc('hour', ts)", "ts > TIMESTAMP '2024-03-09 10:00:00'"),
        ("date_trunc('hour', ts)", "CAST(ts AS timestamp(0)) > TIMESTAMP '2024-03-09 10:00:00'"),
        ("date_trunc('hour', ts)", "date_format(ts, '%H')"),
        ("date_trunc('hour', ms)", "date_format(ms, '%Y %i')"),
        ("date_trunc('week', ms)", "date_format(ms, '%Y-%v')"),
        ("date_trunc('day', ts)", "date_trunc('day', ts - INTERVAL '9' HOUR)"),
        ("date_trunc('hour', ts)", "date_trunc('hour', ts + INTERVAL '30' MINUTE)"),
        ("date_trunc('month', ts)", "date_trunc('month', date_add('day', 1, ts))"),
        ("date_trunc('hour', ts)", "hour(ts) + random()"),
        ("date_trunc('hour', ts)", "hour(ts) + length(hub)"),
        ("date_trunc('hour', ts)", "sum(hour(ts))"),
        ("date_trunc('second', tz)", "last_day_of_month(tz AT TIME ZONE 'America/Asuncion')"),
        ("date_trunc('hour', ts)", "max(hour(ts))"),
        ("date_trunc('hour', tz)", f"CAST(tz AT TIME ZONE '{LA}' AS date)"),
        ("date_trunc('day', tz)", f"tz >= TIMESTAMP '2024-03-10 00:00:00 {LA}'"),
        (f"CAST(tz AT TIME ZONE '{LA}' AS date)", "CAST(tz AS date)"),
        (f"CAST(tz AT TIME ZONE '{LA}' AS date)", "CAST(tz AT TIME ZONE '-08:00' AS date)"),
        (f"CAST(tz AT TIME ZONE '{LA}' AS date)", "CAST(tz AT TIME ZONE 'America/Tijuana' AS date)"),
        (f"CAST(tz AT TIME ZONE '{LA}' AS date)", f"date_trunc('day', tz AT TIME ZONE '{LA}')"),
    ],
)
def test_what_a_bucket_does_not_decide_is_not_expressed(key: str, value: str) -> None:
    assert expressed(value, key) is None


@pytest.mark.parametrize(
    ("unit", "zone", "rolls_up"),
    [
        ("hour", LA, True),
        ("hour", "Asia/Kolkata", False),
        ("minute", "Asia/Kolkata", True),
        ("hour", "Asia/Kathmandu", False),
        ("minute", "Asia/Kathmandu", True),
        ("hour", "Australia/Lord_Howe", False),
        ("hour", "+05:30", False),
        ("hour", "-08:00", True),
    ],
)
def test_hours_make_up_the_days_of_a_zone_only_where_its_clocks_keep_to_them(
    unit: str, zone: str, rolls_up: bool
) -> None:
    made = expressed(f"CAST(tz AT TIME ZONE '{zone}' AS date)", f"date_trunc('{unit}', tz)", *YEARS)
    assert (made is not None) == rolls_up


def test_a_zone_is_proved_for_the_stretch_that_the_data_lie_in_and_for_no_other() -> None:
    day = f"CAST(tz AT TIME ZONE '{LA}' AS date)"
    ancient = ("TIMESTAMP '1880-01-01 00:00:00 UTC'", YEARS[1])
    assert expressed(day, "date_trunc('hour', tz)") is None
    assert expressed(day, "date_trunc('hour', tz)", *ancient) is None
    assert expressed(day, "date_trunc('hour', tz)", *YEARS) is not None
    found = bucketed("date_trunc('hour', tz)", conditions=["tz >= TIMESTAMP '2001-01-01 00:00:00 UTC'"])
    assert found is not None
    made = on_bucket(read(day), found)
    assert made is not None
    assert "from 2000-12-31" in made[1]
    assert "changes of clocks" in made[1]


def test_days_of_a_zone_that_skips_midnights_are_no_instants_to_build_months_of() -> None:
    for zone, clear in (("America/Sao_Paulo", False), ("America/Havana", False), ("Europe/Berlin", True)):
        key = f"date_trunc('day', tz AT TIME ZONE '{zone}')"
        stretch = ("TIMESTAMP '2010-01-01 00:00:00 UTC'", "TIMESTAMP '2018-12-01 00:00:00 UTC'")
        made = expressed(f"date_trunc('month', tz AT TIME ZONE '{zone}')", key, *stretch)
        assert (made is not None) == clear, zone


def test_what_is_expressed_keeps_its_type() -> None:
    found = bucketed("date_trunc('hour', ts)")
    assert found is not None
    for text in ("date_trunc('day', ts)", "CAST(ts AS date)", "month(ts)", "ts >= DATE '2024-03-09'", "ts IS NULL"):
        value = read(text)
        made = on_bucket(value, found)
        assert made is not None
        assert made[0].meta["type"] == value.meta["type"]
