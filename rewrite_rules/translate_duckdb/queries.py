"""Queries: SELECT, VALUES, set operations, WITH.

Every query's columns are called `c0`, `c1`, ... in DuckDB and every relation has an alias of its own, so that no name
of the user's can meet another one: an alias cannot capture a column, as DuckDB would let it in places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.type_coercions import common_type_of
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.bounds import MOST_COMPARED, MOST_DISTINCT, MOST_FILTERED, check_number
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.conditions import condition
from rewrite_rules.translate_duckdb.context import Column, Context, Named, Scope, Written, bare, type_of, write
from rewrite_rules.translate_duckdb.ordering import limits, order_by
from rewrite_rules.translate_duckdb.relations import from_clause
from rewrite_rules.translate_duckdb.stars import star_columns
from rewrite_rules.translate_duckdb.text import unsupported
from rewrite_rules.translate_duckdb.zones import has_zone, zone_of


def query(node: exp.Expr, context: Context) -> Written:
    """Write a query of any form. Raises Refusal NOT_SUPPORTED."""
    with_ = node.args.get("with_")
    prefix = ""
    if with_ is not None:
        prefix, context = _with(with_, context)
    written = _body(node, context)
    return replace(written, sql=f"{prefix}{written.sql}")


def _body(node: exp.Expr, context: Context) -> Written:
    if isinstance(node, exp.Select):
        return _select(node, context)
    if isinstance(node, exp.Subquery):
        return _modified(query(node.this, context), node, context)
    if isinstance(node, exp.Values):
        return _modified(_values(node, context), node, context)
    if isinstance(node, exp.SetOperation):
        return _modified(_set_operation(node, context), node, context)
    raise unsupported(node.key)


def _modified(inner: Written, node: exp.Expr, context: Context) -> Written:
    """Add ORDER BY and LIMIT to a query that is no SELECT itself."""
    if not any(node.args.get(key) for key in ("order", "limit", "offset")):
        return inner
    alias = context.next_name("r")
    columns = tuple(replace(c, sql=f"{alias}.c{i}", qualifier=None) for i, c in enumerate(inner.columns))
    scoped = context.with_(scope=Scope(columns, context.scope), outputs={})
    shown = ", ".join(f"{alias}.c{i} AS c{i}" for i in range(len(columns)))
    order = order_by(node.args.get("order"), columns, scoped)
    tail = f"{order}{limits(node)}"
    return Written(f"SELECT {shown} FROM ({inner.sql}) AS {alias}{tail}", inner.columns)  # noqa: S608  (our own text and quoted names)


def _with(node: exp.Expr, context: Context) -> tuple[str, Context]:
    """Write a WITH clause; return it and the context of the query below it."""
    named = dict(context.named)
    parts: list[str] = []
    recursive = False
    for cte in node.expressions:
        alias = cte.args["alias"]
        own = context.with_(named=dict(named))
        name, before = context.next_name("w"), context.tally.relations
        if node.args.get("recursive") and _refers_to(cte.this, alias.name.lower()):
            recursive = True
            text, columns = _recursive(cte, name, own)
        else:
            written = query(cte.this, own)
            text, columns = f"{name} AS ({written.sql})", _renamed(written.columns, alias)
        parts.append(text)
        named[alias.name.lower()] = Named(name, columns, context.tally.relations - before)
    word = "WITH RECURSIVE" if recursive else "WITH"
    return f"{word} {', '.join(parts)} ", context.with_(named=named)


def _renamed(columns: Sequence[Column], alias: exp.Expr) -> tuple[Column, ...]:
    names = alias.args.get("columns") or ()
    if not names:
        return tuple(columns)
    return tuple(replace(c, name=n.name.lower()) for c, n in zip(columns, names, strict=True))


def _refers_to(node: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name and not table.args.get("db") for table in node.find_all(exp.Table))


def _recursive(cte: exp.Expr, name: str, context: Context) -> tuple[str, tuple[Column, ...]]:
    body, alias = cte.this.unnest(), cte.args["alias"]
    if not isinstance(body, exp.Union) or any(body.args.get(key) for key in ("order", "limit", "offset", "with_")):
        raise unsupported("this form of a recursive query")
    anchor = query(body.this, context)
    columns = _renamed(anchor.columns, alias)
    inner = context.with_(named={**context.named, alias.name.lower(): Named(name, columns)})
    step = _as_types(query(body.expression, inner), [c.type for c in columns], context)
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    union = "UNION" if body.args.get("distinct") else "UNION ALL"
    return f"{name}({names}) AS (({anchor.sql}) {union} ({step.sql}))", columns


def _values(node: exp.Values, context: Context) -> Written:
    rows = [_row_items(item) for item in node.expressions]
    types = [_common([type_of(row[i]) for row in rows]) for i in range(len(rows[0]))]
    zones = [_only({zone_of(row[i], context) for row in rows}) for i in range(len(types))]
    texts = [f"({', '.join(coerced(v, t, context) for v, t in zip(row, types, strict=True))})" for row in rows]
    alias = context.next_name("r")
    names = ", ".join(f"c{i}" for i in range(len(types)))
    columns = tuple(Column(None, f"c{i}", t, None, z) for i, (t, z) in enumerate(zip(types, zones, strict=True)))
    return Written(f"SELECT {names} FROM (VALUES {', '.join(texts)}) AS {alias}({names})", columns)  # noqa: S608  (our own text and quoted names)


def _row_items(item: exp.Expr) -> Sequence[exp.Expr]:
    if isinstance(item, exp.Tuple):
        return item.expressions
    if isinstance(item, exp.Anonymous) and item.name.lower() == "row":
        return item.expressions
    if isinstance(item, exp.Paren):
        return _row_items(item.this)
    return (item,)


def _common(types: Sequence[TrinoType]) -> TrinoType:
    found = common_type_of(types)
    if found is None:
        raise unsupported("values without a common type")
    return found


def _only(zones: set[str]) -> str:
    if len(zones) > 1:
        raise unsupported("mixing values that show different time zones")
    return zones.pop()


def _set_operation(node: exp.Expr, context: Context) -> Written:
    """Combine two sides; a long chain nests to the left, one level a query, and is walked flat."""
    spine = [node]
    while _plain(spine[-1].this):
        spine.append(spine[-1].this)
    compared = sum(not isinstance(operation, exp.Union) for operation in spine)
    check_number(compared, MOST_COMPARED, "INTERSECTs and EXCEPTs in a row")
    result = query(spine[-1].this, context)
    for operation in reversed(spine):
        result = _combined(operation, result, query(operation.expression, context), context)
    return result


def _plain(node: exp.Expr) -> bool:
    modifiers = ("with_", "order", "limit", "offset")
    return isinstance(node, exp.SetOperation) and not any(node.args.get(key) for key in modifiers)


def _combined(node: exp.Expr, left: Written, right: Written, context: Context) -> Written:
    if node.args.get("by_name"):
        theirs = {column.name for column in right.columns}
        names = [column.name for column in left.columns if column.name in theirs]
        left, right = (_named(side, names, context) for side in (left, right))
    pairs = list(zip(left.columns, right.columns, strict=True))
    types = [_common([a.type, b.type]) for a, b in pairs]
    zones = [
        _only({c.zone for c in pair if c.type.base != "unknown"} or {"UTC"}) if has_zone(t) else "UTC"
        for pair, t in zip(pairs, types, strict=True)
    ]
    sides = [_as_types(side, types, context).sql for side in (left, right)]
    word = node.key.upper()
    every = "" if node.args.get("distinct") else " ALL"
    columns = tuple(
        Column(a.name, f"c{i}", t, None, z) for i, ((a, _), t, z) in enumerate(zip(pairs, types, zones, strict=True))
    )
    return Written(f"({sides[0]}) {word}{every} ({sides[1]})", columns)


def _named(written: Written, names: Sequence[str | None], context: Context) -> Written:
    """Keep the columns of these names, in their order: CORRESPONDING."""
    alias, place = context.next_name("r"), {column.name: i for i, column in enumerate(written.columns)}
    shown = ", ".join(f"{alias}.c{place[name]} AS c{i}" for i, name in enumerate(names))
    columns = tuple(replace(written.columns[place[name]], sql=f"c{i}") for i, name in enumerate(names))
    return Written(f"SELECT {shown} FROM ({written.sql}) AS {alias}", columns)  # noqa: S608  (our own text and quoted names)


def _as_types(written: Written, types: Sequence[TrinoType], context: Context) -> Written:
    if all(column.type == type_ for column, type_ in zip(written.columns, types, strict=True)):
        return written
    alias = context.next_name("r")
    zones = [c.zone if has_zone(c.type) else context.time_zone for c in written.columns]
    shown = ", ".join(
        f"{cast(f'{alias}.c{i}', column.type, type_, zone)} AS c{i}"
        for i, (column, type_, zone) in enumerate(zip(written.columns, types, zones, strict=True))
    )
    columns = tuple(replace(c, type=t) for c, t in zip(written.columns, types, strict=True))
    return Written(f"SELECT {shown} FROM ({written.sql}) AS {alias}", columns)  # noqa: S608  (our own text and quoted names)


def _select(node: exp.Expr, outer: Context) -> Written:
    args = node.args
    source, scope = from_clause(node, outer)
    windows = {w.this.name.lower(): w for w in args.get("windows") or ()}
    context = outer.with_(scope=scope, windows=windows, outputs={}, parameters={})
    items = [column for item in node.expressions for column in _item(item, context)]
    parts = ["SELECT DISTINCT" if args.get("distinct") is not None else "SELECT"]
    parts.append(", ".join(f"{item.sql} AS c{i}" for i, item in enumerate(items)))
    parts.append(source)
    if args.get("where") is not None:
        parts.append(f"WHERE {condition(args['where'].this, context)}")
    if args.get("group") is not None:
        parts.append(_group_by(args["group"], items, context))
    if args.get("having") is not None:
        parts.append(f"HAVING {condition(args['having'].this, context)}")
    elif _is_empty(args["group"]) if args.get("group") is not None else _is_unseen(node, items):
        parts.append("HAVING count(*) >= 0")
    text = " ".join(part for part in parts if part)
    text += order_by(args.get("order"), items, context) + limits(node)
    computed = text.replace(source, "") if source else text
    check_number(computed.count("FILTER (WHERE "), MOST_FILTERED, "aggregates with FILTER")
    check_number(computed.count("(DISTINCT "), MOST_DISTINCT, "aggregates with DISTINCT")
    return Written(text, tuple(replace(item, sql=f"c{i}", qualifier=None) for i, item in enumerate(items)))


def _item(item: exp.Expr, context: Context) -> list[Column]:
    """Write one item of a select list; a star gives several columns."""
    starred = star_columns(item, context)
    if starred is not None:
        return starred
    inner = item.this if isinstance(item, exp.Alias) else item
    type_ = type_of(inner)
    sql = write(inner, context)
    if type_.base == "unknown":
        sql = "NULL"
    return [Column(output_name(item), sql, type_, None, zone_of(inner, context) if has_zone(type_) else "UTC")]


def output_name(item: exp.Expr) -> str | None:
    """Return the folded name of an output column, None if it has none."""
    if isinstance(item, exp.Alias):
        return str(item.alias).lower()
    inner = bare(item)
    if isinstance(inner, exp.Column):
        return inner.name.lower()
    if isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
        return inner.expression.name.lower() if output_name(inner.this) is not None else None
    return None


def _group_by(node: exp.Expr, items: Sequence[Column], context: Context) -> str:
    if node.args.get("all"):
        raise unsupported("GROUP BY ALL")
    sets = any(isinstance(each, exp.GroupingSets | exp.Rollup | exp.Cube) for each in node.expressions)
    if node.args.get("all") is False and sets:  # DuckDB keeps a set as often as it is there
        raise unsupported("GROUP BY DISTINCT of grouping sets")
    texts = [_grouping_element(element, items, context) for element in node.expressions]
    return f"GROUP BY {', '.join(texts)}"


def _is_unseen(node: exp.Expr, items: Sequence[Column]) -> bool:
    """Tell whether a query aggregates only values that are NULL for sure, and so written without the aggregate."""
    return bool(node.meta.get("aggregating")) and any(item.type.base == "unknown" for item in items)


def _is_empty(node: exp.Expr) -> bool:
    """Tell whether all grouping sets are `()`, of which DuckDB keeps one only where no aggregate is computed."""
    sets = [each for each in node.expressions if isinstance(each, exp.GroupingSets)]
    return bool(sets) and all(not part.expressions for each in sets for part in each.expressions)


_GROUPINGS: Mapping[type[exp.Expr], str] = {
    exp.Rollup: "ROLLUP",
    exp.Cube: "CUBE",
    exp.GroupingSets: "GROUPING SETS",
}


def _grouping_element(node: exp.Expr, items: Sequence[Column], context: Context) -> str:
    word = _GROUPINGS.get(node.__class__)
    if word is not None:
        inner = ", ".join(_grouping_element(e, items, context) for e in node.expressions)
        return f"{word} ({inner})"
    if isinstance(node, exp.Tuple):
        return f"({', '.join(_key(e, items, context) for e in node.expressions)})"
    return _key(node, items, context)


def _key(node: exp.Expr, items: Sequence[Column], context: Context) -> str:
    inner = bare(node)
    if isinstance(inner, exp.Literal) and not inner.args.get("is_string") and inner.name.isdigit():
        return items[int(inner.name) - 1].sql
    return write(inner, context)
