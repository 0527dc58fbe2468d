"""Describe: from a governed query to its outline. Pure, and linear in the tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlglot import exp

from catalog.objects import Table, TableName
from catalog.statistics import ALL_ROWS, Scan
from rewrite_rules.outline import nodes
from rewrite_rules.outline.constants import Clock
from rewrite_rules.outline.finishing import Finisher, scan_of
from rewrite_rules.outline.queries import query, recursion
from rewrite_rules.outline.reading import Place, Reader
from rewrite_rules.outline.subqueries import joined_value
from rewrite_rules.outline.values import Undescribed, refs_of

__all__ = ["Undescribed", "describe"]


def describe(
    tree: exp.Expr,
    tables: Mapping[TableName, Table],
    *,
    inlined: bool = True,
    zone: str = "UTC",
    stored_zone: str = "UTC",
    now: datetime | None = None,
) -> nodes.Outline:
    """Return what a query does. Its physical tables must be written in full; the tree stays as it is.

    `inlined` says that the engine reads a WITH query again at each mention; `zone` is the session's; `stored_zone` is
    the zone in which moments from storage show themselves, empty where it may be any. Where
    `now` is given, conditions on the clock are taken at that moment. Raises Undescribed.
    """
    mentions = Counter[str]() if inlined else Counter(each.name.lower() for each in tree.find_all(exp.Table))
    reader = Reader(tables, Clock(zone, now), stored_zone, inlined, query, recursion, joined_value, mentions=mentions)
    try:
        rel = query(tree, Place(reader))
        for column in rel.columns:
            reader.need(refs_of(column.value))
        if rel.otherwise is not None:
            reader.need(refs_of(rel.otherwise))
        turned = any(draft.turning for draft in reader.scans)
        written = Finisher(reader.scans, written=True).node(rel.rows) if turned else None
        root = Finisher(reader.scans).node(rel.rows)
    except RecursionError:
        raise Undescribed("it is nested too deeply") from None
    times = _times(reader)
    scans = tuple(scan_of(draft, times.get(draft.number, draft.times)) for draft in reader.scans)
    return nodes.Outline(scans, root, _is_counting(scans, root), reader.clock.used, written)


def _times(reader: Reader) -> dict[int, int]:
    """Let a WITH query that is computed once be read once, with all columns that any mention needs."""
    times: dict[int, int] = {}
    for ranges in reader.copies:
        if not ranges:
            continue
        first, *again = (reader.scans[begin:end] for begin, end in ranges)
        for copy in again:
            for one, other in zip(first, copy, strict=True):
                one.needed |= other.needed
                times[other.number] = 0
    return times


def _is_counting(scans: tuple[Scan, ...], root: nodes.Node) -> bool:
    """Tell whether a query only counts all rows of one table."""
    while isinstance(root, nodes.Limit):
        root = root.input
    counts = isinstance(root, nodes.Group) and not root.keys and isinstance(root.input, nodes.ScanOf)
    return counts and len(scans) == 1 and not scans[0].columns and scans[0].condition == ALL_ROWS
