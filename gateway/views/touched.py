"""Which rows of a view may be other than they were, by what changed in one of its base tables.

Changed rows of the base lie in regions of its columns. Where a view shows such a column, or the bucket of time that it
lies in, the view's rows that came from a region are a range of its own: those are computed again, the others are kept.
The same range is written twice, over the view's column and over the base's, so that each base row belongs to a touched
row of the view exactly where it meets the base's condition. Where that cannot be said the view is built whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.parse import parse_expression, parse_query
from catalog.materialized_views import Bound, Change, Region
from catalog.objects import TableName
from catalog.types import INTEGRAL, TrinoType
from gateway.views.definitions import Understood
from gateway.views.moments import UNITS, cut, date_of, next_of, read_moment, written_as
from gateway.views.shapes import group_columns
from rewrite_rules.analysis.model import ResolvedColumn

_RANGED = frozenset({*INTEGRAL, "decimal", "varchar", "date", "timestamp", "timestamp with time zone"})
"""Types whose order is the same on every engine."""
_TIMES = frozenset({"timestamp", "timestamp with time zone"})


@dataclass(frozen=True, slots=True)
class Touched:
    """What is to be computed again; of no regions: nothing."""

    regions: tuple[Region, ...] = ()
    """Over the view's own columns."""
    condition: exp.Expr | None = None
    """Over what the definition reads: true of the base rows that touched rows of the view are made from."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """One column of the view that shows a base column, or the unit of time in which it lies."""

    name: str
    node: exp.Column
    """The base column, as the definition writes it."""
    base: tuple[TableName, str]
    kind: TrinoType
    unit: str = ""
    """Empty where it is the column itself; `date` where it is cast to one."""


def touched(understood: Understood, changes: Iterable[Change]) -> Touched | None:
    """Return what must be computed again for a view that saw the base before these changes; None for all of it."""
    moved = [change for change in changes if change.regions or change.unknown is not None]
    if any(change.unknown is not None for change in moved):
        return None
    if not moved:
        return Touched()
    tree = parse_query(understood.definition.sql)
    if len(moved) > 1 or not isinstance(tree, exp.Select) or not _is_plain(tree, understood, moved[0].table):
        return None
    shown = [each for each in _shown(tree, understood) if each.base[0] == moved[0].table]
    regions: list[Region] = []
    conditions: list[exp.Expr] = []
    for region in moved[0].regions:
        pairs = [pair for bound in region.bounds if (pair := _pair(bound, shown)) is not None]
        if not pairs:
            return None
        regions.append(Region(tuple(bound for bound, _ in pairs)))
        conditions.append(exp.and_(*(exp.paren(each) for _, each in pairs), copy=False))
    return Touched(tuple(regions), exp.paren(exp.or_(*(exp.paren(each) for each in conditions), copy=False)))


def _is_plain(tree: exp.Select, understood: Understood, moved: TableName) -> bool:
    """Tell whether each row, or group, comes from rows of the moved table that its own columns tell."""
    if understood.named.keys() != understood.tables.keys() or any(tree.find_all(exp.Window, exp.Unnest, exp.Lateral)):
        return False
    if any(query is not tree for query in tree.find_all(exp.Query)) or any(
        tree.args.get(part) for part in ("limit", "offset", "with_", "qualify", "laterals", "sample")
    ):
        return False
    joins = tree.args.get("joins") or []
    source = tree.args.get("from_")
    relations = [source.this if source is not None else None, *(join.this for join in joins)]
    if not all(isinstance(each, exp.Table) and not each.args.get("sample") for each in relations):
        return False
    # `tables` has each table once: where one is read twice, or nobody knows in which place it stands, all is built.
    typed = understood.tree.args.get("from_")
    if len(relations) != len(understood.tables) or typed is None:
        return False
    kinds = {str(join.args.get("side") or "").upper() for join in joins}
    first = typed.this.meta.get("table") == moved
    return kinds <= {""} or (first and kinds <= {"", "LEFT"})


def _shown(tree: exp.Select, understood: Understood) -> Iterator[_Shown]:
    """Yield the columns of the view that its rows, or groups, are known by, as far as ranges can be told of them."""
    typed = understood.tree
    names = [name for name, _ in understood.columns]
    if not isinstance(typed, exp.Select) or not len(tree.expressions) == len(typed.expressions) == len(names):
        return
    grouped = tree.args.get("group") is not None or bool(tree.args.get("distinct"))
    keys = group_columns(understood) if grouped else tuple(names)
    if keys is None or (not grouped and _aggregates(typed, understood)):
        return
    for name, written, read in zip(names, tree.expressions, typed.expressions, strict=True):
        found = _column(name, written.unalias(), read.unalias(), understood) if name in keys else None
        if found is not None:
            yield found


def _aggregates(typed: exp.Select, understood: Understood) -> bool:
    """Tell whether a query without GROUP BY is one group of all its rows."""
    values = (each.unalias() for each in typed.expressions)
    plain = all(isinstance(each, exp.Column) for each in values)
    return not plain or bool(typed.args.get("having")) or bool(understood.definition.states)


def _column(name: str, written: exp.Expr, read: exp.Expr, understood: Understood) -> _Shown | None:
    unit, inner, twin = "", read, written
    if isinstance(read, exp.Cast) and isinstance(written, exp.Cast) and read.args["to"].this == exp.DataType.Type.DATE:
        unit, inner, twin = "date", read.this, written.this
    elif isinstance(read, exp.Anonymous) and isinstance(written, exp.Anonymous) and read.name.lower() == "date_trunc":
        first, *rest = read.expressions
        if not isinstance(first, exp.Literal) or first.name.lower() not in UNITS or len(rest) != 1:
            return None
        unit, inner, twin = first.name.lower(), rest[0], written.expressions[1]
    resolved: ResolvedColumn | None = inner.meta.get("resolved") if isinstance(inner, exp.Column) else None
    if resolved is None or resolved.table is None or resolved.fields or not isinstance(twin, exp.Column):
        return None
    base = TableName(*resolved.table)
    column = understood.tables[base].by_name.get(resolved.column) if base in understood.tables else None
    if column is None or column.type.base not in _RANGED or (unit and column.type.base not in _TIMES):
        return None
    return _Shown(name, twin, (base, resolved.column), column.type, unit)


def _pair(bound: Bound, shown: Iterable[_Shown]) -> tuple[Bound, exp.Expr] | None:
    """Return a bound of a base column over the view, and the condition over the base that says the very same."""
    own = sorted((each for each in shown if each.base[1] == bound.column), key=lambda each: each.unit != "")
    for each in own:
        try:
            found = _as_it_is(bound, each) if not each.unit else _by_units(bound, each)
        except (OverflowError, ValueError):
            found = None
        if found is not None:
            return found
    return None


def _as_it_is(bound: Bound, shown: _Shown) -> tuple[Bound, exp.Expr] | None:
    condition = _within(shown.node, bound.low, bound.high, None, nulls=bound.nulls)
    return None if condition is None else (Bound(shown.name, bound.low, bound.high, bound.nulls), condition)


def _by_units(bound: Bound, shown: _Shown) -> tuple[Bound, exp.Expr] | None:
    """Widen a bound to whole units. Raises ValueError, OverflowError where an end is no time of four-digit years."""
    unit = "day" if shown.unit == "date" else shown.unit
    low, _ = _widened(bound.low, unit)
    high, until = _widened(bound.high, unit)
    condition = _within(shown.node, low, None, until, nulls=bound.nulls)
    if condition is None:
        return None
    if shown.unit == "date":
        low, high = (None if end is None else date_of(read_moment(end)) for end in (low, high))
    return Bound(shown.name, low, high, bound.nulls), condition


def _widened(literal: str | None, unit: str) -> tuple[str | None, str | None]:
    """Return when the unit began in which a moment lies, and when the next one does."""
    if literal is None:
        return None, None
    begin = cut(read_moment(literal), unit)
    return written_as(literal, begin), written_as(literal, next_of(begin, unit))


def _within(node: exp.Column, low: str | None, high: str | None, until: str | None, *, nulls: bool) -> exp.Expr | None:
    """Write that a column lies between ends; None where it may be anything."""
    parts: list[exp.Expr] = []
    kinds: Mapping[type[exp.Binary], str | None] = {exp.GTE: low, exp.LTE: high, exp.LT: until}
    for kind, literal in kinds.items():
        if literal is not None:
            parts.append(kind(this=node.copy(), expression=parse_expression(literal)))
    if not parts:
        return None
    within = exp.and_(*parts, copy=False)
    return exp.or_(exp.paren(within), exp.Is(this=node.copy(), expression=exp.Null()), copy=False) if nulls else within
