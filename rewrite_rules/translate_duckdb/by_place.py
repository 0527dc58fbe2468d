"""Rows as tables hold them, with fields of their own names, brought to the form in which queries hold them."""

from __future__ import annotations

from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.text import duckdb_type


def holds_row(type_: TrinoType) -> bool:
    """Tell whether values of a type are rows or hold some."""
    return type_.base == "row" or any(holds_row(inner) for inner in type_.arguments)


def by_place(sql: str, type_: TrinoType, depth: int = 0) -> str:
    """Give the fields of a value's rows names by place, since DuckDB casts and compares rows by their fields' names."""
    if not holds_row(type_):
        return sql
    item = f"s{depth}"
    if type_.base == "array":
        return f"list_transform({sql}, lambda {item}: {by_place(item, type_.arguments[0], depth + 1)})"
    if type_.base == "map":
        key, value = (by_place(f"{item}.{part}", inner, depth + 1) for part, inner in _entry(type_))
        return f"map_from_entries(list_transform(map_entries({sql}), lambda {item}: row({key}, {value})))"
    fields = ", ".join(
        by_place(f"struct_extract_at({item}, {place})", inner, depth + 1)
        for place, inner in enumerate(type_.arguments, start=1)
    )
    packed = f"CASE WHEN {item} IS NOT NULL THEN CAST(row({fields}) AS {duckdb_type(type_)}) END"
    return f"list_transform([{sql}], lambda {item}: {packed})[1]"


def _entry(type_: TrinoType) -> zip[tuple[str, TrinoType]]:
    return zip(("key", "value"), type_.arguments, strict=True)
