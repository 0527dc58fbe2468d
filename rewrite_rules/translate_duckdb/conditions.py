"""Conditions: comparisons, logic, IN, BETWEEN, LIKE, and the order in which a filter's terms are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS
from catalog.type_coercions import common_type_of
from rewrite_rules.self_comparisons import list_may_hold_itself
from rewrite_rules.translate_duckdb import operators
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.context import Context, Writer, bare, type_of, write
from rewrite_rules.translate_duckdb.subqueries import exists, in_subquery, versus_subquery
from rewrite_rules.translate_duckdb.sure import never_fails
from rewrite_rules.translate_duckdb.text import case, let, unsupported

_PUSHED = 100
"""Terms of a filter that DuckDB may take apart and compare with one another, which takes the square of their number."""


def condition(node: exp.Expr, context: Context, *, outer: bool = False) -> str:
    """Write a condition for WHERE, HAVING or ON: terms that may raise are kept behind the terms before them.

    DuckDB orders the terms of a filter as it likes; Trino goes from left to right. Each term is written twice at most.
    `outer` says that it is the condition of an outer join.
    """
    terms = _terms(node, (exp.And,))
    if len(terms) == 1:
        return _filter_term(node, context, outer=outer)
    free: list[str] = []
    before: list[str] = []
    branches: list[tuple[str, str]] = []
    waiting = ""
    for term in terms:
        written = _filter_term(term, context, outer=outer)
        if before and _may_raise(written) and not never_fails(term):
            branches.append((f"NOT coalesce({' AND '.join(before)}, false)", "false"))
            before, waiting = [written], written
        else:
            free.append(written)
            before.append(written)
    parts = [*free[:_PUSHED], case(*branches, otherwise=waiting)] if branches else free[:_PUSHED]
    if len(free) > _PUSHED:
        parts.append(_behind(" AND ".join(free[_PUSHED:])))
    return f"({' AND '.join(parts)})"


def _filter_term(node: exp.Expr, context: Context, *, outer: bool) -> str:
    inner = bare(node)
    if inner.__class__ in SIGNS:
        return _comparison(inner, context, filtering=True)
    asked = bare(inner.this) if isinstance(inner, exp.Not) else inner
    if isinstance(asked, exp.In) and asked.args.get("query") is not None and not outer:
        found = in_subquery(asked, asked.args["query"], context, "filter" if asked is inner else "anti filter")
        return found if asked is inner else f"(NOT {found})"
    written = write(node, context)
    return _behind(written) if len(_terms(inner, (exp.And, exp.Or, exp.Not))) > _PUSHED else written


def _behind(sql: str) -> str:
    """Write a condition so that DuckDB does not take it apart: rows for which it is not true do not count."""
    return case((sql, "true"), otherwise="false")


def _terms(node: exp.Expr, kinds: tuple[type[exp.Expr], ...]) -> list[exp.Expr]:
    """Return what some kinds of logic combine, brackets or not."""
    pending, found = [node], []
    while pending:
        current = bare(pending.pop())
        if isinstance(current, kinds):
            pending.extend(part for part in (current.args.get("expression"), current.this) if part is not None)
        else:
            found.append(current)
    return found


def _may_raise(sql: str) -> bool:
    """Tell whether evaluating a term may end the query: divisions, casts of values, errors of its own."""
    return any(mark in sql for mark in ("//", "% ", "error(", "penstock_", "CAST(r", "CAST(("))


def _comparison(node: exp.Expr, context: Context, *, filtering: bool = False) -> str:
    left, right = node.this, node.expression
    sign = SIGNS[node.__class__]
    if isinstance(right, exp.Any | exp.All):
        return versus_subquery(node, sign, context)
    rows = row_fields(left), row_fields(right)
    if rows[0] is not None and rows[1] is not None and sign in ("=", "<>"):
        equal = _rows_equal(rows[0], rows[1], context)
        return equal if sign == "=" else f"(NOT {equal})"
    common = operators.common(type_of(left), type_of(right))
    if common.base == "unknown":
        return "CAST(NULL AS BOOLEAN)"
    if filtering and sign == "=" and common.base == "double" and _joins_real(left, right):
        raise unsupported("a join of real with double, in which Trino finds no infinity,")
    if sign == "=" and common.base in ("array", "map") and _joins(left, right):
        raise unsupported(f"a join by {common}")
    return operators.comparison(
        sign, coerced(left, common, context), coerced(right, common, context), common, filtering=filtering
    )


def _joins_real(left: exp.Expr, right: exp.Expr) -> bool:
    """Tell whether doubles made of a real column are compared with columns of another relation.

    Trino 476 turns the range of the joined values back into reals, and an infinity is beyond the largest of them.
    """
    casts = (bare(side) for side in (left, right))
    reals = any(type_of(each.this if isinstance(each, exp.Cast) else each).base == "real" for each in casts)
    return reals and _joins(left, right)


def _joins(left: exp.Expr, right: exp.Expr) -> bool:
    """Tell whether columns of one relation are compared with those of another."""
    sides = [{column.table for column in side.find_all(exp.Column)} for side in (left, right)]
    return bool(sides[0] and sides[1]) and not sides[0] & sides[1]


def row_fields(node: exp.Expr) -> Sequence[exp.Expr] | None:
    """Return the fields of a row constructor."""
    inner = bare(node)
    if isinstance(inner, exp.Tuple):
        return inner.expressions
    if isinstance(inner, exp.Anonymous) and inner.name.lower() == "row":
        return inner.expressions
    return None


def _rows_equal(left: Sequence[exp.Expr], right: Sequence[exp.Expr], context: Context) -> str:
    return f"({' AND '.join(equal(a, b, context) for a, b in zip(left, right, strict=True))})"


def equal(left: exp.Expr, right: exp.Expr, context: Context) -> str:
    """Write equality of two expressions, each turned into their common type."""
    rows = row_fields(left), row_fields(right)
    if rows[0] is not None and rows[1] is not None:
        return _rows_equal(rows[0], rows[1], context)
    common = operators.common(type_of(left), type_of(right))
    if common.base == "unknown":
        return "CAST(NULL AS BOOLEAN)"
    return operators.comparison("=", coerced(left, common, context), coerced(right, common, context), common)


def _distinct_from(node: exp.Expr, context: Context) -> str:
    common = operators.common(type_of(node.this), type_of(node.expression))
    if common.base in ("array", "map") and _joins(node.this, node.expression):
        raise unsupported(f"a join by {common}")
    left, right = (coerced(side, common, context) for side in (node.this, node.expression))
    return operators.distinct_from(left, right, negated=isinstance(node, exp.NullSafeEQ))


def _between(node: exp.Expr, context: Context) -> str:
    sides = (node.this, node.args["low"], node.args["high"])
    common = common_type_of(type_of(side) for side in sides)
    if common is None or common.base == "unknown":
        return "CAST(NULL AS BOOLEAN)"
    value, low, high = (coerced(side, common, context) for side in sides)

    def inside(v: str) -> str:
        return f"({operators.comparison('>=', v, low, common)} AND {operators.comparison('<=', v, high, common)})"

    return inside(value) if "(" not in value else let(value, "v", inside)


def _in(node: exp.Expr, context: Context) -> str:
    query = node.args.get("query")
    if query is not None:
        return in_subquery(node, query, context, "value")
    value, items = node.this, node.expressions
    common = common_type_of(type_of(item) for item in (value, *items))
    if common is not None and list_may_hold_itself(value, items, common.base):
        raise unsupported("IN of floating point over columns")
    if common is not None and common.base in ("array", "map"):
        raise unsupported(f"IN over values of type {common}")
    simple = common is not None and common.base not in ("double", "real", "row", "array", "map", "unknown")
    if common is not None and simple and row_fields(value) is None:
        listed = ", ".join(coerced(item, common, context) for item in items)
        return f"({coerced(value, common, context)} IN ({listed}))"
    found = f"({' OR '.join(equal(value, item, context) for item in items)})"
    fields = row_fields(value)
    if fields is None:
        return found
    if any(isinstance(bare(f), exp.Null) for item in items for f in row_fields(item) or ()):
        raise unsupported("IN over rows that hold NULL")
    null = " OR ".join(f"({write(field, context)}) IS NULL" for field in fields)
    return case((null, "NULL"), otherwise=found)


def _logical(node: exp.Expr, context: Context) -> str:
    """Write AND and OR; chains are walked flat, since the parser nests them one level a term."""
    kind, sign = node.__class__, "AND" if isinstance(node, exp.And) else "OR"
    pending, terms = [node], []
    while pending:
        current = pending.pop()
        if current.__class__ is kind:
            pending.extend((current.expression, current.this))
        else:
            terms.append(write(current, context))
    return f"({f' {sign} '.join(terms)})"


def _not(node: exp.Expr, context: Context) -> str:
    return f"(NOT {write(node.this, context)})"


def _is(node: exp.Expr, context: Context) -> str:
    right = node.expression
    negated = isinstance(right, exp.Not)
    if not isinstance(right.this if negated else right, exp.Null):
        raise unsupported("IS with anything but NULL")
    return f"({write(node.this, context)} IS {'NOT ' if negated else ''}NULL)"


def _like(node: exp.Expr, context: Context) -> str:
    escape = None
    if isinstance(node, exp.Escape):
        if not isinstance(node.expression, exp.Literal | exp.Null):
            raise unsupported("ESCAPE with anything but a literal")
        escape, node = write(node.expression, context), node.this
    pattern = write(node.expression, context)
    subject = type_of(node.this)
    value = write(node.this, context)
    if subject.base == "char":
        value = f"rpad({value}, {subject.numbers[0]}, ' ')"
    suffix = f" ESCAPE {escape}" if escape is not None else ""
    return f"({value} {'NOT LIKE' if node.args.get('negate') else 'LIKE'} {pattern}{suffix})"


WRITERS: Mapping[type[exp.Expr], Writer] = {
    **dict.fromkeys(SIGNS, _comparison),
    exp.NullSafeEQ: _distinct_from,
    exp.NullSafeNEQ: _distinct_from,
    exp.Between: _between,
    exp.In: _in,
    exp.And: _logical,
    exp.Or: _logical,
    exp.Not: _not,
    exp.Is: _is,
    exp.Like: _like,
    exp.Escape: _like,
    exp.Exists: exists,
}
