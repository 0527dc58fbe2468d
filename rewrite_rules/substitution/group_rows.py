"""What one row of a grouped view tells of the base rows in its group: their sum, their count, their least, their most.

All base rows of a group share the values of the view's keys, so that a condition or a factor over keys holds for all
of them or for none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.materialized_views import State
from catalog.type_coercions import can_coerce
from catalog.types import BIGINT, DOUBLE, INTEGRAL
from rewrite_rules.substitution.calls import Call, for_rows
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.making import atom, call, case, cast, is_constant, product, type_of, whole
from rewrite_rules.substitution.monotone import OPPOSITE, step_of
from rewrite_rules.substitution.spelling import copied

_EXACT = (*INTEGRAL, "decimal")
_ZERO = frozenset({"0", "0.0", "0.00"})
_EVERY_ROW = Call("count", (), BIGINT, exp.Star())
Fold = Callable[[exp.Expr], exp.Expr | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A column that keeps a state."""

    state: State
    arguments: tuple[exp.Expr, ...]
    """Over base columns."""
    column: exp.Expr


@dataclass(frozen=True, slots=True)
class GroupRows:
    """The columns of a grouped view, read as what they say of base rows."""

    keys: Reader
    """Writes what depends on the view's keys alone."""
    measures: Mapping[Hashable, exp.Expr]
    """The column of a stored aggregate, by `Call.key`."""
    counts: Sequence[tuple[exp.Expr, exp.Expr]] = ()
    """What is counted, and the column that counts it."""
    states: Sequence[Kept] = ()
    filled: bool = True
    """Behind each row there are base rows; behind the one row of a global aggregate there may be none."""
    not_null: Callable[[exp.Expr], bool] = field(default=lambda _: False)
    """Tell whether a value over base columns is never NULL in the rows that the query asks for."""
    some: exp.Expr | None = None
    """Which rows of each group are asked for, where not all are: what the view keeps of just these is read."""

    def stored(self, found: Call) -> exp.Expr | None:
        """Return the column that holds this very aggregate of each group, of the rows that are asked for."""
        asked = found if self.some is None else for_rows(found, self.some)
        column = self.measures.get(asked.key(self.keys.equal))
        return copied(column) if column is not None else None

    def rows(self) -> exp.Expr | None:
        """Return how many rows a group has."""
        every = self.stored(_EVERY_ROW)
        if every is not None:
            return every
        return next((copied(column) for counted, column in self.counts if self.not_null(counted)), None)

    def total(self, found: Call) -> exp.Expr | None:
        """Return the sum of a call's argument over a group; NULL where it has no value."""
        return self._for_rows(found, "sum", self._total)

    def count(self, found: Call) -> exp.Expr | None:
        """Return how many rows of a group have a value, or how many there are."""
        stored = self.stored(found.of("count", *found.arguments))
        if stored is not None:
            return stored
        condition = self._condition(found)
        number = self._count(found.over_all(), found.arguments[0]) if found.arguments else self.rows()
        if number is None or (found.condition is not None and condition is None):
            return None
        return number if condition is None else case(condition, number, whole(0))

    def extreme(self, found: Call, name: str) -> exp.Expr | None:
        """Return the least or the greatest value of a group; `name` is `min` or `max`."""
        return self._for_rows(found, name, lambda like, value: self._extreme(like, value, name))

    def _for_rows(self, found: Call, name: str, fold: Callable[[Call, exp.Expr], exp.Expr | None]) -> exp.Expr | None:
        stored = self.stored(found.of(name, *found.arguments))
        if stored is not None:
            return stored
        condition = self._condition(found)
        value = fold(found.over_all(), found.arguments[0])
        if value is None or (found.condition is not None and condition is None):
            return None
        return value if condition is None else case(condition, value)

    def _condition(self, found: Call) -> exp.Expr | None:
        return self.keys.write(found.condition) if found.condition is not None else None

    # -- sums

    def _total(self, like: Call, value: exp.Expr) -> exp.Expr | None:
        value = value.unnest()
        stored = self.stored(like.of("sum", value))
        if stored is not None:
            return stored
        alike = self._chosen(value, lambda branch: self._total(like, branch)) or self._of_key(like, value)
        if alike is not None:
            return alike if self.filled else None
        if isinstance(value, exp.Neg) and _is_exact(value):
            inner = self._total(like, value.this)
            return exp.Neg(this=atom(inner)) if inner is not None else None
        if isinstance(value, exp.Mul) and _is_exact(value):
            return self._scaled(like, value)
        if isinstance(value, exp.Add | exp.Sub) and _is_exact(value):
            return self._shifted(like, value)
        if isinstance(value, exp.Cast) and not isinstance(value, exp.TryCast):
            return self._widened(like, value)
        if _is_zero_for_null(value) and self.filled:
            inner = self._total(like, value.expressions[0])
            return call("coalesce", inner, whole(0)) if inner is not None else None
        return None

    def _of_key(self, like: Call, value: exp.Expr) -> exp.Expr | None:
        """Sum a value that all rows of a group share: as often as there are rows."""
        kind = type_of(value)
        if isinstance(value, exp.Null) or (isinstance(value, exp.Literal) and value.name in _ZERO):
            return copied(value)
        shared = self.keys.write(value) if kind is not None and kind.base in _EXACT else None
        number = self.rows() if shared is not None else None
        if kind is None or shared is None or number is None:
            return None
        if isinstance(value, exp.Literal) and value.name == "1":
            return number
        return product(cast(shared, BIGINT) if kind.base in INTEGRAL else shared, number)

    def _scaled(self, like: Call, value: exp.Expr) -> exp.Expr | None:
        for factor, rest in ((value.this, value.expression), (value.expression, value.this)):
            shared = self.keys.write(factor)
            total = self._total(like, rest) if shared is not None else None
            if shared is not None and total is not None:
                return product(shared, total)
        return None

    def _shifted(self, like: Call, value: exp.Expr) -> exp.Expr | None:
        """Sum `x + k` of a shared k: once for each row that has an x."""
        shared = self.keys.write(value.expression)
        total = self._total(like, value.this) if shared is not None else None
        number = self._count(like, value.this) if total is not None else None
        if shared is None or total is None or number is None:
            return None
        return value.__class__(this=atom(total), expression=atom(product(shared, number)))

    def _widened(self, like: Call, value: exp.Cast) -> exp.Expr | None:
        source, target = type_of(value.this), type_of(value)
        if source is None or target is None or source.base not in _EXACT:
            return None
        inner = self._total(like, value.this)
        if inner is None:
            return None
        if target == DOUBLE:
            return cast(inner, DOUBLE)
        return inner if target.base in _EXACT and can_coerce(source, target) else None

    # -- counts

    def _count(self, like: Call, value: exp.Expr) -> exp.Expr | None:
        value = value.unnest()
        stored = self.stored(like.of("count", value))
        if stored is not None:
            return stored
        if self.not_null(value):
            return self.rows()
        shared = self.keys.write(value)
        number = self.rows() if shared is not None else None
        if shared is not None and number is not None:
            return case(exp.Not(this=exp.Is(this=atom(shared), expression=exp.Null())), number, whole(0))
        if isinstance(value, exp.Neg | exp.Cast) and not isinstance(value, exp.TryCast):
            return self._count(like, value.this)
        if isinstance(value, exp.Add | exp.Sub | exp.Mul):
            left, right = value.this, value.expression
            if is_constant(left) or is_constant(right):
                return self._count(like, right if is_constant(left) else left)
        if _is_zero_for_null(value):
            return self.rows()
        return self._chosen(value, lambda branch: self._count(like, branch), whole(0))

    # -- extremes

    def _extreme(self, like: Call, value: exp.Expr, name: str) -> exp.Expr | None:
        value = value.unnest()
        stored = self.stored(like.of(name, value))
        if stored is not None or not self.filled:
            return stored
        alike = self.keys.write(value)
        if alike is not None:
            return alike
        if isinstance(value, exp.Neg) and _is_exact(value):
            inner = self._extreme(like, value.this, OPPOSITE[name])
            return exp.Neg(this=atom(inner)) if inner is not None else None
        source, target = type_of(value.this) if isinstance(value, exp.Cast) else None, type_of(value)
        if isinstance(value, exp.Cast) and not isinstance(value, exp.TryCast) and _is_exact(value.this):
            inner = self._extreme(like, value.this, name)
            if inner is None or source is None or target is None:
                return None
            wider = target.base in (*_EXACT, "double") and can_coerce(source, target)
            return cast(inner, target) if wider else None
        return self._chosen(value, lambda branch: self._extreme(like, branch, name)) or self._stepped(like, value, name)

    def _stepped(self, like: Call, value: exp.Expr, name: str) -> exp.Expr | None:
        step = step_of(value, name)
        if step is None:
            return None
        inner = self._extreme(like, step.inner, name if step.rising else OPPOSITE[name])
        return step.over(inner) if inner is not None else None

    def _chosen(self, value: exp.Expr, fold: Fold, otherwise: exp.Expr | None = None) -> exp.Expr | None:
        """Fold the branches of a choice that depends on keys alone; `otherwise` is what a missing ELSE gives."""
        if isinstance(value, exp.If):
            branches, default = [value], value.args.get("false")
        elif isinstance(value, exp.Case):
            branches, default = value.args["ifs"], value.args.get("default")
        else:
            return None
        made = []
        for branch in branches:
            condition, result = self.keys.write(branch.this), fold(branch.args["true"])
            if condition is None or result is None:
                return None
            made.append(exp.If(this=condition, true=result))
        last = fold(default) if default is not None else otherwise
        compared = self.keys.write(value.this) if isinstance(value, exp.Case) and value.this is not None else None
        if (default is not None and last is None) or (
            isinstance(value, exp.Case) and (value.this is None) != (compared is None)
        ):
            return None
        return exp.Case(this=compared, ifs=made, default=last)


def _is_exact(value: exp.Expr) -> bool:
    kind = type_of(value)
    return kind is not None and kind.base in _EXACT


def _is_zero_for_null(value: exp.Expr) -> bool:
    """Tell whether a value is `coalesce(x, 0)`."""
    if not isinstance(value, exp.Anonymous) or value.name.lower() != "coalesce" or len(value.expressions) != 2:
        return False
    other = value.expressions[1].unnest()
    return isinstance(other, exp.Literal) and not other.is_string and other.name in _ZERO and _is_exact(value)
