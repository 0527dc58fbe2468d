"""Aggregates: how each is computed from the rows of a view, in one step or from parts that are merged once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.materialized_views import GRADES, Grade
from catalog.types import BIGINT, DOUBLE, INTEGRAL, TrinoType, decimal
from rewrite_rules.substitution.calls import Call
from rewrite_rules.substitution.group_rows import GroupRows, Kept
from rewrite_rules.substitution.making import call, case, cast, is_constant, type_of, typed, whole
from rewrite_rules.substitution.spelling import copied

Columns = Sequence[exp.Expr]
_FLOATS = ("double", "real")
_SAME_AGAIN = frozenset({"min", "max", "any_value", "bool_and", "bool_or", "bitwise_and_agg", "bitwise_or_agg"})
"""Aggregates of one value that merge by themselves, and to which the same value twice is as good as once."""
_OF_SETS = _SAME_AGAIN | {"approx_distinct", "max_by", "min_by"}
"""Aggregates to which the same row twice is as good as once."""
_OF_DISTINCT = frozenset({"count", "sum", "avg"})
_SKETCHES = frozenset({"approx_distinct", "approx_percentile"})


@dataclass(frozen=True, slots=True)
class Part:
    """One column from which an aggregate is computed."""

    scan: exp.Expr
    """An aggregate over the view's rows."""
    base: Call
    """The aggregate over base rows that gives the same part of them."""
    again: Callable[[Columns], exp.Expr] | None
    """Make one of several parts, given the columns of all parts of the aggregate; None where that cannot be."""
    kind: TrinoType


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate of a query over one view."""

    parts: tuple[Part, ...]
    finish: Callable[[Columns], exp.Expr]
    grade: Grade
    why: str
    of_keys: bool = False
    """The call itself may be made over rows that show its arguments, each combination at least once."""


def weakest(grades: Sequence[Grade]) -> Grade:
    """Return the laxest of some grades."""
    return max(grades, key=GRADES.index, default="exact")


def grade_of(found: Call) -> Grade:
    """Return how alike an aggregate is when it is merged from parts."""
    if found.name in _SKETCHES:
        return "approximate"
    adds = found.name not in _OF_SETS and found.name != "count"
    floats = any(kind is not None and kind.base in _FLOATS for kind in map(type_of, found.arguments))
    floats = floats or (found.kind.base in _FLOATS and found.name != "avg")
    return "float" if adds and floats else "exact"


def measure(found: Call, rows: GroupRows) -> Measure | None:
    """Say how an aggregate is computed from a grouped view; None if it cannot be."""
    rule = _RULES.get(found.name)
    made = rule(found, rows) if rule is not None and not found.distinct else None
    return made or _over_keys(found, rows) or _from_state(found, rows)


def is_made_from_keys(found: Call) -> bool:
    """Tell whether a view that groups by an aggregate's arguments has all that it needs."""
    return found.name in _OF_SETS or (found.distinct and found.name in _OF_DISTINCT)


def is_made_from_parts(found: Call) -> bool:
    """Tell whether an aggregate of groups can be made from the same aggregate of smaller ones."""
    return found.name in _RULES and not found.distinct


def raw_measure(found: Call, write: Callable[[exp.Expr], exp.Expr | None]) -> Measure | None:
    """Say how an aggregate is computed from a view that holds single rows: by the call itself."""
    made = over(found, write)
    if made is None:
        return None
    part = Part(made, found, None, found.kind)
    return Measure((part,), _first, grade_of(found), "the view holds single rows", of_keys=True)


def over(found: Call, write: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr | None:
    """Write a call over other columns."""
    arguments = [write(each) for each in found.arguments]
    condition = write(found.condition) if found.condition is not None else None
    if any(each is None for each in arguments) or (found.condition is not None and condition is None):
        return None
    inside: list[exp.Expr] = [each for each in arguments if each is not None] or [exp.Star()]
    made: exp.Expr = call(found.name, *([exp.Distinct(expressions=inside)] if found.distinct else inside))
    if condition is not None:
        made = exp.Filter(this=made, expression=exp.Where(this=condition))
    return typed(made, found.kind)


def _first(columns: Columns) -> exp.Expr:
    return columns[0]


def _by(name: str, at: int = 0) -> Callable[[Columns], exp.Expr]:
    return lambda columns: call(name, columns[at])


def _sum(found: Call, rows: GroupRows) -> Measure | None:
    total = rows.total(found)
    if total is None or len(found.arguments) != 1:
        return None
    part = Part(call("sum", total), found, _by("sum"), found.kind)
    return Measure((part,), _first, grade_of(found), "sum of sums")


def _count(found: Call, rows: GroupRows) -> Measure | None:
    number = rows.count(found)
    if number is None or len(found.arguments) > 1:
        return None
    part = Part(call("sum", number), found, _by("sum"), BIGINT)
    return Measure((part,), lambda columns: call("coalesce", columns[0], whole(0)), "exact", "sum of counts, 0 of none")


def _avg(found: Call, rows: GroupRows) -> Measure | None:
    kind = type_of(found.arguments[0]) if len(found.arguments) == 1 else None
    if kind is None or kind.base not in (*INTEGRAL, "decimal", "double"):
        return None
    total, number = rows.total(found), rows.count(found)
    if total is None or number is None:
        return None
    summed = BIGINT if kind.base in INTEGRAL else decimal(38, kind.numbers[1]) if kind.base == "decimal" else DOUBLE
    sums = Part(call("sum", total), replace(found.of("sum", *found.arguments), kind=summed), _by("sum"), summed)
    counts = Part(call("sum", number), replace(found.of("count", *found.arguments), kind=BIGINT), _by("sum", 1), BIGINT)
    return Measure((sums, counts), lambda columns: _quotient(columns, found.kind), grade_of(found), "sum by count")


def _quotient(columns: Columns, kind: TrinoType) -> exp.Expr:
    """Divide as Trino's avg does: in doubles, or in decimals rounded half up at the argument's scale."""
    total = columns[0] if kind.base == "decimal" else cast(columns[0], DOUBLE)
    quotient = exp.Div(this=total, expression=call("nullif", columns[1], whole(0)), typed=True, safe=False)
    return cast(quotient, kind) if kind.base == "decimal" else quotient


def _extreme(name: str) -> Callable[[Call, GroupRows], Measure | None]:
    def rule(found: Call, rows: GroupRows) -> Measure | None:
        value = rows.extreme(found, name) if len(found.arguments) == 1 else None
        if value is None:
            return None
        part = Part(call(name, value), found, _by(name), found.kind)
        return Measure((part,), _first, "exact", f"{name} of {name}")

    return rule


def _same_again(found: Call, rows: GroupRows) -> Measure | None:
    """Merge what was stored by the same function: of conditions that all hold, of any value."""
    stored = rows.stored(found) if len(found.arguments) == 1 else None
    if stored is None and found.name == "any_value":
        stored = rows.extreme(found, "min") or rows.extreme(found, "max")
    if stored is None:
        return None
    part = Part(call(found.name, stored), found, _by(found.name), found.kind)
    return Measure((part,), _first, "exact", f"{found.name} of {found.name}")


def _by_moment(name: str, extreme: str) -> Callable[[Call, GroupRows], Measure | None]:
    """Merge the value beside the greatest (least) moment, where the view keeps that moment as well."""

    def rule(found: Call, rows: GroupRows) -> Measure | None:
        if len(found.arguments) != 2 or found.condition is not None:
            return None
        value, moment = rows.stored(found), rows.stored(found.of(extreme, found.arguments[1]))
        kind = type_of(found.arguments[1])
        if value is None or moment is None or kind is None:
            return None
        again: Callable[[Columns], exp.Expr] = lambda columns: call(name, columns[0], columns[1])  # noqa: E731  (typed as a field)
        chosen = Part(call(name, value, copied(moment)), found, again, found.kind)
        moments = Part(
            call(extreme, moment), replace(found.of(extreme, found.arguments[1]), kind=kind), _by(extreme, 1), kind
        )
        return Measure((chosen, moments), _first, "exact", f"{name} of {name}, by the stored {extreme}")

    return rule


_RULES: Mapping[str, Callable[[Call, GroupRows], Measure | None]] = {
    "sum": _sum,
    "count": _count,
    "avg": _avg,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "max_by": _by_moment("max_by", "max"),
    "min_by": _by_moment("min_by", "min"),
    **dict.fromkeys(_SAME_AGAIN - {"min", "max"}, _same_again),
}


def _over_keys(found: Call, rows: GroupRows) -> Measure | None:
    """Compute what only asks which values there are from the view's keys; None if it asks more."""
    asks = is_made_from_keys(found) and found.arguments and rows.filled
    made = over(found, rows.keys.write) if asks else None
    if made is None:
        return None
    again = _by(found.name) if found.name in _SAME_AGAIN else None
    part = Part(made, found, again, found.kind)
    return Measure((part,), _first, grade_of(found), "from the values of keys", of_keys=True)


def _from_state(found: Call, rows: GroupRows) -> Measure | None:
    """Merge a state that was kept of just these values; a condition on keys says of which groups."""
    condition = rows.keys.write(found.condition) if found.condition is not None else None
    if found.condition is not None and condition is None:
        return None
    for kept in rows.states:
        parameters = _merged_by(found, kept, rows)
        if parameters is None:
            continue
        state = copied(kept.column)
        merged = call("$merge", state if condition is None else case(condition, state), kind=found.kind)
        merged.meta["state"] = kept.state
        merged.meta["parameters"] = parameters
        part = Part(merged, found, None, found.kind)
        return Measure((part,), _first, grade_of(found), f"merged states of {kept.state.function}")
    return None


def _merged_by(found: Call, kept: Kept, rows: GroupRows) -> tuple[exp.Expr, ...] | None:
    """Return the parameters with which a state gives an aggregate; None if it does not."""
    takes = _STATES.get((found.name, found.distinct))
    if takes is None or kept.state.function not in takes:
        return None
    of = 2 if found.name in ("max_by", "min_by") else 1
    values, parameters = found.arguments[:of], found.arguments[of:]
    equal = rows.keys.equal
    kind = type_of(values[0]) if values else None
    if found.name == "approx_percentile" and kind is not None and kind.base == "decimal":
        values = (cast(copied(values[0]), DOUBLE),)  # its percentile is that of doubles
    if [*map(equal.key, values)] != [*map(equal.key, kept.arguments)]:
        return None
    if found.name == "approx_percentile":
        good = len(parameters) == 1 and isinstance(parameters[0], exp.Literal) and not parameters[0].is_string
        return parameters if good else None
    if found.name == "approx_distinct" and parameters:  # a stated error; exact states have none
        return () if kept.state.function == "uniqExact" and all(map(is_constant, parameters)) else None
    return None if parameters else ()


_STATES: Mapping[tuple[str, bool], frozenset[str]] = {
    ("count", True): frozenset({"uniqExact"}),
    ("approx_distinct", False): frozenset({"uniqExact", "uniq"}),
    ("approx_percentile", False): frozenset({"quantileExact", "quantileTDigest"}),
    ("max_by", False): frozenset({"argMax"}),
    ("min_by", False): frozenset({"argMin"}),
}
"""The states that an aggregate, with DISTINCT or without, is merged from."""
