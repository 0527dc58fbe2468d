"""Small trees: calls, casts, columns, conditions, queries, as the matcher makes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.objects import TableName
from catalog.types import TrinoType, type_text
from rewrite_rules.substitution.spelling import copied

N = TypeVar("N", bound=exp.Expr)
_ATOMS = (exp.Column, exp.Literal, exp.Anonymous, exp.Cast, exp.Case, exp.Paren, exp.Null, exp.Boolean, exp.Filter)
_CLOSED = (exp.Extract, exp.TryCast, exp.Subquery, exp.Exists, exp.If, exp.Window, exp.Star)


def identifier(name: str) -> exp.Identifier:
    """Return a quoted name."""
    return exp.Identifier(this=name, quoted=True)


def column(table: str, name: str, kind: TrinoType | None = None) -> exp.Column:
    """Return a reference to a relation's column."""
    node = exp.Column(this=identifier(name), table=identifier(table))
    return node if kind is None else typed(node, kind)


def typed(node: N, kind: TrinoType) -> N:
    """Note a node's type."""
    node.meta["type"] = kind
    return node


def type_of(node: exp.Expr) -> TrinoType | None:
    """Return a node's type, where it is known."""
    kind = node.meta.get("type")
    return kind if isinstance(kind, TrinoType) else None


def call(name: str, *arguments: exp.Expr, kind: TrinoType | None = None) -> exp.Anonymous:
    """Return a call of a function of Trino."""
    named = exp.Identifier(this=name, quoted=True) if name.startswith("$") else name
    node = exp.Anonymous(this=named, expressions=list(arguments))
    return node if kind is None else typed(node, kind)


def whole(value: int) -> exp.Literal:
    """Return a literal of a whole number."""
    return exp.Literal(this=str(value), is_string=False)


def cast(value: exp.Expr, kind: TrinoType) -> exp.Cast:
    """Return a value turned into a type; what is turned into that type already stays as it is."""
    if isinstance(value, exp.Cast) and not isinstance(value, exp.TryCast) and type_of(value) == kind:
        return value
    return typed(exp.Cast(this=value, to=data_type(type_text(kind))), kind)


def null(kind: TrinoType) -> exp.Cast:
    """Return NULL of a type."""
    return cast(exp.Null(), kind)


def atom(value: exp.Expr) -> exp.Expr:
    """Return a value that may stand beside any operator."""
    if isinstance(value, (*_ATOMS, *_CLOSED)):
        return value
    kind = type_of(value)
    inside = exp.Paren(this=value)
    return inside if kind is None else typed(inside, kind)


def aliased(value: exp.Expr, name: str) -> exp.Alias:
    """Return a named item of a select list."""
    return exp.Alias(this=value, alias=identifier(name))


def conjunction(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """Join conditions by AND; None of none."""
    return _joined(conditions, exp.And)


def every_one(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """Return copies of conditions as one; None of none."""
    return conjunction(copied(each) for each in conditions)


def disjunction(conditions: Iterable[exp.Expr]) -> exp.Expr | None:
    """Join conditions by OR; None of none."""
    return _joined(conditions, exp.Or)


def _joined(conditions: Iterable[exp.Expr], by: type[exp.Connector]) -> exp.Expr | None:
    result: exp.Expr | None = None
    for each in conditions:
        result = each if result is None else by(this=atom(result), expression=atom(each))
    return result


def case(condition: exp.Expr, value: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Case:
    """Return a choice between two values, or a value and NULL."""
    return exp.Case(ifs=[exp.If(this=condition, true=value)], default=otherwise)


def product(first: exp.Expr, second: exp.Expr) -> exp.Mul:
    """Return two values multiplied."""
    return exp.Mul(this=atom(first), expression=atom(second))


def untrue(condition: exp.Expr) -> exp.Expr:
    """Say that a condition is false or unknown; never NULL itself."""
    return exp.Not(this=call("coalesce", condition, exp.Boolean(this=False)))


def table(name: TableName, alias: str) -> exp.Table:
    """Return a relation that is read by its full name."""
    catalog, schema, own = (identifier(part) for part in name)
    node = exp.Table(this=own, db=schema, catalog=catalog, alias=exp.TableAlias(this=identifier(alias)))
    node.meta["table"] = name
    node.meta["role"] = "read"
    return node


def subquery(query: exp.Query, alias: str) -> exp.Subquery:
    """Return a query as a relation."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=identifier(alias)))


def select(
    items: Sequence[exp.Expr],
    source: exp.Expr,
    joins: Sequence[exp.Expr] = (),
    where: exp.Expr | None = None,
    group: Sequence[exp.Expr] = (),
    having: exp.Expr | None = None,
) -> exp.Select:
    """Return a query; `group` are its grouping expressions."""
    return exp.Select(
        expressions=list(items),
        from_=exp.From(this=source),
        joins=list(joins) or None,
        where=exp.Where(this=where) if where is not None else None,
        group=exp.Group(expressions=list(group)) if group else None,
        having=exp.Having(this=having) if having is not None else None,
    )


def is_constant(node: exp.Expr) -> bool:
    """Tell whether a node is a written value: a literal, one with a sign, one turned into a type."""
    node = node.unnest()
    if isinstance(node, exp.Neg | exp.Cast) and not isinstance(node, exp.TryCast):
        return is_constant(node.this)
    return isinstance(node, exp.Literal | exp.Boolean)
