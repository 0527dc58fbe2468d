"""Queries: SELECT, set operations and WITH, every column under a private name.

No name of the user's reaches ClickHouse, and no private name is used twice, so that an alias can never capture a
column, which in ClickHouse wins in WHERE, GROUP BY and inside aggregates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from rewrite_rules.translate_clickhouse.aggregates import NAMES as AGGREGATES
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.from_clause import Source, source
from rewrite_rules.translate_clickhouse.group_keys import first_of_each, grouping_key
from rewrite_rules.translate_clickhouse.group_sums import having
from rewrite_rules.translate_clickhouse.grouping import grouping
from rewrite_rules.translate_clickhouse.literals import row_column
from rewrite_rules.translate_clickhouse.ordering import keys_of, sort_keys
from rewrite_rules.translate_clickhouse.relations import values
from rewrite_rules.translate_clickhouse.scope import Field, Query, Relation, Scope
from rewrite_rules.translate_clickhouse.set_operations import set_operation, with_queries
from rewrite_rules.translate_clickhouse.states import MERGE
from rewrite_rules.translate_clickhouse.text import CONSTANT_KEY, nested, select, unsupported_value, where
from rewrite_rules.translate_clickhouse.time_casts import zone_of


def query(node: exp.Expr, scope: Scope) -> Query:
    """Translate any query. `scope` holds what is in sight from outside: queries of WITH, and enclosing queries."""
    with_ = node.args.get("with_")
    if with_ is not None:
        scope = scope.within(ctes=with_queries(with_, scope))
    if isinstance(node, exp.Subquery):
        return _ended(query(node.this, scope), node, scope)
    if isinstance(node, exp.Select):
        return _select(node, scope)
    if isinstance(node, exp.SetOperation):
        return _ended(set_operation(node, scope), node, scope)
    if isinstance(node, exp.Values):
        return _ended(values(node, scope), node, scope)
    if isinstance(node, exp.Table):
        return query(exp.Select(expressions=[exp.Star()], from_=exp.From(this=node)), scope)
    raise unsupported("This form of a query", node)


@dataclass(frozen=True, slots=True)
class _Item:
    """One column of a select list: its text, and what others see of it. No text: it may only be passed on."""

    text: str | None
    field: Field


def _select(node: exp.Select, scope: Scope) -> Query:
    found = source(node, scope) or Source("", ())
    joins: list[str] = []
    inner = scope.within(
        relations=found.relations,
        windows={w.this.name.lower(): w for w in node.args.get("windows") or ()},
        grouped=node.args.get("group") is not None,
        joins=joins if found.sql else None,
    )
    conditions = [inner.truth(node.args["where"].this)] if node.args.get("where") else []
    if _aggregates(node):
        inner = inner.within(joins=None)
    groups = grouping(node, node.expressions, inner)
    if groups.has_empty_set:
        conditions.append(_not_empty(found.sql + "".join(joins), conditions))
    inner = inner.within(replaced=groups.replaced)
    distinct = node.args.get("distinct") is not None
    items = [item for part in node.expressions for item in _items(part, inner, distinct)]
    after = groups.sql + having(node, inner, groups.always)
    order = _order(node, items, inner, distinct)
    origin = found.sql + "".join(joins)
    listed = [f"{item.text} AS {item.field.sql}" for item in items if item.text is not None]
    fields = [item.field for item in items if item.text is not None]
    once = first_of_each(fields) if distinct else ""
    text = select(listed, origin, where(conditions), distinct=distinct and not once) + after + order + once
    return Query(text + _range(node), tuple(item.field for item in items))


def _aggregates(node: exp.Select) -> bool:
    """Tell whether a query's rows are groups, so that nothing can be joined to the rows of expressions above WHERE."""
    if node.args.get("group") is not None or node.args.get("having") is not None:
        return True
    stack = [*node.expressions, *([node.args["order"]] if node.args.get("order") else [])]
    while stack:
        part = stack.pop()
        if isinstance(part, exp.Query):
            continue
        if isinstance(part, exp.GroupConcat):
            return True
        if isinstance(part, exp.Anonymous) and (part.name.lower() in AGGREGATES or part.name == MERGE):
            return True
        called = part.this if isinstance(part, exp.Window) else None
        children = called.iter_expressions() if isinstance(called, exp.Expr) else ()
        stack.extend(child for child in part.iter_expressions() if child is not called)
        stack.extend(children)
    return False


def _not_empty(origin: str, conditions: Sequence[str]) -> str:
    """Guard grouping sets with an empty set: over no rows Trino gives one row for it, ClickHouse none."""
    counted = unsupported_value("count() = 0", "ROLLUP, CUBE or () over no rows", "1", "0")
    return f"({nested(select([counted], origin, where(conditions)))} = 1)"


def _items(part: exp.Expr, scope: Scope, distinct: bool) -> list[_Item]:
    """Translate one part of a select list; a star gives several columns."""
    node = part.unalias()
    if isinstance(node, exp.Star):
        return [_passed(field, field.name, scope, node if distinct else None) for field in _all_fields(scope)]
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        return [_passed(f, f.name, scope, node if distinct else None) for f in _fields_of(node, scope)]
    shown = fold_trino(part.alias) if isinstance(part, exp.Alias) else _own_name(node)
    if isinstance(node, exp.Column):
        found = scope.find([fold_trino(p.name) for p in node.parts])
        if found is not None and (found.refusal is not None or not scope.replaced):
            return [_passed(found, shown, scope, node if distinct else None)]
    kind = scope.type_of(node)
    text = scope.value(node)
    if distinct and kind.base != "unknown":
        grouping_key(text, kind)  # refuses what it cannot tell apart
    zone = zone_of(node, scope) if kind.base == "timestamp with time zone" else None
    return [_Item(text, Field(shown, scope.build.fresh("c"), kind, nullable=_nullable(node, scope), zone=zone))]


def _passed(field: Field, shown: str | None, scope: Scope, distinct: exp.Expr | None) -> _Item:
    """Pass a column on under a new private name; one that may not be used is passed on in name only.

    `distinct` is the item of a SELECT DISTINCT, which reads all its columns. Raises Refusal NOT_SUPPORTED.
    """
    if field.refusal is not None and distinct is not None:
        raise unsupported(field.refusal, distinct)
    if field.refusal is not None and field.state is None:
        return _Item(None, replace(field, name=shown))
    if field.state is not None:
        return _Item(field.sql, replace(field, name=shown, sql=scope.build.fresh("c")))
    text = scope.replaced.get(field.sql, field.sql)
    if distinct is not None and field.type.base != "unknown":
        grouping_key(text, field.type)
    return _Item(text, replace(field, name=shown, sql=scope.build.fresh("c")))


def _all_fields(scope: Scope) -> list[Field]:
    return [f for r in scope.relations for f in r.fields]


def _fields_of(node: exp.Column, scope: Scope) -> tuple[Field, ...]:
    alias = fold_trino(node.parts[-2].name)
    found = [r for r in scope.relations if r.alias == alias]
    if len(found) != 1:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Relation '{alias}' cannot be resolved")
    return found[0].fields


def _own_name(node: exp.Expr) -> str | None:
    """Return the name an item has without an alias: that of a column, or of the column a cast or bracket holds."""
    if isinstance(node, exp.Column):
        return fold_trino(node.name)
    return None


def _nullable(node: exp.Expr, scope: Scope) -> bool:
    if isinstance(node, exp.Column):
        found, rest = row_column(node, scope)
        return found.nullable or bool(rest)
    return True


def _order(node: exp.Select, items: Sequence[_Item], scope: Scope, distinct: bool) -> str:
    """Translate ORDER BY, which sees the select list first; after DISTINCT it sees nothing else."""
    clause = node.args.get("order")
    if clause is None:
        return ""
    named = tuple(item.field for item in items if item.text is not None)
    sight = scope.within(outputs=named)
    by_text = {item.text: item.field for item in items if item.text is not None}
    keys: list[str] = []
    for item in clause.expressions:
        field = _ordinal(item, [i.field for i in items])
        if field is None and distinct:
            field = _selected(item, by_text, scope, sight)
        keys += sort_keys(item, sight) if field is None else _field_keys(field, item)
    return f" ORDER BY {', '.join(keys)}"


def _ordinal(item: exp.Expr, fields: Sequence[Field]) -> Field | None:
    node = item.this if isinstance(item, exp.Ordered) else item
    if not isinstance(node, exp.Literal) or node.args.get("is_string"):
        return None
    at = int(node.name) if node.name.isdigit() else 0
    if not 1 <= at <= len(fields):
        raise Refusal(ErrorCode.INVALID_COLUMN_REFERENCE, f"ORDER BY position {node.name} is not in select list")
    return fields[at - 1]


def _selected(item: exp.Expr, by_text: dict[str, Field], scope: Scope, sight: Scope) -> Field | None:
    """Find the selected column that an item of ORDER BY names or repeats."""
    node = (item.this if isinstance(item, exp.Ordered) else item).unnest()
    if isinstance(node, exp.Column) and len(node.parts) == 1:
        named = fold_trino(node.name)
        if any(output.name == named for output in sight.outputs):
            return sight.column(node)
    return next((by_text[text] for text in (sight.value(node), scope.value(node)) if text in by_text), None)


def _field_keys(field: Field, item: exp.Expr) -> list[str]:
    if field.refusal is not None:
        raise unsupported(field.refusal, item)
    return [CONSTANT_KEY] if field.type.base == "unknown" else keys_of(field.sql, field.type, item)


def _range(node: exp.Expr) -> str:
    """Translate LIMIT, OFFSET and FETCH."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    text = ""
    if isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        text = f" LIMIT {_count(limit.args['count'])}"
        start = f" OFFSET {_count(offset.expression)}" if offset is not None else ""
        ties = " WITH TIES" if options is not None and options.args.get("with_ties") else ""
        if ties and start:
            raise unsupported("OFFSET with FETCH ... WITH TIES", node)
        return text + start + ties
    if limit is not None and isinstance(limit.expression, exp.Literal):
        text = f" LIMIT {_count(limit.expression)}"
    if offset is not None:
        text += f" OFFSET {_count(offset.expression)}"
    return text


def _count(node: exp.Expr) -> int:
    if not isinstance(node, exp.Literal) or not node.name.isdigit():
        raise unsupported("LIMIT with anything but a number", node)
    return int(node.name)


def _ended(inner: Query, node: exp.Expr, scope: Scope) -> Query:
    """Add the ORDER BY and LIMIT that stand behind a set operation or a query in brackets."""
    if not any(node.args.get(key) for key in ("order", "limit", "offset")):
        return inner
    alias = scope.build.fresh("t")
    sight = Scope(scope.build, (Relation(None, inner.fields),), scope.parent, scope.ctes, correlated=scope.correlated)
    keys: list[str] = []
    clause = node.args.get("order")
    for item in clause.expressions if clause is not None else ():
        field = _ordinal(item, inner.fields)
        keys += sort_keys(item, sight) if field is None else _field_keys(field, item)
    order = f" ORDER BY {', '.join(keys)}" if keys else ""
    columns = [f.sql for f in inner.fields if f.refusal is None]
    return Query(select(columns, nested(inner.sql, alias)) + order + _range(node), inner.fields)
