"""Budgets and caps in policy files: what they mean, and what is refused with its place and its mend."""

from __future__ import annotations

import pytest

from policies.budgets.model import Budget, Cap
from policies.faults import PolicyError
from tests.policies.asking import load

BUDGET = "budgets: [{{id: b, roles: all, each: user, period: day, {0}}}]"
CAP = "caps: [{{id: c, roles: all, {0}}}]"


def budget(fields: str) -> Budget:
    (found,) = load(BUDGET.format(fields)).budgets.budgets
    return found


def cap(fields: str) -> Cap:
    (found,) = load(CAP.format(fields)).budgets.caps
    return found


@pytest.mark.parametrize(
    ("fields", "unit", "hard", "soft"),
    [
        ("usd: '50.00'", "usd", 50 * 10**9, None),
        ("usd: 50, soft: 0.8", "usd", 50 * 10**9, 40 * 10**9),
        ("usd: 0.1, soft: 80%", "usd", 10**8, 8 * 10**7),
        ("usd: '0.000000001'", "usd", 1, None),
        ("usd: 0", "usd", 0, None),
        ("usd: 50, soft: 40 USD", "usd", 50 * 10**9, 40 * 10**9),
        ("bytes: 10 TB, soft: 8TB", "bytes", 10**13, 8 * 10**12),
        ("bytes: 1.5kB", "bytes", 1500, None),
        ("bytes: 7", "bytes", 7, None),
        ("bytes: 0 B, soft: 1", "bytes", 0, 0),
    ],
)
def test_amounts_mean_what_is_written(fields: str, unit: str, hard: int, soft: int | None) -> None:
    found = budget(fields)
    assert (found.unit, found.hard, found.soft) == (unit, hard, soft)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("usd: '-1'", "plain number of at least zero"),
        ("usd: -1", "plain number of at least zero"),
        ("usd: .nan", "plain number of at least zero"),
        ("usd: NaN", "plain number of at least zero"),
        ("usd: .inf", "plain number of at least zero"),
        ("usd: 1e3", "plain number of at least zero"),
        ("usd: 1.0e+22", "plain number of at least zero"),
        ("usd: true", "plain number of at least zero"),
        ("usd: '0.0000000001'", "9 decimals"),
        ("usd: '999999999999'", "plain number"),
        ("usd: ''", "plain number"),
        ("usd: ١٢", "plain number"),
        ("usd: '5,00'", "plain number"),
        ("bytes: -1 GB", "decimal units"),
        ("bytes: 1 TiB", "decimal units"),
        ("bytes: 1 gb", "decimal units"),
        ("bytes: 0.5", "decimal units"),
        ("bytes: 0.5 B", "whole number of bytes"),
        ("bytes: 10000 PB", "below 9 EB"),
        ("bytes: 1, usd: 1", "either `usd:` or `bytes:`"),
        ("soft: 0.5", "either `usd:` or `bytes:`"),
        ("usd: 1, soft: 0", "share of the limit"),
        ("usd: 1, soft: 1.5", "share of the limit"),
        ("usd: 1, soft: -0.5", "share of the limit"),
        ("usd: 1, soft: .nan", "share of the limit"),
        ("usd: 1, soft: 2 USD", "above the limit"),
        ("usd: 1, soft: 1 GB", "not in the budget's unit"),
        ("bytes: 1 GB, soft: 1 USD", "not in the budget's unit"),
        ("usd: 1, zone: America/Los_Angles", "did you mean America/Los_Angeles"),
        ("usd: 1, zone: ../../etc/passwd", "unknown time zone"),
        ("usd: 1, zone: localtime", "unknown time zone"),
        ("usd: 1, zone: America", "unknown time zone"),
        ("usd: 1, mode: warn", "enforce"),
        ("usd: 1, spend: 2", "spend"),
        ("usd: 1, sources: ['a*b']", "at the end only"),
        ("usd: 1, valid_from: 2027-01-01, valid_until: 2026-01-01", "must lie after"),
    ],
)
def test_a_budget_that_is_not_plain_is_refused_with_its_mend(fields: str, says: str) -> None:
    with pytest.raises(PolicyError, match="budgets") as refused:
        budget(fields)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("budgets: [{id: b, each: user, period: day, usd: 1}]", "say whom this is about"),
        ("budgets: [{id: b, roles: all, period: day, usd: 1}]", "each"),
        ("budgets: [{id: b, roles: all, each: role, period: day, usd: 1}]", "people have several roles"),
        ("budgets: [{id: b, roles: all, each: 'a b', period: day, usd: 1}]", "name of an attribute"),
        ("budgets: [{id: b, roles: all, each: user, period: year, usd: 1}]", "hour"),
        ("budgets: [{roles: all, each: user, period: day, usd: 1}]", "id"),
        ("budgets: [{id: a/b, roles: all, each: user, period: day, usd: 1}]", "is no id here"),
        ("budgets: [{id: mine, roles: all, each: user, period: day, usd: 1}]", "is no id here"),
        ("caps: [{id: overrides, roles: all, usd: 1}]", "is no id here"),
        ("budgets: [{id: b, roles: [raeder], each: user, period: day, usd: 1}]", "Did you mean `reader`?"),
        ("budgets: [{id: b, groups: [nobodies], each: user, period: day, usd: 1}]", "unknown group `nobodies`"),
        ("caps: [{id: b, roles: [raeder], usd: 1}]", "unknown role `raeder`"),
        ("caps: [{id: b, roles: all}]", "cap at least one"),
        ("caps: [{id: b, roles: all, rows: -1}]", "caps[0].rows"),
        ("caps: [{id: b, roles: all, rows: 1.5}]", "whole number"),
        ("caps: [{id: b, roles: all, rows: true}]", "whole number"),
        ("caps: [{id: b, roles: all, seconds: 0}]", "seconds"),
        ("caps: [{id: b, roles: all, seconds: .nan}]", "number of seconds"),
        ("caps: [{id: b, roles: all, seconds: .inf}]", "number of seconds"),
        ("caps: [{id: b, roles: all, usd: 1}, {id: b, roles: all, usd: 2}]", "is used twice"),
        (
            "budgets: [{id: b, roles: all, each: user, period: day, usd: 1, valid_until: 2027-02-01}, "
            "{id: b, roles: all, each: user, period: day, usd: 2, valid_from: 2027-01-01}]",
            "is used twice",
        ),
        (
            "budgets: [{id: b, roles: all, each: user, period: day, usd: 1}]\ncaps: [{id: b, roles: all, usd: 1}]",
            "twice",
        ),
    ],
)
def test_what_nobody_could_apply_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(text)
    assert says in str(refused.value)


def test_a_cap_limits_what_it_names() -> None:
    found = cap("usd: '2.50', bytes: 1 TB, rows: 1000000, seconds: 600")
    assert (found.nano, found.bytes, found.rows, found.seconds) == (2_500_000_000, 10**12, 10**6, 600.0)
    assert cap("rows: 0").nano is None
