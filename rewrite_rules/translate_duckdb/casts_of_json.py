"""Casts to JSON and from it, through arrays, maps and rows."""

from __future__ import annotations

from collections.abc import Callable

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_duckdb.cast_kinds import Cast
from rewrite_rules.translate_duckdb.text import as_type, case, duckdb_type, let, refusing, string, unsupported

Inner = Callable[[str, TrinoType, TrinoType, str], str]
"""Cast a value from one type to another; the last argument is the zone."""
_VARCHAR = TrinoType("varchar")
_READ_AS_TEXT = (*INTEGRAL, "double", "real", "decimal", "boolean", "varchar")
_PLAIN_SCALE = 6
"""Trino writes decimals below a millionth, and 0 with more digits than this, with an exponent (`1E-10`, `0E-10`)."""
_KEYS = (*INTEGRAL, "boolean", "varchar")


def to_json(sql: str, cast_: Cast, inner: Inner) -> str:
    """Write a value as JSON text. Raises Refusal NOT_SUPPORTED for types whose JSON is not known."""
    source = cast_.source
    if source.base == "varchar":
        raise unsupported(f"a cast of {source} to json here")
    if source.base == "decimal" and source.numbers[1] > _PLAIN_SCALE:
        return let(sql, _name(source), lambda v: _small_decimal_to_json(v, cast_, inner))
    if source.base in ("boolean", *INTEGRAL, "decimal"):
        return inner(sql, source, _VARCHAR, cast_.zone)
    if source.base == "double":
        return f"penstock_json_double(CAST({sql} AS VARCHAR))"
    if source.base in ("date", "timestamp"):
        return f"('\"' || {inner(sql, source, _VARCHAR, cast_.zone)} || '\"')"
    if source.base == "array":
        item = _name(source)
        element = _element(item, source.arguments[0], cast_, inner)
        items = f"list_transform({sql}, lambda {item}: coalesce({element}, 'null'))"
        return f"('[' || array_to_string({items}, ',') || ']')"
    if source.base == "map":
        return _map_to_json(sql, cast_, inner)
    if source.base == "row":
        return let(sql, _name(source), lambda v: _row_to_json(v, cast_, inner))
    raise unsupported(f"a cast of {source} to json")


def _element(sql: str, type_: TrinoType, cast_: Cast, inner: Inner) -> str:
    return sql if type_.base == "json" else inner(sql, type_, TrinoType("json"), cast_.zone)


def _name(type_: TrinoType) -> str:
    """Return a name that no value inside has: one letter for each level."""
    return "x" * (_depth(type_) + 1)


def _depth(type_: TrinoType) -> int:
    return 1 + max((_depth(inner) for inner in type_.arguments), default=0)


def _map_to_json(sql: str, cast_: Cast, inner: Inner) -> str:
    key, value = cast_.source.arguments
    if key.base not in _KEYS:
        raise unsupported(f"a cast of {cast_.source} to json")
    item = _name(cast_.source)
    name, member = inner(item, key, _VARCHAR, cast_.zone), _element(item, value, cast_, inner)

    def made(v: str) -> str:
        names, members = (
            f"list_transform(map_{p}({v}), lambda {item}: {t})" for p, t in (("keys", name), ("values", member))
        )
        return case((f"{v} IS NULL", "NULL"), otherwise=f"penstock_json_object({names}, {members})")

    return let(sql, "y", made)


def _small_decimal_to_json(value: str, cast_: Cast, inner: Inner) -> str:
    shown = inner(value, cast_.source, _VARCHAR, cast_.zone)
    return case((f"abs({value}) < 0.000001", refusing("JSON of so small a decimal")), otherwise=shown)


def _row_to_json(value: str, cast_: Cast, inner: Inner) -> str:
    source = cast_.source
    parts = []
    for place, (name, type_) in enumerate(zip(source.fields, source.arguments, strict=True), start=1):
        if name is not None and (not name.isascii() or '"' in name or "\\" in name):
            raise unsupported(f"a cast of {source} to json")
        text = _element(f"struct_extract_at({value}, {place})", type_, cast_, inner)
        label = string(f'"{name or ""}":')
        parts.append(f"{label} || coalesce({text}, 'null')")
    members = " || ',' || ".join(parts)
    return case((f"{value} IS NULL", "NULL"), otherwise=f"('{{' || {members} || '}}')")


def from_json(sql: str, cast_: Cast, inner: Inner) -> str:
    """Read a value from JSON text. Raises Refusal NOT_SUPPORTED."""
    target = cast_.target
    if cast_.tried:
        raise unsupported(f"TRY_CAST of json to {target}")
    if target.base in _READ_AS_TEXT and not (target.base == "varchar" and target.parameters):
        text = f"penstock_json_text({sql}, {string(target.base)})"
        return text if target.base == "varchar" else inner(text, _VARCHAR, target, cast_.zone)
    shown = string(str(target))
    if target.base == "array":
        item = _name(target)
        element = _read(item, target.arguments[0], cast_, inner)
        return f"list_transform(penstock_json_items({sql}, {shown}), lambda {item}: {element})"
    if target.base == "map" and target.arguments[0].base == "varchar":
        return let(sql, "y", lambda v: _map_from_json(v, shown, cast_, inner))
    raise unsupported(f"a cast of json to {target}")


def _read(sql: str, type_: TrinoType, cast_: Cast, inner: Inner) -> str:
    return sql if type_.base == "json" else inner(sql, TrinoType("json"), type_, cast_.zone)


def _map_from_json(value: str, shown: str, cast_: Cast, inner: Inner) -> str:
    target, item = cast_.target, _name(cast_.target)
    duckdb_type(target)
    keys, members = f"penstock_json_keys({value}, {shown})", f"penstock_json_values({value}, {shown})"
    read = f"list_transform({members}, lambda {item}: {_read(item, target.arguments[1], cast_, inner)})"
    return case((f"{keys} IS NULL", "NULL"), otherwise=as_type(f"map({keys}, {read})", target))
