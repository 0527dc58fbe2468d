"""A condition as a function of its variables: columns, attributes, and calls that are not understood."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sqlglot import exp

from policies.lint.constants import Constant, constant_of
from policies.lint.places import Unclear, places

Answer = bool | None
Values = Sequence[Constant | None]
Term = Callable[[Values], Constant | None]
Test = Callable[[Values], Answer]

_MOST_PEERS = 3
"""Variables compared with each other: more give no certain answer."""
_COMPARISONS: Mapping[type[exp.Expr], Callable[[Constant, Constant], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}
_NULL_WITH_ARGUMENTS = (
    "lower upper trim ltrim rtrim substr substring length replace reverse strpos starts_with lpad rpad abs sign round "
    "floor ceil ceiling truncate year month day hour minute second day_of_week day_of_year quarter week date_trunc "
    "concat regexp_like to_utf8 to_hex cardinality"
)
_STRICT: Final = frozenset(_NULL_WITH_ARGUMENTS.split())
"""Functions that are NULL just where an argument is."""
_COUNTING: Final = frozenset({"length", "abs", "cardinality", "strpos"})
"""Functions that are never negative."""


@dataclass(slots=True)
class _Group:
    """Variables that are compared with each other, and the constants that they are compared with."""

    members: set[int]
    constants: set[Constant] = field(default_factory=set)
    strings: bool = False
    """Some member is known to be text."""


class Condition:
    """Read a tree into functions of its variables' values."""

    def __init__(self, required: frozenset[str]) -> None:
        """Begin to read; `required` are columns that are never NULL."""
        self._required = required
        self._numbers: dict[str, int] = {}
        self._nullable: list[bool] = []
        self._counting: set[int] = set()
        self._groups: dict[int, _Group] = {}

    def domains(self) -> list[list[Constant | None]]:
        """Return the values to try for each variable."""
        return [self._domain(number) for number in range(len(self._nullable))]

    def test(self, node: exp.Expr) -> Test:  # noqa: C901  (a table of kinds of nodes)
        """Read a condition."""
        match node:
            case exp.Paren():
                return self.test(node.this)
            case exp.And() | exp.Or():
                return _joined([self.test(part) for part in node.flatten()], isinstance(node, exp.Or))
            case exp.Not():
                inner = self.test(node.this)
                return lambda values: None if (found := inner(values)) is None else not found
            case exp.Boolean():
                said = bool(node.this)
                return lambda _: said
            case exp.Null():
                return lambda _: None
            case exp.Is() if isinstance(node.expression, exp.Null):
                term = self.term(node.this)
                return lambda values: term(values) is None
            case exp.NullSafeEQ() | exp.NullSafeNEQ():
                one, other = self._compared(node.this, node.expression)
                same = isinstance(node, exp.NullSafeEQ)
                return lambda values: (one(values) == other(values)) is same
            case exp.In() if node.expressions:
                return self._in(node)
            case exp.Between():
                low = exp.GTE(this=node.this, expression=node.args["low"])
                high = exp.LTE(this=node.this, expression=node.args["high"])
                return _joined([self.test(low), self.test(high)], False)
            case exp.Like():
                return self._like(node)
            case exp.Case() | exp.If():
                return self._choice(node)
            case _ if type(node) in _COMPARISONS:
                return self._comparison(node)
            case _:
                return self._flag(node)

    def term(self, node: exp.Expr) -> Term:
        """Read a value."""
        if isinstance(node, exp.Paren):
            return self.term(node.this)
        constant = constant_of(node)
        if constant is not None:
            value = constant[0]
            return lambda _: value
        if isinstance(node, exp.Anonymous) and node.name.lower() == "coalesce":
            terms = [self.term(part) for part in node.expressions]
            for part in node.expressions[1:]:
                self._meet(node.expressions[0], part)
            return lambda values: next((found for term in terms if (found := term(values)) is not None), None)
        return self._variable(node)

    def _variable(self, node: exp.Expr) -> Term:
        number, strict = self._number(node), _strict(node)
        if not strict:
            return lambda values: values[number]
        parts = [self.term(part) for part in strict]
        return lambda values: None if any(part(values) is None for part in parts) else values[number]

    def _number(self, node: exp.Expr) -> int:
        text = node.sql()
        if text not in self._numbers:
            number = self._numbers[text] = len(self._nullable)
            personal = isinstance(node, exp.Anonymous) and node.name.lower() in ("attr", "currentuser")
            known = isinstance(node, exp.Column) and node.name in self._required
            self._nullable.append(not (personal or known or _strict(node)))
            self._groups[number] = _Group({number}, strings=personal)
            if isinstance(node, exp.Anonymous) and node.name.lower() in _COUNTING:
                self._counting.add(number)
                self._groups[number].constants.add(Decimal(0))
        return self._numbers[text]

    def _leaves(self, node: exp.Expr) -> tuple[set[int], set[Constant]]:
        """Return the variables and constants whose values a term may take."""
        if isinstance(node, exp.Paren):
            return self._leaves(node.this)
        constant = constant_of(node)
        if constant is not None:
            return set(), set() if constant[0] is None else {constant[0]}
        if isinstance(node, exp.Anonymous) and node.name.lower() == "coalesce":
            found = [self._leaves(part) for part in node.expressions]
            return set().union(*(f[0] for f in found)), set().union(*(f[1] for f in found))
        return {self._number(node)}, set()

    def _meet(self, one: exp.Expr, other: exp.Expr) -> None:
        """Note that two terms are compared: their variables need values in common."""
        found = [self._leaves(one), self._leaves(other)]
        members = set().union(*(variables for variables, _ in found))
        constants = set().union(*(values for _, values in found))
        groups = {id(self._groups[number]): self._groups[number] for number in members}
        joined = _Group(
            set().union(*(group.members for group in groups.values())),
            constants.union(*(group.constants for group in groups.values())),
            any(group.strings for group in groups.values()),
        )
        for number in joined.members:
            self._groups[number] = joined

    def _compared(self, one: exp.Expr, other: exp.Expr) -> tuple[Term, Term]:
        self._meet(one, other)
        return self.term(one), self.term(other)

    def _comparison(self, node: exp.Expr) -> Test:
        compare = _COMPARISONS[type(node)]
        one, other = self._compared(node.this, node.expression)

        def test(values: Values) -> Answer:
            left, right = one(values), other(values)
            return None if left is None or right is None else compare(left, right)

        return test

    def _in(self, node: exp.In) -> Test:
        return _joined([self.test(exp.EQ(this=node.this, expression=each)) for each in node.expressions], True)

    def _like(self, node: exp.Like) -> Test:
        """Read a LIKE: all texts are like `%`; what else is like a pattern may be anything."""
        term, pattern = self.term(node.this), constant_of(node.expression)
        wanted = not node.args.get("negate")
        self._meet(node.this, exp.Literal.string(""))
        if pattern is not None and isinstance(pattern[0], str) and pattern[0] and not pattern[0].strip("%"):
            return lambda values: None if term(values) is None else wanted
        flag = self._free(exp.Like(this=node.this.copy(), expression=node.expression.copy()))
        return lambda values: None if term(values) is None else flag(values) is wanted

    def _choice(self, node: exp.Case | exp.If) -> Test:
        if isinstance(node, exp.If):
            ifs, default, operand = [node], node.args.get("false"), None
        else:
            ifs, default, operand = node.args["ifs"], node.args.get("default"), node.this
        choices = [
            (self.test(each.this if operand is None else exp.EQ(this=operand, expression=each.this)), each.args["true"])
            for each in ifs
        ]
        read = [(condition, self.test(result)) for condition, result in choices]
        last = self.test(default) if default is not None else (lambda _: None)

        def test(values: Values) -> Answer:
            for condition, result in read:
                if condition(values) is True:
                    return result(values)
            return last(values)

        return test

    def _flag(self, node: exp.Expr) -> Test:
        """Read what stands in a condition's place as a value that is a boolean."""
        constant = constant_of(node)
        if constant is not None:
            value = constant[0]
            if value is not None and not isinstance(value, bool):
                raise Unclear
            return lambda _: value
        term = self.term(node)
        self._meet(node, exp.true())

        def test(values: Values) -> Answer:
            found = term(values)
            if found is not None and not isinstance(found, bool):
                raise TypeError
            return found

        return test

    def _free(self, node: exp.Expr) -> Test:
        """Return a boolean of its own that is never NULL."""
        text = f"\0{node.sql()}"
        if text not in self._numbers:
            number = self._numbers[text] = len(self._nullable)
            self._nullable.append(False)
            self._groups[number] = _Group({number}, {True})
        number = self._numbers[text]
        return lambda values: bool(values[number])

    def _domain(self, number: int) -> list[Constant | None]:
        group = self._groups[number]
        if len(group.members) > _MOST_PEERS:
            raise Unclear
        values = places(group.constants, len(group.members), strings=group.strings)
        if number in self._counting:
            values = [value for value in values if isinstance(value, Decimal) and value >= 0]
        return [*values, *([None] if self._nullable[number] else [])]


def _strict(node: exp.Expr) -> list[exp.Expr]:
    """Return the arguments of a function that is NULL just where one of them is; none of anything else."""
    if isinstance(node, exp.Anonymous) and node.name.lower() in _STRICT:
        return [part for part in node.expressions if constant_of(part) is None]
    if isinstance(node, exp.DPipe | exp.Add | exp.Sub | exp.Mul):
        return [part for part in (node.this, node.expression) if constant_of(part) is None]
    if type(node) is exp.Cast:
        return [node.this]
    return []


def _joined(tests: list[Test], either: bool) -> Test:
    """Join conditions by OR or AND, in three-valued logic."""

    def test(values: Values) -> Answer:
        doubt = False
        for each in tests:
            found = each(values)
            if found is either:
                return either
            doubt = doubt or found is None
        return None if doubt else not either

    return test
