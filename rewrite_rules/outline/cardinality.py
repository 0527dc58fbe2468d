"""Cardinality: how many rows the operators of an outline make, from below, probably, and from above.

From above it is a bound that holds if those of the scans do; from below it is what the widest operator makes at least
if the query runs to its end: a LIMIT lowers nothing, for engines may, and may not, stop early.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.statistics import NO_ROWS, AllOf, Comparison, Condition, Interval, Opaque, ScanEstimate
from rewrite_rules.outline.clusters import FIX_MANY, MANY, Joined, cluster, spine
from rewrite_rules.outline.flows import (
    Flow,
    Peak,
    at_least_one,
    plus,
    product,
    sound,
    times,
    unproven,
    widest_of,
    within,
)
from rewrite_rules.outline.nodes import (
    Filter,
    Group,
    Join,
    Limit,
    Node,
    Origin,
    Outline,
    ScanOf,
    Union,
    Unnest,
    Values,
)

FILTERED = 1 / 3
"""The share of rows that a condition of which nothing is known is taken to leave."""
FOUND = 1 / 2
"""The share of rows that find, or do not find, a match in a subquery."""
ELEMENTS = 10
"""How many elements an array is taken to have."""
PAGE = 4096
"""Rows that a scan makes at a time, even where a LIMIT wants fewer."""
UNKNOWN_ROWS = 1000.0
FIX_UNNEST = "leave out rows before UNNEST, or unnest shorter arrays"
FIX_SETS = "ask for fewer grouping sets"


def widest(outline: Outline, scans: Sequence[ScanEstimate], *, built: bool = True) -> Peak:
    """Return the operator that makes the most rows. `scans` are what is known of the outline's, in their order.

    `built` says that the engine makes every pair of rows before it applies conditions that are no equalities.
    """
    counting = _Counting(scans, built)
    peak = counting.flow(outline.root).peak
    if outline.written is None:
        return peak
    most = max(peak.rows.high, counting.flow(outline.written).peak.rows.high)
    return peak._replace(rows=peak.rows._replace(high=most))


def comes_out(outline: Outline, scans: Sequence[ScanEstimate], *, built: bool = True) -> Interval:
    """Return how many rows a query gives."""
    return _Counting(scans, built).flow(outline.root).out


@dataclass(frozen=True, slots=True)
class _Counting:
    scans: Sequence[ScanEstimate]
    built: bool

    def flow(self, node: Node) -> Flow:
        """Return what comes out of a node."""
        match node:
            case ScanOf():
                return self._scan(node)
            case Values():
                rows = Interval(0.0, UNKNOWN_ROWS, math.inf) if node.rows is None else Interval.exactly(node.rows)
                return Flow(rows, Peak(rows, "the rows that are written out"), (frozenset(),) if node.rows == 1 else ())
            case Filter():
                return self._filter(node)
            case Join():
                return self._join(node)
            case Group():
                return self._group(node)
            case Union():
                parts = [self.flow(each) for each in node.inputs]
                out = plus(part.out for part in parts)
                return Flow(out, widest_of([Peak(out._replace(low=0.0), "the union"), *(part.peak for part in parts)]))
            case Unnest():
                return self._unnest(node)
            case Limit():
                return self._limit(node)

    def _scan(self, node: ScanOf) -> Flow:
        estimate = self.scans[node.scan]
        rows = sound(estimate.rows)
        known = estimate.statistics
        stored = float(known.rows) if known is not None and known.rows is not None else 0.0
        if estimate.scan.condition == NO_ROWS:  # not all engines see that
            rows = Interval(0.0, 0.0, max(rows.high, stored))
        name = estimate.scan.via or estimate.scan.table
        made = rows._replace(high=max(rows.high, stored))
        if node.whole:
            rows = Interval(0.0, rows.likely, made.high)
        table = estimate.scan.table
        keys = tuple(
            frozenset(Origin(table, column, node.scan) for column in key)
            for key in (known.keys if known is not None else ())
        )
        return Flow(rows, Peak(made, f"the scan of {name.table}"), keys)

    def _filter(self, node: Filter) -> Flow:
        inner = self.flow(node.input)
        if node.condition == NO_ROWS:
            return Flow(Interval(0.0, 0.0, inner.out.high), unproven(inner.peak), inner.keys, inner.reach)
        out = Interval(0.0, inner.out.likely * FILTERED, inner.out.high)
        settled = isinstance(node.condition, Opaque) and not node.condition.columns
        peak = inner.peak if self.built and not settled else unproven(inner.peak)
        return Flow(out, peak, inner.keys, inner.reach)

    def _group(self, node: Group) -> Flow:
        inner = self.flow(node.input)
        rows = inner.out
        if not node.keys:
            out = Interval.exactly(float(node.sets))
        else:
            found = product(self._distinct(key, rows) or max(ELEMENTS, math.sqrt(rows.likely)) for key in node.keys)
            most = rows.high if node.sets == 1 else max(1.0, rows.high) * node.sets
            out = within(Interval(min(1.0, rows.low), min(found, rows.likely) * node.sets, most), most)
        held = max(node.sets, node.copies)
        wide = Interval(0.0, rows.likely * held, product((rows.high, held)))
        peaks = [inner.peak, Peak(out, "the groups")]
        if held > 1:
            peaks.insert(0, Peak(wide, "the rows of the grouping sets", FIX_SETS if rows.likely else ""))
        origins = [key for key in node.keys if key is not None]
        whole = node.sets == 1 and len(origins) == len(node.keys)
        return Flow(out, widest_of(peaks), (frozenset(origins),) if whole else ())

    def _distinct(self, origin: Origin | None, rows: Interval) -> float | None:
        """Return how many distinct values a column has among so many rows; None where that is not known."""
        if origin is None or not 0 <= origin.scan < len(self.scans):
            return None
        estimate = self.scans[origin.scan]
        if any(isinstance(c, Comparison) and c.column == origin.column and c.operator == "=" for c in _parts(estimate)):
            return 1.0
        known = estimate.statistics
        column = known.columns.get(origin.column) if known is not None else None
        if known is not None and (origin.column,) in known.keys and known.rows is not None:
            return max(1.0, min(float(known.rows), rows.likely))
        if column is None or column.distinct is None or math.isnan(column.distinct):
            return None
        return max(1.0, min(column.distinct, rows.likely))

    def _unnest(self, node: Unnest) -> Flow:
        inner = self.flow(node.input)
        rows = inner.out
        most = math.inf if node.most is None else float(max(node.most, node.least))
        likely = most if node.most is not None else float(max(ELEMENTS, node.least))
        out = Interval(
            product((rows.low, node.least)), product((rows.likely, likely)), product((max(rows.high, 0.0), most))
        )
        exploding = out.likely > MANY * max(rows.likely, PAGE) or node.most is None
        made = out._replace(high=max(out.high, most))  # an array that is written out is made beside empty rows, too
        return Flow(out, widest_of([Peak(made, "UNNEST", FIX_UNNEST if exploding else ""), inner.peak]))

    def _limit(self, node: Limit) -> Flow:
        inner = self.flow(node.input)
        out = within(inner.out, float(node.rows))
        peak = inner.peak
        if not node.written or node.rows == 0:
            peak = unproven(peak)
        elif isinstance(node.input, ScanOf):
            likely = min(peak.rows.likely, float(max(node.rows, PAGE)))
            peak = peak._replace(rows=Interval(min(peak.rows.low, out.low), likely, peak.rows.high))
        keys = (frozenset[Origin](),) if node.rows <= 1 else inner.keys
        return Flow(out, peak, keys)

    def _join(self, node: Join) -> Flow:
        if node.kind in ("inner", "cross") and not node.correlated:
            first, joins = spine(node)
            inputs = [Joined(self.flow(first), scans_in(first))]
            inputs += [
                Joined(self.flow(j.right), scans_in(j.right), j.pairs, j.other_conditions, j.text) for j in joins
            ]
            return cluster(inputs, self._distinct, self.built)
        left, right = self.flow(node.left), self.flow(node.right)
        pair = cluster(
            [
                Joined(left, scans_in(node.left)),
                Joined(right, scans_in(node.right), node.pairs, node.other_conditions, node.text),
            ],
            self._distinct,
            self.built,
        )
        if node.correlated:
            wide = product((max(1.0, left.out.high), right.peak.rows.high))
            right = Flow(right.out, unproven(right.peak._replace(rows=right.peak.rows._replace(high=wide))), right.keys)
        if node.kind in ("semi", "anti") or node.single:
            return _marked(node, left, right, pair)
        return _outer(node, left, right, pair)


def _marked(node: Join, left: Flow, right: Flow, pair: Flow) -> Flow:
    """Return what comes out of a join that adds no rows: IN, EXISTS and values from subqueries."""
    out = left.out
    if not node.single:
        out = Interval(0.0, out.likely * FOUND, out.high)
    matched = node.correlated and (node.other_conditions > 0 or not node.pairs)
    own = pair.peak if matched else Peak(left.out, f"the join of {node.text}")
    kept = node.single and not node.correlated and right.out.low >= 1
    peaks = [own if kept else unproven(own), left.peak if kept else unproven(left.peak), unproven(right.peak)]
    return Flow(out, widest_of(peaks), left.keys, left.reach)


def _outer(node: Join, left: Flow, right: Flow, pair: Flow) -> Flow:
    """Return what comes out of an outer join, or of one made row by row."""
    free = not node.pairs and not node.other_conditions
    inner, l_rows, r_rows = pair.out, left.out, right.out
    if node.kind in ("inner", "cross"):
        out = inner
    elif node.kind == "full":
        high = plus((inner, l_rows, r_rows)).high
        out = Interval(max(l_rows.low, r_rows.low), max(inner.likely, l_rows.likely, r_rows.likely), high)
    else:
        kept, other = (l_rows, r_rows) if node.kind == "left" else (r_rows, l_rows)
        filled = times(kept, at_least_one(other))
        low = filled.low if free else kept.low
        high = min(filled.high, inner.high + kept.high)
        out = Interval(low, max(inner.likely, kept.likely), high)
    own = Peak(
        out, f"the join of {node.text}", FIX_MANY if out.likely > MANY * max(l_rows.likely, r_rows.likely) else ""
    )
    if free and node.kind != "full":
        own = Peak(out, f"the cross join of {node.text}", pair.peak.fix)
    wide = unproven(pair.peak)
    peaks = [own, Peak(wide.rows._replace(likely=0.0), own.operator)]
    peaks.append(left.peak if node.kind in ("left", "full") else unproven(left.peak))
    peaks.append(right.peak if node.kind in ("right", "full") and not node.correlated else unproven(right.peak))
    kept_side = {"left": left, "right": right}.get(node.kind)
    return Flow(out, widest_of(peaks), reach=kept_side.reach if kept_side is not None else 0.0)


def _parts(estimate: ScanEstimate) -> Iterator[Condition]:
    condition = estimate.scan.condition
    if isinstance(condition, AllOf):
        yield from condition.parts
    else:
        yield condition


def scans_in(node: Node) -> frozenset[int]:
    """Return the numbers of the scans whose columns may come out of a node."""
    match node:
        case ScanOf():
            return frozenset((node.scan,))
        case Values():
            return frozenset()
        case Join():
            return scans_in(node.left) | scans_in(node.right)
        case Union():
            return frozenset[int]().union(*(scans_in(each) for each in node.inputs))
        case _:
            return scans_in(node.input)
