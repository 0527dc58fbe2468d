"""Literals, typed as Trino types them, and casts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.dialect.types import type_sql
from catalog.errors import ErrorCode
from catalog.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL_DAY,
    INTERVAL_YEAR,
    MAX_DECIMAL_PRECISION,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    TrinoType,
    decimal,
    is_known,
    parse_type,
    varchar,
)
from rewrite_rules.analysis.casts import can_cast
from rewrite_rules.analysis.env import Env, Handler
from rewrite_rules.analysis.failures import mismatch, refuse

_MAX_INTEGER = 2**31 - 1
_MAX_BIGINT = 2**63 - 1
_YEARS = frozenset({"YEAR", "MONTH"})


def literal(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a number or text."""
    text = node.name
    if node.args.get("is_string"):
        return varchar(len(text))
    return _number(text, node)


def _number(text: str, node: exp.Expr) -> TrinoType:
    if "e" in text or "E" in text:
        return DOUBLE
    if "." in text:
        whole, _, fraction = text.partition(".")
        precision = max(1, len(whole.lstrip("0")) + len(fraction))
        if precision > MAX_DECIMAL_PRECISION:
            raise refuse(ErrorCode.INVALID_LITERAL, f"'{text}' is not a valid DECIMAL literal", node)
        return decimal(precision, len(fraction))
    value = int(text) - isinstance(node.parent, exp.Neg)  # a sign belongs to the number: -2147483648 is an integer
    if value <= _MAX_INTEGER:
        return INTEGER
    if value > _MAX_BIGINT:
        raise refuse(ErrorCode.INVALID_LITERAL, f"Invalid numeric literal: {text}", node)
    return BIGINT


def boolean(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type TRUE and FALSE."""
    return BOOLEAN


def null(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type NULL."""
    return UNKNOWN


def binary(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type X'...'."""
    return VARBINARY


def interval(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type INTERVAL literals by their unit."""
    return interval_type(node)


def interval_type(node: exp.Expr) -> TrinoType:
    """Return the type of an interval with this unit."""
    unit = node.args.get("unit")
    while isinstance(unit, exp.IntervalSpan):
        unit = unit.this
    return INTERVAL_YEAR if unit is not None and unit.name.upper() in _YEARS else INTERVAL_DAY


def cast(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type CAST and TRY_CAST; typed literals (`DATE '...'`) are casts too."""
    source = env.type_of(node.this)
    target = type_of_node(node.args["to"])
    if target is None:
        return None
    if not is_known(target):
        raise mismatch(f"Unknown type: {target}", node)
    if source is not None and not can_cast(source, target):
        raise mismatch(f"Cannot cast {source} to {target}", node)
    return target


def parameter(node: exp.Expr, env: Env) -> TrinoType | None:
    """Leave a prepared statement's `?` open."""
    return None


def type_of_node(node: exp.Expr) -> TrinoType | None:
    """Read a type that the parser read; None for what is no type of Trino's."""
    if not isinstance(node, exp.DataType):
        return None
    if isinstance(node.this, exp.Interval):
        return interval_type(node.this)
    parts = node.expressions
    known = _PLAIN.get(node.this) if not parts else _sized(node.this, parts)
    if known is not None:
        return known
    try:
        return parse_type(type_sql(node))
    except ValueError:
        return None


def _sized(kind: exp.DType, parts: list[exp.Expr]) -> TrinoType | None:
    """Make the types that only have numbers in their brackets, without writing and reading them."""
    base = _SIZED.get(kind)
    if base is None or not all(isinstance(part, exp.DataTypeParam) for part in parts):
        return None
    numbers = tuple(int(part.this.name) for part in parts)
    return TrinoType(base, (*numbers, 0) if base == "decimal" and len(numbers) == 1 else numbers)


_SIZED: Mapping[exp.DType, str] = {
    exp.DType.DECIMAL: "decimal",
    exp.DType.VARCHAR: "varchar",
    exp.DType.CHAR: "char",
    exp.DType.TIME: "time",
    exp.DType.TIMETZ: "time with time zone",
    exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamp with time zone",
}
_PLAIN: Mapping[exp.DType, TrinoType] = {
    exp.DType.BIGINT: BIGINT,
    exp.DType.INT: INTEGER,
    exp.DType.DOUBLE: DOUBLE,
    exp.DType.VARCHAR: VARCHAR,
    exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.DATE: DATE,
    exp.DType.TIMESTAMP: TIMESTAMP,
    exp.DType.TIMESTAMPTZ: TIMESTAMP_TZ,
    exp.DType.VARBINARY: VARBINARY,
}

HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Literal: literal,
    exp.Boolean: boolean,
    exp.Null: null,
    exp.HexString: binary,
    exp.Interval: interval,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Placeholder: parameter,
}
