"""Queries: WITH, set operations, VALUES, SELECT with its groups, windows and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from rewrite_rules.outline.drafts import Cluster, Expanded, Grouped, Other, Rel, Several
from rewrite_rules.outline.expressions import need_all
from rewrite_rules.outline.reading import Named, Place
from rewrite_rules.outline.select import limited, select
from rewrite_rules.outline.values import NOTHING, Col, Either, Ref, Undescribed, Value, mixed, refs_of

RECURSIONS = 10
"""How often the step of a recursion runs at most, unless a session says otherwise: Trino's default."""


def query(node: exp.Expr, place: Place) -> Rel:
    """Read a query of any form; its columns are not qualified. Raises Undescribed."""
    with_ = node.args.get("with_")
    if with_ is not None:
        place = replace(place, named=_with(with_, place))
    if isinstance(node, exp.Select):
        return select(node, place)
    if isinstance(node, exp.Subquery):
        return limited(query(node.this, place), node, place)
    if isinstance(node, exp.Values):
        return limited(_values(node, place), node, place)
    if isinstance(node, exp.SetOperation):
        return limited(_set_operation(node, place), node, place)
    if isinstance(node, exp.Table):
        return select(exp.Select(expressions=[exp.Star()], from_=exp.From(this=node.copy())), place)
    raise Undescribed(f"{node.key} as a query")


def _with(node: exp.Expr, place: Place) -> Mapping[str, Named]:
    """Return the WITH queries in sight; each sees those before it."""
    named = dict(place.named)
    for cte in node.expressions:
        alias = cte.args["alias"]
        name = alias.name.lower()
        columns = tuple(column.name.lower() for column in alias.args.get("columns") or ())
        own = replace(place, named=dict(named), rows=None)
        recursive = bool(node.args.get("recursive")) and _mentions(cte.this, name)
        shared = not place.reader.inlined and place.reader.mentions.get(name, 0) > 1
        ranges: list[tuple[int, int]] | None = [] if shared else None
        if ranges is not None:
            place.reader.copies.append(ranges)
        named[name] = Named(cte.this, columns, own, name if recursive else "", ranges=ranges)
    return named


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name and not table.args.get("db") for table in node.find_all(exp.Table))


def recursion(named: Named) -> Rel:
    """Read a WITH query that mentions itself: first rows, and steps that make nobody knows how many."""
    body, place = named.body.unnest(), named.place
    if not isinstance(body, exp.Union):
        raise Undescribed("this form of a recursive query")
    anchor = query(body.this, place)
    values = [column.value for column in anchor.columns]
    need_all(values, place)
    names: tuple[str | None, ...] = named.columns or tuple(column.name for column in anchor.columns)
    seen = Rel(anchor.rows, [Col(name, (), NOTHING) for name in names])
    known = Named(body, named.columns, place, known=seen)
    begin = len(place.reader.scans)
    step = query(body.expression, replace(place, named={**place.named, named.recursive: known}))
    need_all([column.value for column in step.columns], place)
    for scan in place.reader.scans[begin:]:
        scan.times = RECURSIONS
    both = _several([anchor, step], place)
    every = mixed([column.value for column in both.columns], held=True)
    return Rel(Cluster([Expanded(both.rows, 1, None)]), [Col(name, (), every) for name in names])


def _values(node: exp.Values, place: Place) -> Rel:
    first = node.expressions[0]
    width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
    place.reader.spend(len(node.expressions) * width)
    rows = place.reader.given(len(node.expressions))
    if node.find(exp.Query) is not None:
        raise Undescribed("a query inside VALUES")
    return Rel(Cluster([rows]), [Col(None, (), rows.value)] * width)


def _set_operation(node: exp.Expr, place: Place) -> Rel:
    """Combine the two sides; a long chain nests to the left, one level a query, and is walked flat."""
    spine = [node]
    while _plain(spine[-1].this):
        spine.append(spine[-1].this)
    together = [query(spine[-1].this, place)]
    for operation in reversed(spine):
        right = query(operation.expression, place)
        if operation.args.get("by_name"):
            together, right = _by_name(_several(together, place), right)
        together.append(right)
        if not isinstance(operation, exp.Union) or operation.args.get("distinct"):
            together = [_distinct(_several(together, place), place)]
        if not isinstance(operation, exp.Union):
            together[0].rows.others.append(Other(tuple(r for c in together[0].columns for r in refs_of(c.value))))
    return _several(together, place)


def _plain(node: exp.Expr) -> bool:
    modifiers = ("with_", "order", "limit", "offset")
    return isinstance(node, exp.SetOperation) and not any(node.args.get(key) for key in modifiers)


def _by_name(left: Rel, right: Rel) -> tuple[list[Rel], Rel]:
    """Keep the columns that both sides have by name, in the order of the left side."""
    theirs = {column.name: column for column in right.columns}
    shared = [column for column in left.columns if column.name in theirs]
    return [Rel(left.rows, shared)], Rel(right.rows, [theirs[column.name] for column in shared])


def _several(rels: Sequence[Rel], place: Place) -> Rel:
    """Put relations one after the other."""
    if len(rels) == 1:
        return rels[0]
    place.reader.unions += 1
    number = place.reader.unions
    columns = [
        Col(columns[0].name, (), _either([column.value for column in columns], number))
        for columns in zip(*(rel.columns for rel in rels), strict=False)
    ]
    otherwise = mixed([rel.otherwise for rel in rels if rel.otherwise is not None], held=True)
    is_open = any(rel.otherwise is not None for rel in rels)
    rows = Cluster([Several(number, [rel.rows for rel in rels])])
    return Rel(rows, columns, otherwise if is_open else None)


def _either(values: Sequence[Value], number: int) -> Value:
    """Return the value of a column of a union: open to conditions where all branches show columns of one type."""
    bases = {base_of(value) for value in values}
    if len(bases) == 1 and None not in bases:
        return Either(number, tuple(values))
    return mixed(values, held=True)


def base_of(value: Value) -> str | None:
    """Return the base of the type of a value that is a column unchanged."""
    while isinstance(value, Either):
        value = value.branches[0]
    return value.type.base if isinstance(value, Ref) else None


def _distinct(rel: Rel, place: Place) -> Rel:
    """Leave one of equal rows, as UNION, INTERSECT and EXCEPT do."""
    values = tuple(column.value for column in rel.columns)
    need_all(values, place)
    return Rel(Cluster([Grouped(rel.rows, values)]), rel.columns, rel.otherwise)
