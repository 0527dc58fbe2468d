"""Views as people see them: in SQL, by the API and on the command line they are described alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from catalog.dialect.generate import generate
from catalog.materialized_views import Change, Definition, MaterializedView, Region
from catalog.objects import Table, TableName
from gateway.views.known import KnownViews
from policies.decisions import Action, TableDecision
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.prepare import Prepared

State = Literal["current", "behind", "stale", "unusable", "quarantined"]
"""`behind`: some rows come from the base, or all; `stale`: nobody knows which rows changed."""
STATES: tuple[State, ...] = ("current", "behind", "stale", "unusable", "quarantined")


@dataclass(frozen=True, slots=True)
class Described:
    """One view."""

    view: MaterializedView
    state: State
    reason: str | None
    bases: tuple[TableName, ...]
    prepared: Prepared | None


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """One column of a view, and what matching knows it as."""

    name: str
    type: str
    kind: Literal["key", "measure", "column", "state"]
    expression: str
    """Over base columns, in Trino's SQL."""


def described(known: KnownViews) -> tuple[Described, ...]:
    """Describe all views, by name."""
    bases: dict[TableName, list[TableName]] = {}
    for name, above in known.for_table.items():
        for view in above.views:
            bases.setdefault(view.name, []).append(name)
    prepared = {each.view.name: each for each in known.index.views} if isinstance(known.index, ViewIndex) else {}
    return tuple(
        _described(view, tuple(sorted(bases.get(view.name, ()))), prepared.get(view.name))
        for view in sorted(known.views, key=lambda view: view.name)
    )


def _described(view: MaterializedView, bases: tuple[TableName, ...], prepared: Prepared | None) -> Described:
    state, reason = _state(view, prepared)
    return Described(view, state, reason, bases, prepared)


def _state(view: MaterializedView, prepared: Prepared | None) -> tuple[State, str | None]:
    if view.quarantined is not None:
        return "quarantined", view.quarantined
    why = view.unusable or (view.freshness.lost if view.freshness is not None else None)
    why = why or (prepared.why if prepared is not None else None)
    if why is not None or view.freshness is None:
        return "unusable", why or "how fresh it is could not be found out"
    if view.freshness.current:
        return "current", None
    unknown = [change for change in view.freshness.changes if change.unknown is not None]
    if unknown:
        return "stale", f"{unknown[0].table}: {unknown[0].unknown}"
    return "behind", "; ".join(_moved(change) for change in view.freshness.changes)


def _moved(change: Change) -> str:
    """Say what a table's change was without saying which rows it was about: that may be for few eyes only."""
    what = "rows were added to" if change.appended_only else "rows changed in"
    return f"{what} {change.table} ({len(change.regions)} regions)"


def columns_of(each: Described) -> tuple[DescribedColumn, ...]:
    """Describe a view's columns, in the order of its table; none where its definition cannot be used."""
    if each.prepared is None or each.prepared.why is not None:
        return ()
    block = each.prepared.block
    keys = {key(value) for value in block.keys or ()}
    found: dict[str, DescribedColumn] = {}
    for shown in each.prepared.shown:
        grouped = "key" if key(shown.output.value) in keys else "measure"
        kind: Literal["key", "measure", "column"] = "column" if block.keys is None else grouped  # type: ignore[assignment]  # one of the three words
        text = generate(shown.output.value)
        found[shown.column] = DescribedColumn(shown.column, str(shown.output.type), kind, text)
    for kept in each.prepared.kept:
        arguments = ", ".join(generate(argument) for argument in kept.arguments)
        column = each.view.table.by_name.get(kept.column)
        kind_text = str(column.type) if column is not None else ""
        found[kept.column] = DescribedColumn(kept.column, kind_text, "state", f"{kept.state.function}({arguments})")
    return tuple(found[column.name] for column in each.view.table.columns if column.name in found)


def staleness_text(definition: Definition) -> str | None:
    """Write how far behind its base a view may be used, as a session writes it; None where it says nothing of that."""
    return None if definition.max_staleness is None else f"{definition.max_staleness:g}s"


def region_text(region: Region) -> str:
    """Write where changed rows lie, for stewards: the values are data."""
    parts = []
    for bound in region.bounds:
        ends = [f">= {bound.low}"] if bound.low is not None else []
        ends += [f"<= {bound.high}"] if bound.high is not None else []
        text = " and ".join(f"{bound.column} {end}" for end in ends) or bound.column
        parts.append(f"({text} or null)" if bound.nulls else text)
    return " and ".join(parts) or "anywhere"


def reads_whole(tables: tuple[Table, ...], decide: Callable[[Table], TableDecision]) -> bool:
    """Tell whether somebody may read all that tables hold: only then may he know of a view over them."""
    decisions = [(table, decide(table)) for table in tables]
    return bool(tables) and all(
        d.allowed and not d.policed and len(d.columns) == len(table.columns) for table, d in decisions
    )


def visible(known: KnownViews, decide: Callable[[Action, Table], TableDecision]) -> tuple[Described, ...]:
    """Return the views that somebody may know of."""
    tables = {table.name: table for above in known.for_table.values() for table in above.tables}
    return tuple(
        each
        for each in described(known)
        if reads_whole(tuple(tables[name] for name in each.bases), lambda table: decide(Action.SELECT, table))
    )
