"""Keys of groups: values made so that ClickHouse finds the same ones equal as Trino, and what is shown of them."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Field
from rewrite_rules.translate_clickhouse.text import call, either, unsupported_value

FLOATS = ("double", "real")


def grouping_key(value: str, kind: TrinoType) -> str:
    """Write a value so that ClickHouse finds the same values distinct as Trino. Raises Refusal NOT_SUPPORTED."""
    if kind.base in FLOATS:
        nan, zero = ("nan", "0.") if kind.base == "double" else ("toFloat32(nan)", "toFloat32(0)")
        return call("multiIf", call("isNaN", value), nan, f"{value} = 0", zero, value)
    if kind.base in ("map", "row", "json") or any(t.base in (*NESTED, *FLOATS) for t in kind.arguments):
        raise unsupported(f"Grouping by {kind}")
    return value


def shown_key(value: str, kind: TrinoType) -> str:
    """Write what a group shows of its key: of the zeros, which are one key, one that is there."""
    key = grouping_key(value, kind)
    return either(f"{key} = 0", call("any", value), key) if kind.base in FLOATS else key


def first_of_each(fields: Sequence[Field]) -> str:
    """Write the clause by which of rows with equal columns one is left, as it is; empty where DISTINCT does so."""
    if not any(field.type.base in FLOATS for field in fields):
        return ""
    keys = [grouping_key(field.sql, field.type) for field in fields if field.type.base != "unknown"]
    return f" LIMIT 1 BY {', '.join(keys)}"


def compared_key(value: str, kind: TrinoType) -> str:
    """Write what INTERSECT and EXCEPT compare and show: they would show any zero as one without a sign."""
    key = grouping_key(value, kind)
    if kind.base not in FLOATS:
        return key
    return unsupported_value(f"{key} = 0 AND 1 / {value} < 0", "-0.0 before INTERSECT or EXCEPT", key)
