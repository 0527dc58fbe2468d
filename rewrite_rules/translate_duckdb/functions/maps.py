"""Functions that make maps and take them apart, with those that take lambdas."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.functions.collections import PLAIN_ELEMENTS, has_null
from rewrite_rules.translate_duckdb.text import as_type, case, let, let_all, raising, unsupported

_KEY, _VALUE = "struct_extract_at(x, 1)", "struct_extract_at(x, 2)"
_DUPLICATE = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Duplicate keys, null keys or null entries are not allowed")


def _map(call: Call) -> str:
    if not call.args:
        return as_type("MAP {}", call.result)
    keys, values = call.args
    key = call.types[0].arguments[0]
    if key.base not in PLAIN_ELEMENTS:
        raise unsupported(f"a map with keys of type {key}")
    bad = raising(
        ErrorCode.INVALID_FUNCTION_ARGUMENT,
        "Map keys must be distinct, not null, and as many as there are values",
    )

    def build(k: str, v: str) -> str:
        return case(
            (f"{k} IS NULL OR {v} IS NULL", "NULL"),
            (f"len({k}) <> len({v}) OR {has_null(k)} OR len(list_distinct({k})) <> len({k})", bad),
            otherwise=as_type(f"map({k}, {v})", call.result),
        )

    return let_all((keys, values), "v", build)


def _map_from_entries(call: Call) -> str:
    if call.types[0].arguments[0].arguments[0].base not in PLAIN_ELEMENTS:
        raise unsupported("a map with keys of this type")

    def build(v: str) -> str:
        keys, values = (f"list_transform({v}, lambda x: {part})" for part in (_KEY, _VALUE))
        null = f"len(list_filter({v}, lambda x: x IS NULL OR {_KEY} IS NULL)) > 0"
        return case(
            (f"{v} IS NULL", "NULL"),
            (f"{null} OR len(list_distinct({keys})) <> len({v})", _DUPLICATE),
            otherwise=as_type(f"map({keys}, {values})", call.result),
        )

    return let(call.args[0], "v", build)


def _null_map(body: str) -> Function:
    return lambda call: let(call.args[0], "v", lambda v: case((f"{v} IS NULL", "NULL"), otherwise=body.format(v)))


def _concat(call: Call) -> str:
    """The last map's value stands where several have a key."""
    _check_keys(call)

    def build(v: str) -> str:
        last = f"list_filter({v}, lambda x, i: NOT list_contains({_keys(f'{v}[i + 1:]')}, {_KEY}))"
        return _from_entries(last, call)

    entries = ", ".join(f"map_entries({a})" for a in call.args)
    null = " OR ".join(f"({a}) IS NULL" for a in call.args)
    return case((null, "NULL"), otherwise=let(f"flatten([{entries}])", "v", build))


def _check_keys(call: Call) -> None:
    if call.types[0].arguments[0].base not in PLAIN_ELEMENTS:
        raise unsupported(f"{call.name}() with keys of type {call.types[0].arguments[0]}")


def _keys(entries: str) -> str:
    return f"list_transform({entries}, lambda y: struct_extract_at(y, 1))"


def _from_entries(entries: str, call: Call) -> str:
    keys, values = (f"list_transform({entries}, lambda x: {part})" for part in (_KEY, _VALUE))
    return as_type(f"map({keys}, {values})", call.result)


def _lambda(call: Call, entry: str) -> str:
    """Write a lambda's body over the key and the value of an entry."""
    key, value = call.types[0].arguments
    fields = (f"struct_extract_at({entry}, 1)", key), (f"struct_extract_at({entry}, 2)", value)
    return call.body_of(1, *fields)


def _over_entries(call: Call, entries: str) -> str:
    null = f"({call.args[0]}) IS NULL"
    return case((null, "NULL"), otherwise=let(entries, "v", lambda v: _from_entries(v, call)))


def _filter(call: Call) -> str:
    return _over_entries(call, f"list_filter(map_entries({call.args[0]}), lambda p97: {_lambda(call, 'p97')})")


def _transform_values(call: Call) -> str:
    pair = f"row(struct_extract_at(p97, 1), {_lambda(call, 'p97')})"
    return _over_entries(call, f"list_transform(map_entries({call.args[0]}), lambda p97: {pair})")


def _transform_keys(call: Call) -> str:
    if call.result.arguments[0].base not in PLAIN_ELEMENTS:
        raise unsupported(f"transform_keys() to keys of type {call.result.arguments[0]}")
    pairs = f"row({_lambda(call, 'p97')}, struct_extract_at(p97, 2))"

    def build(v: str) -> str:
        wrong = f"len(list_distinct({_keys(v)})) <> len({v})"
        return case((wrong, _DUPLICATE), otherwise=_from_entries(v, call))

    changed = f"list_transform(map_entries({call.args[0]}), lambda p97: {pairs})"
    return case((f"({call.args[0]}) IS NULL", "NULL"), otherwise=let(changed, "v", build))


def _entries(call: Call) -> str:
    entry = f"row({_KEY}, {_VALUE})"
    null = f"({call.args[0]}) IS NULL"
    entries = f"list_transform(map_entries({call.args[0]}), lambda x: {entry})"
    return case((null, "NULL"), otherwise=as_type(entries, call.result))


SCALARS: Mapping[str, Function] = {
    "map": _map,
    "map_from_entries": _map_from_entries,
    "map_keys": _null_map("map_keys({0})"),
    "map_values": _null_map("map_values({0})"),
    "map_entries": _entries,
    "map_concat": _concat,
    "map_filter": _filter,
    "transform_values": _transform_values,
    "transform_keys": _transform_keys,
}
