"""How arrays, maps and rows of the wire are held natively: element by element, each by its own type.

They are read as JSON text, so that no default takes the place of a NULL. Elements, values and fields of plain types may
be NULL; an array, a map or a row as a whole may not, for ClickHouse has no NULL of these: such a value ends the
filling, by its column's name.
"""

from __future__ import annotations

from catalog.clickhouse_types import PLAIN
from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from engines.clickhouse.sizes import literal

NESTED = frozenset({"array", "map", "row"})
_KEYS = frozenset({"tinyint", "smallint", "integer", "bigint", "varchar", "date", "boolean", "decimal", "uuid"})
"""Types whose values are told apart alike as keys, and written as text without loss."""
_ELEMENTS = _KEYS | {"double", "real", "timestamp"}
_MOST_DIGITS = 6
_UNREADABLE = literal("penstock[NOT_SUPPORTED]A view cannot hold text with half a character in it[penstock]")
_NAMED = {"array": "an array", "map": "a map", "row": "a row"}


def nested_type(kind: TrinoType) -> str:
    """Return the native type of an array, a map or a row. Raises Refusal NOT_SUPPORTED."""
    inner = [_inner(each) for each in kind.arguments]
    if kind.base == "map":
        key = kind.arguments[0]
        if key.base not in _KEYS:
            raise _cannot(f"maps with keys of type {key}")
        return f"Map({_plain(key)}, {inner[1]})"
    return f"{'Array' if kind.base == 'array' else 'Tuple'}({', '.join(inner)})"


def nested_value(kind: TrinoType, text: str, column: str, depth: int = 0) -> str:
    """Write what makes a value of JSON text, which is NULL or `null` where there is none."""
    said = f"Column {column} of a view has NULL in the place of {_NAMED[kind.base]}, which ClickHouse cannot hold"
    missing = literal(f"penstock[NOT_SUPPORTED]{said}[penstock]")
    there = f"if(throwIf(ifNull({text}, 'null') = 'null', {missing}) = 0, assumeNotNull({text}), '')"
    if depth == 0:  # what cannot be read would be an empty array
        there = f"if(throwIf(NOT isValidJSON({there}), {_UNREADABLE}) = 0, {there}, '')"
    return f"CAST({_value(kind, there, column, depth)} AS {nested_type(kind)})"


def _inner(kind: TrinoType) -> str:
    return nested_type(kind) if kind.base in NESTED else f"Nullable({_plain(kind)})"


def _plain(kind: TrinoType) -> str:
    if kind.base not in _ELEMENTS:
        raise _cannot(f"values of type {kind} in arrays, maps and rows")
    if kind.base == "decimal":
        return f"Decimal({kind.numbers[0]}, {kind.numbers[1]})"
    if kind.base == "timestamp":
        if kind.numbers[0] > _MOST_DIGITS:
            raise _cannot(f"values of type {kind} in arrays, maps and rows")
        return f"DateTime64({kind.numbers[0]})"
    return PLAIN[kind.base]


def _value(kind: TrinoType, text: str, column: str, depth: int) -> str:
    """Write the value of JSON text that is not null."""
    x = f"x{depth}"
    if kind.base == "array":
        (element,) = kind.arguments
        return f"arrayMap({x} -> {_element(element, x, column, depth)}, JSONExtractArrayRaw({text}))"
    if kind.base == "row":
        fields = (_element(each, f"{x}[{at}]", column, depth) for at, each in enumerate(kind.arguments, start=1))
        return f"arrayMap({x} -> tuple({', '.join(fields)}), [JSONExtractArrayRaw({text})])[1]"
    key, value = kind.arguments
    pair = f"tuple({_key(key, f'{x}.1')}, {_element(value, f'{x}.2', column, depth)})"
    return f"arrayMap({x} -> {pair}, JSONExtractKeysAndValuesRaw({text}))"


def _key(kind: TrinoType, text: str) -> str:
    """Write a map's key, which is text whatever its type is."""
    key = f"CAST({text} AS {_plain(kind)})"
    if kind.base != "date":
        return key
    beyond = literal(f"penstock[NOT_SUPPORTED]A view cannot hold all values of type {kind}[penstock]")
    return f"if(throwIf(toString({key}) != {text}, {beyond}) = 0, {key}, toDate32('1970-01-01'))"


def _element(kind: TrinoType, text: str, column: str, depth: int) -> str:
    """Write an element, a value or a field, whose JSON text is `null` where it is NULL."""
    if kind.base in NESTED:
        return nested_value(kind, text, column, depth + 1)
    plain = f"if(startsWith({text}, '\"'), JSONExtractString({text}), {text})"
    value = f"CAST(if({text} = 'null', NULL, {plain}) AS Nullable({_plain(kind)}))"
    # What cannot be read becomes NULL without a word, and some years become other numbers.
    lost = f"{value} IS NULL AND {text} != 'null'"
    if kind.base in ("date", "timestamp"):
        lost = f"ifNull(toString({value}) != {plain}, {text} != 'null')"
    beyond = literal(f"penstock[NOT_SUPPORTED]A view cannot hold all values of type {kind}[penstock]")
    return f"if(throwIf({lost}, {beyond}) = 0, {value}, NULL)"


def _cannot(what: str) -> Refusal:
    hint = "Leave the column out, or cast it to a type that it can hold."
    return Refusal(ErrorCode.NOT_SUPPORTED, f"A view cannot hold {what}", hint=hint)
