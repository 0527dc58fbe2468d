"""What a statement holds of an account: its upper bound with room, and where there is plenty all that its tables have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.objects import TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate, TableStatistics
from gateway.budgets.wants import wanted
from policies.budgets.model import Account, Budget, Whose
from policies.cost.estimate import Estimate
from policies.cost.money import NANO
from tests.budgets.gate_world import MB, estimate

TABLE = TableName("lake", "shop", "orders")
FIVE_DOLLARS = 5 * NANO


def account(limit: int, unit: str = "bytes") -> Account:
    budget = Budget("b", Whose(), "user", unit, "day", "UTC", limit)  # type: ignore[arg-type]  # a word of two
    return Account("b/ana/x/2026-11-26", budget, "ana", 0.0, 1.0, limit)


def over(size: int | None, found: tuple[float, float, float], times: int = 1) -> Estimate:
    """Return an estimate over one table that holds so many bytes."""
    known = TableStatistics(TABLE, 1000, size)
    low, likely, high = found
    scan = ScanEstimate(Scan(TABLE, ("a",), times=times), Interval(*found), Interval(0, 1, 1), Basis("manifest"))
    return replace(estimate((low, likely, high)), scans=(replace(scan, statistics=known),))


@pytest.mark.parametrize(
    ("limit", "size", "found", "times", "holds"),
    [
        (10_000 * MB, 8 * MB, (0, 0, 0), 1, 8 * MB),  # nothing is expected: a wrong estimate stops nobody
        (10_000 * MB, 8 * MB, (1 * MB, 1 * MB, 2 * MB), 2, 16 * MB),
        (10_000 * MB, 8 * MB, (6 * MB, 7 * MB, 8 * MB), 1, 12 * MB),  # half as much again as its upper bound
        (500 * MB, 8 * MB, (0, 0, 0), 1, 1 * MB),  # a 500th of the limit, and no more
        (100 * MB, 8 * MB, (1 * MB, 1 * MB, 2 * MB), 1, 3 * MB),
        (10_000 * MB, None, (0, 0, 0), 1, 20 * MB),  # nobody knows how much there is
    ],
)
def test_a_statement_holds_its_upper_bound_with_room_and_a_little_of_a_large_budget_besides(
    limit: int, size: int | None, found: tuple[float, float, float], times: int, holds: int
) -> None:
    assert wanted(account(limit), over(size, found, times), FIVE_DOLLARS).high == holds


def test_a_hold_in_dollars_is_the_price_of_those_bytes() -> None:
    assert wanted(account(100 * NANO, "usd"), over(8 * MB, (0, 0, 0)), FIVE_DOLLARS).high == 40_000
