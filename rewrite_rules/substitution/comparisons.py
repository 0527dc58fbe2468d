"""Sets of values written as conditions again, and bounds that are given as text read as points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from catalog.objects import Table, TableName
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.analysis import analyze_expression
from rewrite_rules.substitution.formulas import Inside
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.logic import reader_of
from rewrite_rules.substitution.making import atom, conjunction, disjunction, typed
from rewrite_rules.substitution.preimages import UTC
from rewrite_rules.substitution.ranges import PICOSECONDS, Cut, Domain, Point, line_of, meet
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import Given, given
from rewrite_rules.substitution.zones import Stretch

Literal = Callable[[Point], exp.Expr | None]
_NOWHERE = Table(TableName("", "", ""), (), "")


def literal_of(text: str) -> exp.Expr | None:
    """Read a Trino literal and note its type; None for text that is none."""
    found = _literal(text)
    return copied(found) if found is not None else None


@lru_cache(maxsize=4096)
def _literal(text: str) -> exp.Expr | None:
    try:
        tree = parse_expression(text)
        tree.meta["type"] = analyze_expression(tree, _NOWHERE)
    except Refusal:
        return None
    return tree


def given_text(text: str, kind: TrinoType, zone: str = UTC) -> Given | None:
    """Return a literal as it compares with values of a type; None where that is not known."""
    found, line = literal_of(text), line_of(kind)
    return given(found, kind, line, zone) if found is not None and line is not None else None


def domain_of(column: exp.Expr, conditions: Sequence[exp.Expr], zone: str = UTC) -> Domain | None:
    """Return the very values of a column for which all conditions are TRUE; None where they speak of more than it."""
    reader = reader_of(lambda _: False, zone)
    result: Domain | None = None
    for condition in conditions:
        formula = reader.formula(condition)
        if not isinstance(formula, Inside) or formula.term != key(column):
            return None
        result = formula.domain if result is None else meet(result, formula.domain)
    return result


def stretch_of(column: exp.Expr, conditions: Sequence[exp.Expr], zone: str = UTC) -> Stretch:
    """Return the stretch of time in which a column lies for rows that pass conditions; others do not count."""
    result: Domain | None = None
    for condition in conditions:
        found = domain_of(column, [condition], zone)
        if found is not None:
            result = found if result is None else meet(result, found)
    if result is None or not result.spans:
        return Stretch()
    low, high = result.spans[0][0], result.spans[-1][1]
    return Stretch(_second(low, up=False), _second(high, up=True))


def _second(cut: Cut, *, up: bool) -> int | None:
    if cut.rank or not isinstance(cut.value, int):
        return None
    return -(-cut.value // PICOSECONDS) if up else cut.value // PICOSECONDS


def condition_of(domain: Domain, node: exp.Expr, literal: Literal, *, strict: bool) -> exp.Expr | None:
    """Write that a value is in a set; None where an end cannot be written.

    With `strict` the condition is NULL for NULL, as comparisons are; without, it is TRUE or FALSE for every value.
    """
    found = _condition(domain, node, literal, strict=strict)
    return typed(found, BOOLEAN) if found is not None else None


def _condition(domain: Domain, node: exp.Expr, literal: Literal, *, strict: bool) -> exp.Expr | None:
    spans = [_span(low, high, node, literal) for low, high in domain.spans]
    kept = [span for span in spans if span is not None]
    if len(kept) < len(spans) or domain.nan:
        return None
    whole = any(low.rank and high.rank for low, high in domain.spans)
    if strict:
        return disjunction(kept) if kept and not whole else None
    null = typed(exp.Is(this=atom(copied(node)), expression=exp.Null()), BOOLEAN)
    present = typed(exp.Not(this=copied(null)), BOOLEAN)
    if whole:
        return exp.Boolean(this=True) if domain.null else present
    if domain.null:
        return disjunction([null, *(_never_null(each, present) for each in kept)])
    return _never_null(disjunction(kept), present) if kept else exp.Boolean(this=False)


def _never_null(condition: exp.Expr | None, present: exp.Expr) -> exp.Expr:
    found = conjunction([copied(present), *([condition] if condition is not None else [])])
    assert found is not None  # noqa: S101  (of one part at least)
    return found


def _span(low: Cut, high: Cut, node: exp.Expr, literal: Literal) -> exp.Expr | None:
    if not low.rank and not high.rank and low.value == high.value:
        return _compare(exp.EQ, node, low, literal)
    ends: list[exp.Expr | None] = []
    if not low.rank:
        ends.append(_compare(exp.GT if low.side else exp.GTE, node, low, literal))
    if not high.rank:
        ends.append(_compare(exp.LTE if high.side else exp.LT, node, high, literal))
    kept = [end for end in ends if end is not None]
    if len(kept) < len(ends):
        return None
    found = conjunction(kept) if kept else exp.Boolean(this=True)
    return typed(found, BOOLEAN) if found is not None else None


def _compare(sign: type[exp.Binary], node: exp.Expr, cut: Cut, literal: Literal) -> exp.Expr | None:
    value = literal(cut.value)
    return typed(sign(this=atom(copied(node)), expression=value), BOOLEAN) if value is not None else None
