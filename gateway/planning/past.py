"""Answer queries of the past from views: where the version asked for is the very one that a view was computed from.

    FOR VERSION AS OF 'dev'     the branch shows snapshot 17, and so does the version in the view's watermark

Such a table is then read at that one snapshot by all of the statement, so it is matched as if that were the present. A
view that was computed from any other version of it answers no query of that kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.materialized_views import Change, Facts, Freshness, MaterializedView, Watermark
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.history import Asked, TravellingEngine
from gateway.planning.context import Planning, Shown
from gateway.planning.instants import asked_of
from gateway.views.known import KnownViews
from rewrite_rules.resolve import Resolved
from rewrite_rules.substitution.certificate import Travelled, snapshot_label
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.model import Ground, Miss, Rewriting
from rewrite_rules.substitution.prepare import Prepared, renewed
from rewrite_rules.substitution.spelling import copied

_MOST_VERSIONS = 200
"""Watermarks that are looked at for one table: each is a file of metadata to read, once."""
_OTHER = "it was computed from another version than is asked for"


def shown_by(engines: Mapping[str, Engine]) -> Shown:
    """Return what asks a table's engine."""

    async def shown(table: Table, versions: Iterable[str], present: str, asked: Asked) -> Mapping[str, int]:
        engine: object = engines.get(table.engine)
        if not isinstance(engine, TravellingEngine):
            return {}
        try:
            return await engine.shown_by(table, tuple(versions), present, asked)
        except Refusal:
            return {}

    return shown


async def look_back(resolved: Resolved, tables: Mapping[TableName, Table], planning: Planning) -> None:
    """Note which versions of tables under views show what the query asks for in their place."""
    for leaf in resolved.leaves:
        version = leaf.node.args.get("version")
        above = planning.views.for_table.get(leaf.table)
        if version is None or above is None or (leaf.table, _text(version)) in planning.past:
            continue
        asked = asked_of(version, planning.received.session.time_zone, planning.received.received_at)
        known = {_present(view, leaf.table) for view in above.views} - {None}
        marks = {_mark(view, leaf.table) for view in above.views} - {None}
        found: Mapping[str, int] = {}
        if asked is not None and len(known) == 1 and len(marks) <= _MOST_VERSIONS:
            versions = sorted(mark for mark in marks if mark is not None)
            found = await planning.shown(tables[leaf.table], versions, known.pop() or "", asked)
        planning.past[leaf.table, _text(version)] = found


@dataclass(frozen=True, slots=True)
class Past:
    """A query of the past, as if what it asks for were the present, and the views that hold that."""

    tree: exp.Expr
    index: ViewIndex
    ground: Ground
    by_name: Mapping[TableName, MaterializedView]
    travelled: tuple[Travelled, ...] = ()
    misses: tuple[Miss, ...] = ()
    present: Mapping[TableName, str] = field(default_factory=dict)
    """The versions by which snapshots were looked up: it holds while these are the present ones."""

    def told(self, rewriting: Rewriting, query: str) -> Rewriting:
        """Return a rewriting that speaks of the query as it was asked, and reads its tables at their snapshots."""
        snapshots = {each.table: each.snapshot for each in self.travelled}
        tree, read = copied(rewriting.tree), set()
        for leaf in tree.find_all(exp.Table):
            name = TableName(leaf.catalog, leaf.db, leaf.name)
            if name in snapshots:
                read.add(name)
                number = exp.Literal.number(snapshots[name])
                leaf.set("version", exp.Version(this="VERSION", kind="AS OF", expression=number))
        versions = {**rewriting.versions, **{name: snapshot_label(snapshots[name]) for name in read}}
        concerned = tuple(each for each in self.travelled if each.table in versions)
        certificate = replace(
            rewriting.certificate, query=query, rewritten=generate(tree), versions=versions, travelled=concerned
        )
        return replace(rewriting, tree=tree, certificate=certificate, versions=versions)


def past_of(tree: exp.Expr, known: KnownViews, ground: Ground, planning: Planning) -> Past | None:
    """Return the question as one of the present; None where it asks for nothing else."""
    asked = _asked(tree)
    if not any(text for texts in asked.values() for text in texts) or not isinstance(known.index, ViewIndex):
        return None
    prepared = [each for each in known.index.views if each.why is None]
    chosen, misses = [], []
    travelled: dict[tuple[TableName, int], list[MaterializedView]] = {}
    for each in prepared:
        snapshots = _snapshots(each, asked, planning)
        if snapshots is None:
            misses.append(Miss(each.view.name, 11, "freshness", _OTHER))
            continue
        chosen.append(renewed(each, _at(each.view, snapshots), ground) if snapshots else each)
        for name, number in snapshots.items():
            travelled.setdefault((name, number), []).append(each.view)
    tables = {name for name, _ in travelled}
    facts = _without(ground.facts, tables)
    ground = Ground(ground.tables, facts)
    told = tuple(
        Travelled(
            name, text, number, _present(views[0], name) or "", tuple((v.name, _mark(v, name) or "") for v in views)
        )
        for (name, number), views in sorted(travelled.items(), key=lambda pair: pair[0])
        for text in sorted(filter(None, asked[name]))
    )
    return Past(
        _stripped(tree, tables),
        ViewIndex(chosen, ground),
        ground,
        {each.view.name: each.view for each in chosen},
        told,
        tuple(misses),
        {each.table: each.present for each in told},
    )


def _asked(tree: exp.Expr) -> dict[TableName, set[str | None]]:
    """Return what a query asks for in the place of each of its tables; None stands for the present."""
    found: dict[TableName, set[str | None]] = {}
    for leaf in tree.find_all(exp.Table):
        name, version = leaf.meta.get("table"), leaf.args.get("version")
        if isinstance(name, TableName):
            found.setdefault(name, set()).add(None if version is None else _text(version))
    return found


def _snapshots(
    prepared: Prepared, asked: Mapping[TableName, set[str | None]], planning: Planning
) -> dict[TableName, int] | None:
    """Return at which snapshots a query reads the tables of a view, all of which the view was computed from.

    None where the view was computed from another version, or where the query reads a table at several times.
    """
    found: dict[TableName, int] = {}
    for name in prepared.tables:
        texts = asked.get(name, {None})
        if texts == {None}:
            continue
        mark = _mark(prepared.view, name) or ""
        numbers = {planning.past.get((name, text), {}).get(mark) if text is not None else None for text in texts}
        if len(numbers) != 1 or (number := numbers.pop()) is None:
            return None
        found[name] = number
    return found


def _at(view: MaterializedView, snapshots: Mapping[TableName, int]) -> MaterializedView:
    """Return a view as it stands to a query that reads some tables at the snapshots that it was computed from."""
    labels = {name: snapshot_label(number) for name, number in snapshots.items()}
    mark, known = view.watermark, view.freshness
    if mark is None or known is None:
        return view
    changes: tuple[Change, ...] = tuple(each for each in known.changes if each.table not in labels)
    freshness = Freshness({**known.versions, **labels}, changes, known.lost, known.behind_since if changes else None)
    return replace(view, watermark=Watermark({**mark.versions, **labels}, mark.built_at), freshness=freshness)


def _without(facts: Facts, tables: set[TableName]) -> Facts:
    """Leave out what is known of the present of tables that are not read there."""
    return Facts(
        tuple(each for each in facts.keys if each.table not in tables),
        tuple(each for each in facts.foreign_keys if each.table not in tables and each.references not in tables),
        {name: version for name, version in facts.versions.items() if name not in tables},
    )


def _stripped(tree: exp.Expr, tables: set[TableName]) -> exp.Expr:
    twin = copied(tree)
    for leaf in twin.find_all(exp.Table):
        if leaf.meta.get("table") in tables:
            leaf.set("version", None)
    return twin


def _text(version: exp.Expr) -> str:
    return version.sql("trino")


def _mark(view: MaterializedView, table: TableName) -> str | None:
    return view.watermark.versions.get(table) if view.watermark is not None else None


def _present(view: MaterializedView, table: TableName) -> str | None:
    return view.freshness.versions.get(table) if view.freshness is not None else None
