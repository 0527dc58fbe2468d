"""Functions of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode
from catalog.types import INTEGRAL
from rewrite_rules.translate_duckdb.functions.call import Call, Function, plain, template
from rewrite_rules.translate_duckdb.operators import number_arithmetic, scaled, unscaled
from rewrite_rules.translate_duckdb.text import as_type, case, let, let_all, raising, refusing, unsupported

_FLOATING = ("double", "real")
MOST_DIGITS = 37
_EXACT_BELOW = "1e15"
"""Up to here a double holds its decimal places well enough for round() to be the same in both engines."""


def _round(call: Call) -> str:
    kind = call.types[0]
    if kind.base == "decimal":
        digits = call.integer(1) if len(call.args) > 1 else 0
        if digits < 0:
            return _round_decimal_away(call, -digits)
        rounded = f"round({call.args[0]}, {min(digits, kind.numbers[1])})"
        return as_type(rounded if kind.numbers[1] else call.args[0], call.result)
    digits = call.integer(1) if len(call.args) > 1 else 0
    if kind.base in INTEGRAL:
        return _round_integer(call, digits)
    factor = f"1e{digits}"

    def rounded_double(v: str) -> str:
        scaled = f"abs(CAST({v} AS DOUBLE)) * {factor}"
        sign = f"CASE WHEN {v} < 0 THEN -1e0 ELSE 1e0 END"
        return case(
            (f"NOT isfinite({v})", v),
            (f"{scaled} >= {_EXACT_BELOW}", v if not digits else refusing("round() of such a large number")),
            otherwise=as_type(f"({sign} * (round({scaled}) / {factor}))", kind),
        )

    return let(call.args[0], "v", rounded_double)


def _round_decimal_away(call: Call, zeros: int) -> str:
    """Round a decimal to tens, hundreds, ..., half away from zero."""
    scale = call.types[0].numbers[1]
    if zeros + scale > MOST_DIGITS:
        raise unsupported("round() of a decimal to this few digits")
    unit = 10 ** (zeros + scale)

    def rounded(v: str) -> str:
        return scaled(
            f"(({v} + CASE WHEN {v} < 0 THEN -{unit // 2} ELSE {unit // 2} END) // {unit} * {unit})", scale, call.result
        )

    return let(unscaled(call.args[0], scale, scale), "v", rounded)


def _round_integer(call: Call, digits: int) -> str:
    if digits >= 0:
        return call.args[0]
    unit = 10**-digits
    half = unit // 2

    def rounded(v: str) -> str:
        return f"(({v} + CASE WHEN {v} < 0 THEN -{half} ELSE {half} END) // {unit} * {unit})"

    return as_type(let(f"CAST({call.args[0]} AS HUGEINT)", "v", rounded), call.result)


def _truncate(call: Call) -> str:
    kind = call.types[0]
    if kind.base != "decimal":
        return as_type(f"trunc({call.args[0]})", kind)
    digits = call.integer(1) if len(call.args) > 1 else 0
    if not 0 <= digits <= kind.numbers[1]:
        raise unsupported("truncate() to this number of digits")
    text = f"CAST({call.args[0]} AS VARCHAR)"
    cut = kind.numbers[1] - digits + (0 if digits else 1)
    return as_type(f"left({text}, -{cut})" if cut and kind.numbers[1] else call.args[0], call.result)


def _whole(name: str) -> Function:
    def write(call: Call) -> str:
        if call.types[0].base in INTEGRAL:
            return call.args[0]
        return as_type(f"{name}({call.args[0]})", call.result)

    return write


def _sign(call: Call) -> str:
    kind = call.types[0]
    if kind.base in _FLOATING:
        return let(
            call.args[0], "v", lambda v: case((f"isnan({v}) OR {v} = 0", v), otherwise=as_type(f"sign({v})", kind))
        )
    return as_type(f"sign({call.args[0]})", call.result)


def _abs(call: Call) -> str:
    return as_type(f"abs({call.args[0]})", call.result)


def _extreme(name: str) -> Function:
    """greatest and least give NULL as soon as one argument is NULL."""

    def write(call: Call) -> str:
        if call.types[0].base in _FLOATING:
            return _floating_extreme(name, call)
        if call.types[0].base in ("array", "row", "map"):
            raise unsupported(f"{name} of {call.types[0]}")
        null = " OR ".join(f"({a}) IS NULL" for a in call.args)
        return case((null, "NULL"), otherwise=f"{name}({', '.join(call.args)})")

    return write


def _floating_extreme(name: str, call: Call) -> str:
    """NaN is the answer only where there is nothing else; which of 0.0 and -0.0 is taken is not known."""
    null = " OR ".join(f"({a}) IS NULL" for a in call.args)

    def best(v: str) -> str:
        zeros = f"list_transform(list_filter({v}, lambda x: x = 0), lambda x: CAST(x AS VARCHAR))"
        found = f"list_{'max' if name == 'greatest' else 'min'}({v})"
        return case(
            (null, "NULL"),
            (f"len({v}) = 0", as_type("'nan'", call.result)),
            (f"{found} = 0 AND len(list_distinct({zeros})) > 1", refusing(f"{name} of zeros of both signs")),
            otherwise=found,
        )

    return let(f"list_filter([{', '.join(call.args)}], lambda x: NOT isnan(x))", "v", best)


def _mod(call: Call) -> str:
    if call.result.base == "decimal":
        return number_arithmetic("%", call.args[0], call.args[1], (call.types[0], call.types[1]), call.result)
    return f"({call.args[0]} % {call.args[1]})"


def _domain(function: str, valid: str) -> Function:
    """Functions for which DuckDB raises where Trino gives NaN or an infinity."""

    def write(call: Call) -> str:
        return let(
            call.args[0], "v", lambda v: case((valid.format(v), f"{function}({v})"), otherwise=_outside(function, v))
        )

    return write


def _outside(function: str, value: str) -> str:
    if function in ("ln", "log2", "log10"):
        return case(
            (f"{value} = 0", "CAST('-inf' AS DOUBLE)"), (f"{value} IS NULL", "NULL"), otherwise="CAST('nan' AS DOUBLE)"
        )
    return case((f"{value} IS NULL", "NULL"), otherwise="CAST('nan' AS DOUBLE)")


def _cbrt(call: Call) -> str:
    """Correct DuckDB's root, which is off in the last digit even of 27, by one step of Newton's."""

    def corrected(y: str) -> str:
        step = f"({y} - ({y} * {y} * {y} - {call.args[0]}) / (3 * {y} * {y}))"
        return case((f"{y} = 0 OR NOT isfinite({y})", y), otherwise=step)

    return let(f"cbrt({call.args[0]})", "y", corrected)


def _log(call: Call) -> str:
    base, number = call.args
    return case(
        (f"{base} > 0 AND {base} <> 1 AND {number} > 0 AND isfinite({base})", f"(ln({number}) / ln({base}))"),
        (f"{base} IS NULL OR {number} IS NULL", "NULL"),
        otherwise=refusing("log() of these arguments"),
    )


def _from_base(call: Call) -> str:
    radix = call.integer(1)
    if radix == 16:
        text = call.args[0]
        return let(
            text,
            "v",
            lambda v: case(
                (f"regexp_matches({v}, '^[0-9a-fA-F]{{1,15}}$')", f"CAST('0x' || {v} AS BIGINT)"),
                (f"{v} IS NULL", "NULL"),
                otherwise=refusing("from_base() of this text"),
            ),
        )
    raise unsupported("from_base() with this radix")


def _width_bucket(call: Call) -> str:
    if len(call.args) != 4:
        return _bin_of(call)
    value, low, high, count = call.args
    bad = f"NOT isfinite({low}) OR NOT isfinite({high}) OR {low} >= {high} OR {count} <= 0"

    def bucket(v: str) -> str:
        upwards = f"CAST(floor(({v} - {low}) * {count} / ({high} - {low})) AS BIGINT) + 1"
        return case(
            (f"{v} IS NULL OR {low} IS NULL OR {high} IS NULL OR {count} IS NULL", "NULL"),
            (f"isnan({v}) OR {bad}", refusing("width_bucket() of these arguments")),
            (f"{v} < {low}", "CAST(0 AS BIGINT)"),
            (f"{v} >= {high}", f"{count} + 1"),
            otherwise=upwards,
        )

    return let(value, "v", bucket)


def _bin_of(call: Call) -> str:
    """Count the bounds up to a value; they must be sorted numbers."""
    if call.types[0].base != "double":
        raise unsupported("width_bucket() with an array of other numbers than doubles")
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Bin values are not sorted in ascending order")
    nan = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Operand cannot be NaN")

    def place(v: str, w: str) -> str:
        odd = f"len({w}) = 0 OR len(list_filter({w}, lambda x: x IS NULL OR NOT isfinite(x))) > 0"
        return case(
            (f"{v} IS NULL OR {w} IS NULL", "NULL"),
            (f"isnan({v})", nan),
            (odd, refusing("width_bucket() with such bins")),
            (f"list_sort({w}) <> {w}", bad),
            otherwise=f"CAST(len(list_filter({w}, lambda x: x <= {v})) AS BIGINT)",
        )

    return let_all(call.args[:2], "v", place)


def _shift(direction: str) -> Function:
    """Shift the bits of an integer of its own width by a literal number of places."""

    def write(call: Call) -> str:
        bits = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}[call.types[0].base]
        number = call.integer(1)
        if not 0 <= number < bits:
            raise unsupported(f"{call.name}() by this many bits")
        modulus, factor = 1 << bits, 1 << number
        value = f"CAST({call.args[0]} AS HUGEINT)"
        unsigned = f"((({value} % {modulus}::HUGEINT) + {modulus}::HUGEINT) % {modulus}::HUGEINT)"
        moved = f"({unsigned} // {factor}::HUGEINT)"
        if direction == "left":
            moved = f"(({unsigned} * {factor}::HUGEINT) % {modulus}::HUGEINT)"
        signed = "CASE WHEN {0} >= {1}::HUGEINT THEN {0} - {2}::HUGEINT ELSE {0} END"
        return as_type(let(moved, "v", lambda v: signed.format(v, modulus >> 1, modulus)), call.result)

    return write


def _random(call: Call) -> str:
    if not call.args:
        return "random()"
    low, high = call.args if len(call.args) == 2 else ("0", call.args[0])
    width = f"({high} - {low})"
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "bound must be positive")
    return as_type(
        case((f"{width} <= 0", bad), otherwise=f"{low} + CAST(floor(random() * {width}) AS BIGINT)"), call.result
    )


SCALARS: Mapping[str, Function] = {
    "abs": _abs,
    "ceil": _whole("ceil"),
    "ceiling": _whole("ceil"),
    "floor": _whole("floor"),
    "round": _round,
    "truncate": _truncate,
    "sign": _sign,
    "mod": _mod,
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "power": plain("pow"),
    "pow": plain("pow"),
    "sqrt": _domain("sqrt", "{0} >= 0"),
    "cbrt": _cbrt,
    "exp": plain("exp"),
    "ln": _domain("ln", "{0} > 0"),
    "log2": _domain("log2", "{0} > 0"),
    "log10": _domain("log10", "{0} > 0"),
    "log": _log,
    "sin": plain("sin"),
    "cos": plain("cos"),
    "tan": plain("tan"),
    "asin": _domain("asin", "abs({0}) <= 1"),
    "acos": _domain("acos", "abs({0}) <= 1"),
    "atan": plain("atan"),
    "atan2": plain("atan2"),
    "sinh": plain("sinh"),
    "cosh": plain("cosh"),
    "tanh": plain("tanh"),
    "degrees": plain("degrees"),
    "radians": plain("radians"),
    "pi": template("pi()"),
    "e": template("CAST('2.718281828459045' AS DOUBLE)"),
    "nan": template("CAST('nan' AS DOUBLE)"),
    "infinity": template("CAST('inf' AS DOUBLE)"),
    "is_nan": plain("isnan"),
    "is_finite": plain("isfinite"),
    "is_infinite": plain("isinf"),
    "bitwise_and": template("({0} & {1})"),
    "bitwise_or": template("({0} | {1})"),
    "bitwise_xor": template("xor({0}, {1})"),
    "bitwise_not": template("(~{0})"),
    "bitwise_left_shift": _shift("left"),
    "bitwise_right_shift": _shift("right"),
    "from_base": _from_base,
    "width_bucket": _width_bucket,
    "random": _random,
    "rand": _random,
}
