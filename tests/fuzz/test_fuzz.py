"""The fuzzer in the ordinary suite: nothing escapes, past finds stay shut, and the fuzzer itself sees what is broken."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlglot import exp

from catalog.objects import Table
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from tests.fuzz.answers import difference
from tests.fuzz.choices import Choices
from tests.fuzz.clickhouse import CLICKHOUSE
from tests.fuzz.corpus import Case, cases, read_case, replay, write_find
from tests.fuzz.fuzzing import Tally, fuzz
from tests.fuzz.house_sides import HouseSides, lake_sides, sides_of
from tests.fuzz.judging import canaries, judge
from tests.fuzz.lake import LAKE
from tests.fuzz.masks import KINDS
from tests.fuzz.policies import Grant, Policy, RowFilter, draw_policy
from tests.fuzz.reduction import reduce_world, with_other_secrets
from tests.fuzz.sql.statements import Step
from tests.fuzz.terms import Term
from tests.fuzz.world import WITH_VIEWS, WORLD

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HouseSides]:
    """Open the two houses once."""
    houses = lake_sides(tmp_path_factory.mktemp("fuzz"))
    yield houses
    houses.close()


def run(sides: HouseSides, seed: int, queries: int, **options: Any) -> Tally:
    return asyncio.run(fuzz(sides, seed, queries=queries, **options))


@pytest.mark.parametrize("case", cases(LAKE), ids=lambda case: case.name)
def test_what_escaped_once_does_so_no_longer(case: Case, sides: HouseSides) -> None:
    outcome = asyncio.run(replay(case, sides))
    assert outcome.escape is None


@pytest.mark.asyncio
async def test_what_escaped_once_on_clickhouse_does_so_no_longer(tmp_path: Path) -> None:
    async with sides_of(CLICKHOUSE, tmp_path) as sides:
        outcomes = {case.name: await replay(case, sides) for case in cases(CLICKHOUSE)}
    assert outcomes
    assert {name: outcome.escape for name, outcome in outcomes.items() if outcome.escape is not None} == {}


@pytest.mark.timeout(900)
def test_nothing_escapes_in_four_hundred_queries_and_few_are_refused(sides: HouseSides) -> None:
    tally = run(sides, 5, 400)
    assert [find.escape for find in tally.finds] == []
    assert tally.queries == 400
    assert sum(tally.refusals.values()) < 20
    assert sum(tally.errors.values()) < 60


@pytest.mark.asyncio
@pytest.mark.timeout(900)
async def test_nothing_escapes_on_clickhouse_in_two_hundred_queries(tmp_path: Path) -> None:
    async with sides_of(CLICKHOUSE, tmp_path) as sides:
        tally = await fuzz(sides, 7, queries=200)
    assert [find.escape for find in tally.finds] == []
    assert tally.queries == 200
    assert sum(tally.refusals.values()) < 100, "what is refused shows nothing"


@pytest.mark.asyncio
async def test_a_gateway_before_clickhouse_that_forgets_its_row_filters_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget("row filter", monkeypatch)
    async with sides_of(CLICKHOUSE, tmp_path) as sides:
        tally = await fuzz(sides, 4, queries=400, most_finds=1, tries=0)
    assert tally.escapes == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("engine", [LAKE, CLICKHOUSE])
async def test_whole_tables_show_what_plain_python_says(engine: str, tmp_path: Path) -> None:
    async with sides_of(engine, tmp_path) as sides:
        for number in range(8):
            policy = draw_policy(Choices(random=Random(f"policy/{number}")), sides.world, engine)
            copy = await sides.set_up(policy)
            assert await sides.faults() == []
            for name in [n for n, relation in copy.items() if not relation.closed]:
                step = Step(f"SELECT * FROM {name}")
                governed, shown = await sides.governed(step), await sides.copy(step)
                # ClickHouse has no NULL for a mask of an array or a row to give.
                refused = governed.error == "NOT_SUPPORTED" and engine == CLICKHOUSE
                assert refused or difference(governed, shown, ordered=False) == "", (number, name)


@pytest.mark.parametrize("as_many", [False, True])
def test_another_world_shows_the_same_and_hides_other_things(as_many: bool) -> None:
    gone = turned = alike = 0
    for number in range(40):
        policy = policy_of(number)
        other = with_other_secrets(policy, WITH_VIEWS, as_many=as_many)
        assert reduce_world(policy, other) == reduce_world(policy, WITH_VIEWS)
        for name, relation in WORLD.items():
            rows = other[name].rows
            gone += len(relation.rows) - len(rows)
            turned += sum(row not in relation.rows for row in rows)
            alike += len(rows) - len({repr(row) for row in rows})
    assert (gone == 0) if as_many else (gone > 400)
    assert alike > 200 or not as_many
    assert turned > 100


def test_an_error_that_only_a_hidden_row_can_cause_is_an_escape(
    sides: HouseSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forget("row filter", monkeypatch)
    few = Term("id < 5", lambda row, _: row["id"] < 5)
    everybody = {"roles": "all"}
    policy = Policy((), {}, grants=[Grant(everybody, "accounts")], filters=[RowFilter(everybody, "accounts", few)])
    copy = asyncio.run(sides.set_up(policy))
    outcome = asyncio.run(judge([Step("SELECT 1 / (id - 9) FROM accounts")], sides, canaries(WITH_VIEWS, copy)))
    assert outcome.escape is not None
    assert outcome.escape.what == "error: None on the copy, DIVISION_BY_ZERO under the policy"


def test_every_kind_of_mask_and_rule_is_drawn() -> None:
    policies = [policy_of(number) for number in range(150)]
    masks = {mask.spec["kind"] if mask.spec else "none" for policy in policies for mask in policy.masks}
    assert masks == {"sql", "none", *KINDS}
    assert {policy.chosen for policy in policies} >= {"ALL", "NONE", "staff", "trader"}
    assert {bool(f.group) for policy in policies for f in policy.filters} == {True, False}
    assert {g.deny for policy in policies for g in policy.grants} == {True, False}
    assert any(policy.protected for policy in policies)


def policy_of(number: int) -> Policy:
    return draw_policy(Choices(random=Random(f"policy/{number}")), WITH_VIEWS)


def test_the_same_seed_draws_the_same_queries(sides: HouseSides) -> None:
    first, second = run(sides, 11, 15), run(sides, 11, 15)
    assert (first.refusals, first.errors) == (second.refusals, second.errors)


@pytest.mark.parametrize(
    "part",
    [
        "row filter",
        "mask",
        *(
            pytest.param(part, marks=pytest.mark.long)
            for part in ("denied column", "denied table", "one of two filters")
        ),
    ],
)
def test_a_gateway_that_forgets_a_part_of_its_policy_is_caught(
    part: str, sides: HouseSides, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _forget(part, monkeypatch)
    tally = run(sides, 4, 400, most_finds=1, tries=0)
    assert tally.escapes == 1
    find = tally.finds[0]
    again = read_case(write_find(find, tmp_path))
    assert asyncio.run(replay(again, sides)).escape is not None
    monkeypatch.undo()
    assert asyncio.run(replay(again, sides)).escape is None


def test_a_find_is_made_small(sides: HouseSides, monkeypatch: pytest.MonkeyPatch) -> None:
    _forget("row filter", monkeypatch)
    find = run(sides, 4, 400, most_finds=1, tries=100).finds[0]
    assert len(find.escape.step.sql) < 140
    assert len(json.dumps(find.policy.document["row_filters"])) < 400


def _forget(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the product in one place, so that everything behind it believes in a weaker policy."""
    real = PolicySet.decide

    def decide(self: PolicySet, subject: Subject, action: Action, table: Table) -> TableDecision:
        return _WEAKER[part](real(self, subject, action, table), table)

    monkeypatch.setattr(PolicySet, "decide", decide)


def _shown_whole(decision: TableDecision, table: Table) -> TableDecision:
    columns = tuple(column.name for column in table.columns)
    return replace(decision, columns=columns) if decision.allowed else decision


def _shown_at_all(decision: TableDecision, table: Table) -> TableDecision:
    return _shown_whole(replace(decision, allowed=True), table)


def _any_instead_of_all(decision: TableDecision, table: Table) -> TableDecision:
    condition = decision.row_filter
    if not isinstance(condition, exp.And):
        return decision
    return replace(decision, row_filter=exp.Or(this=condition.this.copy(), expression=condition.expression.copy()))


_WEAKER = {
    "row filter": lambda decision, _: replace(decision, row_filter=None),
    "mask": lambda decision, _: replace(decision, masks={}),
    "denied column": _shown_whole,
    "denied table": _shown_at_all,
    "one of two filters": _any_instead_of_all,
}


def test_the_command_ends_with_its_counts() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--queries", "5", "--seed", "2", "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    last = re.fullmatch(r"queries=(\d+) escapes=0 refusals=\d+", done.stdout.splitlines()[-1])
    assert last is not None
    assert int(last[1]) == 5 + len(cases(LAKE)), "past finds are tried as well"


@pytest.mark.long
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("seed", range(100, 110))
def test_nothing_escapes_in_a_hundred_thousand_queries(seed: int, sides: HouseSides) -> None:
    tally = run(sides, seed, 10_000)
    assert [find.escape for find in tally.finds] == []
    assert sum(tally.refusals.values()) < 500


@pytest.mark.asyncio
@pytest.mark.long
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("seed", range(200, 205))
async def test_nothing_escapes_on_clickhouse_in_fifty_thousand_queries(seed: int, tmp_path: Path) -> None:
    async with sides_of(CLICKHOUSE, tmp_path) as sides:
        tally = await fuzz(sides, seed, queries=10_000)
    assert [find.escape for find in tally.finds] == []
    assert sum(tally.refusals.values()) < 4_500
