"""Functions with a grammar of their own, which the parser gives nodes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    TIME,
    TIME_TZ,
    TIMESTAMP,
    TIMESTAMP_TZ,
    VARCHAR,
    TrinoType,
    time,
    timestamp,
)
from rewrite_rules.analysis.calls import Call, aggregate, known_function, typed_call
from rewrite_rules.analysis.env import Env, Handler
from rewrite_rules.analysis.failures import mismatch, refuse
from rewrite_rules.analysis.literals import type_of_node
from rewrite_rules.analysis.shown import text_of

_EXTRACTED = {
    "DAY_OF_MONTH": "day",
    "DAY_OF_WEEK": "day_of_week",
    "DOW": "day_of_week",
    "DAYOFWEEK": "day_of_week",
    "DAY_OF_YEAR": "day_of_year",
    "DOY": "day_of_year",
    "DAYOFYEAR": "day_of_year",
    "YEAR_OF_WEEK": "year_of_week",
    "YOW": "year_of_week",
    "YEAROFWEEK": "year_of_week",
    "TIMEZONE_HOUR": "timezone_hour",
    "TIMEZONE_MINUTE": "timezone_minute",
    **{unit: unit.lower() for unit in ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")},
}
"""EXTRACT's fields and the functions that give the same."""
_DATED = frozenset({"date", "timestamp", "timestamp with time zone"})
_ZONED = frozenset({"time with time zone", "timestamp with time zone"})
_TIMED = frozenset({"time", "time with time zone", "timestamp", "timestamp with time zone", "interval day to second"})
_EXTRACTED_FROM: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("YEAR", "MONTH"), _DATED | {"interval year to month"}),
    "DAY": _DATED | {"interval day to second"},
    **dict.fromkeys(("HOUR", "MINUTE", "SECOND"), _TIMED),
    **dict.fromkeys(("TIMEZONE_HOUR", "TIMEZONE_MINUTE"), _ZONED),
}
"""The types that a field is in, unlike the functions' never others that turn into them; all other fields in dates."""


def as_call(name: str, arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a form as the function it stands for."""
    call = Call(node, name, list(arguments))
    return typed_call(known_function(call), call, env)


def extract(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type EXTRACT(field FROM value)."""
    field = node.this.name.upper()
    function = _EXTRACTED.get(field)
    if function is None:
        raise refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Invalid EXTRACT field: {field}", node)
    kind = env.type_of(node.expression)
    if kind is None:
        return BIGINT
    if kind.base not in _EXTRACTED_FROM.get(field, _DATED):
        raise mismatch(f"Cannot extract {field} from {kind}", node.expression)
    return as_call(function, [node.expression], node, env)


def trim(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type TRIM with a side or characters."""
    characters = node.args.get("expression")
    arguments = [node.this] if characters is None else [node.this, characters]
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or "").upper(), "trim")
    return as_call(name, arguments, node, env)


def position(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type POSITION(x IN y)."""
    return as_call("strpos", [node.this, node.args["substr"]], node, env)


def substring(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type SUBSTRING(x FROM y FOR z)."""
    arguments = [node.this, *(a for a in (node.args.get("start"), node.args.get("length")) if a is not None)]
    # To Trino this is substr, which takes bytes too; other engines know the form for text.
    return as_call("substring" if env.walk.context.strict else "substr", arguments, node, env)


def normalize(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type NORMALIZE(x, form)."""
    return as_call("normalize", [node.this], node, env)


def at_time_zone(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type AT TIME ZONE."""
    value, zone = env.type_of(node.this), env.type_of(node.args["zone"])
    if zone is not None and zone.base not in ("varchar", "char", "unknown", "interval day to second"):
        raise mismatch(f"Type of value must be a time or timestamp with or without time zone (actual {zone})", node)
    if value is None:
        return None
    if value.base.startswith("timestamp"):
        return timestamp(value.numbers[0], zone=True)
    if value.base.startswith("time"):
        return time(value.numbers[0], zone=True)
    raise mismatch(f"Type of value must be a time or timestamp with or without time zone (actual {value})", node)


def listagg(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type LISTAGG(x, separator) WITHIN GROUP (ORDER BY ...)."""
    call = Call(node, "listagg", [])
    inner = node.this
    if isinstance(inner, exp.Order):
        call.order = inner.expressions
        inner = inner.this
    if isinstance(inner, exp.Distinct):
        call.distinct = True
        inner = inner.expressions[0]
    separator = node.args.get("separator")
    function = known_function(Call(node, "max", []))
    call.arguments = [inner]
    kind = aggregate(function, call, node, env)
    if separator is not None:
        env.type_of(separator)
    if kind is not None and kind.base not in ("varchar", "unknown"):
        raise mismatch(f"Expected expression of varchar, but '{text_of(inner)}' has {kind} type", node)
    return VARCHAR


def json_form(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type what stands in an SQL/JSON function; the result is of the type that RETURNING names, else text."""
    for part in node.iter_expressions():
        _json_part(part, env)
    returning = node.args.get("returning") or node.args.get("return_type")
    return type_of_node(returning) if isinstance(returning, exp.DataType) else VARCHAR


def json_exists(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type JSON_EXISTS."""
    json_form(node, env)
    return BOOLEAN


def _json_part(part: exp.Expr, env: Env) -> None:
    """Type the values in one argument of an SQL/JSON function; names, words and types have none."""
    if isinstance(part, exp.JSONKeyValue | exp.FormatJson | exp.OnCondition):
        for inner in part.iter_expressions():
            _json_part(inner, env)
    elif not isinstance(part, exp.Identifier | exp.Var | exp.DataType):
        env.type_of(part)


def _of_session(kind: TrinoType, make: Callable[[int], TrinoType] | None = None) -> Handler:
    def typed(node: exp.Expr, env: Env) -> TrinoType | None:
        env.walk.volatile = True
        precision = node.args.get("this")
        if make is not None and isinstance(precision, exp.Literal):
            return make(int(precision.name))
        return kind

    return typed


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Extract: extract,
    exp.Trim: trim,
    exp.StrPosition: position,
    exp.Substring: substring,
    exp.Normalize: normalize,
    exp.AtTimeZone: at_time_zone,
    exp.GroupConcat: listagg,
    exp.JSONArray: json_form,
    exp.JSONExists: json_exists,
    exp.JSONExtract: json_form,
    exp.JSONObject: json_form,
    exp.JSONValue: json_form,
    exp.CurrentDate: _of_session(DATE),
    exp.CurrentTime: _of_session(TIME_TZ, lambda p: time(p, zone=True)),
    exp.CurrentTimestamp: _of_session(TIMESTAMP_TZ, lambda p: timestamp(p, zone=True)),
    exp.Localtime: _of_session(TIME, lambda p: time(p)),
    exp.Localtimestamp: _of_session(TIMESTAMP, lambda p: timestamp(p)),
    exp.CurrentUser: _of_session(VARCHAR),
    exp.SessionUser: _of_session(VARCHAR),  # CURRENT_PATH
    exp.CurrentCatalog: _of_session(VARCHAR),
    exp.CurrentSchema: _of_session(VARCHAR),
}
