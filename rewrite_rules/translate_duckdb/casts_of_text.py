"""Casts from varchar, by the forms of text that Trino accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.types import INTEGRAL
from rewrite_rules.translate_duckdb.cast_kinds import Cast
from rewrite_rules.translate_duckdb.text import case, duckdb_type, let, refusing, string, unsupported

JAVA_BLANKS = "chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' '"
_CONTROLS = " || ".join(f"chr({code})" for code in range(1, 33))
"""What Java's `String.trim` removes, but for NUL."""
_INTEGER = "^[+-]?[0-9]{1,25}$"
_DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_FLOAT = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?[fFdD]?$"
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_LONG_DAY = "^[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]{1,12})?)?"


def from_text(sql: str, cast: Cast) -> str:
    """Cast a varchar to any type it can be cast to. Raises Refusal NOT_SUPPORTED."""
    writer = _WRITERS.get(cast.target.base)
    if writer is None:
        raise unsupported(f"a cast of {cast.source} to {cast.target}")
    return let(sql, "v", lambda v: writer(v, cast))


def _to_varchar(value: str, cast: Cast) -> str:
    return f"left({value}, {cast.target.numbers[0]})"


def _to_char(value: str, cast: Cast) -> str:
    return f"rtrim(left({value}, {cast.target.numbers[0]}), ' ')"


def _trimmed(value: str) -> str:
    return f"trim({value}, {_CONTROLS})"


def _ascii(value: str) -> str:
    return f"length({value}) = strlen({value})"


def _to_integer(value: str, cast: Cast) -> str:
    """Java trims, and knows the digits of every script; those are refused here."""
    number = f"TRY_CAST({_trimmed(value)} AS {duckdb_type(cast.target)})"
    return case(
        (f"regexp_matches({_trimmed(value)}, {string(_INTEGER)})", _or_fail(number, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"NOT {_ascii(value)}", refusing("a cast of non-ASCII text to a number")),
        otherwise=cast.fails(),
    )


def _or_fail(attempt: str, cast: Cast) -> str:
    return attempt if cast.tried else f"coalesce({attempt}, {cast.fails()})"


def _to_decimal(value: str, cast: Cast) -> str:
    number = f"TRY_CAST({_trimmed(value)} AS {duckdb_type(cast.target)})"
    return case(
        (f"regexp_matches({_trimmed(value)}, {string(_DECIMAL)})", _or_fail(number, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"NOT {_ascii(value)}", refusing("a cast of non-ASCII text to a number")),
        otherwise=cast.fails(),
    )


def _to_floating(value: str, cast: Cast) -> str:
    """Java's forms: a trailing f or d, NaN and Infinity; hexadecimal floats are refused."""
    type_ = duckdb_type(cast.target)
    text = f"rtrim({_trimmed(value)}, 'fFdD')"
    large = f"CASE WHEN starts_with({text}, '-') THEN '-inf' ELSE 'inf' END"
    return case(
        (
            f"regexp_matches({_trimmed(value)}, {string(_FLOAT)})",
            f"coalesce(TRY_CAST({text} AS {type_}), CAST({large} AS {type_}))",
        ),
        (f"{_trimmed(value)} IN ('NaN', '+NaN', '-NaN')", f"CAST('nan' AS {type_})"),
        (f"{_trimmed(value)} IN ('Infinity', '+Infinity')", f"CAST('inf' AS {type_})"),
        (f"{_trimmed(value)} = '-Infinity'", f"CAST('-inf' AS {type_})"),
        (f"regexp_matches({_trimmed(value)}, '^[+-]?0[xX]')", refusing("a hexadecimal floating-point number")),
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
    text = f"trim({value}, {_CONTROLS})"
    return case(
        (f"regexp_matches({text}, '^{_DAY}$')", _or_fail(f"TRY_CAST({text} AS DATE)", cast)),
        (f"{value} IS NULL", "NULL"),
        (f"regexp_matches({text}, '{_LONG_DAY}$')", refusing("a date outside the years 0000 to 9999")),
        otherwise=cast.fails(),
    )


def _to_timestamp(value: str, cast: Cast) -> str:
    """Read date and time, then add the fraction rounded half up to the target's precision."""
    text = f"trim({value}, {_CONTROLS})"
    precision = cast.target.numbers[0]
    whole = f"TRY_CAST(split_part({_with_clock(text)}, '.', 1) AS TIMESTAMP)"
    fraction = f"CAST('0.' || split_part({text}, '.', 2) || '0' AS DECIMAL(14, 13))"
    micros = f"CAST(round({fraction}, {min(precision, 6)}) * 1000000 AS BIGINT)"
    result = f"({whole} + to_microseconds({micros}))"
    if precision > 6:
        nanos = f"CAST(round({fraction}, {precision}) * 1000000000 AS BIGINT)"
        result = f"make_timestamp_ns(epoch_ns({whole}) + {nanos})"
    return case(
        (f"regexp_matches({text}, {string(f'^{_DAY}( {_CLOCK})?$')})", _or_fail(result, cast)),
        (f"{value} IS NULL", "NULL"),
        (f"regexp_matches({text}, '{_LONG_DAY}( .*)?$')", refusing("this form of a timestamp")),
        otherwise=cast.fails(),
    )


def _with_clock(text: str) -> str:
    """Complete `hh:mm` to `hh:mm:ss`, which DuckDB wants."""
    return f"CASE WHEN regexp_matches({text}, ' [0-9]+:[0-9]+$') THEN {text} || ':00' ELSE {text} END"


def _to_uuid(value: str, cast: Cast) -> str:
    pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    return case(
        (f"regexp_matches({value}, '{pattern}')", f"CAST({value} AS UUID)"),
        (f"{value} IS NULL", "NULL"),
        otherwise=cast.fails(),
    )


def _to_varbinary(value: str, cast: Cast) -> str:
    return f"encode({value})"


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
    "uuid": _to_uuid,
    "varbinary": _to_varbinary,
}
