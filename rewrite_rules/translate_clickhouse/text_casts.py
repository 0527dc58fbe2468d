"""Casts of text columns to other types.

Java and ClickHouse read different forms. The form both read alike is converted; what Trino surely refuses fails (or
is NULL under TRY_CAST); everything between raises NOT_SUPPORTED for the row that holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode
from catalog.types import INTEGRAL
from rewrite_rules.translate_clickhouse.conversion import Conversion
from rewrite_rules.translate_clickhouse.decimals import too_wide
from rewrite_rules.translate_clickhouse.native import cast, native
from rewrite_rules.translate_clickhouse.text import call, either, guard, operator, string, unsupported_value

_INTEGER = r"^[+-]?[0-9]{1,37}$"
_DOUBLE = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?[dDfF]?$"
_DECIMAL = r"^[+-]?([0-9]{1,38}([.][0-9]{0,30})?|[.][0-9]{1,30})$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_FAR = "^[+-]|^[0-9]{5}|^0000"
"""Years outside of 1 to 9999, which ClickHouse does not have."""
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_ODD = r"[^ -~]"
"""Characters that Java may take for digits or blanks."""


def _checked(job: Conversion, good: str, doubtful: str, value: str) -> str:
    """Give the value where its form is good; else doubtful forms are not supported and others cannot be cast."""
    if job.safe:
        result = either(good, value, cast("NULL", job.target))
    else:
        message = f"Value cannot be cast to {job.target}"
        bad = operator("AND", (call("isNotNull", job.sql), f"NOT {good}"))
        result = guard(bad, ErrorCode.INVALID_CAST_ARGUMENT, message, value)
    return unsupported_value(operator("AND", (f"NOT {good}", doubtful)), f"A cast of this text to {job.target}", result)


def _matches(sql: str, pattern: str) -> str:
    return call("match", sql, string(pattern))


def _to_integer(job: Conversion) -> str:
    text = call("trimBoth", job.sql)
    value = call("accurateCastOrNull", call("toInt128OrNull", text), string(native(job.target)))
    good = operator("AND", (_matches(text, _INTEGER), call("isNotNull", value)))
    return _checked(job, good, _matches(job.sql, _ODD), value)


def _to_float(job: Conversion) -> str:
    text = call("trimBoth", job.sql)
    convert = "toFloat32OrNull" if job.target.base == "real" else "toFloat64OrNull"
    digits = call("replaceRegexpOne", text, "'[dDfF]$'", "''")
    value = call(
        "multiIf",
        operator("IN", (text, "('NaN', '+NaN', '-NaN')")),
        "nan",
        operator("IN", (text, "('Infinity', '+Infinity')")),
        "inf",
        operator("=", (text, "'-Infinity'")),
        "-inf",
        call(convert, digits),
    )
    value = cast(value, job.target) if job.target.base == "real" else value
    words = operator("IN", (text, "('NaN', '+NaN', '-NaN', 'Infinity', '+Infinity', '-Infinity')"))
    good = operator("OR", (words, _matches(text, _DOUBLE)))
    # Java also reads hexadecimal doubles (0x1p3), and takes control characters for blanks.
    doubtful = operator("OR", (_matches(job.sql, r"[\x00-\x1f]"), _matches(text, "^[+-]?0[xX].*[pP]")))
    return _checked(job, good, doubtful, value)


def _to_decimal(job: Conversion) -> str:
    text = call("trimBoth", job.sql)
    wide = call("toDecimal256OrNull", text, "30")
    scale = job.target.numbers[1]
    rounded = call("round", wide, str(scale))
    value = cast(rounded, job.target)
    fits = f"NOT {too_wide(rounded, job.target)}"
    good = operator("AND", (_matches(text, _DECIMAL), call("ifNull", fits, "0")))
    doubtful = operator("OR", (_matches(job.sql, _ODD), _matches(text, r"[eE]|[0-9.]{39}")))
    return _checked(job, good, doubtful, value)


def _to_boolean(job: Conversion) -> str:
    text = call("lower", job.sql)
    value = operator("IN", (text, "('t', 'true', '1')"))
    good = operator("IN", (text, "('t', 'true', '1', 'f', 'false', '0')"))
    return _checked(job, good, _matches(job.sql, _ODD), value)


def _to_uuid(job: Conversion) -> str:
    return _checked(job, _matches(job.sql, _UUID), "0", call("toUUIDOrNull", job.sql))


def _padded(sql: str) -> str:
    """Write a date's text with two digits for month and day, without blanks around it."""
    month = call("replaceRegexpOne", call("trimBoth", sql), "'^([0-9]{4})-([0-9])-'", "'\\\\1-0\\\\2-'")
    return call("replaceRegexpOne", month, "'^([0-9]{4}-[0-9]{2})-([0-9])( |$)'", "'\\\\1-0\\\\2\\\\3'")


def _to_date(job: Conversion) -> str:
    """Read a date; an impossible one comes out of ClickHouse as another, which tells it."""
    text = _padded(job.sql)
    value = call("toDate32OrNull", text)
    same = call("ifNull", operator("=", (call("toString", value), text)), "0")
    good = operator("AND", (_matches(text, _DATE), same))
    return _checked(job, good, operator("OR", (_matches(job.sql, _ODD), _matches(text, _FAR))), value)


def _to_timestamp(job: Conversion) -> str:
    """Read a date, perhaps with a time; forms with a zone or more digits are left to Trino."""
    digits = job.target.numbers[0]
    fraction = f"([.][0-9]{{1,{digits}}})?" if digits else ""
    text = _padded(job.sql)
    whole = call(
        "multiIf",
        _matches(text, "^.{10}$"),
        call("concat", text, "' 00:00:00'"),
        _matches(text, "^.{16}$"),
        call("concat", text, "':00'"),
        text,
    )
    formed = _matches(whole, f"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}} {_CLOCK}{fraction}$")
    value = call("toDateTime64OrNull", whole, str(digits))
    same = operator("=", (call("substring", call("toString", value), "1", "19"), call("substring", whole, "1", "19")))
    good = operator("AND", (formed, call("ifNull", same, "0")))
    other = operator("AND", (f"NOT {formed}", _matches(text, "^[0-9]{4}-[0-9]{2}-[0-9]{2} *[0-9]+:")))
    return _checked(job, good, operator("OR", (_matches(job.sql, _ODD), _matches(text, _FAR), other)), value)


FROM_TEXT: Mapping[tuple[str, str], Callable[[Conversion], str]] = {
    **{("varchar", b): _to_integer for b in INTEGRAL},
    ("varchar", "double"): _to_float,
    ("varchar", "real"): _to_float,
    ("varchar", "decimal"): _to_decimal,
    ("varchar", "boolean"): _to_boolean,
    ("varchar", "uuid"): _to_uuid,
    ("varchar", "date"): _to_date,
    ("varchar", "timestamp"): _to_timestamp,
}
