"""Predicates: conditions of a query over values, and what each says of one scan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from catalog.statistics import AllOf, AnyOf, Comparison, Condition, Opaque
from rewrite_rules.outline.values import Either, Mix, Ref, Value, refs_of

Operator = Literal["=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null", "starts with"]


@dataclass(frozen=True, slots=True)
class Is:
    """A comparison of a column with constants."""

    value: Ref | Either
    operator: Operator
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Equal:
    """An equality of two values."""

    left: Value
    right: Value


@dataclass(frozen=True, slots=True)
class Dim:
    """A condition of which only the values that it looks at are known."""

    value: Mix
    subquery: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """All of the parts hold."""

    parts: tuple[Pred, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the parts holds."""

    parts: tuple[Pred, ...] = ()


Pred: TypeAlias = Is | Equal | Dim | All | Some
ALWAYS = All()
NEVER = Some()


def all_of(parts: Iterable[Pred]) -> Pred:
    """Join conditions by AND, leaving out what is always true."""
    flat: list[Pred] = []
    for part in parts:
        if part == NEVER:
            return NEVER
        flat += part.parts if isinstance(part, All) else (part,)
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def some_of(parts: Iterable[Pred]) -> Pred:
    """Join conditions by OR, leaving out what is never true."""
    flat: list[Pred] = []
    for part in parts:
        if part == ALWAYS:
            return ALWAYS
        flat += part.parts if isinstance(part, Some) else (part,)
    return flat[0] if len(flat) == 1 else Some(tuple(flat))


def conjuncts(pred: Pred) -> tuple[Pred, ...]:
    """Return the conditions that must all hold."""
    return pred.parts if isinstance(pred, All) else (pred,)


def values_in(pred: Pred) -> Iterator[Value]:
    """Yield the values that a condition looks at."""
    if isinstance(pred, Is | Dim):
        yield pred.value
    elif isinstance(pred, Equal):
        yield pred.left
        yield pred.right
    else:
        for part in pred.parts:
            yield from values_in(part)


def refs_in(pred: Pred) -> tuple[Ref, ...]:
    """Return the table columns that a condition looks at, each once."""
    return tuple(dict.fromkeys(ref for value in values_in(pred) for ref in refs_of(value)))


def is_volatile(pred: Pred) -> bool:
    """Tell whether a condition says something else of each row, whatever its columns are."""
    return any(isinstance(value, Mix) and value.volatile for value in values_in(pred))


def has_subquery(pred: Pred) -> bool:
    """Tell whether values of a condition come from a subquery."""
    if isinstance(pred, All | Some):
        return any(has_subquery(part) for part in pred.parts)
    return isinstance(pred, Dim) and pred.subquery


def rejects_null(pred: Pred, scan: int) -> bool:
    """Tell whether a condition surely fails where all columns of a scan are NULL."""
    if isinstance(pred, All):
        return any(rejects_null(part, scan) for part in pred.parts)
    if isinstance(pred, Some):
        return all(rejects_null(part, scan) for part in pred.parts)
    if isinstance(pred, Is):
        return pred.operator != "is null" and _is_null(pred.value, scan)
    if isinstance(pred, Equal):
        return _is_null(pred.left, scan) or _is_null(pred.right, scan)
    return _is_null(pred.value, scan)


def _is_null(value: Value, scan: int) -> bool:
    """Tell whether a value is surely NULL where all columns of a scan are."""
    if isinstance(value, Ref):
        return value.scan == scan and not value.held
    return isinstance(value, Mix) and value.strict and any(r.scan == scan and not r.held for r in value.refs)


def onto(pred: Pred, scan: int) -> Condition | None:
    """Return what a condition says of the rows of one scan, whatever the others are; None where nothing."""
    if isinstance(pred, All):
        parts = [part for part in (onto(each, scan) for each in pred.parts) if part is not None]
        return (parts[0] if len(parts) == 1 else AllOf(tuple(parts))) if parts else None
    if isinstance(pred, Some):
        ways = [onto(each, scan) for each in pred.parts]
        known = tuple(way for way in ways if way is not None)
        return AnyOf(known) if len(known) == len(ways) else None
    if isinstance(pred, Is):
        value = pred.value
        mine = isinstance(value, Ref) and value.scan == scan and not value.held
        return Comparison(value.column, pred.operator, pred.values) if mine and isinstance(value, Ref) else None
    return Opaque(_columns(pred), has_subquery(pred)) if is_about(pred, scan) else None


def is_about(pred: Pred, scan: int) -> bool:
    """Tell whether a condition looks at one scan's columns and at nothing else, and may be checked there."""
    refs = refs_in(pred)
    return bool(refs) and all(ref.scan == scan and not ref.held for ref in refs) and not is_volatile(pred)


def _columns(pred: Pred) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref.column for ref in refs_in(pred)))


def variants(pred: Pred) -> tuple[Pred, ...]:
    """Return a condition on columns of a UNION as it stands in each of its branches."""
    union = next((value for value in values_in(pred) if isinstance(value, Either)), None)
    if union is None:
        return (pred,)
    return tuple(
        variant for branch in range(len(union.branches)) for variant in variants(_in_branch(pred, union.union, branch))
    )


def _in_branch(pred: Pred, union: int, branch: int) -> Pred:
    if isinstance(pred, All):
        return all_of(_in_branch(part, union, branch) for part in pred.parts)
    if isinstance(pred, Some):
        return some_of(_in_branch(part, union, branch) for part in pred.parts)
    if isinstance(pred, Equal):
        return Equal(_branch(pred.left, union, branch), _branch(pred.right, union, branch))
    if isinstance(pred, Is):
        value = _branch(pred.value, union, branch)
        return Dim(value) if isinstance(value, Mix) else Is(value, pred.operator, pred.values)
    return pred


def _branch(value: Value, union: int, branch: int) -> Value:
    return value.branches[branch] if isinstance(value, Either) and value.union == union else value
