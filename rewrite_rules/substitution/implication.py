"""Implication: does a row that passes some conditions surely pass another? In three-valued logic, as Trino has it.

Conditions become formulas about values (`formulas`); the premises' alternatives are followed one by one, and in each
what is known of every term is put together (`known`). "Not proved" is None: it never means "not so".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.generate import generate
from rewrite_rules.substitution.equalities import representatives
from rewrite_rules.substitution.formulas import All, Formula, Some, every
from rewrite_rules.substitution.keys import Key, key
from rewrite_rules.substitution.known import Known, gather
from rewrite_rules.substitution.logic import reader_of
from rewrite_rules.substitution.making import is_constant
from rewrite_rules.substitution.preimages import type_of
from rewrite_rules.substitution.ranges import points
from rewrite_rules.substitution.reader import NotNull, Reader
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import typed, written

_MOST_BRANCHES = 64
_MOST_VALUES = 16
_ROUNDS = 3
_RANGES = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)


def nothing_known(column: exp.Column) -> bool:
    """Say of no column that it is never NULL."""
    del column
    return False


@dataclass(frozen=True, slots=True)
class Premises:
    """Conditions that a row passes, read once for many questions."""

    conditions: tuple[exp.Expr, ...]
    reader: Reader
    branches: tuple[Known, ...]
    """What is known in each alternative; none: no row passes."""
    spoken: frozenset[Key] = frozenset()
    """The columns that the conditions speak of."""
    said: frozenset[Key] = frozenset()
    """The conditions themselves, with one name for columns that they make equal."""


def assume(conditions: Iterable[exp.Expr], *, not_null: NotNull = nothing_known, zone: str = "UTC") -> Premises:
    """Read conditions that are all TRUE of a row; `zone` is the session's."""
    given = tuple(conditions)
    reader = reader_of(not_null, zone, representatives(given))
    spoken = frozenset(name for condition in given for name in _columns(condition, reader))
    said = frozenset(key(condition, reader.columns) for condition in given)
    return Premises(given, reader, _branches(given, reader), spoken, said)


def implies(premises: Premises, conclusion: exp.Expr) -> str | None:
    """Return by what a row that passes the premises is known to pass a condition; None where that is not known."""
    if key(conclusion, premises.reader.columns) in premises.said:
        return _evidence(premises, conclusion)
    if premises.branches and _is_no_matter(premises, conclusion):
        return None
    formula = premises.reader.formula(conclusion)
    if all(_holds(branch, conclusion, formula, premises.reader) for branch in premises.branches):
        return _evidence(premises, conclusion)
    return None


def _columns(node: exp.Expr, reader: Reader) -> set[Key]:
    return {key(column, reader.columns) for column in node.find_all(exp.Column)}


def _is_no_matter(premises: Premises, conclusion: exp.Expr) -> bool:
    """Tell quickly whether a condition compares with a constant what the premises say nothing of."""
    node = conclusion.unnest()
    if not isinstance(node, _RANGES):
        return False
    if isinstance(node, exp.Binary) and not (is_constant(node.this) or is_constant(node.expression)):
        return False
    asked = _columns(node, premises.reader)  # none: a count of rows, of which they may say something
    return bool(asked) and premises.spoken.isdisjoint(asked)


def unsatisfiable(premises: Premises) -> str | None:
    """Return why no row passes the premises; None where one may."""
    if premises.branches:
        return None
    return f"no row passes {_listed(premises.conditions)}" if premises.conditions else None


def fixed(premises: Premises, node: exp.Expr) -> exp.Expr | None:
    """Return the one value, as a typed literal or NULL, that an expression has in each row that passes; else None."""
    kind = type_of(node)
    if kind is None or not premises.branches:
        return None
    found = {branch.only(key(node, premises.reader.columns)) for branch in premises.branches}
    if len(found) != 1:
        return None
    value = found.pop()
    if value is None:
        return None
    if value.point is None:
        return typed(exp.Null(), kind)
    return written(value.point, kind)


def same(premises: Premises, first: exp.Expr, second: exp.Expr) -> bool:
    """Tell whether two expressions have one value, and not NULL, in each row that passes."""
    columns = premises.reader.columns
    return key(first, columns) == key(second, columns) and present(premises, first)


def present(premises: Premises, node: exp.Expr) -> bool:
    """Tell whether an expression is not NULL in each row that passes."""
    formula = premises.reader.present(node)
    return all(branch.holds(formula) for branch in premises.branches)


def _branches(given: Sequence[exp.Expr], reader: Reader) -> tuple[Known, ...]:
    """Read the alternatives, again where a column turned out to have one value only."""
    found: tuple[Known, ...] = ()
    conditions = list(given)
    for _ in range(_ROUNDS):
        formulas = [reader.formula(condition) for condition in conditions]
        found = tuple(_alternatives(formulas, reader))
        replaced = [made for each in given if (made := _with_values(each, found, reader)) is not None]
        if not found or not replaced:
            break
        conditions = [*given, *replaced]
    return found


def _alternatives(formulas: Sequence[Formula], reader: Reader) -> Iterator[Known]:
    """Follow each way in which the formulas can hold; choices beyond a number are left open, which only says less."""
    waiting, ways = [every(formulas)], 1
    while waiting:
        whole = waiting.pop()
        parts = whole.parts if isinstance(whole, All) else (whole,)
        choice = next((part for part in parts if isinstance(part, Some)), None)
        if choice is not None and ways + len(choice.parts) <= _MOST_BRANCHES:
            rest = [part for part in parts if part is not choice]
            waiting.extend(every([*rest, each]) for each in choice.parts)
            ways += len(choice.parts) - 1
            continue
        known = gather([part for part in parts if not isinstance(part, Some) or not part.parts], reader)
        if known is not None:
            yield known


def _with_values(condition: exp.Expr, branches: Sequence[Known], reader: Reader) -> exp.Expr | None:
    """Return a condition with literals for those columns that have one value in all branches, if not all have."""
    columns = {key(column, reader.columns): column for column in condition.find_all(exp.Column)}
    if len(columns) < 2:
        return None
    literals: dict[Key, exp.Expr] = {}
    for name, column in columns.items():
        kind = type_of(column)
        values = {branch.only(name) for branch in branches}
        value = values.pop() if len(values) == 1 else None
        literal = written(value.point, kind) if kind and value is not None and value.point is not None else None
        if literal is not None:
            literals[name] = literal
    return _replaced(condition, literals, reader) if 0 < len(literals) < len(columns) else None


def _replaced(condition: exp.Expr, literals: Mapping[Key, exp.Expr], reader: Reader) -> exp.Expr:
    made = exp.Paren(this=copied(condition))
    for column in list(made.find_all(exp.Column)):
        literal = literals.get(key(column, reader.columns))
        if literal is not None:
            column.replace(copied(literal))
    return made


def _holds(branch: Known, conclusion: exp.Expr, formula: Formula, reader: Reader) -> bool:
    if branch.holds(formula):
        return True
    return any(_for_each(branch, conclusion, column, reader) for column in _listed_columns(branch, conclusion, reader))


def _listed_columns(branch: Known, conclusion: exp.Expr, reader: Reader) -> list[tuple[Key, Sequence[exp.Expr]]]:
    """Return the columns of a condition that can only have one of a few values, with these."""
    found: dict[Key, Sequence[exp.Expr]] = {}
    for column in conclusion.find_all(exp.Column):
        name, kind = key(column, reader.columns), type_of(column)
        term = reader.terms.get(name)
        if kind is None or term is None or term.line is None or term.line.family in ("float", "padded"):
            continue
        values = points(branch.domain(name), term.line, _MOST_VALUES)
        literals = [literal for value in values or () if (literal := written(value, kind)) is not None]
        if values and len(literals) == len(values):
            found[name] = literals
    return list(found.items())


def _for_each(branch: Known, conclusion: exp.Expr, column: tuple[Key, Sequence[exp.Expr]], reader: Reader) -> bool:
    """Tell whether a condition holds with each value that a column can have in the column's place."""
    name, values = column
    return all(branch.holds(reader.formula(_replaced(conclusion, {name: value}, reader))) for value in values)


def _evidence(premises: Premises, conclusion: exp.Expr) -> str:
    if not premises.branches:
        return f"no row passes {_listed(premises.conditions)}"
    reader = premises.reader
    asked = _columns(conclusion, reader)
    relevant = [condition for condition in premises.conditions if asked & _columns(condition, reader)]
    if not relevant:
        return f"{_text(conclusion)} holds for all rows"
    return f"{_listed(relevant)} implies {_text(conclusion)}"


def _listed(conditions: Sequence[exp.Expr]) -> str:
    return " AND ".join(_text(condition) for condition in conditions)


def _text(node: exp.Expr) -> str:
    return generate(node)
