"""FROM: tables, subqueries, VALUES, UNNEST and joins, each under a private name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, TableName
from catalog.type_coercions import common_super_type, common_type_of
from catalog.types import BIGINT, TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced, convert
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.joins import join_condition, using_condition
from rewrite_rules.translate_clickhouse.native import NESTED, cast, read, stored_zone
from rewrite_rules.translate_clickhouse.scope import Field, Query, Relation, Scope
from rewrite_rules.translate_clickhouse.states import is_state
from rewrite_rules.translate_clickhouse.text import call, name, nested, select


@dataclass(frozen=True, slots=True)
class Source:
    """The FROM clause so far: its text and what it brings into sight."""

    sql: str
    relations: tuple[Relation, ...]
    merged: tuple[Field, ...] = ()
    """Join columns of USING."""


def source(node: exp.Select, scope: Scope) -> Source | None:
    """Translate a SELECT's FROM clause with its joins; None where there is none."""
    clause = node.args.get("from_")
    if clause is None:
        return None
    so_far = _first(clause.this, scope)
    for join in [*(clause.this.args.get("joins") or ()), *(node.args.get("joins") or ())]:
        so_far = _joined(so_far, join, scope)
    if node.args.get("laterals"):
        raise unsupported("LATERAL", node)
    return so_far


def _first(node: exp.Expr, scope: Scope) -> Source:
    if isinstance(node, exp.Unnest):
        return _unnested(None, node, scope, outer=False)
    sql, relation = _relation(node, scope)
    return Source(sql, (relation,))


def _relation(node: exp.Expr, scope: Scope) -> tuple[str, Relation]:
    """Translate one relation; its columns are read by a private name of the relation."""
    if node.args.get("sample"):
        raise unsupported("TABLESAMPLE", node)
    alias = scope.build.fresh("t")
    if isinstance(node, exp.Table):
        return _table(node, alias, scope)
    if isinstance(node, exp.Values):
        return _aliased(values(node, scope), node, alias)
    if not isinstance(node, exp.Subquery):
        raise unsupported("This relation", node)
    if not isinstance(node.this, exp.Query | exp.Values) or node.args.get("joins"):
        raise unsupported("A join in brackets", node)
    return _aliased(scope.build.query(_whole(node), Scope(scope.build, ctes=scope.ctes)), node, alias)


def _whole(node: exp.Subquery) -> exp.Expr:
    """Return what a subquery holds, with the clauses that stand behind its brackets."""
    if any(node.args.get(key) for key in ("order", "limit", "offset", "with_")):
        raise unsupported("Clauses behind a query in brackets", node)
    held: exp.Expr = node.this
    return held


def _table(node: exp.Table, alias: str, scope: Scope) -> tuple[str, Relation]:
    if node.args.get("version"):
        raise unsupported("Time travel", node)
    shown = fold_trino(node.alias or node.name)
    if not node.args.get("db"):
        named = scope.ctes.get(fold_trino(node.name))
        if named is not None:
            return _aliased(named, node, alias, shown)
    scan = scope.build.scans.get(_name_of(node))
    if scan is not None:
        return _aliased(scope.build.query(scan, Scope(scope.build)), node, alias, shown)
    table = scope.build.tables.get(_name_of(node))
    if table is None:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{_name_of(node)}' does not exist")
    database, own = table.native_name or (table.name.schema, table.name.table)
    fields = tuple(_column(alias, column) for column in table.columns)
    return f"{name(database)}.{name(own)} AS {alias}", Relation(shown, _renamed(fields, node))


def _name_of(node: exp.Table) -> TableName:
    known = node.meta.get("table")
    if isinstance(known, TableName):
        return known
    return TableName(
        *(fold_trino(node.args[key].name) if node.args.get(key) else "" for key in ("catalog", "db", "this"))
    )


def _column(alias: str, column: Column) -> Field:
    text = f"{alias}.{name(column.native_name or column.name)}"
    if is_state(column.native_type):
        what = f"Column '{column.name}', which keeps states of an aggregate,"
        return Field(column.name, text, column.type, refusal=what, state=column.native_type)
    try:
        sql = read(text, column)
    except Refusal:
        what = f"Column '{column.name}' of the ClickHouse type {column.native_type}"
        return Field(column.name, text, column.type, refusal=what)
    return Field(column.name, sql, column.type, nullable=column.nullable, zone=stored_zone(column))


def _aliased(query: Query, node: exp.Expr, alias: str, shown: str | None = None) -> tuple[str, Relation]:
    fields = tuple(replace(field, sql=f"{alias}.{field.sql}") for field in query.fields)
    written = node.args.get("alias")
    if written is not None and written.args.get("this") is not None:
        shown = fold_trino(written.name)
    return nested(query.sql, alias), Relation(shown, _renamed(fields, node))


def _renamed(fields: tuple[Field, ...], node: exp.Expr) -> tuple[Field, ...]:
    """Give columns the names of an alias list: `AS t(a, b)`."""
    written = node.args.get("alias")
    columns = list(written.args.get("columns") or ()) if written is not None else []
    if not columns:
        return fields
    if len(columns) != len(fields):
        raise Refusal(
            ErrorCode.MISMATCHED_COLUMN_ALIASES,
            f"Column alias list has {len(columns)} entries but relation has {len(fields)} columns",
        )
    return tuple(replace(f, name=fold_trino(c.name)) for f, c in zip(fields, columns, strict=True))


def values(node: exp.Values, scope: Scope) -> Query:
    """Translate VALUES to a union of rows, with the common type of each column."""
    rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    kinds = [common_type_of(scope.type_of(row[at]) for row in rows) for at in range(len(rows[0]))]
    names = [scope.build.fresh("c") for _ in kinds]
    lines = []
    for row in rows:
        items = [f"{_typed(item, kind, scope)} AS {own}" for item, kind, own in zip(row, kinds, names, strict=True)]
        lines.append(select(items))
    fields = tuple(
        Field(f"_col{at}", own, kind) for at, (own, kind) in enumerate(zip(names, kinds, strict=True)) if kind
    )
    return Query(" UNION ALL ".join(lines), fields)


def _typed(node: exp.Expr, kind: TrinoType | None, scope: Scope) -> str:
    if kind is None:
        raise unsupported("VALUES of different types", node)
    if kind.base == "unknown":
        return "NULL"
    text = coerced(node, kind, scope)
    return text if kind.base.endswith("zone") else cast(text, kind)


def _joined(left: Source, join: exp.Join, scope: Scope) -> Source:
    """Add one join to the relations so far."""
    side = str(join.args.get("side") or "").upper()
    kind = str(join.args.get("kind") or "").upper()
    if isinstance(join.this, exp.Lateral) or join.args.get("method"):
        raise unsupported("LATERAL" if isinstance(join.this, exp.Lateral) else "NATURAL JOIN", join)
    if isinstance(join.this, exp.Unnest):
        if side or (join.args.get("on") is not None and not isinstance(join.args["on"], exp.Boolean)):
            raise unsupported("An outer join with UNNEST", join)
        return _unnested(left, join.this, scope, outer=False)
    sql, relation = _relation(join.this, scope)
    right = Source(sql, (relation,))
    if join.args.get("using"):
        return _using(left, right, join, side, scope)
    on = join.args.get("on")
    if on is None or kind == "CROSS":
        return Source(f"{left.sql} CROSS JOIN {sql}", (*left.relations, relation), left.merged)
    condition = join_condition(on, left.relations, relation, side, _sight((left, right), scope, left.merged))
    text = f"{left.sql} {side or 'INNER'} JOIN {sql} ON {condition}"
    return _with_nulls(Source(text, (*left.relations, relation), left.merged), len(left.relations), side)


def _sight(sources: Sequence[Source], scope: Scope, merged: tuple[Field, ...] = ()) -> Scope:
    relations = tuple(r for s in sources for r in s.relations)
    return Scope(scope.build, relations, scope.parent, scope.ctes, merged=merged, correlated=scope.correlated)


def _using(left: Source, right: Source, join: exp.Join, side: str, scope: Scope) -> Source:
    """Join by common column names, which become columns without relation."""
    names = [fold_trino(column.name) for column in join.args["using"]]
    relation = right.relations[0]
    pairs = [(_sight((left,), scope, left.merged).find([n]), _sight((right,), scope).find([n])) for n in names]
    merged, conditions = [], []
    for key, (a, b) in zip(names, pairs, strict=True):
        kind = common_super_type(a.type, b.type) if a is not None and b is not None else None
        if a is None or b is None or kind is None:
            raise unsupported(f"USING ({key})", join)
        first, second = (convert(f.sql, f.type, kind, zone=scope.build.time_zone) for f in (a, b))
        conditions.append(using_condition(first, second, kind, join))
        value = {"RIGHT": second, "FULL": call("coalesce", first, second)}.get(side, first)
        merged.append(Field(key, value, kind))
    text = f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {' AND '.join(conditions)}"
    kept = [_without(r, names) for r in (*left.relations, relation)]
    before = tuple(f for f in left.merged if f.name not in names)
    return _with_nulls(Source(text, tuple(kept), (*merged, *before)), len(left.relations), side)


def _without(relation: Relation, names: Sequence[str]) -> Relation:
    return replace(relation, fields=tuple(f for f in relation.fields if f.name not in names))


def _with_nulls(joined: Source, count: int, side: str) -> Source:
    """Note which columns an outer join can make NULL; arrays, maps and rows cannot be, so they are out of use."""
    relations = list(joined.relations)
    for at in range(len(relations)):
        is_left = at < count
        if side == "FULL" or side == ("RIGHT" if is_left else "LEFT"):
            relations[at] = replace(relations[at], fields=tuple(_nulled(f) for f in relations[at].fields))
    return replace(joined, relations=tuple(relations))


def _nulled(field: Field) -> Field:
    if field.type.base in NESTED:
        return replace(field, refusal=f"An {field.type.base} that an outer join may leave out")
    return replace(field, nullable=True)


def _unnested(left: Source | None, node: exp.Unnest, scope: Scope, *, outer: bool) -> Source:
    """Translate UNNEST of one array: the relations so far become a subquery whose rows are multiplied."""
    if len(node.expressions) != 1 or outer:
        raise unsupported("UNNEST of several arrays", node)
    before = left or Source(nested(select(["1 AS d0"]), "t0"), ())
    sight = _sight((before,), scope, before.merged)
    kind = sight.type_of(node.expressions[0])
    if kind.base != "array" or kind.arguments[0].base in (*NESTED, "unknown"):
        raise unsupported(f"UNNEST of {kind}", node)
    array = sight.value(node.expressions[0])
    build, alias = scope.build, scope.build.fresh("t")
    items: list[str] = []
    relations = tuple(_carried(r, alias, items, scope) for r in before.relations)
    merged = _carried(Relation(None, before.merged), alias, items, scope).fields
    element, position = build.fresh("c"), build.fresh("c")
    own = [Field(None, f"{alias}.{element}", kind.arguments[0])]
    items.append(f"{element} AS {element}")
    joins = f"{array} AS {element}"
    if node.args.get("offset"):
        own.append(Field(None, f"{alias}.{position}", BIGINT, nullable=False))
        items.append(f"toInt64({position}) AS {position}_")
        own[-1] = replace(own[-1], sql=f"{alias}.{position}_")
        joins += f", arrayEnumerate({array}) AS {position}"
    sql = nested(select(items, before.sql, f"ARRAY JOIN {joins}"), alias)
    return Source(sql, (*relations, _unnest_relation(node, own)), merged)


def _unnest_relation(node: exp.Unnest, fields: list[Field]) -> Relation:
    written, offset = node.args.get("alias"), node.args.get("offset")
    columns = list(written.args.get("columns") or ()) if written is not None else []
    if isinstance(offset, exp.Identifier) and len(columns) < len(fields):
        columns.append(offset)
    named = tuple(
        replace(f, name=fold_trino(columns[at].name) if at < len(columns) else None) for at, f in enumerate(fields)
    )
    shown = fold_trino(written.name) if written is not None and written.args.get("this") is not None else None
    return Relation(shown, named)


def _carried(relation: Relation, alias: str, items: list[str], scope: Scope) -> Relation:
    """Pass a relation's columns through a subquery; what may not be used stays behind."""
    fields = []
    for field in relation.fields:
        if field.refusal is None:
            own = scope.build.fresh("c")
            items.append(f"{field.sql} AS {own}")
            field = replace(field, sql=f"{alias}.{own}")
        fields.append(field)
    return replace(relation, fields=tuple(fields))
