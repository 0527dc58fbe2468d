"""Mathematical functions, rounding and bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.types import BIGINT, DOUBLE, INTEGRAL
from rewrite_rules.translate_clickhouse.arithmetic import compute, narrowed
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.decimals import fitted, widened
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer, on_doubles
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call, either, guard, operator, unsupported_value

_SAFE_TO_SCALE = "1e15"
"""Doubles below this can be multiplied by a power of ten and rounded as Trino rounds them."""
_LEAST_NORMAL = "2.2250738585072014e-308"


def _abs(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(node)
    if kind.base in INTEGRAL:
        return narrowed(call("abs", call("toInt128", value)), kind)
    return call("abs", value) if kind.base in ("double", "real") else cast(call("abs", value), kind)


def _sign(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(node)
    if kind.base in ("double", "real"):
        sign = either(f"isNaN({value}) OR {value} = 0", value, cast(call("sign", value), kind))
        return cast(sign, kind)
    return cast(call("sign", value), kind)


def _whole(function: str) -> Function:
    """Return what writes ceil, floor and truncate with one argument."""

    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        value, kind = scope.value(arguments[0]), scope.type_of(node)
        if kind.base in INTEGRAL or kind.base in ("double", "real"):
            return cast(value, kind) if kind.base in INTEGRAL else call(function, value)
        scale = scope.type_of(arguments[0]).numbers[1]
        return fitted(call(function, widened(value, scale)), kind, certain=False)

    return write


def _truncate(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if len(arguments) == 1:
        return _whole("trunc")(arguments, node, scope)
    kind, digits = scope.type_of(node), literal_integer(arguments[1], "A number of digits")
    if kind.base != "decimal":
        raise unsupported(f"truncate of {kind} to a number of digits", node)
    return cast(call("trunc", scope.value(arguments[0]), str(digits)), kind)


def _round(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(node)
    digits = literal_integer(arguments[1], "A number of digits") if len(arguments) > 1 else 0
    if kind.base in INTEGRAL:
        if digits >= 0:
            return value
        return narrowed(call("round", widened(value, 1), str(digits)), kind)
    if kind.base == "decimal":
        scale = scope.type_of(arguments[0]).numbers[1]
        rounded = call("round", widened(value, scale), str(digits)) if digits < scale else value
        return fitted(rounded, kind, certain=False)
    if kind.base not in ("double", "real"):
        raise unsupported(f"round of {kind}", node)
    wide = call("toFloat64", value) if kind.base == "real" else value
    result = cast(either(f"isFinite({wide})", _scaled_half_up(wide, digits), wide), kind)
    if not digits:
        return result
    bad = operator("AND", (f"isFinite({wide})", f"abs({wide}) >= {_SAFE_TO_SCALE}"))
    return unsupported_value(bad, "Rounding so large a number to a number of digits", result)


def _scaled_half_up(value: str, digits: int) -> str:
    """Round a double's size half up at a digit and give it its sign again, also to zero, as Trino does."""
    factor = "1" if not digits else f"{10**digits}" if digits > 0 else f"0.{'0' * (-digits - 1)}1"
    size = f"(abs({value}) * {factor})"
    whole = f"(floor({size}) + {either(f'{size} - floor({size}) >= 0.5', '1', '0')})"
    return f"({either(f'{value} < 0', '-1.', '1.')} * {whole} / {factor})"


def _power(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Write a power; ClickHouse's goes wrong where the result leaves the range of doubles, or the base is subnormal."""
    base, power = (coerced(a, DOUBLE, scope) for a in arguments)
    size = call("abs", base)
    undefined = f"(isNaN({power}) OR ({size} = 1 AND isInfinite({power})))"
    far = f"({size} < {_LEAST_NORMAL} OR abs({power} * log2({size})) > 1000)"
    bad = operator("AND", (f"{base} != 0", f"isFinite({base})", f"isFinite({power})", far))
    result = either(undefined, "nan", call("power", base, power))
    return unsupported_value(bad, "A power beyond the range of doubles", result)


def _log(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    base, value = (coerced(a, DOUBLE, scope) for a in arguments)
    return operator("/", (call("log", value), call("log", base)))


def _mod(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    left, right = ((scope.value(a), scope.type_of(a)) for a in arguments)
    return compute("%", left, right, scope.type_of(node), node)


def _bits(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        return call(function, *(coerced(a, BIGINT, scope) for a in arguments))

    return write


def _left_shift(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    kind = scope.type_of(arguments[0])
    shift = literal_integer(arguments[1], "A number of bits")
    if kind.base != "bigint" or not 0 <= shift < 64:
        raise unsupported("This shift of bits", node)
    return call("bitShiftLeft", scope.value(arguments[0]), str(shift))


def _width_bucket(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Number the bucket of equal width that a value falls into; the bounds must be literals."""
    if len(arguments) != 4:
        raise unsupported("width_bucket with an array of bins", node)
    low, high = (literal_integer(a, "A bound") for a in arguments[1:3])
    count = literal_integer(arguments[3], "A number of buckets")
    if low >= high or count < 1:
        raise unsupported("These bounds of width_bucket", node)
    value = coerced(arguments[0], DOUBLE, scope)
    inside = f"toInt64(floor({count} * ({value} - {low}) / {high - low})) + 1"
    result = call(
        "multiIf",
        f"isNull({value})",
        "NULL",
        f"{value} < {low}",
        "toInt64(0)",
        f"{value} >= {high}",
        f"toInt64({count + 1})",
        inside,
    )
    return guard(call("isNaN", value), ErrorCode.INVALID_FUNCTION_ARGUMENT, "Operand must not be NaN", result)


def _constant(text: str) -> Function:
    return lambda arguments, node, scope: text


def _predicate(function: str) -> Function:
    return lambda arguments, node, scope: call(function, coerced(arguments[0], DOUBLE, scope))


_OF_ONE_DOUBLE = {
    "sqrt": "sqrt",
    "cbrt": "cbrt",
    "exp": "exp",
    "ln": "log",
    "log2": "log2",
    "log10": "log10",
    **{
        name: name
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "degrees", "radians")
    },
}

FUNCTIONS: Mapping[str, Function] = {
    **{name: on_doubles(function) for name, function in _OF_ONE_DOUBLE.items()},
    "atan2": on_doubles("atan2"),
    "abs": _abs,
    "sign": _sign,
    "ceil": _whole("ceil"),
    "ceiling": _whole("ceil"),
    "floor": _whole("floor"),
    "truncate": _truncate,
    "round": _round,
    "power": _power,
    "pow": _power,
    "log": _log,
    "mod": _mod,
    "pi": _constant("pi()"),
    "e": _constant("e()"),
    "nan": _constant("nan"),
    "infinity": _constant("inf"),
    "is_nan": _predicate("isNaN"),
    "is_finite": _predicate("isFinite"),
    "is_infinite": _predicate("isInfinite"),
    "bitwise_and": _bits("bitAnd"),
    "bitwise_or": _bits("bitOr"),
    "bitwise_xor": _bits("bitXor"),
    "bitwise_not": _bits("bitNot"),
    "bitwise_left_shift": _left_shift,
    "width_bucket": _width_bucket,
}
