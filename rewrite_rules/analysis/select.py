"""SELECT: its clauses in the order in which they mean something, its output columns, its aggregation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.type_coercions import comparable, orderable
from catalog.types import BOOLEAN, UNKNOWN, TrinoType
from rewrite_rules.analysis.columns import find, record_read
from rewrite_rules.analysis.elsewhere import check_told_apart
from rewrite_rules.analysis.env import Clause, Env, Named, Relation, Walk
from rewrite_rules.analysis.failures import mismatch, refuse
from rewrite_rules.analysis.grouping import Groups, Verifier, group_by, ordinal
from rewrite_rules.analysis.keys import key_of
from rewrite_rules.analysis.lineage import origins_of
from rewrite_rules.analysis.model import ResolvedColumn
from rewrite_rules.analysis.relations import from_clause
from rewrite_rules.analysis.scalars import scalar_type
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.windows import define

_NAME_THEM = "Name those that are needed instead of *."
_MOST_COLUMNS = 10_000
"""Stars multiply: `SELECT *, *` in each of twenty names of WITH makes a million columns of one."""


@dataclass(frozen=True, slots=True)
class _Items:
    """The select list: result columns, and the expression of each (None for a column that a star brought)."""

    outputs: tuple[Field, ...]
    expressions: tuple[exp.Expr | None, ...]
    starred: tuple[Field | None, ...]
    """The source fields that stars brought, None elsewhere."""
    is_open: bool


def select(node: exp.Expr, parent: Scope | None, named: Mapping[str, Named], walk: Walk) -> Relation:
    """Analyze one SELECT; the scope of the query around it is `parent`."""
    args = node.args
    source = from_clause(node, parent, named, walk)
    definitions = Clause()
    windows = args.get("windows") or ()
    named_windows = define(windows, Env(walk, source, named, definitions))
    if args.get("where") is not None:
        _where(args["where"].this, Env(walk, source, named))
    clause = Clause(named_windows=named_windows)
    env = Env(walk, source, named, clause)
    number = walk.next_relation()
    node.meta["relation_id"] = number
    items = _select_list(node.expressions, env, number)
    group = args.get("group")
    groups = group_by(group, _counted(items), env) if group is not None else None
    having = args.get("having")
    if having is not None:
        _having(having.this, env)
    sort = _order_by(node, items, env)
    _aggregation(node, source, groups, items, sort, (clause, sort.clause, definitions), walk.context.sql)
    if args.get("distinct") is not None:
        _distinct(args["distinct"], items, sort, walk)
    return Relation(items.outputs, items.is_open)


def _where(condition: exp.Expr, env: Env) -> None:
    kind = scalar_type(env, condition, "WHERE")
    if kind not in (None, BOOLEAN, UNKNOWN):
        raise mismatch(f"WHERE clause must evaluate to a boolean: actual type {kind}", condition)


def _having(condition: exp.Expr, env: Env) -> None:
    before = len(env.clause.windows)
    what = "HAVING clause cannot contain window functions or row pattern measures"
    try:
        kind = env.type_of(condition)
    except Refusal as refusal:
        if refusal.code is ErrorCode.MISSING_OVER:
            raise refuse(ErrorCode.NESTED_WINDOW, what, condition) from refusal
        raise
    if len(env.clause.windows) > before:
        raise refuse(ErrorCode.NESTED_WINDOW, what, condition)
    if kind not in (None, BOOLEAN, UNKNOWN):
        raise mismatch(f"HAVING clause must evaluate to a boolean: actual type {kind}", condition)


def _select_list(expressions: Sequence[exp.Expr], env: Env, number: int) -> _Items:
    outputs: list[Field] = []
    origins: list[exp.Expr | None] = []
    starred: list[Field | None] = []
    is_open = False
    for item in expressions:
        aliased = item if isinstance(item, exp.Aliases) else None
        item = aliased.this if aliased is not None else item
        prefix = _star_prefix(item)
        if prefix is not None:
            found = _starred(item, prefix, env)
            names = _star_names(found, aliased)
            for field in found:
                record_read(field, env.walk)
            starred.extend(found)
            if len(starred) > _MOST_COLUMNS:
                raise refuse(
                    ErrorCode.NOT_SUPPORTED, f"More than {_MOST_COLUMNS} columns are not supported. {_NAME_THEM}", item
                )
            is_open = is_open or (env.scope.open and not prefix)
            named = zip(names, found, strict=True)
            outputs.extend(Field(name, f.type, (), number, origins=f.origins) for name, f in named)
            origins.extend([None] * len(found))
            continue
        inner = item.this if isinstance(item, exp.Alias) else item
        kind = env.type_of(inner)
        if kind is not None:
            item.meta["type"] = kind
        flowing = origins_of(inner) if env.walk.context.lineage else None
        outputs.append(Field(output_name(item), kind, (), number, origins=flowing))
        origins.append(inner)
        starred.append(None)
    return _Items(tuple(outputs), tuple(origins), tuple(starred), is_open)


def _star_names(found: Sequence[Field], aliased: exp.Expr | None) -> Sequence[str | None]:
    """Return the names of the columns that a star brings: their own, or those behind it."""
    if aliased is None:
        return [field.name for field in found]
    if len(aliased.expressions) != len(found):
        raise refuse(
            ErrorCode.MISMATCHED_COLUMN_ALIASES,
            f"Column alias list has {len(aliased.expressions)} entries but relation has {len(found)} columns",
            aliased,
        )
    return [identifier.name for identifier in aliased.expressions]


def output_name(item: exp.Expr) -> str | None:
    """Return the name of a result column: its alias, or the last part of a column reference, as written."""
    if isinstance(item, exp.Alias):
        return item.alias
    inner = item.unnest()
    if isinstance(inner, exp.Column):
        return inner.name
    if isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
        return inner.expression.name if output_name(inner.this) is not None else None
    return None


def _star_prefix(item: exp.Expr) -> Sequence[exp.Expr] | None:
    """Return what stands before a star: nothing, the parts of a name, or one expression; None if it is no star."""
    if isinstance(item, exp.Star):
        return ()
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        return [part for part in (item.args.get(k) for k in ("catalog", "db", "table")) if part]
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
        inner = item.this.unnest()
        if isinstance(inner, exp.Column):
            return [part for part in (inner.args.get(k) for k in ("catalog", "db", "table", "this")) if part]
        return [inner]
    return None


def _starred(item: exp.Expr, prefix: Sequence[exp.Expr], env: Env) -> Sequence[Field]:
    if not prefix:
        if not env.scope.fields and not env.scope.open:
            raise refuse(ErrorCode.COLUMN_NOT_FOUND, "SELECT * not allowed in queries without FROM clause", item)
        return env.scope.fields
    if not isinstance(prefix[0], exp.Identifier):
        return _row_fields(env.type_of(prefix[0]), prefix[0])
    parts = [identifier.name.lower() for identifier in prefix]
    found = [f for f in env.scope.fields if f.qualifier and f.answers_to(parts)]
    if found:
        return found
    around = env.scope.parent
    while around is not None:
        found = [f for f in around.fields if f.qualifier and f.answers_to(parts)]
        if found:  # columns of an outer query: they are constants to this one
            return [Field(f.name, f.type, sources=f.sources, origins=f.origins) for f in found]
        around = around.parent
    if len(parts) > 1:
        field, used, _ = find(parts, env.scope, item)
        if field is not None and used == len(parts) and used > 1:
            record_read(field, env.walk)
            return _row_fields(field.type, item)
    raise refuse(ErrorCode.TABLE_NOT_FOUND, f"Unable to resolve reference {'.'.join(parts)}", item)


def _row_fields(kind: TrinoType | None, node: exp.Expr) -> Sequence[Field]:
    if kind is None:
        raise mismatch("expected expression of type Row", node)
    if kind.base != "row":
        raise mismatch(f"expected expression of type Row (actual: {kind})", node)
    return [Field(name, part) for name, part in zip(kind.fields, kind.arguments, strict=True)]


def _counted(items: _Items) -> Sequence[exp.Expr]:
    """Return the select list as ordinals count it: a star is as many columns as it brought."""
    return [
        origin if origin is not None else _reference(field)
        for origin, field in zip(items.expressions, items.starred, strict=True)
    ]


def _reference(field: Field | None) -> exp.Expr:
    node = exp.column(field.name or "" if field is not None else "")
    if field is not None:
        node.meta["resolved"] = ResolvedColumn(field.relation, field.table, field.name or "")
        node.meta["type"] = field.type
    return node


@dataclass(frozen=True, slots=True)
class _Sort:
    """ORDER BY: its expressions that are no ordinals, and the calls in them."""

    expressions: tuple[exp.Expr, ...]
    clause: Clause


def _order_by(node: exp.Expr, items: _Items, env: Env) -> _Sort:
    """Type ORDER BY: it sees the result columns first, then the source."""
    order = node.args.get("order")
    clause = Clause(named_windows=env.clause.named_windows)
    if order is None:
        return _Sort((), clause)
    outputs = tuple(Field(f.name, f.type, (), f.relation, output=True) for f in items.outputs)
    scope = Scope(outputs, env.scope, is_open=False)
    return _Sort(sort_items(order, len(outputs), items.is_open, Env(env.walk, scope, env.named, clause)), clause)


def sort_items(order: exp.Expr, count: int, is_open: bool, env: Env) -> tuple[exp.Expr, ...]:
    """Type the items of an ORDER BY and return those that are no ordinals; `count` columns can be counted off."""
    found: list[exp.Expr] = []
    for item in order.expressions:
        inner = item.this if isinstance(item, exp.Ordered) else item
        position = ordinal(inner)
        if position is not None:
            if not is_open and not 1 <= position <= count:
                what = f"ORDER BY position {position} is not in select list"
                raise refuse(ErrorCode.INVALID_COLUMN_REFERENCE, what, inner)
            continue
        kind = env.type_of(inner)
        if kind is not None and not orderable(kind):
            raise mismatch(f"Type {kind} is not orderable, and therefore cannot be used in ORDER BY", inner)
        found.append(inner)
    return tuple(found)


def _distinct(node: exp.Expr, items: _Items, sort: _Sort, walk: Walk) -> None:
    for output in items.outputs:
        if output.type is not None and not comparable(output.type):
            raise mismatch(f"DISTINCT can only be applied to comparable types (actual: {output.type})", node)
        check_told_apart(output.type, node, walk)
    for expression in sort.expressions:
        _spell_as_shown(expression.unnest(), items)
    shown: set[object] = {key_of(origin) for origin in items.expressions if origin is not None}
    shown.update((f.relation, (f.name or "").lower(), ()) for f in items.starred if f is not None)
    for expression in sort.expressions:
        resolved = expression.unnest().meta.get("resolved")
        if (resolved is not None and resolved.output) or key_of(expression) in shown or items.is_open:
            continue
        raise refuse(
            ErrorCode.EXPRESSION_NOT_IN_DISTINCT,
            "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
            expression,
        )


def _spell_as_shown(key: exp.Expr, items: _Items) -> None:
    """Write a sort key that names a result column as the column is written: the names will be quoted, and matter."""
    resolved = key.meta.get("resolved")
    if not isinstance(key, exp.Column) or resolved is None or not resolved.output or len(key.parts) > 1:
        return
    if all(output.name != key.name for output in items.outputs):
        key.set("this", exp.Identifier(this=resolved.column, quoted=True))


def _aggregation(
    node: exp.Expr,
    source: Scope,
    groups: Groups | None,
    items: _Items,
    sort: _Sort,
    clauses: Sequence[Clause],
    sql: str,
) -> None:
    having = node.args.get("having")
    groupings = [g for clause in clauses for g in clause.groupings]
    if groups is None and groupings:
        raise refuse(
            ErrorCode.MISSING_GROUP_BY,
            "A GROUPING() operation can only be used with a corresponding GROUPING SET/CUBE/ROLLUP/GROUP BY clause",
            groupings[0],
        )
    node.meta["aggregating"] = groups is not None or having is not None or any(c.aggregates for c in clauses)
    if not node.meta["aggregating"]:
        return
    verifier = Verifier(groups, clauses, frozenset(f.relation for f in source.fields), sql)
    for field in items.starred:
        if field is not None and field.relation and not verifier.groups_by(field):
            name = ".".join((*field.qualifier[-1:], field.name or ""))
            raise Refusal(ErrorCode.EXPRESSION_NOT_AGGREGATE, f"Column '{name}' not in GROUP BY clause")
    for expression in (*items.expressions, *sort.expressions, *node.args.get("windows", ())):
        if expression is not None:
            verifier.check(expression)
    if having is not None:
        verifier.check(having.this)
