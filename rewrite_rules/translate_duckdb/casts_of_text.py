"""Casts from varchar, by the forms of text that Trino accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.types import INTEGRAL
from rewrite_rules.translate_duckdb.cast_kinds import Cast
from rewrite_rules.translate_duckdb.text import case, duckdb_type, let, refusing, string, unsupported

_CONTROLS = string("".join(chr(code) for code in range(1, 33)))
"""What Java's `String.trim` removes, but for NUL."""
_INTEGER = "^[+-]?[0-9]{1,25}$"
_DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?[fFdD]?$"
_HEXADECIMAL = r"^[+-]?0[xX][0-9a-fA-F.]+[pP][+-]?[0-9]+[fFdD]?$"
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_LONG_DAY = "^[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9](\.[0-9]{1,12})?)?"


def from_text(sql: str, cast: Cast) -> str:
    """Cast a varchar to any type it can be cast to. Raises Refusal NOT_SUPPORTED."""
    writer = _WRITERS.get(cast.target.base)
    if writer is None:
        raise unsupported(f"a cast of {cast.source} to {cast.target}")
    if cast.target.base in _TRIMMED:
        sql = f"trim({sql}, {_CONTROLS})"
    return let(sql, "v", lambda v: writer(v, cast))


def _to_varchar(value: str, cast: Cast) -> str:
    return f"left({value}, {cast.target.numbers[0]})"


def _to_char(value: str, cast: Cast) -> str:
    return f"rtrim(left({value}, {cast.target.numbers[0]}), ' ')"


def _ascii(value: str) -> str:
    return f"length({value}) = strlen({value})"


def _to_integer(value: str, cast: Cast) -> str:
    """Java trims, and knows the digits of every script; those are refused here."""
    number = f"TRY_CAST({value} AS {duckdb_type(cast.target)})"
    return case(
        (f"regexp_matches({value}, {string(_INTEGER)})", _or_fail(number, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"NOT {_ascii(value)}", refusing("a cast of non-ASCII text to a number")),
        otherwise=cast.fails(),
    )


def _or_fail(attempt: str, cast: Cast) -> str:
    return attempt if cast.tried else f"coalesce({attempt}, {cast.fails()})"


def _to_decimal(value: str, cast: Cast) -> str:
    number = f"TRY_CAST({value} AS {duckdb_type(cast.target)})"
    return case(
        (f"regexp_matches({value}, {string(_DECIMAL)})", _or_fail(number, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"NOT {_ascii(value)}", refusing("a cast of non-ASCII text to a number")),
        otherwise=cast.fails(),
    )


def _to_floating(value: str, cast: Cast) -> str:
    """Java's forms: a trailing f or d, NaN and Infinity; hexadecimal floats are refused."""
    type_ = duckdb_type(cast.target)
    text = f"rtrim({value}, 'fFdD')"
    large = f"CASE WHEN starts_with({text}, '-') THEN '-inf' ELSE 'inf' END"
    return case(
        (
            f"regexp_matches({value}, {string(_FLOAT)})",
            f"coalesce(TRY_CAST({text} AS {type_}), CAST({large} AS {type_}))",
        ),
        (f"{value} IN ('NaN', '+NaN', '-NaN')", f"CAST('nan' AS {type_})"),
        (f"{value} IN ('Infinity', '+Infinity')", f"CAST('inf' AS {type_})"),
        (f"{value} = '-Infinity'", f"CAST('-inf' AS {type_})"),
        (f"regexp_matches({value}, '{_HEXADECIMAL}')", refusing("a hexadecimal floating-point number")),
        otherwise=case((f"{value} IS NULL", "NULL"), otherwise=cast.fails()),
    )


def _to_boolean(value: str, cast: Cast) -> str:
    return case(
        (f"lower({value}) IN ('t', 'true', '1')", "true"),
        (f"lower({value}) IN ('f', 'false', '0')", "false"),
        (f"{value} IS NULL", "NULL"),
        otherwise=cast.fails(),
    )


def _to_date(value: str, cast: Cast) -> str:
    return case(
        (f"regexp_matches({value}, '^{_DAY}$')", _or_fail(f"TRY_CAST({value} AS DATE)", cast)),
        (f"{value} IS NULL", "NULL"),
        (f"regexp_matches({value}, '{_LONG_DAY}$')", _or_fail(_far_date(value), cast)),
        otherwise=cast.fails(),
    )


def _far_date(text: str) -> str:
    """Read a date whose year has a sign or more than four digits."""
    part = f"CAST(regexp_extract({text}, '^([+-]?[0-9]{{{{1,7}}}})-([0-9]+)-([0-9]+)$', {{}}) AS INTEGER)"
    return f"TRY(make_date({part.format(1)}, {part.format(2)}, {part.format(3)}))"


def _to_timestamp(value: str, cast: Cast) -> str:
    """Read date and time, then add the fraction rounded half up to the target's precision."""
    precision = cast.target.numbers[0]
    whole = f"TRY_CAST(split_part({_with_clock(value)}, '.', 1) AS TIMESTAMP)"
    fraction = f"CAST('0.' || split_part({value}, '.', 2) || '0' AS DECIMAL(14, 13))"
    micros = f"CAST(round({fraction}, {min(precision, 6)}) * 1000000 AS BIGINT)"
    result = f"({whole} + to_microseconds({micros}))"
    if precision > 6:
        nanos = f"CAST(round({fraction}, {precision}) * 1000000000 AS BIGINT)"
        result = f"make_timestamp_ns(epoch_ns({whole}) + {nanos})"
    return case(
        (f"regexp_matches({value}, {string(f'^{_DAY}( {_CLOCK})?$')})", _or_fail(result, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"regexp_matches({value}, '{_LONG_DAY}( .*)?$')", refusing("this form of a timestamp")),
        otherwise=cast.fails(),
    )


def _to_time(value: str, cast: Cast) -> str:
    """Read a time of day with no more digits than its type has; others, also those with zones, are refused."""
    digits = cast.target.numbers[0]
    fraction = f"(\\.[0-9]{{1,{digits}}})?" if digits else ""
    pattern = f"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]{fraction})?$"
    full = f"CASE WHEN length({value}) - length(replace({value}, ':', '')) = 1 THEN {value} || ':00' ELSE {value} END"
    return case(
        (f"regexp_matches({value}, {string(pattern)})", f"CAST({full} AS TIME)"),
        (f"{value} IS NULL", "NULL"),
        otherwise=refusing("this form of a time of day"),
    )


def _with_clock(text: str) -> str:
    """Complete `hh:mm` to `hh:mm:ss`, which DuckDB wants."""
    return f"CASE WHEN regexp_matches({text}, ' [0-9]+:[0-9]+$') THEN {text} || ':00' ELSE {text} END"


def _to_json(value: str, cast: Cast) -> str:
    """Write text as a JSON string; Trino escapes characters beyond the basic plane, which DuckDB does not."""
    beyond = "[\\x{10000}-\\x{10FFFF}]"
    return case(
        (f"regexp_matches({value}, '{beyond}')", refusing("such characters in JSON")),
        otherwise=f"CAST(to_json({value}) AS VARCHAR)",
    )


def _to_uuid(value: str, cast: Cast) -> str:
    pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    return case(
        (f"regexp_matches({value}, '{pattern}')", f"CAST({value} AS UUID)"),
        (f"{value} IS NULL", "NULL"),
        otherwise=cast.fails(),
    )


def _to_varbinary(value: str, cast: Cast) -> str:
    return f"encode({value})"


_TRIMMED = frozenset({*INTEGRAL, "double", "real", "date", "timestamp"})
_WRITERS: Mapping[str, Callable[[str, Cast], str]] = {
    **dict.fromkeys(INTEGRAL, _to_integer),
    "varchar": _to_varchar,
    "char": _to_char,
    "decimal": _to_decimal,
    "double": _to_floating,
    "real": _to_floating,
    "boolean": _to_boolean,
    "date": _to_date,
    "timestamp": _to_timestamp,
    "time": _to_time,
    "uuid": _to_uuid,
    "json": _to_json,
    "varbinary": _to_varbinary,
}
