"""What limits a caller is remembered, and found again when policies, periods or validity turn."""

from __future__ import annotations

from dataclasses import replace

from gateway.budgets.limits import LimitsOf
from policies.clock import Clock
from policies.index import PolicySet
from tests.policies.asking import Hands, caller, load

TEXT = """
budgets:
  - {id: day, roles: all, each: user, period: day, zone: America/Los_Angeles, usd: 1}
  - {id: later, roles: all, each: user, period: month, usd: 1, valid_from: 2027-01-02}
caps:
  - {id: until, roles: all, rows: 5, valid_until: 2027-01-03}
"""


def under(hands: Hands, text: str = TEXT) -> PolicySet:
    return replace(load(text), clock=Clock(hands))


def test_what_limits_a_caller_turns_with_periods_and_validity() -> None:
    hands = Hands()
    policies = under(hands)
    limits = LimitsOf(lambda: policies)

    def now(text: str) -> tuple[list[str], list[str]]:
        hands.set(text)
        found = limits(caller())
        return [each.id.partition("/")[0] + each.id[-6:] for each in found.accounts], [each.id for each in found.caps]

    assert now("2027-01-01T12:00:00+00:00") == (["day-01-01"], ["until"])
    assert now("2027-01-01T23:59:59+00:00") == (["day-01-01"], ["until"])
    assert now("2027-01-02T00:00:00+00:00") == (["day-01-01", "later027-01"], ["until"])
    assert now("2027-01-02T07:59:59+00:00") == (["day-01-01", "later027-01"], ["until"])
    assert now("2027-01-02T08:00:00+00:00") == (["day-01-02", "later027-01"], ["until"])
    assert now("2027-01-03T08:00:00+00:00") == (["day-01-03", "later027-01"], [])
    assert now("2027-01-02T08:00:00+00:00")[0][0] == "day-01-02"  # a clock set back


def test_changed_policies_count_at_once() -> None:
    hands = Hands()
    current = [under(hands)]
    limits = LimitsOf(lambda: current[0])
    assert limits(caller()) is limits(caller())
    assert [each.limit for each in limits(caller()).accounts] == [10**9]
    current[0] = under(hands, TEXT.replace("usd: 1}", "usd: 3}"))
    assert [each.limit for each in limits(caller()).accounts] == [3 * 10**9]
    current[0] = under(hands, "")
    assert not limits(caller())
