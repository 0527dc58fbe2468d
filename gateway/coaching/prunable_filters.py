"""The same condition, written so that files can be left out by it: `year(ts) = 2026` with the range of `ts` beside it.

The result is the same, since whoever fulfils the condition lies in the range; see `gateway.coaching.implied`.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from gateway.coaching.drafts import Draft, Matter, both, conjuncts
from gateway.coaching.implied import Implied, implied
from gateway.coaching.moments import literal


def prunable_filters(matter: Matter) -> Iterator[Draft]:
    """Draft the query with the ranges that its conditions imply."""
    own = matter.own
    in_utc = frozenset(scan.scan.table for scan in matter.estimate.scans if scan.basis.kind == "manifest")
    tree = own.tree.copy()
    named: list[str] = []
    for place in (*tree.find_all(exp.Where), *tree.find_all(exp.Join)):
        key = "this" if isinstance(place, exp.Where) else "on"
        condition = place.args.get(key)
        if condition is None:
            continue
        found = list(implied(list(conjuncts(condition)), own.time_zone, in_utc))
        for range_ in filter(None, map(_condition, _tightest(found))):
            condition = both(condition, range_)
        if found:
            named += [each.column.name for each in found]
            place.set(key, condition)
    if named:
        columns = ", ".join(dict.fromkeys(named))
        yield Draft("prunable_filter", f"the same condition as a range of {columns}", tree, same_result=True)


def _tightest(found: list[Implied]) -> Iterator[Implied]:
    """Yield for each column the latest beginning and the earliest end, as one."""
    by_column: dict[tuple[object, ...], list[Implied]] = {}
    for each in found:
        by_column.setdefault(_key(each.column), []).append(each)
    for group in by_column.values():
        lows = [each.span.low for each in group if each.span.low is not None]
        highs = [each.span.high for each in group if each.span.high is not None]
        span = type(group[0].span)(max(lows, default=None), min(highs, default=None))
        yield Implied(group[0].column, group[0].kind, span)


def _key(column: exp.Column) -> tuple[object, ...]:
    resolved = column.meta.get("resolved")
    return tuple(resolved) if resolved is not None else (id(column),)


def _condition(found: Implied) -> exp.Expr | None:
    made: exp.Expr | None = None
    span = found.span
    for operator, at, up in ((exp.GTE, span.low, False), (exp.LT, span.high, True)):
        written = literal(at, found.kind, up=up) if at is not None else None
        if written is not None:
            part = operator(this=found.column.copy(), expression=written)
            made = part if made is None else exp.And(this=made, expression=part)
    return made
