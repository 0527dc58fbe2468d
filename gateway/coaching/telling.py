"""Say what an estimate says, in lines for people: the price, what dominates it, what is missing, what to run instead.

Only tables and columns in the caller's sight are named; no literal stands in any line, but in the caller's own SQL.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.objects import TableName
from catalog.statistics import PartitionField, ScanEstimate
from gateway.coaching.model import Advice, Alternative, Sight
from gateway.coaching.words import between, brief, count, seconds, size, usd
from policies.cost.estimate import Estimate
from policies.cost.told import told

HIDDEN = "what you may not see by name"
MOST_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class Part:
    """What one table takes of a statement's bytes, and its columns of that, the heaviest first; shares from 0 to 1."""

    table: TableName
    share: float
    columns: tuple[tuple[str, float], ...]


def price_lines(estimate: Estimate) -> Iterator[str]:
    """Yield the estimate with its intervals, its rate and what it rests on; as far as its caller may know them."""
    estimate = told(estimate)
    if estimate.rows_hidden:
        yield f"Estimate ({estimate.kind}): reads at most {size(estimate.bytes.high)}."
        yield f"Rate: {estimate.rate or 'none'}. Basis: {estimate.basis}."
        return
    yield f"Estimate ({estimate.kind}): {between(estimate.nano, 'usd')}, reads {between(estimate.bytes, 'bytes')}."
    took = f"Time: about {seconds(estimate.seconds.likely)}."
    by = f" in {estimate.widest.operator}" if estimate.widest.operator else ""
    yield took if estimate.policed else f"Widest step: {between(estimate.widest.rows, 'rows')}{by}. {took}"
    stated = f"{estimate.coverage * 100:.0f} % of statements lie within the interval"
    yield f"Rate: {estimate.rate or 'none'}. Basis: {estimate.basis or 'none'}; {stated}."
    if estimate.why:
        yield f"Not known better: {estimate.why}"


def parts(estimate: Estimate, sight: Sight) -> tuple[Part, ...]:
    """Return what each table in sight takes of the bytes, the heaviest first; shares are of all bytes, seen or not."""
    estimate = told(estimate)
    if not math.isfinite(estimate.bytes.likely):
        return ()
    whole = sum(_likely(each) for each in estimate.scans)
    tables: dict[TableName, list[ScanEstimate]] = {}
    for scan in estimate.scans:
        # Who reads a view need not know of the table behind it: to him it is the view that takes the bytes.
        name = next((each for each in (scan.scan.table, scan.scan.via) if each in sight), None)
        if name is not None:
            tables.setdefault(name, []).append(scan)
    found = [
        Part(name, sum(map(_likely, scans)) / whole if whole else 0.0, _columns(name, scans, sight))
        for name, scans in tables.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.share, str(each.table))))


def _columns(name: TableName, scans: Sequence[ScanEstimate], sight: Sight) -> tuple[tuple[str, float], ...]:
    seen = sight[name] if all(scan.scan.table == name for scan in scans) else frozenset()
    sizes: dict[str, int] = {}
    for scan in scans:
        for column, taken in scan.column_bytes.items():
            sizes[column] = sizes.get(column, 0) + taken
    whole = sum(sizes.values())
    shares = [(column, taken / whole) for column, taken in sizes.items() if column in seen] if whole else []
    return tuple(sorted(shares, key=lambda each: (-each[1], each[0])))


def _likely(scan: ScanEstimate) -> float:
    return scan.bytes.likely * scan.scan.times


def dominant_lines(estimate: Estimate, sight: Sight) -> Iterator[str]:
    """Yield what the bytes are mostly read for: `91 % = events.payload`."""
    found = parts(estimate, sight)
    if not found or found[0].share < 0.005:
        return
    heaviest = found[0]
    shares = [f"{heaviest.share * 100:.0f} % = {heaviest.table}"]
    shares += [
        f"{share * heaviest.share * 100:.0f} % = {heaviest.table.table}.{column}"
        for column, share in heaviest.columns[:3]
        if share * heaviest.share >= 0.05
    ]
    yield f"Dominant: {'; '.join(shares)}."


def missing_filters(scan: ScanEstimate, sight: Sight) -> tuple[PartitionField, ...]:
    """Return the partition fields that a scan could be narrowed by, and is not; those in the caller's sight.

    A scan that opens few of its partitions already misses nothing: some other field narrows it.
    """
    seen = sight.get(scan.scan.table, frozenset())
    read, there = scan.partitions or (0, 0)
    if there < 2 or read * 2 <= there:
        return ()
    return tuple(each for each in scan.unfiltered if each.column in seen and not _by_hash(each))


def _by_hash(field: PartitionField) -> bool:
    """Tell whether a field only ever helps who names single values."""
    return field.transform.startswith(("bucket", "void"))


def field_text(field: PartitionField) -> str:
    """Write a partition field as people do: `day(ts)`."""
    return field.column if field.transform == "identity" else f"{field.transform}({field.column})"


def missing_lines(estimate: Estimate, sight: Sight) -> Iterator[str]:
    """Yield, for each table that is read whole, the partition filter that it lacks."""
    for scan in sorted(told(estimate).scans, key=lambda each: -_likely(each)):
        if fields := missing_filters(scan, sight):
            read, there = scan.partitions or (0, 0)
            named = " or ".join(map(field_text, fields))
            table = scan.scan.table
            yield f"Missing: no filter on {named} of {table}: {count(read)} of {count(there)} partitions are read."


def alternative_lines(alternatives: Sequence[Alternative]) -> Iterator[str]:
    """Yield cheaper statements, each with its price and what becomes of the result, ready to be run."""
    for number, each in enumerate(alternatives[:MOST_ALTERNATIVES], 1):
        result = "same result" if each.same_result else f"different result: {each.difference}"
        known = told(each.estimate)
        price = f"{usd(known.nano.likely)}, {size(known.bytes.likely)}"
        yield f"Alternative {number} ({price}; {result}): {each.title}"
        yield each.sql


def advice_lines(estimate: Estimate, advice: Advice) -> Iterator[str]:
    """Yield all that helps to ask for less."""
    estimate = told(estimate)
    yield from dominant_lines(estimate, advice.sight)
    yield from dict.fromkeys(missing_lines(estimate, advice.sight))  # a table that is read twice is told once
    if estimate.widest.fix:
        yield f"To bound the rows: {estimate.widest.fix}."
    if advice.limit_in_vain:
        yield "The LIMIT does not help: what it cuts off has been read by then."
    yield from alternative_lines(advice.alternatives)


def shortest_fix(estimate: Estimate, advice: Advice) -> str:
    """Return what to do, in a few words: the best alternative, else the filter that is missing, else a rule."""
    estimate = told(estimate)
    if advice.alternatives:
        best = advice.alternatives[0]
        return f"{brief(best.title, 60)}: {usd(told(best.estimate).nano.likely)}"
    if estimate.widest.fix and estimate.widest.rows.high > 1e9:
        return brief(estimate.widest.fix, 80)
    for scan in sorted(estimate.scans, key=lambda each: -_likely(each)):
        if fields := missing_filters(scan, advice.sight):
            return f"filter on {brief(fields[0].column, 30)} of {brief(scan.scan.table.table, 30)}"
    return "read fewer columns or a narrower range"
