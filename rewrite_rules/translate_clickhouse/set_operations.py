"""UNION, INTERSECT, EXCEPT and the queries of WITH."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.type_coercions import common_super_type
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.casts import convert
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.group_keys import compared_key, first_of_each, grouping_key
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.scope import Field, Query, Scope
from rewrite_rules.translate_clickhouse.text import nested, select

_Key = Callable[[str, TrinoType], str]
"""Writes what is compared of a value."""
_OPERATIONS = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}


def set_operation(node: exp.SetOperation, scope: Scope) -> Query:
    """Translate a set operation; both sides are brought to the common types first."""
    left, right = (scope.build.query(side, scope) for side in (node.this, node.expression))
    if node.args.get("by_name"):
        left, right = _corresponding(left, right, left), _corresponding(right, left, left)
    if len(left.fields) != len(right.fields):
        raise Refusal(ErrorCode.TYPE_MISMATCH, "The sides of a set operation have different numbers of columns")
    distinct = bool(node.args.get("distinct"))
    pairs = list(zip(left.fields, right.fields, strict=True))
    fields = tuple(_merged(a, b, scope, node) for a, b in pairs)
    once = first_of_each(fields) if distinct and isinstance(node, exp.Union) else ""
    symbol = f"{_OPERATIONS[type(node)]} {'DISTINCT' if distinct and not once else 'ALL'}"
    keys = (compared_key, grouping_key) if distinct and not once else (None, None)
    sides = [_side(side, fields, key, scope) for side, key in zip((left, right), keys, strict=True)]
    text = f" {symbol} ".join(sides)
    if not once:
        return Query(text, fields)
    alias = scope.build.fresh("t")
    return Query(select([f"{alias}.{f.sql} AS {f.sql}" for f in fields], nested(text, alias)) + once, fields)


def _merged(left: Field, right: Field, scope: Scope, node: exp.Expr) -> Field:
    for field in (left, right):
        if field.refusal is not None:
            raise unsupported(field.refusal, node)
    kind = common_super_type(left.type, right.type)
    if kind is None:
        raise unsupported("A set operation over these types", node)
    zone = left.zone if left.zone == right.zone else None
    if kind.base == "timestamp with time zone" and zone is None:
        raise unsupported("A set operation over times in different zones", node)
    return Field(left.name, scope.build.fresh("c"), kind, left.nullable or right.nullable, zone)


def _side(side: Query, fields: tuple[Field, ...], key: _Key | None, scope: Scope) -> str:
    for mine in side.fields:
        if mine.refusal is not None:
            raise unsupported(mine.refusal)
    alias = scope.build.fresh("t")
    items = [
        f"{_typed(f'{alias}.{mine.sql}', mine.type, field.type, key, scope)} AS {field.sql}"
        for mine, field in zip(side.fields, fields, strict=True)
    ]
    return select(items, nested(side.sql, alias))


def _corresponding(side: Query, other: Query, left: Query) -> Query:
    """Keep the columns whose names the other side has too, in the order of the left side."""
    own, shared = {f.name: f for f in side.fields}, {f.name for f in other.fields}
    return replace(side, fields=tuple(own[f.name] for f in left.fields if f.name in own and f.name in shared))


def _typed(value: str, source: TrinoType, target: TrinoType, key: _Key | None, scope: Scope) -> str:
    if target.base == "unknown":
        return "NULL"
    text = convert(value, source, target, zone=scope.build.time_zone)
    if key is not None:
        text = key(text, target)
    return text if target.base.endswith("zone") else cast(text, target)


def with_queries(node: exp.With, scope: Scope) -> Mapping[str, Query]:
    """Translate the queries of a WITH clause; their definitions go before the whole statement."""
    known = dict(scope.ctes)
    for cte in node.expressions:
        name = fold_trino(cte.alias)
        inside = Scope(scope.build, ctes=known)
        columns = [fold_trino(c.name) for c in cte.args["alias"].columns or ()]
        if node.args.get("recursive") and _refers(cte.this, name):
            known[name] = _recursive(cte.this, name, columns, inside)
        else:
            found = scope.build.query(cte.this, inside)
            known[name] = _defined(_named(found, columns), scope)
    return known


def _refers(node: exp.Expr, name: str) -> bool:
    return any(not t.args.get("db") and fold_trino(t.name) == name for t in node.find_all(exp.Table))


def _named(query: Query, columns: list[str]) -> Query:
    if not columns:
        return query
    if len(columns) != len(query.fields):
        raise Refusal(ErrorCode.MISMATCHED_COLUMN_ALIASES, "Column alias list has another number of entries")
    return replace(query, fields=tuple(replace(f, name=c) for f, c in zip(query.fields, columns, strict=True)))


def _defined(query: Query, scope: Scope) -> Query:
    """Define a query by a private name and return a query that reads it."""
    name = scope.build.fresh("w")
    scope.build.named.append(f"{name} AS ({query.sql})")
    return _reading(name, query.fields)


def _reading(name: str, fields: tuple[Field, ...]) -> Query:
    return Query(select([f.sql for f in fields if f.refusal is None], name), fields)


def _recursive(node: exp.Expr, own: str, columns: list[str], scope: Scope) -> Query:
    """Translate `anchor UNION ALL step`; the step's columns take the anchor's types."""
    if not isinstance(node, exp.Union) or node.args.get("distinct"):
        raise unsupported("This form of a recursive query", node)
    anchor = _named(scope.build.query(node.this, scope), columns)
    name = scope.build.fresh("w")
    fields = tuple(replace(f, sql=scope.build.fresh("c"), nullable=True) for f in anchor.fields)
    inside = Scope(scope.build, ctes={**scope.ctes, own: _reading(name, fields)})
    step = scope.build.query(node.expression, inside)
    sides = [_side(side, fields, None, scope) for side in (anchor, step)]
    scope.build.named.append(f"{name} AS ({' UNION ALL '.join(sides)})")
    scope.build.recursive = True
    return _reading(name, fields)
