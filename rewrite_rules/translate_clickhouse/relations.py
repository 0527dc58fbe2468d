"""Single relations of FROM: tables, subqueries and VALUES, each under a private name."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, TableName
from catalog.type_coercions import common_type_of
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import cast, read, stored_zone
from rewrite_rules.translate_clickhouse.scope import Field, Query, Relation, Scope
from rewrite_rules.translate_clickhouse.states import is_state
from rewrite_rules.translate_clickhouse.text import name, nested, select


def relation(node: exp.Expr, scope: Scope) -> tuple[str, Relation]:
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
            return _aliased(_anew(named, scope), node, alias, shown)
    scan = scope.build.scans.get(_name_of(node))
    if scan is not None:
        return _aliased(scope.build.query(scan, Scope(scope.build)), node, alias, shown)
    table = scope.build.tables.get(_name_of(node))
    if table is None:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{_name_of(node)}' does not exist")
    database, own = table.native_name or (table.name.schema, table.name.table)
    fields = tuple(_column(alias, column) for column in table.columns)
    return f"{name(database)}.{name(own)} AS {alias}", Relation(shown, renamed(fields, node))


def _anew(named: Query, scope: Scope) -> Query:
    """Read a query of WITH under names of its own: columns of two readings alike are one to ClickHouse's ROLLUP."""
    fields = tuple(replace(field, sql=scope.build.fresh("c")) for field in named.fields)
    items = [f"{a.sql} AS {b.sql}" for a, b in zip(named.fields, fields, strict=True) if a.refusal is None]
    return Query(select(items, nested(named.sql, scope.build.fresh("t"))), fields)


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
    return nested(query.sql, alias), Relation(shown, renamed(fields, node))


def renamed(fields: tuple[Field, ...], node: exp.Expr) -> tuple[Field, ...]:
    """Give columns the names of an alias list: `AS t(a, b)`. Raises Refusal MISMATCHED_COLUMN_ALIASES."""
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
