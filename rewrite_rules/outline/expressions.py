"""Expressions: the columns that each looks at, what it does besides, and the queries inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.functions import registry
from rewrite_rules.analysis.literals import type_of_node
from rewrite_rules.outline.casts import keeps
from rewrite_rules.outline.reading import Place
from rewrite_rules.outline.values import Mix, Ref, Scope, Undescribed, Value, held, look_up, mixed, refs_of

_FLAT = frozenset({exp.Literal, exp.Identifier, exp.DataType, exp.Star, exp.Var, exp.Null, exp.Boolean})
_STRICT = frozenset({
    exp.Column, exp.Paren, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Cast, exp.EQ, exp.NEQ, exp.LT,
    exp.LTE, exp.GT, exp.GTE, exp.Like, exp.Between, exp.Interval, exp.DataTypeParam, exp.DPipe,
}) | _FLAT  # fmt: skip
"""Nodes that are NULL wherever a part of them is."""
_VOLATILE = frozenset({"random", "rand", "uuid", "shuffle"})
_ORDERED_AGGREGATES = (exp.GroupConcat, exp.WithinGroup)


@dataclass(slots=True)
class Found:
    """What stands in an expression."""

    values: dict[Value, None] = field(default_factory=dict)
    queries: list[exp.Expr] = field(default_factory=list)
    windows: list[exp.Expr] = field(default_factory=list)
    distinct: set[str] = field(default_factory=set)
    """The arguments of aggregates over DISTINCT values, as text."""
    aggregates: bool = False
    volatile: bool = False
    strict: bool = True


def folded(node: exp.Expr) -> list[str]:
    """Return the parts of a written name, folded."""
    args = node.args
    return [part.name.lower() for key in ("catalog", "db", "table", "this") if (part := args.get(key)) is not None]


def look_into(root: exp.Expr, place: Place, *, lenient: bool = False) -> Found:
    """Look through an expression; queries in it are listed, not looked into.

    Raises Undescribed for names that are not known, unless `lenient`.
    """
    found, lambdas = Found(), list[exp.Expr]()
    unknown: list[list[str]] = []
    stack = [root]
    seen = 0
    while stack:
        node = stack.pop()
        seen += 1
        kind = node.__class__
        if kind is exp.Column:
            if isinstance(node.this, exp.Star):
                found.values.update(dict.fromkeys(column.value for column in starred(node, place.scope)))
                continue
            meant = look_up(folded(node), place.scope) if place.scope is not None else None
            if meant is None:
                unknown.append(folded(node))
            else:
                found.values[meant[0]] = None
            continue
        if kind in _FLAT:
            continue
        if isinstance(node, exp.Query):
            found.queries.append(node)
            found.strict = False
            continue
        _note(node, found, lambdas)
        stack.extend(node.iter_expressions(reverse=True))
    place.reader.spend(seen)
    names = {name.name.lower() for each in lambdas for name in each.expressions}
    if not lenient and any(parts[0] not in names for parts in unknown):
        raise Undescribed("a name is not known")
    return found


def _note(node: exp.Expr, found: Found, lambdas: list[exp.Expr]) -> None:
    """Note what a node means for the expression that it stands in."""
    found.strict = found.strict and node.__class__ in _STRICT
    if isinstance(node, exp.Window):
        found.windows.append(node)
    elif isinstance(node, exp.Lambda):
        lambdas.append(node)
    elif isinstance(node, exp.Anonymous):
        name = node.name.lower()
        found.volatile = found.volatile or name in _VOLATILE
        if is_aggregate(node) and not _is_over(node):
            found.aggregates = True
            first = node.expressions[0] if node.expressions else None
            if isinstance(first, exp.Distinct):
                found.distinct.add(repr(first.expressions))
    elif isinstance(node, _ORDERED_AGGREGATES) and not _is_over(node):
        found.aggregates = True


def is_aggregate(call: exp.Anonymous) -> bool:
    """Tell whether a function puts rows together."""
    function = registry.lookup(call.name)
    return function is not None and function.kind == "aggregate"


def _is_over(node: exp.Expr) -> bool:
    """Tell whether a call is made over a window."""
    below, above = node, node.parent
    while isinstance(above, exp.Filter | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        below, above = above, above.parent
    return isinstance(above, exp.Window) and below.arg_key == "this"


def value_of(node: exp.Expr, place: Place, found: Found | None = None) -> Value:
    """Return what an expression stands for; queries in it are joined to the rows of its place. Raises Undescribed."""
    inner = node
    while isinstance(inner, exp.Paren | exp.Alias):
        inner = inner.this
    if inner.__class__ is exp.Column and not isinstance(inner.this, exp.Star):
        meant = look_up(folded(inner), place.scope) if place.scope is not None else None
        if meant is not None:
            value, used = meant
            return value if used == len(folded(inner)) else mixed([value])
    shown = guarded(inner)
    if shown is not None:
        return held(value_of(shown, place))
    if inner.__class__ is exp.Cast:
        cast, target = value_of(inner.this, place, found), type_of_node(inner.args["to"])
        if not isinstance(cast, Ref) or target is None or not keeps(cast.type, target):
            return cast if isinstance(cast, Mix) else mixed([cast])
        return cast
    known = found if found is not None else look_into(inner, place)
    values = list(known.values)
    if known.queries:
        values += [place.reader.join(query, place) for query in known.queries]
    refs = mixed(values, held=known.aggregates or bool(known.windows)).refs
    return Mix(refs, known.volatile, known.strict and not known.aggregates and not known.windows)


def guarded(node: exp.Expr) -> exp.Expr | None:
    """Return what a guard of `rewrite_rules.govern` shows: `CASE WHEN random() >= 0E0 THEN value END`."""
    if not isinstance(node, exp.Case) or node.this is not None or node.args.get("default") is not None:
        return None
    ways: list[exp.Expr] = node.args.get("ifs") or []
    return ways[0].args["true"] if len(ways) == 1 and is_always(ways[0].this) else None


def is_always(node: exp.Expr) -> bool:
    """Recognise the condition that always holds, and that no optimiser may assume to."""
    call = node.this if isinstance(node, exp.GTE) else None
    zero = node.expression if isinstance(node, exp.GTE) else None
    return (
        isinstance(call, exp.Anonymous)
        and call.name.lower() in ("random", "rand")
        and not call.expressions
        and isinstance(zero, exp.Literal)
        and not zero.is_string
        and float(zero.name) == 0
    )


def starred(item: exp.Expr, scope: Scope | None) -> Iterator[ColumnOf]:
    """Yield the columns that a star stands for."""
    if scope is None:
        raise Undescribed("a star stands where there are no columns")
    parts = [part.name.lower() for key in ("catalog", "db", "table") if (part := item.args.get(key)) is not None]
    prefix, current = tuple(parts), scope
    columns = [c for c in current.columns if not prefix or c.qualifier[-len(prefix) :] == prefix]
    while not columns and current.parent is not None:
        current = current.parent
        columns = [c for c in current.columns if not prefix or c.qualifier[-len(prefix) :] == prefix]
    yield from (ColumnOf(column.name, column.value) for column in columns)
    if scope.otherwise is not None:
        yield ColumnOf(None, scope.otherwise)


@dataclass(frozen=True, slots=True)
class ColumnOf:
    """A column that a star brings."""

    name: str | None
    value: Value


def need_all(values: Sequence[Value], place: Place) -> None:
    """Note that all columns behind some values are read."""
    for value in values:
        place.reader.need(refs_of(value))


def plain(value: Value) -> Ref | None:
    """Return the column that a value is, unchanged and open to conditions."""
    return value if isinstance(value, Ref) and not value.held else None
