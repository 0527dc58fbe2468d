"""The reader of conditions: terms, values in sets, and conditions taken whole. `logic` says how each kind is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlglot import exp

from rewrite_rules.substitution.formulas import FALSE, TRUE, Formula, Inside, Truth, Whole, some
from rewrite_rules.substitution.keys import Key, column_key, is_volatile, key
from rewrite_rules.substitution.preimages import carried, type_of
from rewrite_rules.substitution.ranges import NULLS, Domain, Line, everything, line_of, ray
from rewrite_rules.substitution.values import Given, given

NotNull: TypeAlias = Callable[[exp.Column], bool]
Handler: TypeAlias = Callable[[Any, exp.Expr, Truth], Formula]


@dataclass(frozen=True, slots=True)
class Term:
    """An expression that formulas speak of."""

    node: exp.Expr
    line: Line | None
    nullable: bool


@dataclass(slots=True)
class Reader:
    """Read conditions into formulas, and note the terms they speak of."""

    handlers: Mapping[type[exp.Expr], Handler]
    not_null: NotNull
    zone: str = "UTC"
    columns: Callable[[exp.Column], Key] = column_key
    terms: dict[Key, Term] = field(default_factory=dict)

    def formula(self, node: exp.Expr, truth: Truth = True) -> Formula:
        """Return the formula that says that a condition has a truth value."""
        node = node.unnest()
        handler = self.handlers.get(node.__class__)
        return handler(self, node, truth) if handler is not None else self.whole(node, truth)

    def whole(self, node: exp.Expr, truth: Truth) -> Formula:
        """Return a condition that is not looked into; a boolean column is a value like others."""
        if isinstance(node, exp.Column):
            domain = NULLS if truth is None else ray("=", int(truth), _BOOLEAN)
            return self.inside(node, domain, _BOOLEAN)
        return Whole(self._note(node, None), truth)

    def inside(self, node: exp.Expr, domain: Domain, line: Line | None) -> Formula:
        """Return that a value is in a set, carried inside as far as that goes."""
        if line is not None:
            node, domain, line = carried(node, domain, line)
        term = self._note(node, line)
        return Inside(term, domain)

    def null(self, node: exp.Expr) -> Formula:
        """Return that a value is NULL."""
        node = node.unnest()
        if isinstance(node, exp.Null):
            return TRUE
        if node.__class__ in self.handlers:
            return self.formula(node, None)
        if is_constant(node):
            known = constant_value(node, self.zone)
            return (TRUE if known.point is None and not known.nan else FALSE) if known else self.whole(node, None)
        return self.inside(node, NULLS, line_at(node))

    def present(self, node: exp.Expr) -> Formula:
        """Return that a value is not NULL."""
        node = node.unnest()
        if node.__class__ in self.handlers:
            return some([self.formula(node, True), self.formula(node, False)])
        line = line_at(node)
        if line is None:
            self._note(node, None)
            return Inside(key(node, self.columns), _ANYTHING)
        return self.inside(node, everything(line, null=False), line)

    def _note(self, node: exp.Expr, line: Line | None) -> Key:
        found = key(node, self.columns)
        if found not in self.terms:
            node = self._plain(node, found)
            nullable = not (isinstance(node, exp.Column) and self.not_null(node))
            self.terms[found] = Term(node, line, nullable)
        return found

    def _plain(self, node: exp.Expr, found: Key) -> exp.Expr:
        """Return the column that an expression comes down to, as a cast to its own type does."""
        columns = () if isinstance(node, exp.Column) else node.find_all(exp.Column)
        return next((each for each in columns if key(each, self.columns) == found), node)

    def term(self, node: exp.Expr) -> Key:
        """Note an expression and return its key."""
        return self._note(node.unnest(), line_at(node.unnest()))


_BOOLEAN = Line("boolean", 1, 0, 1)
_ANYTHING = everything(Line("other"), null=False)
"""Any value but NULL, of a type whose values are not followed."""


def is_unsteady(node: exp.Expr) -> bool:
    """Tell whether a value cannot be relied on from one mention to the next."""
    return any(is_volatile(part) for part in node.walk())


def line_at(node: exp.Expr) -> Line | None:
    """Return the line of an expression's values; None where these are not followed."""
    kind = type_of(node)
    return line_of(kind) if kind is not None else None


def is_constant(node: exp.Expr) -> bool:
    """Tell whether an expression speaks of no column, and counts no rows."""
    if isinstance(node, exp.Literal | exp.Column):
        return isinstance(node, exp.Literal)
    if isinstance(node, exp.Cast):
        return is_constant(node.this)
    found = node.find(exp.Column, exp.Query, exp.Identifier, exp.Star)
    return found is None and not any(each.name.lower() == "count" for each in node.find_all(exp.Anonymous))


def constant_value(node: exp.Expr, zone: str) -> Given | None:
    """Return a constant's value in its own type; None where it is not known."""
    kind, line = type_of(node.unnest()), line_at(node.unnest())
    return given(node, kind, line, zone) if kind is not None and line is not None else None
