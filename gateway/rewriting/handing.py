"""From a rewriting to what runs: one statement for ClickHouse, or readings of views whose rows go into another's text.

Nothing here believes the matcher: the rewritten tree is written and read again, every base table in it must stand
behind the very barrier that policy decided, each reading may read its view and nothing else, and the result must have
the names and types that were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalog.dialect.fixpoint import write_and_read
from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.names import quoted
from catalog.objects import Table, TableName
from engines.base import OutputColumn
from gateway.models import Stage
from gateway.planning.route import translate_for
from gateway.rewriting.rows import KINDS, Unwritable, check_types, relation
from gateway.rewriting.very_table import held_to, marked
from policies.decisions import TableDecision
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.model import Rewriting, Scan
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.verify import verify

VIEWS_CATALOG = "$views"
"""No client can name it: catalogs of engines begin with a letter."""


class Unusable(Exception):  # noqa: N818  (named for what it says of a rewriting)
    """Say why a rewriting that was found cannot be run."""


@dataclass(frozen=True, slots=True)
class Handing:
    """What a rewriting is to be run with."""

    tables: Mapping[TableName, Table]
    """The tables that the statement reads, and those of the views' rows."""
    decisions: Mapping[TableName, TableDecision]
    columns: tuple[OutputColumn, ...]
    kinds: Mapping[str, str]
    """Kinds of engines by name."""
    engine: str
    """Which runs the statement over its base."""
    context: AnalysisContext
    pins: Mapping[tuple[TableName, str], int] = field(default_factory=dict)
    """Snapshots by table and version of its data."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What runs: the engine, its text, and the stages whose rows go into it."""

    engine: str
    sql: str
    """With stages: over no rows."""
    governed_sql: str
    """In Trino's SQL, readings of views written out; with stages: by their private names."""
    priced: exp.Expr
    """The tree that the price is found by."""
    tables: tuple[Table, ...]
    stages: tuple[Stage, ...] = ()
    parts: tuple[str, ...] = ()
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Readings:
    """The readings of a rewriting, each held to the very table of its view."""

    tables: Mapping[TableName, Table]
    scans: dict[TableName, Scan]


def handed(rewriting: Rewriting, handing: Handing) -> Handed:
    """Return how a rewriting is run. Raises Unusable; a tree that is not what it must be is a Refusal, too."""
    tree = _typed(rewriting, handing)
    text, again = write_and_read(tree)
    _verified(again, rewriting, handing)
    readings = _Readings(marked(handing.tables, rewriting.scans), {})
    for scan in rewriting.scans:
        _check_scan(scan, handing, handing.tables)
        held = readings.scans[scan.name] = held_to(scan, handing.tables[scan.view])
        _check_scan(held, handing, readings.tables)
    engines = {handing.tables[scan.view].engine for scan in rewriting.scans}
    engines |= {handing.tables[name].engine for name in rewriting.base_tables}
    refused = ""
    if len(engines) == 1:
        try:
            return _whole(tree, rewriting, readings, handing, engines.pop())
        except Refusal as refusal:
            refused = refusal.text
    if rewriting.whole:
        raise Unusable(refused or "its views lie in several engines")
    try:
        return _staged(tree, text, rewriting, readings, handing)
    except Unusable as unusable:
        raise Unusable(refused or str(unusable)) from None


def _typed(rewriting: Rewriting, handing: Handing) -> exp.Expr:
    """Name the leaves and type the tree; its result must be what was asked for."""
    tree = rewriting.tree
    shown = {scan.name: [column.name for column in scan.columns] for scan in rewriting.scans}
    for leaf in _scan_leaves(tree):
        _enclose(leaf, shown[TableName(leaf.catalog, leaf.db, leaf.name)])
    _pin(tree, rewriting, handing)
    context = handing.context
    tree = resolve(tree, context.catalog, context.schema).tree
    known = {**handing.tables, **{scan.name: _pseudo(scan) for scan in rewriting.scans}}
    found = analyze(tree, replace(context, tables=known, strict=True)).columns
    if [(c.name, c.type) for c in found] != [(c.name, c.type) for c in handing.columns]:
        raise Unusable("the result would have other columns")
    return tree


def _enclose(leaf: exp.Table, columns: Sequence[str]) -> None:
    """Put a reading's name into a query of its own, as barriers are: no engine then sees it joined to anything."""
    alias = leaf.args.get("alias") or exp.TableAlias(this=exp.Identifier(this=leaf.name, quoted=True))
    inside = exp.Table(**{key: leaf.args[key].copy() for key in ("this", "db", "catalog")})
    items: list[exp.Expr] = [exp.Column(this=exp.Identifier(this=name, quoted=True)) for name in columns]
    query = exp.Select(expressions=items, from_=exp.From(this=inside))
    leaf.replace(exp.Subquery(this=query, alias=alias, joins=leaf.args.get("joins")))


def _pin(tree: exp.Expr, rewriting: Rewriting, handing: Handing) -> None:
    """Have tables that views were computed from be read at the very versions for which the rewriting holds."""
    for leaf in tree.find_all(exp.Table):
        name = TableName(leaf.catalog, leaf.db, leaf.name)
        version = rewriting.versions.get(name) if name in rewriting.base_tables else None
        if version is None or leaf.args.get("version") is not None:
            continue
        snapshot = handing.pins.get((name, version))
        if snapshot is None:
            raise Unusable("its base cannot be read as of one moment")
        leaf.set("version", exp.Version(this="VERSION", kind="AS OF", expression=exp.Literal.number(snapshot)))


def _scan_leaves(tree: exp.Expr) -> list[exp.Table]:
    return [leaf for leaf in tree.find_all(exp.Table) if leaf.catalog == VIEWS_CATALOG]


def _pseudo(scan: Scan) -> Table:
    return Table(scan.name, scan.columns, engine="")


def _verified(again: exp.Expr, rewriting: Rewriting, handing: Handing) -> None:
    """Hold the text to what was decided; views of the catalog whose barriers are gone have nothing to be held to."""
    shown = {node.alias for node in again.find_all(exp.Subquery)}
    decisions = {
        name: decision
        for name, decision in handing.decisions.items()
        if handing.tables[name].kind != "view" or str(name) in shown
    }
    verify(again, decisions, handing.tables, scans=[scan.name for scan in rewriting.scans])
    read = {TableName(t.catalog, t.db, t.name) for t in again.find_all(exp.Table) if t.args.get("catalog")}
    allowed = {*rewriting.base_tables, *(scan.name for scan in rewriting.scans)}
    if not read <= allowed:
        raise Unusable("it would read more of the base than it says")


def _check_scan(scan: Scan, handing: Handing, tables: Mapping[TableName, Table]) -> None:
    """Type a reading, which may read its view alone and must show what it says."""
    named = [leaf for leaf in scan.tree.find_all(exp.Table) if leaf.args.get("catalog") is not None]
    if len(named) != 1 or len(list(scan.tree.find_all(exp.Table))) != 1:
        raise Unusable("a reading of a view that reads more")
    named[0].meta["table"] = scan.view
    if TableName(named[0].catalog, named[0].db, named[0].name) != scan.view:
        raise Unusable("a reading of another view")
    write_and_read(scan.tree)
    view = {scan.view: tables[scan.view]}
    found = analyze(scan.tree, replace(handing.context, tables=view, strict=True)).columns
    if [(c.name, c.type) for c in found] != [(c.name, c.type) for c in scan.columns]:
        raise Unusable("a reading of a view that shows something else")


def _whole(tree: exp.Expr, rewriting: Rewriting, readings: _Readings, handing: Handing, engine: str) -> Handed:
    """Hand a rewriting to the engine of its views as one statement. Raises Refusal where that cannot answer it."""
    scans = {name: scan.tree for name, scan in readings.scans.items()}
    if handing.kinds.get(engine) != "clickhouse":
        raise Unusable("its view lies in no ClickHouse")
    sql = translate_for("clickhouse", tree, readings.tables, handing.context.time_zone, scans)
    written = _written_out(tree, rewriting.scans)
    tables = _tables((*(scan.view for scan in rewriting.scans), *rewriting.base_tables), handing)
    return Handed(engine, sql, generate(written), written, tables)


def _written_out(tree: exp.Expr, scans: Sequence[Scan]) -> exp.Expr:
    """Put each reading in the place of its name."""
    by_name = {scan.name: scan.tree for scan in scans}
    copy = copied(tree)
    for leaf in _scan_leaves(copy):
        inner = copied(by_name[TableName(leaf.catalog, leaf.db, leaf.name)])
        leaf.replace(exp.Subquery(this=inner, alias=_named(leaf)))
    return copy


def _tables(names: Sequence[TableName], handing: Handing) -> tuple[Table, ...]:
    return tuple(handing.tables[name] for name in dict.fromkeys(names))


def _staged(tree: exp.Expr, text: str, rewriting: Rewriting, readings: _Readings, handing: Handing) -> Handed:
    """Have the views' engines read first, and write their rows into the base engine's text."""
    kind = handing.kinds[handing.engine]
    if kind not in KINDS:
        raise Unusable(f"rows of a view are not handed to {kind}")
    try:
        stages = tuple(_stage(readings.scans[scan.name], readings, handing, kind) for scan in rewriting.scans)
        base = text if kind == "trino" else translate_for(kind, tree, handing.tables, handing.context.time_zone)
    except Refusal as refusal:
        raise Unusable(refusal.text) from None
    parts, places = _cut(base, tree, rewriting.scans, kind)
    once = list(dict.fromkeys(stages))  # a view that stands in two places is read once
    places, stages = tuple(once.index(stages[place]) for place in places), tuple(once)
    nothing = [relation(stage.columns, (), kind) for stage in stages]
    tables = _tables(rewriting.base_tables, handing)
    priced = _over_nothing(tree, rewriting.scans)
    return Handed(
        handing.engine, joined(parts, places, nothing), text, priced, tables, stages, parts, places
    )  # fmt: skip


def joined(parts: Sequence[str], places: Sequence[int], relations: Sequence[str]) -> str:
    """Put relations in their places in a text."""
    pieces = [parts[0]]
    for part, place in zip(parts[1:], places, strict=True):
        pieces += (relations[place], part)
    return "".join(pieces)


def _stage(scan: Scan, readings: _Readings, handing: Handing, kind: str) -> Stage:
    table = handing.tables[scan.view]
    if handing.kinds.get(table.engine) != "clickhouse":
        raise Unusable("its view lies in no ClickHouse")
    columns = tuple(OutputColumn(column.name, column.type) for column in scan.columns)
    try:
        check_types(columns, kind)
    except Unwritable as unwritable:
        raise Unusable(str(unwritable)) from None
    sql = translate_for("clickhouse", scan.tree, {scan.view: readings.tables[scan.view]}, handing.context.time_zone)
    return Stage(scan.view, table.engine, sql, columns, (table,))


def _cut(text: str, tree: exp.Expr, scans: Sequence[Scan], kind: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Cut the base engine's text where it names readings; a name that a literal holds as well is not cut by."""
    marks = {
        quoted(str(scan.name)) if kind == "lake" else ".".join(quoted(part) for part in scan.name): at
        for at, scan in enumerate(scans)
    }
    parts, places, rest = [], [], text
    while found := min(((rest.index(mark), mark) for mark in marks if mark in rest), default=None):
        at, mark = found
        parts.append(rest[:at])
        places.append(marks[mark])
        rest = rest[at + len(mark) :]
    if len(places) != len(_scan_leaves(tree)):
        raise Unusable("the text names its readings elsewhere, too")
    return (*parts, rest), tuple(places)


def _over_nothing(tree: exp.Expr, scans: Sequence[Scan]) -> exp.Expr:
    """Return the tree with a row of NULLs in the place of each reading: for the price of what reads the base."""
    by_name = {scan.name: scan for scan in scans}
    copy = copied(tree)
    for leaf in _scan_leaves(copy):
        scan = by_name[TableName(leaf.catalog, leaf.db, leaf.name)]
        items: list[exp.Expr] = [
            exp.Alias(this=exp.Null(), alias=exp.Identifier(this=c.name, quoted=True)) for c in scan.columns
        ]
        leaf.replace(exp.Subquery(this=exp.Select(expressions=items), alias=_named(leaf)))
    return copy


def _named(leaf: exp.Table) -> exp.TableAlias:
    return exp.TableAlias(this=exp.Identifier(this=leaf.name, quoted=True))
