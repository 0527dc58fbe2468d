"""What is proved of predicates and time, on the real Trino: its NULLs and NaNs, its clocks, its buckets."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import trino.dbapi
from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from gateway.demo.trino_server import TrinoServer
from rewrite_rules.substitution.buckets import on_bucket
from rewrite_rules.substitution.zones import FOREVER, Stretch, changes, offset_at
from tests.rewrite_rules.substitution import random_moments
from tests.rewrite_rules.substitution.bucketing import bucketed
from tests.rewrite_rules.substitution.bucketing import read as read_moment
from tests.rewrite_rules.substitution.evaluating import evaluate
from tests.rewrite_rules.substitution.random_predicates import TYPES, VALUES, Chooser, read
from tests.rewrite_rules.substitution.zones_of_the_world import SINCE_1970, UNTIL_2037, ZONES


@pytest.fixture(scope="module")
def cursor(trino_server: TrinoServer) -> Iterator[trino.dbapi.Cursor]:
    connection = trino.dbapi.connect(host=trino_server.host, port=trino_server.port, user="ana", timezone="UTC")
    yield connection.cursor()
    connection.close()


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return f"CAST(NULL AS {kind})"
    if isinstance(value, float):
        text = (
            "nan()"
            if math.isnan(value)
            else "infinity()"
            if value == math.inf
            else "-infinity()"
            if value < -1e300
            else repr(value) + "E0"
        )
        return f"CAST({text} AS {kind})"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return f"CAST({value} AS {kind})"
    if isinstance(value, datetime):
        zone = f" {value.tzinfo}" if value.tzinfo is not None else ""
        return f"CAST(TIMESTAMP '{value.replace(tzinfo=None).isoformat(' ', 'microseconds')}{zone}' AS {kind})"
    if isinstance(value, date):
        return f"DATE '{value}'"
    return f"CAST('{value}' AS {kind})"


def _check_oracle(cursor: trino.dbapi.Cursor, seed: int, count: int) -> None:
    chooser = Chooser(seed)
    rows = [{name: chooser.random.choice(values) for name, values in VALUES.items()} for _ in range(40)]
    trees: dict[str, exp.Expr] = {}
    while len(trees) < count:
        chooser.turn()
        text = chooser.condition()
        with contextlib.suppress(Refusal):
            trees[text] = read(text)
    listed = ", ".join(
        f"({at}, {', '.join(_literal(row[n], kind) for n, kind in TYPES.items())})" for at, row in enumerate(rows)
    )
    cursor.execute(f"SELECT {', '.join(trees)} FROM (VALUES {listed}) AS t(id, {', '.join(TYPES)}) ORDER BY id")
    for row, answers in zip(rows, cursor.fetchall(), strict=True):
        for (text, tree), answer in zip(trees.items(), answers, strict=True):
            assert evaluate(tree, row) is answer, (text, row)


def test_the_oracle_of_the_random_tests_answers_as_trino_does(cursor: trino.dbapi.Cursor) -> None:
    _check_oracle(cursor, seed=7, count=50)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8, 16))
def test_the_oracle_answers_as_trino_does_to_many_more(cursor: trino.dbapi.Cursor, seed: int) -> None:
    _check_oracle(cursor, seed, count=80)


def _check_clocks(cursor: trino.dbapi.Cursor, zones: Iterable[str]) -> None:
    items = [
        (zone, second)
        for zone in zones
        for change in changes(zone, FOREVER) or ()
        for second in (change.at - 1, change.at)
    ]
    for start in range(0, len(items), 2_000):
        values = ", ".join(f"('{zone}', {second})" for zone, second in items[start : start + 2_000])
        cursor.execute(
            "SELECT z, s, date_diff('second', CAST(from_unixtime(s) AT TIME ZONE 'UTC' AS timestamp), "
            f"CAST(at_timezone(from_unixtime(s), z) AS timestamp)) FROM (VALUES {values}) AS t(z, s)"
        )
        for zone, second, offset in cursor.fetchall():
            assert offset_at(zone, second) == offset, (zone, second)


def test_trino_knows_the_same_changes_of_clocks(cursor: trino.dbapi.Cursor) -> None:
    _check_clocks(cursor, ("America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin", "Pacific/Apia"))


@pytest.mark.long
def test_trino_knows_the_same_changes_of_clocks_in_every_zone(cursor: trino.dbapi.Cursor) -> None:
    _check_clocks(cursor, ZONES)


def _violations(
    cursor: trino.dbapi.Cursor, values: str, keys: Iterable[str], asked: Iterable[str], most: int | None, **bounds: str
) -> int:
    """Ask Trino whether what was expressed by buckets ever differs; return how many expressions were.

    `most` of them are compared, chosen at random; None: all.
    """
    texts: dict[str, exp.Expr] = {}
    for text in asked:
        with contextlib.suppress(Refusal):  # a time that the zone's clocks never showed
            texts[text] = read_moment(text)
    shown: list[str] = []
    claims: list[tuple[str, str, str]] = []
    for key in keys:
        name = f"h{len(shown)}"
        found = bucketed(key, shown=name, **bounds)
        if found is None:
            continue
        shown.append(f"{key} AS {name}")
        for text, tree in texts.items():
            made = on_bucket(tree, found)
            if made is not None:
                claims.append((key, text, generate(made[0])))
    source = f"(SELECT *, {', '.join(shown)} FROM (VALUES {values}) AS t(ts, tz)) AS v"
    chosen = claims if most is None else random.Random(0).sample(claims, min(most, len(claims)))
    for start in range(0, len(chosen), 150):
        part = chosen[start : start + 150]
        counts = ", ".join(
            f"count_if(CAST({text} AS varchar) IS DISTINCT FROM CAST({made} AS varchar))" for _, text, made in part
        )
        cursor.execute(f"SELECT {counts} FROM {source}")
        for claim, count in zip(part, cursor.fetchall()[0], strict=True):
            assert count == 0, claim
    return len(claims)


def _moments(zone: str, seed: int) -> list[datetime]:
    """Return instants around changes of a zone's clocks since 1970, and some at random."""
    chooser = random.Random(seed)
    known = changes(zone, Stretch(SINCE_1970, UNTIL_2037)) or ()
    around = (-5_400, -3_600, -1_800, -1, 0, 1, 900, 1_799, 1_800, 3_600, 7_199, 40_000)
    seconds = [each.at + by for each in chooser.sample(known, min(len(known), 24)) for by in around]
    seconds += [chooser.randrange(SINCE_1970 + 10**6, UNTIL_2037 - 10**6) for _ in range(60)]
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return [start + timedelta(seconds=second, microseconds=chooser.choice((0, 0, 1, 999_999))) for second in seconds]


def _values(moments: list[datetime]) -> str:
    return ", ".join(
        f"(TIMESTAMP '{text}', TIMESTAMP '{text} UTC')"
        for text in (moment.replace(tzinfo=None).isoformat(" ", "microseconds") for moment in moments)
    )


def _of_zone(cursor: trino.dbapi.Cursor, zone: str, most: int | None = None) -> int:
    moments = _moments(zone, len(zone))
    low, high = (f"TIMESTAMP '{end.date()} 00:00:00 UTC'" for end in (min(moments), max(moments)))
    keys = random_moments.buckets_of_instants(zone)
    asked = random_moments.expressions_of_instants(zone)
    return _violations(cursor, _values(moments), keys, asked, most, low=low, high=high)


def test_what_buckets_decide_is_the_same_on_trino_around_changes_of_clocks(cursor: trino.dbapi.Cursor) -> None:
    assert _of_zone(cursor, "America/Los_Angeles", most=12) >= 100


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("zone", ZONES)
def test_what_buckets_decide_is_the_same_in_every_zone(cursor: trino.dbapi.Cursor, zone: str) -> None:
    assert _of_zone(cursor, zone) >= 60


def _of_local_time(cursor: trino.dbapi.Cursor, most: int | None = None) -> int:
    moments = _moments("UTC", 1) + [
        datetime(2024, 3, 10, hour, minute, second, micro)
        for hour in (0, 9, 10, 23)
        for minute, second, micro in ((0, 0, 0), (0, 0, 1), (30, 0, 0), (59, 59, 999_999))
    ]
    moments += [datetime(2024, 2, 29), datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(2024, 1, 31, 12)]
    values = _values(moments) + ", (NULL, NULL)"
    keys = random_moments.buckets_of_local_time()
    return _violations(cursor, values, keys, random_moments.expressions_of_local_time(), most)


def test_what_buckets_of_local_time_decide_is_the_same_on_trino(cursor: trino.dbapi.Cursor) -> None:
    assert _of_local_time(cursor, most=20) >= 500


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_all_that_buckets_of_local_time_decide_is_the_same_on_trino(cursor: trino.dbapi.Cursor) -> None:
    _of_local_time(cursor)
