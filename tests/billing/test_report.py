"""Usage added up: whatever it is grouped by, the groups come to the total, exactly and in cents."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.report import By, Report, in_cents, report
from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import BoundedStore
from gateway.recording.store import UsageStore
from policies.cost.money import CENT, split
from tests.billing.filled_stores import stores
from tests.billing.rows import billed
from tests.gateway.recording.usage_records import RECEIVED_AT, finished

DAY = 86_400.0
TABLES = ("a.b.c", "a.b.d", "a.b.e")


async def fill(url: str) -> None:
    rows = []
    for number in range(60):
        nano = number * 333_333 + number % 2
        names = TABLES[: number % 4]
        shares = dict(zip(names or ("",), split(nano, [1.0 + each for each in range(len(names) or 1)]), strict=True))
        at = RECEIVED_AT + (number % 5) * DAY
        user = ("ana", "bob", "carl")[number % 3]
        source = ("superset", None)[number % 2]
        more: dict[str, Any] = {
            "user": user,
            "source": source,
            "finished_at": at,
            "engine": ("trino", "lake")[number % 2],
        }
        rows.append(billed(f"q{number}", nano, shares, **more))
    rows.append(finished("refused", outcome="REFUSED", engine=None, user="ana"))
    store = UsageStore(url)
    await store.insert(rows)
    await store.close()
    entries = BoundedStore(url)
    await entries.within(lambda connection: connection.execute(adjustments.insert(), [_entry(n) for n in (3, 7, 11)]))
    await entries.close()


def _entry(number: int) -> dict[str, Any]:
    return {
        "query_id": f"q{number}", "number": 1, "at": RECEIVED_AT + 9 * DAY, "user_name": ("ana", "bob", "carl")[number % 3],
        "partner": None, "engine": ("trino", "lake")[number % 2], "nano": -number, "bytes": -3, "billed": 0,
        "shares": [["a.b.c", -number - 5], ["a.b.d", 5]], "reason": "late",
    }  # fmt: skip


filled = stores(fill, "billing_report")


def asked(url: str, by: By, begin: float = 0.0, end: float = 9e9, **more: Any) -> Report:
    async def ask() -> Report:
        store = BoundedStore(url)
        try:
            return await report(store, by, begin, end, **more)
        finally:
            await store.close()

    return asyncio.run(ask())


def test_groups_of_every_kind_come_to_the_same_total_on_either_store(filled: str) -> None:
    expected = sum(number * 333_333 + number % 2 for number in range(60)) - 21
    team = {"ana": "emea", "bob": "emea"}.get
    found = {by: asked(filled, by, team_of=team) for by in get_args(By)}
    assert {each.total.nano for each in found.values()} == {expected}
    assert {by: sum(part.nano for _, part in each.groups) for by, each in found.items()} == dict.fromkeys(
        found, expected
    )
    assert {each.total.statements for each in found.values()} == {61}
    assert {key for key, _ in found["team"].groups} == {"emea", None}
    assert {key for key, _ in found["dataset"].groups} == {*TABLES, None}
    assert len(found["day"].groups) == 6
    assert {key for key, _ in found["source"].groups} == {"superset", None}
    named, others = found["user"].first(1)
    assert others is not None
    assert named[0][1].nano + others.nano == expected


def test_time_cut_anywhere_adds_up_and_one_user_gets_his_own(filled: str) -> None:
    cuts = [0.0, RECEIVED_AT + DAY, RECEIVED_AT + 2.5 * DAY, RECEIVED_AT + 9 * DAY, 9e9]
    parts = [asked(filled, "user", *each) for each in pairwise(cuts)]
    assert sum(each.total.nano for each in parts) == asked(filled, "user").total.nano
    whole = dict(asked(filled, "user").groups)
    mine = asked(filled, "dataset", user="bob")
    assert mine.total == whole["bob"]
    assert sum(part.nano for _, part in mine.groups) == mine.total.nano


def test_averages_are_exact_to_the_nanodollar_and_none_of_nothing(filled: str) -> None:
    total = asked(filled, "user").total
    assert total.usd_per_statement == (Decimal(total.nano) / 61 / 10**9).quantize(Decimal("1e-9"))
    nothing = asked(filled, "user", 9e9, 9.1e9).total
    assert (nothing.usd_per_tb, nothing.usd_per_statement) == (None, None)


@given(st.lists(st.integers(-(10**15), 10**15), max_size=30))
def test_cents_add_up_to_the_rounded_sum_and_none_is_off_by_a_cent(nanos: list[int]) -> None:
    cents = in_cents(nanos)
    assert abs(sum(cents) * CENT - sum(nanos)) * 2 <= CENT
    assert all(abs(cent * CENT - nano) < CENT for cent, nano in zip(cents, nanos, strict=True))
