"""SELECT: its conditions, groups, result columns, windows, DISTINCT and limit, in the order in which they apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from rewrite_rules.outline.drafts import Cluster, Grouped, Limited, Rel
from rewrite_rules.outline.expressions import Found, is_aggregate, look_into, need_all, starred, value_of
from rewrite_rules.outline.reading import Place
from rewrite_rules.outline.relations import from_clause, scan
from rewrite_rules.outline.subqueries import require
from rewrite_rules.outline.values import Col, Ref, Scope, TableScope, Value, held, mixed, refs_of


@dataclass(frozen=True, slots=True)
class _Item:
    """One expression of a select list, or a column that a star brought."""

    name: str | None
    node: exp.Expr | None
    value: Value | None = None
    found: Found | None = None
    open: bool = False
    """It stands for columns that are not all known."""


def select(node: exp.Expr, place: Place) -> Rel:
    """Read one SELECT. Raises Undescribed."""
    barrier = _barrier(node, place)
    if barrier is not None:
        return barrier
    args = node.args
    source = from_clause(node, place)
    here = replace(place, scope=Scope(source.columns, place.scope, source.otherwise), rows=source.rows)
    if args.get("where") is not None:
        require(args["where"].this, here)
    items = list(_items(node.expressions, here))
    here = _grouped(node, items, here)
    if args.get("having") is not None:
        require(args["having"].this, here)
    columns = [Col(item.name, (), _value(item, here)) for item in items]
    columns = _windowed(node, items, columns, here)
    rows = here.rows or source.rows
    _order(node, columns, here)
    if args.get("distinct") is not None:
        values = tuple(column.value for column in columns)
        need_all(values, place)
        rows = Cluster([Grouped(rows, values)])
    otherwise = mixed([c.value for i, c in zip(items, columns, strict=True) if i.open], held=True)
    rel = Rel(rows, columns, otherwise if any(item.open for item in items) else None)
    return _cut(rel, node)


_BARRIER = frozenset({"expressions", "from_", "where"})


def _barrier(node: exp.Expr, place: Place) -> Rel | None:
    """Read a query that shows columns of one table, as governing makes one for each; None for all else."""
    args = node.args
    source = args["from_"].this if args.get("from_") is not None else None
    if source.__class__ is not exp.Table or any(value for key, value in args.items() if key not in _BARRIER):
        return None
    if source.args.get("joins") or source.args.get("sample") or source.args.get("match"):
        return None
    columns: list[Col] = []
    if not all(item.__class__ is exp.Column or _is_row_by_row(item) for item in node.expressions):
        return None
    draft = scan(source, place)
    if draft is None:
        return None
    number, known = draft.number, draft.table.by_name
    scope = TableScope(number, draft.table, source.alias.lower() or draft.table.name.table)
    scope.parent = place.scope
    here = replace(place, scope=scope, rows=Cluster([draft]))
    for item in node.expressions:
        if item.__class__ is exp.Column and item.args["this"].name in known:
            column = known[item.args["this"].name]
            columns.append(Col(column.name, (), Ref(number, column.name, column.type)))
        else:
            columns.append(Col(_name_of(item), (), value_of(item, here)))
    place.reader.spend(len(columns))
    if args.get("where") is not None:
        require(args["where"].this, here)
    return Rel(here.rows or Cluster([draft]), columns)


def _is_row_by_row(item: exp.Expr) -> bool:
    """Tell whether a named result column is computed of one row alone, as masks are."""
    return item.__class__ is exp.Alias and not any(
        isinstance(part, exp.Query | exp.Window | exp.GroupConcat | exp.Star)
        or (isinstance(part, exp.Anonymous) and is_aggregate(part))
        for part in item.walk()
    )


def _items(expressions: Sequence[exp.Expr], place: Place) -> Iterator[_Item]:
    for written in expressions:
        names = [name.name.lower() for name in written.expressions] if isinstance(written, exp.Aliases) else []
        item = written.this if isinstance(written, exp.Aliases) else written
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            for position, column in enumerate(starred(item, place.scope)):
                name = names[position] if position < len(names) else column.name
                yield _Item(name, None, column.value, open=column.name is None)
            continue
        inner = item.this if isinstance(item, exp.Alias) else item
        bare = inner.unnest()
        found = None if isinstance(bare, exp.Column) else look_into(inner, place)
        is_open = isinstance(bare, exp.Dot) and isinstance(bare.expression, exp.Star)
        yield _Item(_name_of(item), inner, None, found, is_open)


def _name_of(item: exp.Expr) -> str | None:
    if isinstance(item, exp.Alias):
        return item.alias.lower()
    inner = item.unnest()
    if isinstance(inner, exp.Dot):
        return inner.expression.name.lower() or None
    return inner.name.lower() if isinstance(inner, exp.Column) else None


def _value(item: _Item, place: Place) -> Value:
    if item.node is not None:
        return value_of(item.node, place, item.found)
    return item.value if item.value is not None else mixed([])


def _grouped(node: exp.Expr, items: Sequence[_Item], place: Place) -> Place:
    """Group the rows where the query does; conditions may still be moved below by the keys."""
    group, rows = node.args.get("group"), place.rows
    others = [node.args[key] for key in ("having", "order") if node.args.get(key) is not None]
    founds = [item.found for item in items if item.found is not None] + [
        look_into(each, place, lenient=True) for each in others
    ]
    if rows is None or (group is None and node.args.get("having") is None and not any(f.aggregates for f in founds)):
        return place
    elements = group.expressions if group is not None else ()
    fixed = [e for e in elements if not isinstance(e, exp.Rollup | exp.Cube | exp.GroupingSets)]
    changing = [e for e in elements if isinstance(e, exp.Rollup | exp.Cube | exp.GroupingSets)]
    keys = [value for element in fixed for value in _keys(element, items, place)]
    optional = [value for element in changing for value in _keys(element, items, place)]
    need_all([*keys, *optional], place)
    sets = 1
    for element in changing:
        sets *= _sets(element)
    distinct = set[str]().union(*(found.distinct for found in founds))
    copies = len(distinct) + 1 if len(distinct) > 1 else 1
    below = Grouped(rows, (*keys, *optional), min(sets, 2**20), copies)
    lost = {ref for value in optional for ref in refs_of(value)}
    scope = place.scope
    if lost and scope is not None:
        columns = [c._replace(value=held(c.value)) if lost & set(refs_of(c.value)) else c for c in scope.columns]
        scope = Scope(columns, scope.parent, scope.otherwise)
    return replace(place, rows=Cluster([below]), scope=scope)


def _keys(element: exp.Expr, items: Sequence[_Item], place: Place) -> Iterator[Value]:
    """Yield the values that an element of GROUP BY groups by."""
    for node in _members(element):
        inner = node.unnest()
        if isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit():
            position = int(inner.name) - 1
            if position < len(items):
                yield _value(items[position], place)
        elif isinstance(inner, exp.CurrentRole):  # GROUP BY AUTO
            yield from (_value(item, place) for item in items if item.found is None or not item.found.aggregates)
        else:
            yield value_of(node, place)


def _members(element: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(element, exp.Tuple | exp.Rollup | exp.Cube | exp.GroupingSets):
        for member in element.expressions:
            yield from _members(member)
    else:
        yield element


def _sets(element: exp.Expr) -> int:
    """Return how many grouping sets an element stands for."""
    if isinstance(element, exp.Rollup):
        return len(element.expressions) + 1
    if isinstance(element, exp.Cube):
        return int(2 ** min(len(element.expressions), 20))
    if isinstance(element, exp.GroupingSets):
        return sum(_sets(member) for member in element.expressions)
    return 1


def _windowed(node: exp.Expr, items: Sequence[_Item], columns: list[Col], place: Place) -> list[Col]:
    """Keep conditions above windows, but those on what all of them are partitioned by."""
    windows = [window for item in items if item.found is not None for window in item.found.windows]
    if not windows and not node.args.get("qualify"):
        return columns
    kept: set[Ref] | None = None
    for window in windows:
        values = [value_of(each, place) for each in window.args.get("partition_by") or ()]
        own = {value for value in values if isinstance(value, Ref)}
        kept = own if kept is None else kept & own
    return [c if c.value in (kept or ()) else c._replace(value=held(c.value)) for c in columns]


def _order(node: exp.Expr, columns: Sequence[Col], place: Place) -> None:
    """Note what rows are ordered by: the names of result columns come first."""
    order = node.args.get("order")
    if order is None:
        return
    above = replace(place, scope=Scope(columns, place.scope))
    for item in order.expressions:
        inner = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(inner.unnest(), exp.Literal):
            continue
        need_all([value_of(inner, above)], place)


def limited(rel: Rel, node: exp.Expr, place: Place) -> Rel:
    """Apply ORDER BY and LIMIT of a query that is no SELECT itself."""
    _order(node, rel.columns, replace(place, rows=rel.rows))
    return _cut(rel, node)


def _cut(rel: Rel, node: exp.Expr) -> Rel:
    """Apply LIMIT, FETCH FIRST and OFFSET: no condition moves below them."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    rows = _limit(limit)
    if rows is None and offset is None and (limit is None or _is_all(limit)):
        return rel
    columns = [column._replace(value=held(column.value)) for column in rel.columns]
    return Rel(Cluster([Limited(rel.rows, rows)]), columns, rel.otherwise)


def _is_all(limit: exp.Expr) -> bool:
    return isinstance(limit, exp.Limit) and isinstance(limit.expression, exp.Var)


def _limit(node: exp.Expr | None) -> int | None:
    """Return how many rows a limit lets through, where it says so."""
    if isinstance(node, exp.Fetch):
        options = node.args.get("limit_options")
        ties = options is not None and options.args.get("with_ties")
        count = node.args.get("count")
        return 1 if count is None and not ties else _number(count) if not ties else None
    return _number(node.expression) if isinstance(node, exp.Limit) else None


def _number(node: exp.Expr | None) -> int | None:
    return int(node.name) if isinstance(node, exp.Literal) and node.name.isdigit() else None
