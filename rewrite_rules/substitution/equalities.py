"""Equalities: which columns have one value, and which values are known, in all rows that meet some conditions.

Only of types whose equal values are the same value: 0.0 equals -0.0, `'a'` equals `'a '` as char, one instant has many
zones, and each pair of these can be told apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.making import cast, null, type_of

_SAME = frozenset({*INTEGRAL, "boolean", "decimal", "varchar", "varbinary", "date", "timestamp", "uuid"})


@dataclass(frozen=True, slots=True)
class Equalities:
    """What is known to be equal."""

    same: Mapping[Hashable, exp.Column] = field(default_factory=dict)
    """For a column the one that stands for all that equal it."""
    fixed: Mapping[Hashable, exp.Expr] = field(default_factory=dict)
    """For an expression, written with those columns, its one value, as a constant of its type."""

    def canonical(self, value: exp.Expr) -> exp.Expr:
        """Return a copy in which each column is the one that stands for it."""
        twin = value.copy()
        if not self.same:
            return twin
        if isinstance(twin, exp.Column):
            return self._representative(twin)
        for found in list(twin.find_all(exp.Column)):
            other = self._representative(found)
            if other is not found:
                found.replace(other)
        return twin

    def _representative(self, node: exp.Column) -> exp.Column:
        found = self.same.get(key(node))
        return found.copy() if found is not None else node

    def key(self, value: exp.Expr) -> Hashable:
        """Return the key of an expression, whichever of equal columns it names."""
        return key(self.canonical(value)) if self.same else key(value)

    def constant(self, value: exp.Expr) -> exp.Expr | None:
        """Return the one value an expression has in all rows; None where it may have several."""
        found = self.fixed.get(self.key(value)) if self.fixed else None
        return found.copy() if found is not None else None


def equalities(conditions: Iterable[exp.Expr], pairs: Iterable[tuple[exp.Column, exp.Column]] = ()) -> Equalities:
    """Read what conditions that are true make equal; `pairs` are columns known to be equal otherwise."""
    conditions = [condition.unnest() for condition in conditions]
    same = _classes([*_column_pairs(conditions), *(pair for pair in pairs if _alike(*pair))])
    known = Equalities(same)
    fixed: dict[Hashable, exp.Expr] = {}
    for condition in conditions:
        for value, constant in _fixing(condition):
            fixed.setdefault(known.key(value), constant)
    return Equalities(same, fixed)


def _column_pairs(conditions: Iterable[exp.Expr]) -> Iterable[tuple[exp.Column, exp.Column]]:
    for condition in conditions:
        if isinstance(condition, exp.EQ):
            left, right = condition.this.unnest(), condition.expression.unnest()
            if isinstance(left, exp.Column) and isinstance(right, exp.Column) and _alike(left, right):
                yield left, right


def _alike(left: exp.Expr, right: exp.Expr) -> bool:
    kind = type_of(left)
    return kind is not None and kind == type_of(right) and kind.base in _SAME


def _classes(pairs: Iterable[tuple[exp.Column, exp.Column]]) -> dict[Hashable, exp.Column]:
    first: dict[Hashable, exp.Column] = {}
    for left, right in pairs:
        into = first.get(key(left), left)
        gone = key(first.get(key(right), right))
        first[key(left)] = into
        for member in [key(right), *(each for each, one in first.items() if key(one) == gone)]:
            first[member] = into
    return first


def _fixing(condition: exp.Expr) -> Iterable[tuple[exp.Expr, exp.Expr]]:
    """Yield what a condition fixes, and to what."""
    if isinstance(condition, exp.Is) and isinstance(condition.expression, exp.Null):
        kind = type_of(condition.this)
        if kind is not None and kind.base != "unknown":
            yield condition.this, null(kind)
        return
    if isinstance(condition, exp.In) and len(condition.expressions) == 1 and not condition.args.get("query"):
        sides = [(condition.this, condition.expressions[0])]
    elif isinstance(condition, exp.EQ):
        sides = [(condition.this, condition.expression), (condition.expression, condition.this)]
    else:
        return
    for value, constant in sides:
        kind = type_of(value)
        if kind is not None and not is_constant(value) and is_constant(constant) and _holds(kind, type_of(constant)):
            yield value.unnest(), cast(constant.copy(), kind)


def is_constant(node: exp.Expr) -> bool:
    """Tell whether a node is a written value: a literal, one with a sign, one turned into a type."""
    node = node.unnest()
    if isinstance(node, exp.Neg | exp.Cast) and not isinstance(node, exp.TryCast):
        return is_constant(node.this)
    return isinstance(node, exp.Literal | exp.Boolean)


def _holds(kind: TrinoType, constant: TrinoType | None) -> bool:
    """Tell whether a value of `kind` that equals a constant is the constant cast to `kind`."""
    if constant is None or kind.base not in _SAME:
        return False
    if kind.base in (*INTEGRAL, "decimal"):
        return constant.base in (*INTEGRAL, "decimal")
    return kind.base == constant.base
