"""Casts, explicit and implied, with Trino's rounding, ranges and formats.

Each writer takes the SQL of a value and gives the SQL of the cast value. What Trino refuses raises Trino's error, or
gives NULL under TRY_CAST; values of a kind for which DuckDB cannot be held to Trino's answer raise NOT_SUPPORTED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from catalog.errors import ErrorCode
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_duckdb.cast_kinds import Cast
from rewrite_rules.translate_duckdb.casts_of_json import from_json, to_json
from rewrite_rules.translate_duckdb.casts_of_text import from_text
from rewrite_rules.translate_duckdb.casts_of_time import from_time
from rewrite_rules.translate_duckdb.text import as_type, case, duckdb_type, let, refusing, unsupported

Writer = Callable[[str, Cast], str]

_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
_FLOATING = ("double", "real")


def cast(sql: str, source: TrinoType, target: TrinoType, zone: str, *, tried: bool = False) -> str:
    """Cast a value of one Trino type to another.

    `zone` is what zoned values show (of the source, or of the session where the target gets one). `tried` gives NULL
    where the cast fails. Raises Refusal NOT_SUPPORTED.
    """
    held = duckdb_type(target)
    if source.base == "unknown":
        return f"CAST({sql} AS {held})"
    if _is_nothing(source, target):
        return sql
    if target.base == "json" and source.base not in ("varchar", "char"):
        return to_json(sql, Cast(source, target, zone, tried), cast)
    writer = _WRITERS.get(source.base)
    if writer is None:
        raise unsupported(f"a cast of {source} to {target}")
    return writer(sql, Cast(source, target, zone, tried))


def _is_nothing(source: TrinoType, target: TrinoType) -> bool:
    """Tell whether the value stays as it is."""
    if source == target:
        return True
    if source.base != target.base:
        return False
    if source.base == "varchar":
        return not target.parameters or (bool(source.parameters) and source.numbers[0] <= target.numbers[0])
    if source.base == "char":
        return source.numbers[0] <= target.numbers[0]
    if source.base in ("timestamp", "timestamp with time zone", "time"):
        return source.numbers[0] <= target.numbers[0] and duckdb_type(source) == duckdb_type(target)
    if source.base in ("array", "map", "row"):
        pairs = zip(source.arguments, target.arguments, strict=True)
        return len(source.arguments) == len(target.arguments) and all(_is_nothing(a, b) for a, b in pairs)
    return False


def _from_integer(sql: str, cast_: Cast) -> str:
    target = cast_.target
    if target.base == "boolean":
        return f"(({sql}) <> 0)"
    if target.base == "varchar":
        return _fitting_text(f"CAST({sql} AS VARCHAR)", cast_)
    if target.base in (*INTEGRAL, *_FLOATING, "decimal"):
        return cast_.plain(sql)
    raise unsupported(f"a cast of {cast_.source} to {target}")


def _from_boolean(sql: str, cast_: Cast) -> str:
    target = cast_.target
    if target.base == "varchar":
        if cast_.tried and target.parameters:
            raise unsupported(f"TRY_CAST of {cast_.source} to {target}")
        return _fitting_text(f"CASE ({sql}) WHEN true THEN 'true' WHEN false THEN 'false' END", cast_)
    if target.base in (*INTEGRAL, *_FLOATING, "decimal"):
        return cast_.plain(sql)
    raise unsupported(f"a cast of {cast_.source} to {target}")


def _from_decimal(sql: str, cast_: Cast) -> str:
    target, (precision, scale) = cast_.target, cast_.source.numbers
    if target.base == "boolean":
        return f"(({sql}) <> 0)"
    if target.base == "varchar":
        return _fitting_text(_decimal_text(sql, precision, scale), cast_)
    if target.base in INTEGRAL:
        half = 1 << (_BITS[target.base] - 1)
        return let(
            f"CAST({sql} AS HUGEINT)",
            "v",
            lambda v: case((f"{v} NOT BETWEEN {-half} AND {half - 1}", cast_.fails()), otherwise=as_type(v, target)),
        )
    if target.base == "double":
        if precision <= 15 or scale == 0:
            return f"CAST({sql} AS DOUBLE)"
        text = f"CAST({sql} AS VARCHAR)"
        if precision <= 18:
            return f"(CAST(CAST(replace({text}, '.', '') AS BIGINT) AS DOUBLE) / 1e{scale})"
        return f"CAST({text} AS DOUBLE)"
    if target.base == "real":
        return f"CAST(CAST({sql} AS VARCHAR) AS FLOAT)"
    if target.base == "decimal":
        return cast_.plain(sql)
    raise unsupported(f"a cast of {cast_.source} to {target}")


def _decimal_text(sql: str, precision: int, scale: int) -> str:
    """Write a decimal's text; DuckDB leaves out the zero before the point where its type has no room for one."""
    text = f"CAST({sql} AS VARCHAR)"
    return text if precision > scale else let(text, "w", lambda w: f"regexp_replace({w}, '^(-?)[.]', '\\10.')")


def _from_floating(sql: str, cast_: Cast) -> str:
    target = cast_.target
    if target.base == "boolean":
        return f"(({sql}) <> 0)"
    if target.base == "double":
        return f"CAST({sql} AS DOUBLE)"
    if target.base == "real":
        return let(sql, "v", _double_to_real)
    if target.base in INTEGRAL:
        return let(sql, "v", lambda v: _floating_to_integer(v, cast_))
    if target.base == "decimal":
        text = f"CAST(CAST({{}} AS VARCHAR) AS {duckdb_type(target)})"
        if cast_.tried:
            text = f"TRY_{text}"
        return let(sql, "v", lambda v: case((f"NOT isfinite({v})", cast_.fails()), otherwise=text.format(v)))
    if target.base == "varchar":
        figures = 15 if cast_.source.base == "double" else 6
        return let(sql, "v", lambda v: _fitting_text(floating_text(v, figures), cast_))
    raise unsupported(f"a cast of {cast_.source} to {target}")


def _double_to_real(value: str) -> str:
    beyond = f"abs({value}) >= 3.4028235677973366e38 AND isfinite({value})"
    return case(
        (beyond, f"CAST(CASE WHEN {value} > 0 THEN 'inf' ELSE '-inf' END AS FLOAT)"),
        otherwise=f"CAST({value} AS FLOAT)",
    )


def _floating_to_integer(value: str, cast_: Cast) -> str:
    """Round half away from zero; NaN and what is too large fail."""
    base = cast_.target.base
    half = float(1 << (_BITS[base] - 1))
    too_large = ErrorCode.INVALID_CAST_ARGUMENT if base == "bigint" else ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE
    inside = f"round({value}) >= {-half!r} AND round({value}) < {half!r}"
    if cast_.source.base == "real":
        # Trino lets some of these pass and cuts them off at the largest number.
        return case(
            (f"isnan({value}) OR NOT ({inside})", refusing("a cast of such a real to a whole number")),
            otherwise=as_type(f"round({value})", cast_.target),
        )
    return case(
        (f"isnan({value})", cast_.fails()),
        (f"NOT ({inside})", cast_.fails(too_large)),
        otherwise=as_type(f"round({value})", cast_.target),
    )


def floating_text(value: str, figures: int) -> str:
    """Write a floating-point number as Trino does: `1.5E0`, `1.0E10`, `NaN`, `Infinity`.

    Java's formatter is known to agree with the shortest digits for numbers of moderate size and at most `figures`
    digits; others (1e23 shows as 9.999999999999999E22) are refused.
    """
    text = f"CAST({value} AS VARCHAR)"
    plain = f"ltrim({text}, '-')"
    mantissa, power = f"split_part({plain}, 'e', 1)", f"split_part({plain}, 'e', 2)"
    whole, fraction = f"split_part({mantissa}, '.', 1)", f"split_part({mantissa}, '.', 2)"
    digits = f"({whole} || {fraction})"
    significant = f"rtrim(ltrim({digits}, '0'), '0')"
    leading = f"length({digits}) - length(ltrim({digits}, '0'))"
    exponent = f"(coalesce(TRY_CAST({power} AS INTEGER), 0) + length({whole}) - 1 - ({leading}))"
    rest = f"CASE WHEN length({significant}) > 1 THEN substr({significant}, 2) ELSE '0' END"
    sign = f"CASE WHEN starts_with({text}, '-') THEN '-' ELSE '' END"
    moderate = f"abs({value}) BETWEEN 1e-6 AND 1e15 AND length({significant}) <= {figures}"
    return case(
        (f"{value} IS NULL", "NULL"),
        (f"isnan({value})", "'NaN'"),
        (f"isinf({value})", f"{sign} || 'Infinity'"),
        (f"{value} = 0", f"{sign} || '0E0'"),
        (moderate, f"{sign} || substr({significant}, 1, 1) || '.' || {rest} || 'E' || CAST({exponent} AS VARCHAR)"),
        otherwise=refusing("the text of such a floating-point number"),
    )


def _fitting_text(text: str, cast_: Cast) -> str:
    """Fail where the text of a number or boolean is longer than the varchar it should fit."""
    if cast_.target.base != "varchar" or not cast_.target.parameters:
        return text
    length = cast_.target.numbers[0]
    boolean = cast_.source.base == "boolean"
    longer = refusing(f"a cast to {cast_.target} that Trino leaves longer") if boolean else cast_.fails()
    return let(text, "w", lambda w: case((f"length({w}) > {length}", longer), otherwise=w))


def _from_char(sql: str, cast_: Cast) -> str:
    if cast_.target.base == "char":
        return f"rtrim(left({sql}, {cast_.target.numbers[0]}), ' ')"
    if cast_.target.base == "varchar":
        if not cast_.target.parameters or cast_.target.numbers[0] >= cast_.source.numbers[0]:
            return f"rpad({sql}, {cast_.source.numbers[0]}, ' ')"
        raise unsupported(f"a cast of {cast_.source} to {cast_.target}")
    raise unsupported(f"a cast of {cast_.source} to {cast_.target}")


def _from_uuid(sql: str, cast_: Cast) -> str:
    if cast_.target.base == "varchar":
        return f"CAST({sql} AS VARCHAR)"
    if cast_.target.base == "varbinary":
        return f"unhex(replace(CAST({sql} AS VARCHAR), '-', ''))"
    raise unsupported(f"a cast of {cast_.source} to {cast_.target}")


def _from_array(sql: str, cast_: Cast) -> str:
    source, target = cast_.source, cast_.target
    if target.base != "array":
        raise unsupported(f"a cast of {source} to {target}")
    item = "x" * _depth(source)
    inner = cast(item, source.arguments[0], target.arguments[0], cast_.zone, tried=False)
    if cast_.tried and ("error(" in inner or "CAST(" in inner):
        raise unsupported(f"TRY_CAST of {source} to {target}")
    return f"list_transform({sql}, lambda {item}: {inner})"


def _depth(type_: TrinoType) -> int:
    return 1 + max((_depth(inner) for inner in type_.arguments), default=0)


def _from_map(sql: str, cast_: Cast) -> str:
    source, target = cast_.source, cast_.target
    if target.base != "map" or cast_.tried:
        raise unsupported(f"a cast of {source} to {target}")
    item = "x" * _depth(source)
    key = cast(f"{item}.key", source.arguments[0], target.arguments[0], cast_.zone)
    value = cast(f"{item}.value", source.arguments[1], target.arguments[1], cast_.zone)
    return f"map_from_entries(list_transform(map_entries({sql}), lambda {item}: row({key}, {value})))"


def _from_row(sql: str, cast_: Cast) -> str:
    source, target = cast_.source, cast_.target
    if target.base != "row" or len(source.arguments) != len(target.arguments) or cast_.tried:
        raise unsupported(f"a cast of {source} to {target}")

    def rebuilt(value: str) -> str:
        fields = [
            cast(f"struct_extract_at({value}, {i})", a, b, cast_.zone)
            for i, (a, b) in enumerate(zip(source.arguments, target.arguments, strict=True), start=1)
        ]
        return f"CASE WHEN {value} IS NOT NULL THEN CAST(row({', '.join(fields)}) AS {duckdb_type(target)}) END"

    return let(sql, "y", rebuilt)


_WRITERS: Mapping[str, Writer] = {
    **dict.fromkeys(INTEGRAL, _from_integer),
    "boolean": _from_boolean,
    "decimal": _from_decimal,
    "double": _from_floating,
    "real": _from_floating,
    "varchar": from_text,
    "char": _from_char,
    "uuid": _from_uuid,
    **dict.fromkeys(("date", "time", "timestamp", "timestamp with time zone"), from_time),
    "array": _from_array,
    "json": lambda sql, cast_: from_json(sql, cast_, cast),
    "map": _from_map,
    "row": _from_row,
}
