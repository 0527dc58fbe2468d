"""ORDER BY: NULLs, NaNs and types that ClickHouse orders in its own way."""

from __future__ import annotations

from sqlglot import exp

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import CONSTANT_KEY, call, unnumbered

_ORDERED = frozenset({*INTEGRAL, "boolean", "decimal", "varchar", "char", "varbinary", "date", "ipaddress", "uuid"})
_ORDERABLE = _ORDERED | {"timestamp", "timestamp with time zone", "double", "real"}


def sort_keys(item: exp.Expr, scope: Scope) -> list[str]:
    """Translate one item of ORDER BY; Trino puts NULLs last in both directions unless told otherwise."""
    node = item.this if isinstance(item, exp.Ordered) else item
    kind = scope.type_of(node)
    value = scope.value(node)
    return [CONSTANT_KEY] if kind.base == "unknown" else keys_of(value, kind, item)


def keys_of(value: str, kind: TrinoType, item: exp.Expr) -> list[str]:
    """Write the sort keys of a value of a type. Raises Refusal NOT_SUPPORTED."""
    if kind.base not in _ORDERABLE:
        raise unsupported(f"Ordering by {kind}", item)
    descending, first = bool(item.args.get("desc")), bool(item.args.get("nulls_first"))
    if kind.base == "uuid":
        value = call("toString", value)
    if kind.base in ("double", "real") and descending:
        nan = "ASC" if first else "DESC"
        return [f"isNull({value}) {'DESC' if first else 'ASC'}", f"isNaN({value}) {nan}", f"{value} DESC"]
    return [f"{unnumbered(value)} {'DESC' if descending else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"]
