"""Conditions: comparisons of all kinds, and subqueries: EXISTS, IN, quantified, correlated or not."""

from __future__ import annotations

from tests.fuzz.sql.drawing import FLAT, Drawing, Field, of_family
from tests.fuzz.sql.scalars import Fields, scalar

_COMPARING = ("=", "<>", "<", "<=", ">", ">=")


def condition(d: Drawing, fields: Fields, depth: int = 2) -> str:
    """Draw a condition over the columns in sight."""
    if depth <= 0 or d.choices.chance(35):
        return _comparison(d, fields, 0)
    form = d.choices.weighted(
        ((30, "compare"), (12, "and"), (10, "or"), (6, "not"), (12, "query"), (8, "lambda"), (8, "is"), (6, "bool"))
    )
    if form == "compare":
        return _comparison(d, fields, depth)
    if form in ("and", "or"):
        return f"({condition(d, fields, depth - 1)} {form.upper()} {condition(d, fields, depth - 1)})"
    if form == "not":
        return f"(NOT {condition(d, fields, depth - 1)})"
    if form == "query":
        return _subquery(d, fields)
    if form == "lambda":
        return _over_elements(d, fields)
    if form == "is":
        return f"({condition(d, fields, depth - 1)}) IS {d.choices.pick(('NOT NULL', 'NULL', 'DISTINCT FROM true'))}"
    return scalar(d, "bool", fields, depth)


def _comparison(d: Drawing, fields: Fields, depth: int) -> str:
    family = _family_in_sight(d, fields)
    left, right = scalar(d, family, fields, depth), scalar(d, family, fields, depth)
    form = d.choices.below(12)
    if form < 6:
        return f"{left} {d.choices.pick(_COMPARING)} {right}"
    if form == 6:
        return f"{left} IN ({right}, {scalar(d, family, fields, 0)})"
    if form == 7:
        return f"{left} {d.choices.pick(('BETWEEN', 'NOT BETWEEN'))} {right} AND {scalar(d, family, fields, 0)}"
    if form == 8:
        return f"{left} IS {d.choices.pick(('NULL', 'NOT NULL'))}"
    if form == 9:
        return f"{left} IS {d.choices.pick(('', 'NOT '))}DISTINCT FROM {right}"
    text = scalar(d, "txt", fields, depth)
    if form == 10:
        return f"{text} LIKE {d.choices.pick(('%zq%', '%a%', 'E_', '%@corp1%', '9%', '%'))!r}"
    return f"regexp_like({text}, {d.choices.pick(('zq', '^[A-Z]+$', '[0-9]{2}', 'a|b'))!r})"


def _family_in_sight(d: Drawing, fields: Fields) -> str:
    known = [family for family in FLAT if of_family(fields, family)]
    return d.choices.pick(known) if known and not d.choices.chance(10) else d.choices.pick(FLAT)


def _over_elements(d: Drawing, fields: Fields) -> str:
    d.lambdas += 1
    x = f"x{d.lambdas}"
    name = d.choices.pick(("any_match", "none_match", "all_match"))
    return f"{name}({scalar(d, 'arr', fields, 0)}, {x} -> {x} = {scalar(d, 'txt', fields, 0)})"


def _subquery(d: Drawing, fields: Fields) -> str:
    from tests.fuzz.sql.relations import a_table

    alias = d.alias("s")
    relation, inner = a_table(d, alias)
    family = d.choices.pick([f for f in FLAT if of_family(inner, f)] or ["txt"])
    shown = scalar(d, family, inner, 0)
    where = f" WHERE {_inside(d, inner, fields)}" if d.choices.chance(60) else ""
    form = d.choices.below(5)
    if form == 0:
        negated = d.choices.pick(("", "NOT "))
        return f"{negated}EXISTS (SELECT 1 FROM {relation} WHERE {_tied(d, inner, fields)})"
    if form == 1:
        negated = d.choices.pick(("", "NOT "))
        return f"{scalar(d, family, fields, 0)} {negated}IN (SELECT {shown} FROM {relation}{where})"
    if form == 2:
        quantifier = d.choices.pick(("ALL", "ANY", "SOME"))
        operator = (
            d.choices.pick(("=", "<>")) if quantifier == "ALL" or family == "bool" else d.choices.pick(_COMPARING)
        )
        return f"{scalar(d, family, fields, 0)} {operator} {quantifier} (SELECT {shown} FROM {relation}{where})"
    if form == 3:
        return f"{scalar(d, 'int', fields, 0)} > (SELECT count(*) FROM {relation}{where})"
    low = "" if d.choices.chance(20) else f" WHERE {_tied(d, inner, fields)}"
    aggregate = d.choices.pick(("max", "min", "count"))
    right = f"(SELECT {aggregate}({shown}) FROM {relation}{low})"
    return f"{scalar(d, 'int' if aggregate == 'count' else family, fields, 0)} = {right}"


def _inside(d: Drawing, inner: list[Field], outer: Fields) -> str:
    """Draw a condition of a subquery, without queries of its own."""
    return _comparison(d, inner, 1)


def _tied(d: Drawing, inner: list[Field], outer: Fields) -> str:
    """Draw a condition that ties a subquery to the query around it."""
    shared = [f for f in FLAT if f not in ("dbl", "bool") and of_family(inner, f) and of_family(outer, f)]
    if not shared:
        return _comparison(d, inner, 0)
    family = d.choices.pick(shared)
    left, right = d.choices.pick(of_family(inner, family)), d.choices.pick(of_family(outer, family))
    more = f" AND {_comparison(d, inner, 0)}" if d.choices.chance(30) else ""
    return f"{left.ref} = {right.ref}{more}"
