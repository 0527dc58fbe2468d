"""Express: write a value over base columns with what a relation shows of them, or find that it cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.functions import lookup
from rewrite_rules.substitution.keys import is_volatile
from rewrite_rules.substitution.making import atom, type_of, typed
from rewrite_rules.substitution.sameness import NOTHING, Sameness
from rewrite_rules.substitution.spelling import copied

_CLOSED = (exp.Query, exp.Window, exp.Exists, exp.Star)
"""What is never taken apart: its columns are not those of a row here."""
_OF_ONE_ROW = frozenset({
    exp.Paren, exp.Tuple, exp.Array, exp.Bracket, exp.Dot, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod,
    exp.DPipe, exp.AtTimeZone, exp.Interval, exp.IntervalSpan, exp.Case, exp.If, exp.And, exp.Or, exp.Not, exp.EQ,
    exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.Like, exp.Escape,
    exp.Between, exp.In, exp.Anonymous, exp.Lambda, exp.Cast, exp.TryCast, exp.Extract, exp.Trim, exp.Substring,
    exp.StrPosition, exp.Normalize, exp.Literal, exp.HexString, exp.Boolean, exp.Null,
})  # fmt: skip
"""Nodes whose value follows from those below them, in the same row."""
_NO_VALUES = (exp.DataType, exp.Identifier, exp.Var, exp.Literal, exp.Null, exp.Boolean)


@dataclass(frozen=True, slots=True)
class Shown:
    """One column that a relation shows."""

    value: exp.Expr
    """What it stands for, over base columns."""
    column: exp.Expr
    """How it is written."""
    name: Hashable = field(default=None, compare=False)
    """The value's key, where somebody worked it out already."""


Bucketed = Callable[[exp.Expr], tuple[exp.Expr, str] | None]
"""Write a value of a raw column over a column that shows only its bucket, and say why that is the same."""


@dataclass(slots=True)
class Reader:
    """Writes values over what one relation shows; remembers what it relied on."""

    shown: Sequence[Shown]
    equal: Sameness = NOTHING
    buckets: Callable[[], Sequence[Bucketed]] = tuple
    """Most values are shown as they are, and ask for none."""
    evidence: list[str] = field(default_factory=list)
    _by_key: dict[Hashable, Shown] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index what is shown."""
        for each in self.shown:
            known = each.name if not self.equal.renames else None
            self._by_key.setdefault(known if known is not None else self.equal.key(each.value), each)

    def write(self, value: exp.Expr) -> exp.Expr | None:
        """Return the value over what is shown; None where it cannot be told from that."""
        direct = self.direct(value)
        if direct is not None:
            return direct
        for bucketed in self.buckets() if _is_of_one_row(value) else ():
            found = bucketed(value)
            if found is not None:
                self.evidence.append(found[1])
                return _kept(found[0], value)
        return self._rebuilt(value)

    def direct(self, value: exp.Expr) -> exp.Expr | None:
        """Return the column that shows just this value, or the constant that it always is."""
        if not isinstance(value, _CLOSED):
            found = self._by_key.get(self.equal.key(value))
            if found is not None:
                return _kept(copied(found.column), value)
            return self.equal.constant(value)
        return None

    def _rebuilt(self, value: exp.Expr) -> exp.Expr | None:
        return self._of_parts(value) if value.__class__ in _OF_ONE_ROW and not is_of_rows(value) else None

    def _of_parts(self, value: exp.Expr) -> exp.Expr | None:
        if is_volatile(value):
            return None
        twin = value.__class__()
        for name, argument in value.args.items():
            if isinstance(argument, list):
                parts = [self._part(each) for each in argument]
                if any(part is None for part in parts):
                    return None
                twin.set(name, parts)
            else:
                part = self._part(argument)
                if part is None and argument is not None:
                    return None
                twin.set(name, part)
        return _kept(twin, value)

    def _part(self, argument: object) -> object | None:
        if not isinstance(argument, exp.Expr):
            return argument
        if isinstance(argument, _NO_VALUES):
            return copied(argument)
        found = self.write(argument)
        if found is None:
            return None
        return found if type(found) is type(argument) else atom(found)


def _is_of_one_row(value: exp.Expr) -> bool:
    """Tell whether a value depends on a column, and on one row alone."""
    if isinstance(value, _CLOSED):
        return False
    return value.find(exp.Column) is not None and not any(map(is_of_rows, value.walk()))


def is_of_rows(node: exp.Expr) -> bool:
    """Tell whether a node itself is computed over several rows: an aggregate, a window function."""
    if isinstance(node, exp.Filter | exp.Window | exp.GroupConcat):
        return True
    function = lookup(node.name) if isinstance(node, exp.Anonymous) else None
    return function is not None and function.kind in ("aggregate", "window")


def _kept(node: exp.Expr, value: exp.Expr) -> exp.Expr:
    """Note the type that a node has because it stands for a value."""
    kind = type_of(value)
    return node if kind is None else typed(node, kind)
