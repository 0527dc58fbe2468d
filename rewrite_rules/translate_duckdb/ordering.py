"""ORDER BY with Trino's places for NULL and NaN; LIMIT, OFFSET and FETCH."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.types import INTEGER, TrinoType
from rewrite_rules.translate_duckdb.context import Column, Context, bare, type_of, write
from rewrite_rules.translate_duckdb.text import as_type, case, raising, unsupported

_NESTED = ("array", "row", "map")
_WRITTEN = (exp.Literal, exp.Boolean, exp.Null)


def order_by(node: exp.Expr | None, outputs: Sequence[Column], context: Context) -> str:
    """Write ORDER BY of a query; names mean output columns first. Empty without one."""
    if node is None:
        return ""
    names = {c.name: c for c in reversed(outputs) if c.name is not None}
    inner = context.with_(outputs=names)
    return f" ORDER BY {', '.join(_item(item, outputs, inner) for item in node.expressions)}"


def _item(item: exp.Expr, outputs: Sequence[Column], context: Context) -> str:
    key = item.this if isinstance(item, exp.Ordered) else item
    inner = bare(key)
    if isinstance(inner, exp.Literal) and not inner.args.get("is_string") and inner.name.isdigit():
        column = outputs[int(inner.name) - 1]
        return sorted_by(column.sql, column.type, item, place=int(inner.name))
    text = write(inner, context)
    place = next((i for i, column in enumerate(outputs, start=1) if column.sql == text), None)
    return sorted_by(text, type_of(inner), item, place=place)


def comparable_array(text: str, type_: TrinoType) -> str:
    """Let arrays that hold NULL end the query: Trino does not compare them. Raises Refusal NOT_SUPPORTED."""
    if type_.base != "array" or type_.arguments[0].base in (*_NESTED, "double", "real"):
        raise unsupported(f"ordering by {type_}")
    holds_null = f"len(list_filter({text}, lambda x: x IS NULL)) > 0"
    bad = raising(ErrorCode.NOT_SUPPORTED, "ARRAY comparison not supported for arrays with null elements")
    return case((holds_null, bad), otherwise=text)


def sorted_by(text: str, type_: TrinoType, item: exp.Expr, *, place: int | None = None) -> str:
    """Write one sort key. NaN is the largest number, but the smallest under NULLS FIRST (Trino 476)."""
    descending = bool(item.args.get("desc"))
    nulls_first = bool(item.args.get("nulls_first"))
    if type_.base in _NESTED:
        text, place = comparable_array(text, type_), None
    direction = f"{'DESC' if descending else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
    if type_.base in ("double", "real") and nulls_first:
        return f"({text}) IS NULL DESC, isnan({text}) {'ASC' if descending else 'DESC'}, ({text}) {direction}"
    # A constant would be taken for the number of a column, or refused where it is none.
    if place is None and isinstance(bare(item.this if isinstance(item, exp.Ordered) else item), _WRITTEN):
        text = as_type(text, INTEGER if type_.base == "unknown" else type_)
    return f"{place} {direction}" if place is not None else f"({text}) {direction}"


def limits(node: exp.Expr) -> str:
    """Write LIMIT and OFFSET of a query. Raises Refusal NOT_SUPPORTED for WITH TIES."""
    limit, offset = node.args.get("limit"), node.args.get("offset")
    text = ""
    if isinstance(limit, exp.Limit):
        if _is_all(limit.expression):
            limit = None
        else:
            text = f" LIMIT {_count(limit.expression)}"
    elif isinstance(limit, exp.Fetch):
        options = limit.args.get("limit_options")
        if options is not None and options.args.get("with_ties"):
            raise unsupported("FETCH ... WITH TIES")
        count = limit.args.get("count")
        text = f" LIMIT {_count(count) if count is not None else 1}"
    elif limit is not None:
        raise unsupported(limit.key)
    if offset is not None:
        text += f" OFFSET {_count(offset.expression)}"
    return text


def _is_all(node: exp.Expr) -> bool:
    return not isinstance(node, exp.Literal) and node.name.upper() == "ALL"


def _count(node: exp.Expr) -> int:
    inner = bare(node)
    if isinstance(inner, exp.Cast):
        inner = inner.this
    if not isinstance(inner, exp.Literal) or not inner.name.isdigit():
        raise unsupported("a limit that is not a number")
    return int(inner.name)
