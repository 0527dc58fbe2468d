"""Casts of text literals, made by the gateway: typed literals (`DATE '2020-02-29'`) and their like.

ClickHouse accepts impossible dates and other forms than Trino, so the text is read here and written as a value that
cannot be misread.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import MAX_TIMESTAMP_DIGITS, native
from rewrite_rules.translate_clickhouse.text import call, string

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIMESTAMP = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2})(?: (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?(?: ?([A-Za-z+-].*))?"
)
_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?")
_DOUBLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORDS = {"NaN": "nan", "Infinity": "inf", "+Infinity": "inf", "-Infinity": "(-inf)"}
_TRUTHS = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}
_NANOSECOND_YEARS = range(1678, 2262)
"""Years that DateTime64(9) can hold throughout."""


def constant(text: str, kind: TrinoType, node: exp.Expr) -> str | None:
    """Write a text literal as a value of another type; None where no rule of this file applies.

    Raises Refusal INVALID_CAST_ARGUMENT for text that is none of that type, NOT_SUPPORTED.
    """
    maker = _MAKERS.get(kind.base)
    return maker(text, kind, node) if maker is not None else None


def _bad(text: str, kind: TrinoType, node: exp.Expr) -> Refusal:
    del node
    return Refusal(ErrorCode.INVALID_CAST_ARGUMENT, f"Value cannot be cast to {kind}: {text}")


def _day(text: str, kind: TrinoType, node: exp.Expr) -> date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise unsupported(f"This form of a {kind.base}", node)
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        raise _bad(text, kind, node) from None


def _date(text: str, kind: TrinoType, node: exp.Expr) -> str:
    return call("toDate32", string(_day(text.strip(), kind, node).isoformat()))


def _moment(text: str, kind: TrinoType, node: exp.Expr) -> tuple[datetime, str, str | None]:
    """Read a timestamp: its seconds, its fraction's digits and its zone."""
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None or kind.numbers[0] > MAX_TIMESTAMP_DIGITS:
        raise unsupported(f"This form of a {kind.base}", node)
    day = _day(match[1], kind, node)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:4])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise _bad(text, kind, node)
    fraction = match[5] or ""
    if len(fraction) > kind.numbers[0]:
        raise unsupported("Rounding a timestamp literal", node)
    if kind.numbers[0] == MAX_TIMESTAMP_DIGITS and day.year not in _NANOSECOND_YEARS:
        raise unsupported("A timestamp(9) before 1678 or after 2261", node)
    clock = time(hours, minutes, seconds)
    return datetime.combine(day, clock), fraction, match[6]


def _timestamp(text: str, kind: TrinoType, node: exp.Expr) -> str | None:
    moment, fraction, zone = _moment(text, kind, node)
    if zone is not None:
        return None
    return call("toDateTime64", string(_written(moment, fraction)), str(kind.numbers[0]))


def _zoned(text: str, kind: TrinoType, node: exp.Expr) -> str | None:
    """Write a moment with a zone: the instant is computed here, as gaps and folds are judged differently."""
    moment, fraction, zone = _moment(text, kind, node)
    if zone is None:
        return None
    place = known_zone(zone, node)
    local = moment.replace(tzinfo=place)
    if local.utcoffset() != local.replace(fold=1).utcoffset() or not _exists(local, place):
        raise unsupported("A timestamp literal at a change of its zone's clock", node)
    instant = _written(local.astimezone(UTC).replace(tzinfo=None), fraction)
    value = call("toDateTime64", string(instant), str(kind.numbers[0]), "'UTC'")
    return value if zone == "UTC" else call("toTimeZone", value, string(zone))


def known_zone(zone: str, node: exp.Expr | None) -> ZoneInfo:
    """Return a zone that both sides know by this name. Raises Refusal NOT_SUPPORTED."""
    if zone != "UTC" and "/" not in zone:
        raise unsupported("This time zone", node)
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise unsupported("This time zone", node) from None


def _exists(local: datetime, place: ZoneInfo) -> bool:
    return local.astimezone(UTC).astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None)


def _written(moment: datetime, fraction: str) -> str:
    return moment.isoformat(" ") + (f".{fraction}" if fraction else "")


def _decimal(text: str, kind: TrinoType, node: exp.Expr) -> str:
    match = _DECIMAL.fullmatch(text.replace("_", ""))
    precision, scale = kind.numbers
    if match is None or len(match[3] or "") > scale or not (match[2] or match[3]):
        raise unsupported("This form of a decimal", node)
    whole = match[2].lstrip("0")
    if len(whole) > precision - scale:
        raise _bad(text, kind, node)
    sign = "-" if match[1] == "-" else ""
    written = f"{sign}{whole or '0'}.{match[3] or ''}".rstrip(".")
    return call("CAST", string(written), string(native(kind)))


def _float(text: str, kind: TrinoType, node: exp.Expr) -> str:
    word = text.strip()
    function = "toFloat32" if kind.base == "real" else "toFloat64"
    if word in _WORDS:
        return call(function, _WORDS[word])
    if not _DOUBLE.fullmatch(word):
        raise unsupported(f"This form of a {kind.base}", node)
    return call(function, string(word.lstrip("+")))


def _integer(text: str, kind: TrinoType, node: exp.Expr) -> str:
    word = text.strip()
    if not re.fullmatch(r"[+-]?\d+", word, re.ASCII):
        raise _bad(text, kind, node)
    half = 2 ** ({"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}[kind.base] - 1)
    if not -half <= int(word) < half:
        raise _bad(text, kind, node)
    return call(f"to{native(kind)}", string(str(int(word))))


def _boolean(text: str, kind: TrinoType, node: exp.Expr) -> str:
    if text.lower() not in _TRUTHS:
        raise _bad(text, kind, node)
    return _TRUTHS[text.lower()]


def _uuid(text: str, kind: TrinoType, node: exp.Expr) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise _bad(text, kind, node)
    return call("toUUID", string(str(uuid.UUID(text))))


def _address(text: str, kind: TrinoType, node: exp.Expr) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise _bad(text, kind, node) from None
    shown = f"::ffff:{address}" if isinstance(address, ipaddress.IPv4Address) else str(address)
    return call("toIPv6", string(shown))


_MAKERS: Mapping[str, Callable[[str, TrinoType, exp.Expr], str | None]] = {
    "date": _date,
    "timestamp": _timestamp,
    "timestamp with time zone": _zoned,
    "decimal": _decimal,
    "double": _float,
    "real": _float,
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), _integer),
    "boolean": _boolean,
    "uuid": _uuid,
    "ipaddress": _address,
}
