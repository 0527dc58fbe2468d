"""Conversions between types: implicit ones, CAST and TRY_CAST.

A conversion that ClickHouse makes in its own way (silently, or to NULL) is written as a check and a conversion; text
in a form that only one of the two understands raises NOT_SUPPORTED while the query runs. What is left is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.type_coercions import can_coerce
from catalog.types import INTEGRAL, TrinoType, parse_type
from rewrite_rules.translate_clickhouse.constants import constant
from rewrite_rules.translate_clickhouse.conversion import Conversion, refuse
from rewrite_rules.translate_clickhouse.decimals import INTEGER_DIGITS, fitted, rounded_half_up, too_wide, widened
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import NESTED, cast, native
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, either, guard, operator, string, unsupported_value
from rewrite_rules.translate_clickhouse.text_casts import FROM_TEXT
from rewrite_rules.translate_clickhouse.time_casts import TIMES, zone_of

_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}
_EXACT_IN_DOUBLE = 15
"""Decimals of so many digits become doubles by one correctly rounded division."""


def convert(
    sql: str, source: TrinoType, target: TrinoType, *, zone: str | None = None, node: exp.Expr | None = None
) -> str:
    """Write the implicit conversion of a value. Raises Refusal NOT_SUPPORTED."""
    return converted(Conversion(sql, source, target, zone=zone, node=node))


def coerced(node: exp.Expr, target: TrinoType, scope: Scope) -> str:
    """Translate an expression and bring it to another type, as Trino does implicitly.

    Raises Refusal NOT_SUPPORTED for what it does not do so: a longer text would be cut.
    """
    source = scope.type_of(node)
    if not can_coerce(source, target):
        raise unsupported(f"An implicit cast from {source} to {target}", node)
    return converted(
        Conversion(
            scope.value(node),
            source,
            target,
            zone=scope.build.time_zone,
            value_zone=zone_of(node, scope),
            node=node,
        )
    )


def explicit(node: exp.Expr, scope: Scope) -> str:
    """Translate CAST and TRY_CAST; those of literals, to which typed literals belong, are made here and now."""
    target = cast_target(node, scope)
    inner, safe = node.this, isinstance(node, exp.TryCast)
    made = _constant(inner, target, node) if isinstance(inner, exp.Literal) else None
    if made is not None:
        return made
    return converted(
        Conversion(
            scope.value(inner),
            scope.type_of(inner),
            target,
            safe,
            zone=scope.build.time_zone,
            value_zone=zone_of(inner, scope),
            node=node,
        )
    )


def _constant(inner: exp.Expr, target: TrinoType, node: exp.Expr) -> str | None:
    """Cast a text literal now; one that cannot be cast fails when a row asks for it, as in Trino."""
    if not inner.args.get("is_string"):
        return None
    try:
        return constant(inner.name, target, node)
    except Refusal as refusal:
        if refusal.code is not ErrorCode.INVALID_CAST_ARGUMENT:
            raise
        nothing = cast("NULL", target)
        if isinstance(node, exp.TryCast):
            return nothing
        return guard("materialize(1)", refusal.code, refusal.message, nothing)


def cast_target(node: exp.Expr, scope: Scope) -> TrinoType:
    """Return the type a cast is to, from its notes or its text."""
    known = node.meta.get("type")
    return known if isinstance(known, TrinoType) else parse_type(node.args["to"].sql(dialect="trino"))


def converted(job: Conversion) -> str:
    """Write a conversion of any kind. Raises Refusal NOT_SUPPORTED, INVALID_CAST_ARGUMENT."""
    source, target = job.source, job.target
    if source == target:
        return job.sql
    if source.base == "unknown":
        if target.base == "timestamp with time zone":
            return "NULL"  # A NULL with a zone of its own would bring that zone to the values beside it.
        return cast("NULL", target) if target.base not in NESTED else refuse(job)
    rule = _RULES.get((source.base, target.base))
    return rule(job) if rule is not None else refuse(job)


def _integer_to_integer(job: Conversion) -> str:
    if INTEGRAL.index(job.source.base) <= INTEGRAL.index(job.target.base):
        return cast(job.sql, job.target)
    return _accurate(job, job.sql, ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE)


def _accurate(job: Conversion, number: str, code: ErrorCode) -> str:
    """Convert a number that is whole already; out of range gives NULL or the error."""
    result = call("accurateCastOrNull", number, string(native(job.target)))
    if job.safe:
        return result
    bad = operator("AND", (call("isNull", result), call("isNotNull", job.sql)))
    return guard(bad, code, f"Cannot cast {job.source} to {job.target}", result)


def _float_to_integer(job: Conversion) -> str:
    wide = call("toFloat64", job.sql) if job.source.base == "real" else job.sql
    small = job.target.base in ("tinyint", "smallint")
    code = ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE if small else ErrorCode.INVALID_CAST_ARGUMENT
    result = _accurate(job, rounded_half_up(wide), code)
    if job.source.base == "real" and job.target.base == "bigint":  # Trino stays at the end of the range.
        return unsupported_value(f"abs({wide}) >= 9223372036854775808.", "A cast of so large a real", result)
    return result


def _decimal_to_integer(job: Conversion) -> str:
    rounded = call("round", widened(job.sql, job.source.numbers[1]))
    half = 2 ** (_BITS[job.target.base] - 1)
    bad = operator("OR", (f"{rounded} < toDecimal256('{-half}', 0)", f"{rounded} >= toDecimal256('{half}', 0)"))
    value = cast(rounded, job.target)
    if job.safe:
        return either(bad, "NULL", value)
    return guard(bad, ErrorCode.INVALID_CAST_ARGUMENT, f"Cannot cast {job.source} to {job.target}", value)


def _integer_to_decimal(job: Conversion) -> str:
    precision, scale = job.target.numbers
    if INTEGER_DIGITS[job.source.base] <= precision - scale:
        return cast(job.sql, job.target)
    return _fit(job, widened(job.sql, scale))


def _decimal_to_decimal(job: Conversion) -> str:
    (p1, s1), (p2, s2) = job.source.numbers, job.target.numbers
    if s2 >= s1 and p2 - s2 >= p1 - s1:
        return cast(job.sql, job.target)
    wide = widened(job.sql, max(s1, s2))
    return _fit(job, call("round", wide, str(s2)) if s2 < s1 else wide)


def _fit(job: Conversion, wide: str) -> str:
    if not job.safe:
        return fitted(wide, job.target, certain=False, code=ErrorCode.INVALID_CAST_ARGUMENT)
    return either(too_wide(wide, job.target), "NULL", cast(wide, job.target))


def _decimal_to_double(job: Conversion) -> str:
    if job.source.numbers[0] <= _EXACT_IN_DOUBLE:
        return call("toFloat64", job.sql)
    return call("toFloat64", call("toString", job.sql))


def _decimal_to_real(job: Conversion) -> str:
    return call("toFloat32", call("toString", job.sql))


def _to_boolean(job: Conversion) -> str:
    return operator("!=", (job.sql, "0"))


def _plain(job: Conversion) -> str:
    return cast(job.sql, job.target)


def _boolean_to_text(job: Conversion) -> str:
    return _shortened(job, call("multiIf", job.sql, "'true'", f"NOT {job.sql}", "'false'", "NULL"))


def _to_text(job: Conversion) -> str:
    if job.source.base == "decimal":
        return _shortened(job, call("toDecimalString", job.sql, str(job.source.numbers[1])))
    return _shortened(job, call("toString", job.sql))


def _zoned_to_text(job: Conversion) -> str:
    return _shortened(job, call("concat", call("toString", job.sql), "' '", call("timezoneOf", job.sql)))


_UNCUT = ("boolean", "timestamp", "timestamp with time zone")
"""What stays whole in a varchar(n) that is too short for it (Trino 476)."""


def _shortened(job: Conversion, result: str) -> str:
    """Check that a value that is no text fits a varchar(n): Trino does not cut it."""
    if not job.target.numbers:
        return result
    bad = operator(">", (call("length", result), str(job.target.numbers[0])))
    if job.source.base in _UNCUT:
        return unsupported_value(bad, f"A cast to {job.target} that Trino leaves longer", result)
    if job.safe:
        return either(call("ifNull", bad, "0"), "NULL", result)
    return guard(bad, ErrorCode.INVALID_CAST_ARGUMENT, f"Value cannot be represented as {job.target}", result)


def _text_to_text(job: Conversion) -> str:
    """Cut text to the length of its type, and pad char."""
    length = job.target.numbers[0] if job.target.numbers else None
    result = job.sql
    if length is not None and not (job.source.numbers and job.source.numbers[0] <= length):
        result = call("substringUTF8", result, "1", str(length))
    return call("rightPadUTF8", result, str(length), "' '") if job.target.base == "char" else result


def _array_to_array(job: Conversion) -> str:
    source, target = job.source.arguments[0], job.target.arguments[0]
    parameter = f"e{_depth(job.source)}"
    inner = converted(Conversion(parameter, source, target, job.safe, job.zone, node=job.node))
    return job.sql if inner == parameter else call("arrayMap", f"{parameter} -> {inner}", job.sql)


def _depth(kind: TrinoType) -> int:
    return 1 + max((_depth(inner) for inner in kind.arguments), default=0)


def _row_to_row(job: Conversion) -> str:
    sources, targets = job.source.arguments, job.target.arguments
    if len(sources) != len(targets):
        return refuse(job)
    if sources == targets:
        return job.sql
    items = [
        converted(Conversion(call("tupleElement", job.sql, str(at)), a, b, job.safe, job.zone, node=job.node))
        for at, (a, b) in enumerate(zip(sources, targets, strict=True), start=1)
    ]
    return call("tuple", *items)


def _itself(job: Conversion) -> str:
    return job.sql


def _calling(function: str) -> Callable[[Conversion], str]:
    return lambda job: call(function, job.sql)


_NUMBERS: Mapping[tuple[str, str], Callable[[Conversion], str]] = {
    **{(a, b): _integer_to_integer for a in INTEGRAL for b in INTEGRAL},
    **{(a, b): _float_to_integer for a in ("double", "real") for b in INTEGRAL},
    **{("decimal", b): _decimal_to_integer for b in INTEGRAL},
    **{(a, "decimal"): _integer_to_decimal for a in INTEGRAL},
    **{(a, "double"): _calling("toFloat64") for a in (*INTEGRAL, "real", "boolean")},
    **{(a, "real"): _calling("toFloat32") for a in (*INTEGRAL, "double", "boolean")},
    **{("boolean", b): _plain for b in (*INTEGRAL, "decimal")},
    **{(a, "boolean"): _to_boolean for a in (*INTEGRAL, "double", "real", "decimal")},
    ("decimal", "decimal"): _decimal_to_decimal,
    ("decimal", "double"): _decimal_to_double,
    ("decimal", "real"): _decimal_to_real,
}
_TEXTS: Mapping[tuple[str, str], Callable[[Conversion], str]] = {
    **{(a, b): _text_to_text for a in ("varchar", "char") for b in ("varchar", "char")},
    **{(a, "varchar"): _to_text for a in (*INTEGRAL, "decimal", "date", "timestamp", "uuid")},
    ("timestamp with time zone", "varchar"): _zoned_to_text,
    ("boolean", "varchar"): _boolean_to_text,
    ("varchar", "varbinary"): _itself,
}
_RULES: Mapping[tuple[str, str], Callable[[Conversion], str]] = {
    **_NUMBERS,
    **_TEXTS,
    **FROM_TEXT,
    **TIMES,
    ("array", "array"): _array_to_array,
    ("row", "row"): _row_to_row,
}

HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Cast: explicit, exp.TryCast: explicit}
