"""Licence terms and residency, compiled: what they refuse, hide for a while, and keep from being exported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.names import fold_trino
from catalog.objects import Table
from catalog.types import type_text
from policies.bounds import Asking
from policies.decisions import Action, Window
from policies.faults import Origin, Unfit
from policies.licence_entries import Licence
from policies.rules import Asset
from policies.tags import NO_TAGS, TableTags, Tag, covering

_REVEALING = frozenset(
    {Action.SELECT, Action.EXPLAIN, Action.REVEAL, Action.UPDATE, Action.DELETE, Action.SHOW_STATS, Action.SHOW_CREATE}
)
"""What shows something of a table's rows, if only how many there are."""
_INSTANTS = ("timestamp", "timestamp with time zone")


@dataclass(frozen=True, slots=True)
class LicenceRule:
    """One entry of `licences`, with its name and place."""

    id: str
    terms: Licence
    origin: Origin


@dataclass(frozen=True, slots=True)
class Licences:
    """All terms, by what they are about, and what is known of partners and engines."""

    by_asset: Mapping[Asset, tuple[LicenceRule, ...]] = field(default_factory=dict)
    by_tag: Mapping[Tag, tuple[LicenceRule, ...]] = field(default_factory=dict)
    partners: frozenset[str] = frozenset()
    """Principals whom `no_partner` means."""
    engine_regions: Mapping[str, str] = field(default_factory=dict)

    def of(self, table: Asset, tags: TableTags = NO_TAGS) -> tuple[LicenceRule, ...]:
        """Return the entries that hold for a table: for all above it, and for every tag on it or on its columns."""
        if not self.by_asset and not self.by_tag:
            return ()
        found = [rule for depth in range(len(table) + 1) for rule in self.by_asset.get(table[:depth], ())]
        found += [rule for tag in sorted(covering(tags.all())) for rule in self.by_tag.get(tag, ())]
        return tuple(found)

    def every(self) -> Iterator[LicenceRule]:
        """Yield all entries."""
        for rules in (*self.by_asset.values(), *self.by_tag.values()):
            yield from rules


NO_LICENCES = Licences()


def forbids(
    licences: Licences,
    rules: Iterable[LicenceRule],
    asking: Asking,
    action: Action,
    engine: str,
    *,
    partner: bool = False,
) -> str:
    """Return why the terms forbid an action to a caller; empty if they do not. Registered partners are partners."""
    for rule in rules:
        terms = rule.terms
        if terms.no_partner and (partner or asking.principals & licences.partners):
            return f"the licence {rule.id} excludes partners"
        if terms.allowed_regions is not None:
            places = asking.attributes.get("region", frozenset())
            if not places or not places <= set(terms.allowed_regions):
                return f"the licence {rule.id} does not reach the caller's region"
            if engine in licences.engine_regions and licences.engine_regions[engine] not in terms.allowed_regions:
                return f"the licence {rule.id} does not reach the engine's region"
        if terms.display_only is not None and action in _REVEALING:
            shown = terms.display_only
            if asking.subject.authenticated not in shown.trusted or asking.subject.source not in shown.sources:
                return f"the licence {rule.id} is for display in listed applications only"
    return ""


def exportable(rules: Iterable[LicenceRule]) -> bool:
    """Tell whether a table's data may be copied and handed out in files; what is for display only may not."""
    return not any(rule.terms.no_export or rule.terms.display_only is not None for rule in rules)


def embargoes(rules: Iterable[LicenceRule], table: Table, asking: Asking) -> tuple[list[exp.Expr], Window | None]:
    """Return the conditions that hide rows under embargo, and the second in which they hold.

    The moment is the clock's lower reading: to show a row too early cannot be mended. Raises Unfit where the column
    is missing or no timestamp.
    """
    conditions: list[exp.Expr] = []
    second = math.floor(asking.moment.now)
    for rule in rules:
        if rule.terms.embargo is not None:
            name = embargo_column(rule, table)
            conditions.append(_older(table, name, second - rule.terms.embargo.seconds))
    return conditions, Window(second, second + 1) if conditions else None


def embargo_column(rule: LicenceRule, table: Table) -> str:
    """Return the name of the column that an embargo counts from. Raises Unfit."""
    name = fold_trino(rule.terms.embargo.column) if rule.terms.embargo is not None else ""
    column = table.by_name.get(name)
    if column is None:
        raise Unfit(f"the embargo {rule.id} counts from `{name}`, which {table.name} does not have")
    if column.type.base not in _INSTANTS:
        raise Unfit(f"the embargo {rule.id} needs a timestamp, but `{name}` is {column.type}")
    return name


def _older(table: Table, name: str, limit: int) -> exp.Expr:
    """Return the condition that a row's moment is no later than a limit; timestamps without a zone are read as UTC."""
    kind = table.by_name[name].type
    text = datetime.fromtimestamp(limit, UTC).strftime("%Y-%m-%d %H:%M:%S")
    text += " UTC" if kind.base != "timestamp" else ""
    moment = exp.Cast(this=exp.Literal.string(text), to=data_type(type_text(kind)))
    return exp.LTE(this=exp.Column(this=exp.Identifier(this=name, quoted=True)), expression=moment)
