"""Scalar subqueries that refer to the query around them: an aggregate looked up by equality.

    (SELECT count(*) FROM b WHERE b.k = a.n)  ->  LEFT JOIN (SELECT b.k, count() FROM b GROUP BY b.k) ON b.k = a.n

Each group is one row, so the join adds none; where there is no group, a count is 0 and everything else NULL, also
what is computed from such values (`0.2 * avg(x)`).
"""

from __future__ import annotations

from functools import reduce

from sqlglot import exp

from catalog.names import fold_trino
from catalog.type_coercions import common_super_type
from rewrite_rules.connectives import flattened
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.from_clause import source
from rewrite_rules.translate_clickhouse.joins import using_condition
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, nested, select, where

_COUNTS = frozenset({"count", "count_if", "approx_distinct"})
_OTHERS = frozenset({"sum", "avg", "min", "max", "min_by", "max_by", "bool_and", "bool_or", "every", "any_value"})
_PLAIN = frozenset({"expressions", "from_", "joins", "where"})
_STRICT = (exp.Mul, exp.Add, exp.Sub, exp.Neg, exp.Paren, exp.Cast)
"""What is NULL where a part of it is, and seldom fails: groups are computed that nothing may look up."""


def lookup(query: exp.Expr, scope: Scope) -> str:
    """Translate a correlated scalar subquery of the proved form. Raises Refusal NOT_SUPPORTED for any other."""
    if scope.joins is None or not _is_plain(query):
        raise unsupported("This correlated subquery", query)
    item = query.expressions[0].unalias()
    found = source(query, Scope(scope.build, ctes=scope.ctes))  # type: ignore[arg-type]  # a query with one relation
    if found is None:
        raise unsupported("This correlated subquery", query)
    inner = Scope(scope.build, found.relations, ctes=scope.ctes, grouped=True)
    condition = query.args.get("where")
    parts = flattened(condition.this, exp.And) if condition is not None else []
    local, keys = _split([each for part in parts for each in _factored(part)], inner, query)
    return _joined(found.sql, item, local, keys, inner, scope)


def _is_plain(query: exp.Expr) -> bool:
    if not isinstance(query, exp.Select) or {k for k, v in query.args.items() if v} - _PLAIN:
        return False
    item = query.expressions[0].unalias()
    return len(query.expressions) == 1 and (_is_count(item) or _is_null_of_nothing(item))


def _is_count(item: exp.Expr) -> bool:
    return isinstance(item, exp.Anonymous) and item.name.lower() in _COUNTS


def _is_null_of_nothing(item: exp.Expr) -> bool:
    """Tell whether an expression over groups is NULL where there is no group."""
    if isinstance(item, exp.Anonymous):
        return item.name.lower() in _OTHERS
    if not isinstance(item, _STRICT):
        return False
    parts = [part for part in item.iter_expressions() if not isinstance(part, exp.DataType)]
    rest = [part for part in parts if not isinstance(part.unnest(), exp.Literal)]
    return bool(rest) and all(map(_is_null_of_nothing, rest))


def _factored(part: exp.Expr) -> list[exp.Expr]:
    """Take equalities that all branches of an OR share out of it: `a = b AND x OR a = b AND y`."""
    branches = [flattened(branch.unnest(), exp.And) for branch in flattened(part.unnest(), exp.Or)]
    shared: list[exp.Expr] = [
        each for each in branches[0] if isinstance(each, exp.EQ) and all(each in other for other in branches[1:])
    ]
    if len(branches) == 1 or not shared:
        return [part]
    rests = [[each for each in branch if each not in shared] for branch in branches]
    if not all(rests):
        return shared
    return [*shared, _any_of([_all_of(rest) for rest in rests])]


def _all_of(parts: list[exp.Expr]) -> exp.Expr:
    return reduce(lambda left, right: exp.And(this=left, expression=right), [each.copy() for each in parts])


def _any_of(parts: list[exp.Expr]) -> exp.Expr:
    return reduce(lambda left, right: exp.Or(this=left, expression=right), parts)


Key = tuple[exp.Expr, exp.Expr]
"""The inner and the outer side of an equality."""


def _split(parts: list[exp.Expr], inner: Scope, query: exp.Expr) -> tuple[list[exp.Expr], list[Key]]:
    """Separate conditions on the inner query alone from equalities with outer values."""
    local: list[exp.Expr] = []
    keys: list[Key] = []
    for part in parts:
        if _side(part, inner) in ("inner", "none"):
            local.append(part)
            continue
        sides = (_side(part.this, inner), _side(part.expression, inner)) if isinstance(part, exp.EQ) else ("", "")
        if sides == ("inner", "outer"):
            keys.append((part.this, part.expression))
        elif sides == ("outer", "inner"):
            keys.append((part.expression, part.this))
        else:
            raise unsupported("This correlated subquery", query)
    if not keys:
        raise unsupported("This correlated subquery", query)
    return local, keys


def _side(node: exp.Expr, inner: Scope) -> str:
    """Say whose columns an expression reads: the inner query's, outer ones, both or none."""
    if any(True for _ in node.find_all(exp.Query)):
        return "both"
    mine = {inner.find([fold_trino(p.name) for p in c.parts]) is not None for c in node.find_all(exp.Column)}
    if not mine:
        return "none"
    return "both" if len(mine) > 1 else "inner" if True in mine else "outer"


def _joined(origin: str, item: exp.Expr, local: list[exp.Expr], keys: list[Key], inner: Scope, scope: Scope) -> str:
    build, alias = scope.build, scope.build.fresh("t")
    listed, groups, conditions = [], [], []
    for mine, outer in keys:
        kind = common_super_type(inner.type_of(mine), scope.type_of(outer))
        if kind is None:
            raise unsupported("A comparison of these types", mine)
        text, own = coerced(mine, kind, inner), build.fresh("c")
        listed.append(f"{text} AS {own}")
        groups.append(text)
        conditions.append(using_condition(f"{alias}.{own}", coerced(outer, kind, scope), kind, mine))
    value = build.fresh("c")
    listed.append(f"{inner.value(item)} AS {value}")
    own_rows = where([inner.truth(part) for part in local])
    text = select(listed, origin, own_rows, f"GROUP BY {', '.join(groups)}")
    assert scope.joins is not None  # noqa: S101  (checked at the entrance)
    scope.joins.append(f" LEFT JOIN {nested(text, alias)} ON {' AND '.join(conditions)}")
    result = f"{alias}.{value}"
    return call("ifNull", result, "toInt64(0)") if _is_count(item) else result
