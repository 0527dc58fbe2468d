"""The smallest missing grant: what must be added for a refused statement to be allowed, tried before it is proposed.

The statement is planned once under policies that allow everything, which tells all that it needs. What the real ones
lack of it is added and the whole is compiled and planned again; then each part is left out in turn, and what the
statement can do without is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from catalog.objects import Table, TableName
from gateway.models import Planned
from gateway.simulation.needs import gaps, needs_of
from gateway.simulation.policy_sets import Asked, all_open
from gateway.simulation.proposals import Key, Proposal, narrowed, ready_yaml, united
from gateway.simulation.question import Question, received
from gateway.simulation.trial import compiled, tried
from policies.decisions import Action, Subject
from policies.index import PolicySet

if TYPE_CHECKING:
    from gateway.pipeline import Pipeline

_ROUNDS = 6
"""What is added may show what else is missing: a filter behind a grant, a mask behind the filter."""
_MOST_TRIED = 40
"""Proposals that are left out in turn; a longer list is given as it is."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing for a statement to be allowed, and what stands in the way."""

    proposals: tuple[Proposal, ...] = ()
    verified: bool = False
    """With these changes, and no fewer, the statement was planned."""
    touched: frozenset[TableName] = frozenset()
    """Every table that the statement needs."""
    asked: Asked = field(default_factory=Asked, repr=False, compare=False)
    """All that it needs of policies."""

    @property
    def yaml(self) -> str:
        """Return what is to be added, as a policy file says it."""
        return ready_yaml(self.proposals)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One question's trials."""

    pipeline: Pipeline
    question: Question
    policies: PolicySet

    async def changed(self, proposals: Sequence[Proposal]) -> PolicySet | None:
        """Return the policies with these changes."""
        return await asyncio.to_thread(tried, self.policies, proposals)

    async def passes(self, proposals: Sequence[Proposal]) -> bool:
        """Tell whether the statement is planned with these changes."""
        return await self._plans(await self.changed(proposals), proposals)

    async def verified(self, proposals: Sequence[Proposal]) -> bool:
        """Tell whether it is planned with these changes where everything is compiled together, as it would be."""
        return await self._plans(await asyncio.to_thread(compiled, self.policies, proposals), proposals)

    async def _plans(self, changed: PolicySet | None, proposals: Sequence[Proposal]) -> bool:
        if changed is None:
            return False
        return isinstance(await self.pipeline.under(changed).plan(received(self.asking(proposals), changed)), Planned)

    def asking(self, proposals: Sequence[Proposal]) -> Question:
        """Return the question by a user who was given the attributes proposed."""
        given = {n: v for each in proposals if each.section == "users" for n, v in each.entry["attributes"].items()}
        return replace(self.question, attributes={**self.question.attributes, **given}) if given else self.question


async def smallest_missing(pipeline: Pipeline, question: Question, policies: PolicySet) -> Missing:
    """Return what a refused statement lacks: nothing, where it is not for policies that it was refused."""
    bench = _Bench(pipeline, question, policies)
    opened = all_open(policies)
    planned = await pipeline.under(opened).plan(received(question, opened))
    if not isinstance(planned, Planned):
        return Missing(touched=frozenset({n for n, _ in planned.depends_on} | {n for _, _, n in opened.asked.tables}))
    needs = needs_of(planned.plan, opened.asked)
    touched = frozenset({n for n, _ in planned.plan.depends_on} | {need.table.name for need in needs})
    found: dict[Key, Proposal] = {}
    for thorough in (False, True):
        await _gather(bench, opened.asked, planned, found, thorough=thorough)
        if found and await bench.passes(tuple(found.values())):
            least = await _least(bench, tuple(found.values()))
            tables = {str(need.table.name): need.table for need in needs}
            columns = {name: [column.name for column in table.columns] for name, table in tables.items()}
            lean = await _fewest_columns(bench, united(least, columns), tables)
            return Missing(lean, verified=await bench.verified(lean), touched=touched, asked=opened.asked)
    return Missing(tuple(found.values()), verified=False, touched=touched, asked=opened.asked)


async def _gather(bench: _Bench, asked: Asked, planned: Planned, found: dict[Key, Proposal], *, thorough: bool) -> None:
    """Add what is lacking until nothing is; of two statements about the same, that which shows more holds."""
    for _ in range(_ROUNDS):
        proposals = tuple(found.values())
        policies = await bench.changed(proposals)
        if policies is None:
            return
        subject = received(bench.asking(proposals), policies).subject
        own = bench.question.user
        needs = [
            replace(need, subject=subject) if need.subject.user == own else need
            for need in needs_of(planned.plan, asked)
        ]
        new = [
            each
            for each in gaps(policies, tuple(needs), asked, thorough=thorough)
            if each.key not in found or (thorough and found[each.key].entry != each.entry)
        ]
        if not new:
            return
        found.update((each.key, each) for each in new)


async def _least(bench: _Bench, proposals: tuple[Proposal, ...]) -> tuple[Proposal, ...]:
    """Drop every proposal that the statement can do without: rules in the way first, grants last."""
    if len(proposals) > _MOST_TRIED:
        return proposals
    kept = list(proposals)
    for each in sorted(proposals, key=lambda p: _ORDER.index(p.section)):
        rest = [other for other in kept if other is not each]
        if rest and await bench.passes(rest):
            kept = rest
    return tuple(kept)


_ORDER = ("", "column_masks", "row_filters", "users", "impersonation", "session_properties", "entitlements", "grants")


async def _fewest_columns(
    bench: _Bench, proposals: tuple[Proposal, ...], tables: Mapping[str, Table]
) -> tuple[Proposal, ...]:
    """Leave columns out of grants that stay withheld all the same: a star does without them."""
    policies = await bench.changed(proposals)
    if policies is None:
        return proposals
    caller: Subject = received(bench.asking(proposals), policies).subject
    lean = []
    for each in proposals:
        table = tables.get(each.table)
        if table is None or not each.columns or each.section not in ("grants", "entitlements"):
            lean.append(each)
            continue
        shown = frozenset(policies.decide(caller, Action.SELECT, table).columns)
        left = tuple(column for column in each.columns if column in shown)
        lean.append(narrowed(each, left) if left and left != each.columns and caller.user == each.user else each)
    return tuple(lean) if tuple(lean) == proposals or await bench.passes(lean) else proposals
