"""Where settings are set up: a schema of base tables for each, a database of views, and users of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from loadtests.mv_cases.cases import MAIN, BaseTable, Case, Fact, Fixture, Setting, View

LAKE, MARTS = "iceberg", "clickhouse"
"""The catalogs of base tables and of views."""


@dataclass(frozen=True, slots=True)
class Place:
    """A setting with names of its own, and all cases that are asked there."""

    name: str
    """Of the schema with its base tables, and of the database with its views."""
    setting: Setting
    tables: Mapping[str, BaseTable]
    """Those that anything in it mentions."""
    facts: tuple[Fact, ...]
    """What is said of these tables."""
    cases: tuple[Case, ...]

    @property
    def user(self) -> str:
        """Return who asks its questions."""
        return f"u_{self.name}"

    def builder(self, view: View) -> str:
        """Return who fills a view that was filled under policies."""
        return f"b_{self.name}_{self.setting.views.index(view)}"

    @property
    def branches(self) -> frozenset[str]:
        """Return the branches that anything in it speaks of."""
        named = {change.branch for change in self.setting.changes} | {case.session.branch for case in self.cases}
        return frozenset(named - {MAIN})

    @property
    def scratch(self) -> str:
        """Return the schema of tables as an incremental view saw them."""
        return f"{self.name}_seen"


def places_of(cases: Iterable[Case], fixtures: Mapping[str, Fixture], prefix: str) -> tuple[Place, ...]:
    """Give each setting a place, in order of first mention."""
    together: dict[Setting, list[Case]] = {}
    for case in cases:
        together.setdefault(case.setting, []).append(case)
    return tuple(
        _place(f"{prefix}{number}", setting, fixtures[setting.fixture], tuple(asked))
        for number, (setting, asked) in enumerate(together.items())
    )


def _place(name: str, setting: Setting, fixture: Fixture, cases: tuple[Case, ...]) -> Place:
    texts = [case.query for case in cases]
    for view in setting.views:
        texts += [view.sql, view.built_as, *(policy.row_filter for policy in view.built_under)]
        texts += [f"FROM {policy.table}" for policy in view.built_under]
    for policy in setting.policies:
        texts += [f"FROM {policy.table}", policy.row_filter, *(mask for _, mask in policy.masks)]
    for change in setting.changes:
        texts += [f"FROM {change.table}", change.where, *(value for _, value in change.assignments)]
    tables = {table: each for table, each in fixture.tables.items() if any(mentions(text, table) for text in texts)}
    facts = tuple(
        fact for fact in setting.facts if fact.table in tables and (not fact.references or fact.references in tables)
    )
    return Place(name, setting, tables, facts, cases)


def mentions(text: str, table: str) -> bool:
    """Tell whether a text speaks of a table, maybe."""
    return re.search(rf"(?i)\b{re.escape(table)}\b", text) is not None
