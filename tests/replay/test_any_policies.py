"""Over random policies and statements: a set differs from itself in nothing, and the short way agrees with the long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import pytest

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from gateway.asked import Asked
from gateway.models import Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.replay.compare import Comparison, _received, _tables, at_one_moment
from gateway.replay.differences import Difference, Side, differences
from gateway.replay.statements import Statement, of_received
from policies.index import PolicySet
from tests.fuzz.choices import Choices
from tests.fuzz.lake import Tables
from tests.fuzz.masks import KEY, KEY_VARIABLE
from tests.fuzz.policies import USER, Policy, draw_policy
from tests.fuzz.sql.statements import draw_statement
from tests.fuzz.world import CATALOG, SCHEMA, WITH_VIEWS
from tests.replay.replaying import NOW, policy_set

PAIRS, STATEMENTS = 6, 9
MANY_PAIRS, MANY_STATEMENTS = 25, 20


async def _pipeline() -> tuple[Pipeline, CatalogCache]:
    tables = Tables()
    for relation in WITH_VIEWS.values():
        tables.declare(SCHEMA, relation)
    cache = CatalogCache([tables])
    await cache.refresh(CATALOG)
    kinds = EngineKinds({"lake": "lake", "system": "system"}, "lake")
    nobodys = cast("PolicySet", None)  # each side plans under its own
    return Pipeline(lambda: nobodys, cache, kinds, Limits()), cache


def _statement(seed: str, number: int, policy: Policy) -> Statement:
    steps = draw_statement(Choices(random=Random(seed)), WITH_VIEWS, WITH_VIEWS, trino=False, number=number)
    role = policy.chosen if policy.chosen in ("ALL", "NONE") else f"ROLE{{{policy.chosen}}}"
    asked = Asked(CATALOG, SCHEMA, role=role, prepared=tuple(steps[0].prepared.items()), roles=policy.roles)
    return Statement(seed, steps[0].sql, USER, USER, "jwt", None, asked)


async def _recorded(statement: Statement, pipeline: Pipeline, policies: PolicySet) -> Statement:
    """Return a statement with what its usage row would say."""
    received = _received(statement, policies, NOW)
    assert received is not None
    outcome = await pipeline.under(policies).plan(received)
    if not isinstance(outcome, Planned):
        return statement
    found = of_received(received, outcome.plan.kind, outcome.plan.tables, allowed=True)
    return replace(found, asked=statement.asked)


async def _long_way(
    statement: Statement, pipeline: Pipeline, before: PolicySet, after: PolicySet
) -> tuple[Difference, ...]:
    """Plan both ways, whatever could be known before."""
    sides = []
    for policies in (before, after):
        received = _received(statement, policies, NOW)
        assert received is not None
        sides.append(Side(policies, received, await pipeline.under(policies).plan(received)))
    return differences(*sides, _tables(sides[0].outcome, sides[1].outcome))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("pairs", "statements"),
    [
        (PAIRS, STATEMENTS),
        pytest.param(MANY_PAIRS, MANY_STATEMENTS, marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
    ids=["few", "many"],
)
async def test_the_short_way_finds_what_planning_everything_both_ways_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pairs: int, statements: int
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    pipeline, catalog = await _pipeline()
    planned: Counter[int] = Counter()
    kinds: set[str] = set()
    for pair in range(pairs):
        one, other = (draw_policy(Choices(random=Random(f"replay/{pair}/{side}"))) for side in range(2))
        sets = at_one_moment(policy_set(one.document, tmp_path), policy_set(_near(one, other, pair), tmp_path), NOW)
        for before, after in (sets, sets[::-1]):  # what one direction newly allows, the other newly denies
            again = at_one_moment(before, before, NOW)
            short, same = Comparison(pipeline, catalog, before, after), Comparison(pipeline, catalog, *again)
            for number in range(statements):
                statement = await _recorded(_statement(f"replay/{pair}/{number}", number, one), pipeline, before)
                found = await short.compare(statement, NOW)
                assert not found.error, (found.error, statement.sql)
                assert found.differences == await _long_way(statement, pipeline, before, after), statement.sql
                assert not await _long_way(statement, pipeline, *again), statement.sql
                assert not (await same.compare(statement, NOW)).differences
                planned[found.planned] += 1
                kinds.update(each.kind for each in found.differences)
    assert set(planned) == {0, 1, 2}, "each of the three ways was taken"
    assert {"newly_denied", "newly_allowed", "newly_exposed", "newly_hidden", "changed_filter"} <= kinds


def _near(one: Policy, other: Policy, pair: int) -> Mapping[str, object]:
    """Return another policy: a wholly different one, or the first with one of its sections from there."""
    sections = ("grants", "row_filters", "column_masks", "protected")
    if pair % 5 == 4:
        return other.document
    section = sections[pair % 5 % 4]
    return {**one.document, section: other.document.get(section, [])}
