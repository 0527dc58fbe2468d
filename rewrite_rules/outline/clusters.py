"""Inner joins: how wide they may get in whatever order an engine joins, and how wide they probably are.

From above, a join makes at most the product of the rows of those inputs that determine the others: an input that is
joined by all columns of a key adds none. From below nothing is known but of pure cross joins. The likely figure takes
the columns to be independent: of the pairs, one in as many match as the column with more distinct values has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from catalog.statistics import Interval
from rewrite_rules.outline.flows import Flow, Peak, product, unproven, widest_of
from rewrite_rules.outline.nodes import Join, Node, Origin

RANGE_SHARE = 1 / 3
"""The share of pairs that a condition which is no equality is taken to leave."""
MANY = 4.0
"""How many times wider than its inputs a join must be to be called an explosion."""
FIX_CROSS = "join them ON a column that both have"
FIX_RANGE = "add an equality of two columns to the join's condition"
FIX_MANY = "join ON all columns that identify a row of one side, or group that side first"


@dataclass(slots=True)
class Joined:
    """One input of a cluster, and how it is joined to those before it."""

    flow: Flow
    scans: frozenset[int]
    pairs: tuple[tuple[Origin | None, Origin | None], ...] = ()
    others: int = 0
    text: str = ""


@dataclass(slots=True)
class Tie:
    """What two inputs have in common: the columns of each that are equal in the other."""

    columns: dict[int, set[Origin]] = field(default_factory=dict)


def spine(node: Join) -> tuple[Node, list[Join]]:
    """Return the first input of nested inner joins, and the joins from the innermost on."""
    joins: list[Join] = []
    current: Node = node
    while isinstance(current, Join) and current.kind in ("inner", "cross") and not current.correlated:
        joins.append(current)
        current = current.left
    return current, joins[::-1]


def cluster(inputs: Sequence[Joined], distinct: Callable[[Origin, Interval], float | None], built: bool) -> Flow:
    """Return what comes out of inner joins. `built`: the engine makes every pair before it applies other conditions."""
    ties = _ties(inputs)
    out_high = product(max(1.0, inputs[n].flow.out.high) for n in _roots(inputs, ties))
    if any(each.flow.out.high == 0 for each in inputs):
        out_high = 0.0
    peak_high = max(out_high, _peak_high(inputs, ties))
    steps, likely = _steps(inputs, distinct)
    conditions = any(each.pairs or each.others for each in inputs)
    low = 0.0 if conditions else product(each.flow.out.low for each in inputs)
    own = widest_of(Peak(Interval(0.0, min(made, peak_high), peak_high), name, fix) for made, name, fix in steps)
    proven = low if not conditions or not built else _least_pairs(inputs)
    own = own._replace(rows=Interval(min(proven, own.rows.likely), own.rows.likely, peak_high))
    peaks = [own, *_inner_peaks(inputs, conditions)]
    out = Interval(min(low, likely), min(likely, out_high), out_high)
    keys = tuple(key for each in inputs for key in each.flow.keys if len(inputs) == 1)
    return Flow(out, widest_of(peaks), keys, reach=peak_high)


def _inner_peaks(inputs: Sequence[Joined], conditions: bool) -> list[Peak]:
    """Return the peaks inside the inputs: an engine may skip an input where another turns out to be empty."""
    peaks = []
    for number, each in enumerate(inputs):
        others = (other.flow.out.low for n, other in enumerate(inputs) if n != number)
        peaks.append(unproven(each.flow.peak) if conditions or any(low < 1 for low in others) else each.flow.peak)
    return peaks


def _least_pairs(inputs: Sequence[Joined]) -> float:
    """Return how many pairs are made at least where no equality joins anything: of the two smallest inputs."""
    if any(each.pairs for each in inputs):
        return 0.0
    lows = sorted(each.flow.out.low for each in inputs)
    return product(lows[:2]) if lows[0] >= 1 else 0.0


def _ties(inputs: Sequence[Joined]) -> dict[tuple[int, int], Tie]:
    """Return which columns tie each two inputs, following equalities of equalities."""
    homes = {scan: number for number, each in enumerate(inputs) for scan in each.scans}
    same: dict[Origin, set[Origin]] = {}
    for each in inputs:
        for left, right in each.pairs:
            if left is not None and right is not None and left.scan in homes and right.scan in homes:
                joined = same.get(left, {left}) | same.get(right, {right})
                same.update(dict.fromkeys(joined, joined))
    ties: dict[tuple[int, int], Tie] = {}
    for members in {id(group): group for group in same.values()}.values():
        for one in members:
            for other in members:
                a, b = homes[one.scan], homes[other.scan]
                if a != b:
                    ties.setdefault((a, b), Tie()).columns.setdefault(b, set()).add(other)
    return ties


def _is_determined(number: int, by: set[int], inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> bool:
    """Tell whether each row of the others finds at most one row of an input."""
    columns: set[Origin] = set()
    for other in by:
        tie = ties.get((other, number))
        if tie is not None:
            columns |= tie.columns.get(number, set())
    return any(key <= columns for key in inputs[number].flow.keys)


def _roots(inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> set[int]:
    """Return inputs that determine all others; the widest are spared first."""
    roots = set(range(len(inputs)))
    for number in sorted(roots, key=lambda n: -inputs[n].flow.out.high):
        if len(roots) > 1 and len(_closure(roots - {number}, inputs, ties)) == len(inputs):
            roots.discard(number)
    return roots


def _closure(roots: set[int], inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> set[int]:
    known = set(roots)
    grown = True
    while grown:
        more = {n for n in range(len(inputs)) if n not in known and _is_determined(n, known, inputs, ties)}
        grown = bool(more)
        known |= more
    return known


def _peak_high(inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> float:
    """Bound every join of some of the inputs, whichever an engine begins with."""
    highs = [max(1.0, each.flow.out.high, each.flow.reach) for each in inputs]
    widest = sorted(highs, reverse=True)[: _most_roots(inputs, ties)]
    return min(product(widest), max(max(highs), product(highs[number] for number in _counted(inputs, ties))))


def _counted(inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> list[int]:
    """Leave out inputs that each of their neighbours determines: they add nothing to a join with any of these."""
    counted = []
    for number in range(len(inputs)):
        neighbours = [a for a, b in ties if b == number]
        if not neighbours or not all(_is_determined(number, {a}, inputs, ties) for a in neighbours):
            counted.append(number)
    return counted


def _most_roots(inputs: Sequence[Joined], ties: dict[tuple[int, int], Tie]) -> int:
    """Return how many inputs of any join of some of them are determined by no other, at most.

    In a tree of joins, each of which goes from what determines to what is determined, there is one root, and one more
    for each further join that ends in the same input. Joins without a direction may each add one.
    """
    ends = [0] * len(inputs)
    free = 0
    group = list(range(len(inputs)))
    for a, b in ties:
        if a > b:
            continue
        group = [group[a] if each == group[b] else each for each in group]
        ways = [n for n, by in ((a, b), (b, a)) if _is_determined(n, {by}, inputs, ties)]
        if ways:
            ends[min(ways, key=lambda n: ends[n])] += 1
        else:
            free += 1
    return min(len(inputs), len(set(group)) + free + sum(max(0, count - 1) for count in ends))


def _steps(
    inputs: Sequence[Joined], distinct: Callable[[Origin, Interval], float | None]
) -> tuple[list[tuple[float, str, str]], float]:
    """Join one after the other; return what each join probably makes, with its name, and what comes out."""
    homes = {scan: each for each in inputs for scan in each.scans}
    likely = inputs[0].flow.out.likely
    steps = []
    for each in inputs[1:]:
        before, own = likely, each.flow.out.likely
        pairs = product((before, own))
        share = 1.0
        for left, right in each.pairs:
            known = [
                value
                for origin in (left, right)
                if origin is not None
                and origin.scan in homes
                and (value := distinct(origin, homes[origin.scan].flow.out)) is not None
            ]
            share /= max([1.0, *known]) if known else max(1.0, min(before, own) if each.others else max(before, own))
        made = product((pairs, share))
        likely = product((made, RANGE_SHARE ** min(each.others, 3)))
        steps.append((made, *_named(each, made, max(before, own))))
    return steps, likely


def _named(each: Joined, made: float, widest: float) -> tuple[str, str]:
    """Return the name of a join, and what would bound it."""
    if not each.pairs and not each.others:
        return f"the cross join of {each.text}", FIX_CROSS if made > widest else ""
    if not each.pairs:
        return f"the join of {each.text} without an equality", FIX_RANGE if made > widest else ""
    return f"the join of {each.text}", FIX_MANY if made > MANY * widest else ""
