"""A filter on the column that a table is partitioned by: the newest partitions, as many as there is room for.

The result is different: older rows are left out. Where the newest partition ends is told only to who sees every row of
the table, and the column as it is; for others it counts from the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.statistics import ColumnStatistics, Comparison, Condition, Opaque, PartitionField, ScanEstimate
from catalog.types import TrinoType
from gateway.coaching.drafts import Draft, Matter, add_condition, column_of, leaves_of
from gateway.coaching.moments import TEMPORAL, floor, from_unix, later, literal, naive, units_between
from gateway.coaching.telling import missing_filters

_UNITS = {
    "year": "year",
    "month": "month",
    "day": "day",
    "hour": "hour",
    "identity": "day",
    "toyyyymm": "month",
    "tostartofmonth": "month",
    "tomonday": "week",
    "tostartofweek": "week",
    "toyear": "year",
    "tostartofyear": "year",
    "tostartofhour": "hour",
}


@dataclass(frozen=True, slots=True)
class _Cut:
    """From where on rows are read."""

    column: str
    kind: TrinoType
    unit: str
    count: int
    start: datetime


def partition_filters(matter: Matter) -> Iterator[Draft]:
    """Draft the query over the newest partitions only, for the tables that are read whole."""
    for scan in matter.heaviest():
        for field in missing_filters(scan, matter.sight):
            if field.column in _spoken_of(scan.scan.condition):
                continue  # the caller says which time he is after, if in a way that leaves out no file
            found = list(_drafts(matter, scan, field))
            yield from found
            if found:
                break


def _drafts(matter: Matter, scan: ScanEstimate, field: PartitionField) -> Iterator[Draft]:
    """Draft as many of the newest partitions as there seems to be room for, then less: rows are spread unevenly."""
    limited = matter.room.nano is not None or matter.room.bytes is not None
    seen: set[int] = set()
    for part in (1.0, 0.25, 0.0) if limited else (1.0,):
        cut = _cut(matter, scan, field, part)
        tree = _filtered(matter.own.tree, scan.scan.table, cut) if cut is not None else None
        if cut is not None and tree is not None and cut.count not in seen:
            seen.add(cut.count)
            units = f"newest {cut.count} {cut.unit}s" if cut.count > 1 else f"newest {cut.unit}"
            yield Draft(
                "partition_filter",
                f"only the {units} of {scan.scan.table.table}, by a filter on {cut.column}",
                tree,
                same_result=False,
                difference=f"only rows with {cut.column} from {cut.start:%Y-%m-%d %H:%M} UTC on",
                table=str(scan.scan.table),
            )


def _spoken_of(condition: Condition) -> frozenset[str]:
    """Return the columns that a condition speaks of."""
    match condition:
        case Comparison():
            return frozenset({condition.column})
        case Opaque():
            return frozenset(condition.columns)
    return frozenset[str]().union(*map(_spoken_of, condition.parts))


def _cut(matter: Matter, scan: ScanEstimate, field: PartitionField, part: float) -> _Cut | None:
    """Decide from where on to read; None for columns that do not tell what is newest."""
    name = scan.scan.table
    column = matter.own.tables[name].by_name.get(field.column)
    if column is None or column.type.base not in TEMPORAL:
        return None
    unit = _UNITS.get(field.transform.split("(")[0].lower(), "day")
    if column.type.base == "date" and unit == "hour":
        unit = "day"
    bounds = _bounds(scan, field) if field.column in matter.own.open_columns.get(name, ()) else None
    first, last = bounds or (None, None)
    newest = floor(last if last is not None else from_unix(matter.now), unit)
    _, there = scan.partitions or (0, 0)
    span = units_between(first, last, unit) if first is not None and last is not None else there
    if span < 2:
        return None
    count = min(max(1, int(matter.share * part * span)), span - 1)
    return _Cut(field.column, column.type, unit, count, later(newest, unit, 1 - count))


def _bounds(scan: ScanEstimate, field: PartitionField) -> tuple[datetime | None, datetime | None]:
    columns = scan.statistics.columns if scan.statistics is not None else {}
    known = columns.get(field.column, ColumnStatistics())
    return naive(known.low), naive(known.high)


def _filtered(tree: exp.Expr, table: TableName, cut: _Cut) -> exp.Expr | None:
    """Return the query with the condition wherever it reads the table; None where that has no place for it."""
    copy = tree.copy()
    for leaf in leaves_of(copy, table):
        if not _restrict(leaf, cut):
            return None
    return copy


def _restrict(leaf: exp.Table, cut: _Cut) -> bool:
    """Add the condition where a leaf is read: to WHERE if it stands alone or in inner joins, else right around it."""
    alias = leaf.args.get("alias")
    select = leaf.find_ancestor(exp.Select)
    written = literal(cut.start, cut.kind)
    if written is None or select is None or (alias is not None and alias.args.get("columns")):
        return False
    joins = select.args.get("joins") or []
    if not joins or all(_is_inner(join, cut.column) for join in joins):
        column = column_of(leaf, cut.column, qualified=bool(joins))
        add_condition(select, exp.GTE(this=column, expression=written))
        return True
    inner = leaf.copy()
    inner.set("alias", None)
    column = column_of(inner, cut.column, qualified=False)
    body = exp.Select(expressions=[exp.Star()], from_=exp.From(this=inner))
    add_condition(body, exp.GTE(this=column, expression=written))
    name = exp.TableAlias(this=exp.to_identifier(leaf.alias_or_name, quoted=True))
    leaf.replace(exp.Subquery(this=body, alias=name))
    return True


def _is_inner(join: exp.Join, column: str) -> bool:
    """Tell whether a join drops rows alike on both sides, and leaves the column's name to one of them."""
    used = {fold_trino(each.name) for each in join.args.get("using") or ()}
    return not join.side and join.kind.upper() in ("", "INNER", "CROSS") and column not in used
