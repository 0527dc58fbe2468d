"""How a view's columns are held natively, and how values of the wire become them.

Values come as the protocol writes them. Each is read as its native type where ClickHouse reads the same from the same
text; else as text, and an expression converts it. What cannot be held exactly is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.clickhouse_types import PLAIN
from catalog.errors import ErrorCode, Refusal
from catalog.types import DOUBLE, TrinoType
from engines.clickhouse.nested_values import NESTED, nested_type, nested_value
from engines.clickhouse.sizes import literal
from engines.views import Filled

_MOST_DIGITS = 9
"""Of a second. With nine the years reach to 2262, with less further; a value beyond ends the filling."""
SETS = frozenset({"uniqExact", "uniq"})
PERCENTILES = frozenset({"quantileExact", "quantileTDigest"})
EXTREMES = frozenset({"argMax", "argMin"})


@dataclass(frozen=True, slots=True)
class Held:
    """One column of a view's table."""

    name: str
    native: str
    """Its type."""
    read: tuple[str, ...]
    """The types by which what comes for it is read: one, or two for what has something beside it."""
    value: str
    """The value to store, `{0}` and `{1}` standing for what was read."""


def native_type(kind: TrinoType) -> str:
    """Return the native type that holds all values of a Trino type. Raises Refusal NOT_SUPPORTED."""
    if kind.base in PLAIN:
        return PLAIN[kind.base]
    if kind.base == "decimal":
        return f"Decimal({kind.numbers[0]}, {kind.numbers[1]})"
    if kind.base.startswith("timestamp") and kind.numbers[0] <= _MOST_DIGITS:
        zone = ", 'UTC'" if kind.base != "timestamp" else ""
        return f"DateTime64({kind.numbers[0]}{zone})"
    hint = "Leave the column out, or cast it to a type that it can hold."
    raise Refusal(ErrorCode.NOT_SUPPORTED, f"A view cannot hold values of type {kind}", hint=hint)


def held(column: Filled) -> Held:
    """Say how one column is read, converted and held. Raises Refusal NOT_SUPPORTED."""
    if column.state is not None:
        return _state(column)
    if column.type.base in NESTED:
        value = nested_value(column.type, "{0}", column.name)
        return Held(column.name, nested_type(column.type), ("Nullable(String)",), value)
    native = native_type(column.type)
    read, value = _value(column.type, "{0}")
    shown = f"Nullable({native})" if column.nullable else native
    return Held(column.name, shown, (f"Nullable({read})",), f"CAST({value} AS {shown})")


def _value(kind: TrinoType, text: str) -> tuple[str, str]:
    """Return the type that a value is read by, and what makes of it the value to hold."""
    match kind.base:
        case "varbinary":
            return "String", f"base64Decode({text})"
        case "timestamp with time zone":
            return "String", _instant(kind, text)
        case "date" | "timestamp":
            return "String", _moment(kind, text)
        case "char":
            return "String", f"trimRight({text}, ' ')"
    return native_type(kind), text


def _instant(kind: TrinoType, text: str) -> str:
    """Write the reading of an instant in UTC; one in another zone would be shown in UTC later, so it fails."""
    elsewhere = literal("penstock[NOT_SUPPORTED]A view holds times with a zone in UTC only[penstock]")
    checked = f"if(throwIf(NOT endsWith(ifNull({text}, ' UTC'), ' UTC'), {elsewhere}) = 0, {text}, NULL)"
    return _moment(kind, f"left({checked}, length({text}) - 4)", ", 'UTC'")


def _moment(kind: TrinoType, text: str, zone: str = "") -> str:
    """Write the reading of a date or time that must come out as it came: ClickHouse takes other years for NULL, or
    for numbers.
    """
    moment = f"CAST({text} AS Nullable({native_type(kind)}))"
    beyond = literal(f"penstock[NOT_SUPPORTED]A view cannot hold all values of type {kind}[penstock]")
    lost = f"ifNull(toString({moment}{zone}) != {text}, {text} IS NOT NULL)"
    return f"if(throwIf({lost}, {beyond}) = 0, {moment}, NULL)"


def _state(column: Filled) -> Held:
    """Say how a state is made: of values that are not NULL, which is what merges (measured on ClickHouse 26.9)."""
    state = column.state
    assert state is not None  # noqa: S101  (for mypy: the caller has looked)
    if state.function in EXTREMES:
        return _extreme(column)
    if state.function not in SETS | PERCENTILES or column.type.base != "array":
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"Column {column.name} cannot be kept as a state of {state.function}",
            hint=f"States are kept of {', '.join(sorted(SETS | PERCENTILES | EXTREMES))}; their values come as arrays.",
        )
    (element,) = column.type.arguments
    read, value = _value(element, "x")
    native = native_type(element)
    if state.function == "quantileTDigest" and element.base == "decimal":
        value, native = f"toFloat64({value})", native_type(DOUBLE)
    values = (
        f"arrayMap(x -> assumeNotNull(CAST({_same_zero(element, value)} AS Nullable({native}))), {_present('{0}')})"
    )
    made = f"arrayReduce('{state.function}State', CAST({values} AS Array({native})))"
    return Held(column.name, f"AggregateFunction({state.function}, {native})", (f"Array(Nullable({read}))",), made)


def _present(values: str) -> str:
    return f"arrayFilter(x -> x IS NOT NULL, {values})"


def _same_zero(kind: TrinoType, value: str) -> str:
    """Write doubles such that what Trino finds equal has one form."""
    if kind.base not in ("double", "real"):
        return value
    return f"multiIf(isNaN({value}), nan, {value} = 0, 0, {value})"


def _extreme(column: Filled) -> Held:
    """Say how the state of an extreme row is made; values are wrapped, else rows with a NULL would be passed over."""
    state, beside = column.state, column.beside
    if state is None or beside is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Column {column.name} lacks what it is the extreme of")
    native, key = native_type(column.type), native_type(beside)
    read, value = _value(column.type, "{0}")
    read_key, key_value = _value(beside, "{1}")
    wrapped = f"[tuple(CAST({value} AS Nullable({native})))]"
    keys = f"[CAST({key_value} AS Nullable({key}))]"
    made = f"arrayReduce('{state.function}State', {wrapped}, {keys})"
    shown = f"AggregateFunction({state.function}, Tuple(Nullable({native})), Nullable({key}))"
    return Held(column.name, shown, (f"Nullable({read})", f"Nullable({read_key})"), made)
