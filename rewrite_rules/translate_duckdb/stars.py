"""Stars of a select list: the columns, or the fields of a row, that they stand for."""

from __future__ import annotations

from sqlglot import exp

from rewrite_rules.translate_duckdb.context import Column, Context, bare, find_column, type_of, write
from rewrite_rules.translate_duckdb.text import unsupported


def star_columns(item: exp.Expr, context: Context) -> list[Column] | None:
    """Return the columns a star stands for; None if the item is no star."""
    if isinstance(item, exp.Star):
        return list(_every(context))
    if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        qualifier = item.args["table"].name.lower()
        return [c for c in _every(context) if c.qualifier == qualifier]
    if isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star):
        return _row_star(bare(item.this), context)
    return None


def _every(context: Context) -> tuple[Column, ...]:
    if context.scope.table is not None:
        raise unsupported("a star over a table that is not governed")
    return context.scope.columns


def _row_star(node: exp.Expr, context: Context) -> list[Column]:
    if isinstance(node, exp.Column):
        parts = [p.name.lower() for p in (node.args.get(k) for k in ("catalog", "db", "table", "this")) if p]
        try:
            column, used = find_column(parts, context)
        except Exception as error:
            raise unsupported("this star") from error
        if used != len(parts):
            raise unsupported("a star over a field of a row")
        sql, type_ = column.sql, column.type
    else:
        sql, type_ = write(node, context), type_of(node)
    return [
        Column(name.lower() if name else None, f"struct_extract_at({sql}, {i})", kind)
        for i, (name, kind) in enumerate(zip(type_.fields, type_.arguments, strict=True), start=1)
    ]
