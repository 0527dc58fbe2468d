"""Constants of Trino as points on a line, and points as constants again."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.types import TrinoType, type_text
from rewrite_rules.outline.constants import Clock, constant, instant
from rewrite_rules.substitution.ranges import DAY, PICOSECONDS, Line, Point

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (local and UTC moments are both counted from it)
_MOST_DIGITS = 15
"""Of a decimal that turns into a double: to more, Trino's division may round twice."""
_DIGITS = {"tinyint": (3, 0), "smallint": (5, 0), "integer": (10, 0), "bigint": (19, 0)}
_WHOLE = {"double": 2**53, "real": 2**24}
"""Up to which whole numbers and floats compare as if nothing was rounded."""
_LEAST_PS, _GREATEST_PS = -62_135_596_800 * PICOSECONDS, 253_402_300_800 * PICOSECONDS
"""The years 1 to 9999, which Python's calendar has."""


@dataclass(frozen=True, slots=True)
class Given:
    """A constant as it compares with values of a line: a point, NULL (None), or NaN."""

    point: Point | None
    nan: bool = False


NULL = Given(None)


def given(node: exp.Expr, kind: TrinoType, line: Line, zone: str) -> Given | None:
    """Return an expression without columns as it compares with values of a type; None where that is not known.

    `zone` is the session's: by its clocks a timestamp compares with one that has a zone.
    """
    inner = node.unnest()
    if _is_null(inner):
        return NULL
    source = inner.meta.get("type")
    if not isinstance(source, TrinoType):
        return None
    if source.base in ("double", "real"):
        value = _float(inner, zone)
        return _from_float(value, source, kind, line) if value is not None else None
    found = constant(inner, Clock(zone))
    if found is None:
        return None
    if found.value is None:
        return NULL
    reader = _READERS.get(line.family)
    point = reader(found.value, source, kind, zone) if reader is not None else None
    return Given(point) if point is not None else None


def _is_null(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast):
        return _is_null(node.this.unnest())
    return isinstance(node, exp.Null)


def _float(node: exp.Expr, zone: str) -> float | None:
    """Return a constant double or real."""
    inner = node.unnest()
    kind = inner.meta.get("type")
    if isinstance(inner, exp.Neg):
        value = _float(inner.this, zone)
        return -value if value is not None else None
    if isinstance(inner, exp.Anonymous) and not inner.expressions:
        return {"nan": math.nan, "infinity": math.inf}.get(inner.name.lower())
    if isinstance(inner, exp.Cast) and isinstance(inner.this.unnest(), exp.Literal) and isinstance(kind, TrinoType):
        return _cast_float(inner.this.unnest().name, kind)
    found = constant(inner, Clock(zone))
    return found.value if found is not None and isinstance(found.value, float) else None


def _cast_float(text: str, kind: TrinoType) -> float | None:
    words = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
    if text in words:
        return words[text]
    try:
        value = float(text) if sum(c.isdigit() for c in text) <= _MOST_DIGITS else None
    except ValueError:
        return None
    return _single(value) if value is not None and kind.base == "real" else value


def _single(value: float) -> float | None:
    """Return a value that a real holds exactly."""
    try:
        return value if struct.unpack("f", struct.pack("f", value))[0] == value else None
    except OverflowError:
        return None


def _from_float(value: float, source: TrinoType, kind: TrinoType, line: Line) -> Given | None:
    if line.family == "float":
        return Given(None, nan=True) if math.isnan(value) else Given(value + 0.0)
    if line.family != "number" or kind.base == "decimal":
        return None
    if math.isnan(value):
        return Given(None, nan=True)
    return Given(Fraction(value)) if abs(value) < _WHOLE[source.base] else None


def _number(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Fraction(value) if _has_room(source, kind) else None


def _has_room(first: TrinoType, second: TrinoType) -> bool:
    """Tell whether two exact numbers compare without a cast that could fail or round."""
    sizes = [_DIGITS.get(each.base) or each.numbers for each in (first, second)]
    if any(len(size) != 2 for size in sizes):
        return False
    scale = max(size[1] for size in sizes)
    return max(size[0] - size[1] for size in sizes) + scale <= 38


def _to_float(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if len(Decimal(value).as_tuple().digits) > _MOST_DIGITS or abs(value) >= 10**_MOST_DIGITS:
        return None
    found = float(value) + 0.0
    return _single(found) if kind.base == "real" else found


def _text(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    return value if isinstance(value, str) and source.base == "varchar" else None


def _padded(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    return value.rstrip(" ") if isinstance(value, str) and source.base in ("varchar", "char") else None


def _boolean(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    return int(value) if isinstance(value, bool) else None


def _local(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return None
    return picoseconds(value) if isinstance(value, date) else None


def _moment(value: object, source: TrinoType, kind: TrinoType, zone: str) -> Point | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return picoseconds(value.astimezone(UTC).replace(tzinfo=None))
    if not isinstance(value, date):
        return None
    known = instant(midnight(value), zone)
    return picoseconds(known.replace(tzinfo=None)) if known is not None else None


def midnight(value: date) -> datetime:
    """Return a date as the timestamp at its start, and a timestamp as it is."""
    return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001  (a day without a zone)


def picoseconds(value: date) -> int:
    """Count from the start of 1970, by the clock that shows the value."""
    since = midnight(value) - _EPOCH
    return (since.days * 86_400 + since.seconds) * PICOSECONDS + since.microseconds * 1_000_000


def moment(point: int) -> datetime | None:
    """Return a point of microseconds or more as a datetime without zone; None outside the years 1 to 9999."""
    if not _LEAST_PS <= point < _GREATEST_PS or point % 1_000_000:
        return None
    return _EPOCH + timedelta(microseconds=point // 1_000_000)


def written(point: Point, kind: TrinoType) -> exp.Expr | None:
    """Return a point as a typed literal of a type; None where it is no value of that type."""
    writer = _WRITERS.get(kind.base)
    return writer(point, kind) if writer is not None else None


def typed(node: exp.Expr, kind: TrinoType) -> exp.Expr:
    """Note the type of a node that was made."""
    node.meta["type"] = kind
    return node


def cast_to(node: exp.Expr, kind: TrinoType) -> exp.Expr:
    """Return a cast, or the value itself where it has the type."""
    if node.meta.get("type") == kind:
        return node
    return typed(exp.Cast(this=node, to=data_type(type_text(kind))), kind)


def _quoted(text: str, kind: TrinoType) -> exp.Expr:
    literal = typed(exp.Literal.string(text), TrinoType("varchar", (len(text),)))
    return cast_to(literal, kind)


def _write_date(point: Point, kind: TrinoType) -> exp.Expr | None:
    found = moment(point) if isinstance(point, int) and point % DAY == 0 else None
    return _quoted(found.date().isoformat(), kind) if found is not None else None


def _write_moment(point: Point, kind: TrinoType) -> exp.Expr | None:
    unit: int = 10 ** (12 - kind.numbers[0])
    found = moment(point) if isinstance(point, int) and point % unit == 0 else None
    if found is None:
        return None
    shown = found.isoformat(" ", "microseconds")
    digits = kind.numbers[0]
    shown = shown[: 20 + digits] if 0 < digits <= 6 else shown[:19] if digits == 0 else shown.ljust(20 + digits, "0")
    return _quoted(shown + (" UTC" if kind.base.endswith("zone") else ""), kind)


def _write_whole(point: Point, kind: TrinoType) -> exp.Expr | None:
    if isinstance(point, str) or point != int(point):
        return None
    return _quoted(str(int(point)), kind)


def _write_decimal(point: Point, kind: TrinoType) -> exp.Expr | None:
    precision, scale = kind.numbers
    if isinstance(point, str):
        return None
    scaled = Fraction(point) * 10**scale
    if scaled.denominator != 1 or abs(scaled) >= 10**precision:
        return None
    whole, rest = divmod(abs(int(scaled)), 10**scale)
    return _quoted(f"{'-' if scaled < 0 else ''}{whole}" + (f".{rest:0{scale}d}" if scale else ""), kind)


def _write_text(point: Point, kind: TrinoType) -> exp.Expr | None:
    return _quoted(point, kind) if isinstance(point, str) else None


_READERS: Mapping[str, Callable[[object, TrinoType, TrinoType, str], Point | None]] = {
    "number": _number,
    "float": _to_float,
    "text": _text,
    "padded": _padded,
    "boolean": _boolean,
    "local": _local,
    "instant": _moment,
}
_WRITERS: Mapping[str, Callable[[Point, TrinoType], exp.Expr | None]] = {
    "date": _write_date,
    "timestamp": _write_moment,
    "timestamp with time zone": _write_moment,
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), _write_whole),
    "decimal": _write_decimal,
    "varchar": _write_text,
}
