"""Match drawn cases without any engine: what the matcher makes of them, and whether the checker believes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

from catalog.errors import Refusal
from catalog.materialized_views import (
    Bound,
    Change,
    Facts,
    ForeignKey,
    Freshness,
    Key,
    MaterializedView,
    Region,
    State,
    Watermark,
)
from catalog.objects import Column, Table
from catalog.types import TrinoType, parse_type
from loadtests.mv_cases.cases import MAIN, Case, Fixture, Setting
from rewrite_rules.certificates import Dossier, Rejection, check
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Rewriting, Terms
from rewrite_rules.substitution.prepare import prepare
from rewrite_rules.substitution.substitute import substitute
from tests.rewrite_rules.substitution.ground import Policy, name, typed
from tests.rewrite_rules.substitution.views import view

_UNBOUNDED = frozenset({"double", "real", "boolean"})


@dataclass(frozen=True, slots=True)
class Matched:
    """A rewriting, and what of its certificate is not believed."""

    case: Case
    rewriting: Rewriting
    doubts: tuple[Rejection, ...]


class Offline:
    """The tables of a fixture, as a catalog would know them."""

    def __init__(self, fixture: Fixture) -> None:
        """Know the tables, and the facts about them that hold."""
        self._fixture = fixture
        self._tables = {
            name(called): Table(name(called), tuple(_column(*each, table.required) for each in table.columns), "lake")
            for called, table in fixture.tables.items()
        }
        self._versions = dict.fromkeys(self._tables, "2")
        facts = Facts(*_facts(fixture), versions=self._versions)
        self._ground = Ground(self._tables, facts)

    def match(self, case: Case) -> list[Matched] | None:
        """Match a case's query with its views; None for a query that Trino refuses."""
        views = self._views(case.setting)
        policies = {
            each.table: Policy(each.row_filter or None, dict(each.masks), each.deny) for each in case.setting.policies
        }
        try:
            tree = typed(case.query, self._tables, policies=policies, time_zone=case.session.time_zone)
        except Refusal:
            return None
        known = self._known(views)
        index = ViewIndex([prepare(each, known) for each in views], known)
        found = substitute(tree, index, self._ground, Terms(min_grade=case.session.min_grade))  # type: ignore[arg-type]  # one of the grades
        fresh = {each.definition.name: each.freshness for each in views if each.freshness is not None}
        facts = self._ground.facts
        return [
            Matched(case, each, check(each.certificate, self._tables, facts=facts, freshness=fresh))
            for each in found.rewritings
        ]

    def dossier(self, matched: Matched) -> Dossier:
        """Return what the checker is told of a rewriting whose tables did not change."""
        certificate = matched.rewriting.certificate
        fresh = {use.definition.name: Freshness(self._versions) for use in certificate.uses}
        return Dossier(certificate, self._tables, self._ground.facts, fresh, {})

    def _known(self, views: Sequence[MaterializedView]) -> Ground:
        """Return what is known of tables under views, which is all that an index knows."""
        texts = " ".join(each.definition.sql for each in views)
        return replace(self._ground, tables={k: v for k, v in self._tables.items() if k.table in texts})

    def _views(self, setting: Setting) -> list[MaterializedView]:
        made = []
        changes = self._changes(setting)
        seen = Watermark({**self._versions, **{each.table: "1" for each in changes}}, 0.0)
        for each in setting.views:
            states = tuple(State(s.column, s.function, s.arguments, s.parameters) for s in each.states)
            try:
                known = view(each.sql, called=each.name, states=states, ground=self._ground)
            except Refusal:
                continue  # of columns that no view can keep
            own = tuple(change for change in changes if change.table.table in each.sql)
            made.append(replace(known, watermark=seen, freshness=Freshness(self._versions, own)))
        return made

    def _changes(self, setting: Setting) -> tuple[Change, ...]:
        """Return changes as a lake tells of them: by the bounds of all columns of the files that came or went."""
        random = Random(repr(setting.changes))
        found = []
        for each in setting.changes:
            if each.branch == MAIN:
                held = self._fixture.tables[each.table].rows
                rows = each.rows or random.sample(held, min(3, len(held)))
                region = Region(_bounds(self._tables[name(each.table)], rows))
                found.append(Change(name(each.table), (region,), each.op == "append"))
        return tuple(found)


def _column(called: str, kind: str, required: frozenset[str]) -> Column:
    return Column(called, parse_type(kind), nullable=called not in required)


def _facts(fixture: Fixture) -> tuple[tuple[Key, ...], tuple[ForeignKey, ...]]:
    facts = [each for each in fixture.facts if each.status == "verified"]
    keys = tuple(Key(name(each.table), each.columns, "verified") for each in facts if not each.references)
    return keys, tuple(
        ForeignKey(name(each.table), each.columns, name(each.references), each.referenced, "verified")
        for each in facts
        if each.references
    )


def _bounds(table: Table, rows: Sequence[Sequence[Any]]) -> tuple[Bound, ...]:
    bounds = []
    for place, column in enumerate(table.columns):
        values = sorted((row[place] for row in rows if row[place] is not None), key=lambda v: _order(column.type, v))
        if values and column.type.base not in _UNBOUNDED:
            low, high = (_literal(column.type, each) for each in (values[0], values[-1]))
            bounds.append(Bound(column.name, low, high, len(values) < len(rows)))
    return tuple(bounds)


def _order(kind: TrinoType, value: object) -> Any:
    return str(value).encode() if kind.base == "varchar" else Decimal(str(value)) if _is_number(kind) else str(value)


def _is_number(kind: TrinoType) -> bool:
    return kind.base in ("integer", "bigint", "decimal")


def _literal(kind: TrinoType, value: object) -> str:
    if _is_number(kind):
        return str(value)
    text = "'{}'".format(str(value).replace("'", "''"))
    return text if kind.base == "varchar" else f"{'DATE' if kind.base == 'date' else 'TIMESTAMP'} {text}"
