"""Values: columns, literals, arithmetic, casts, conditionals, rows and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import common_super_type
from catalog.types import BIGINT, INTEGRAL, TrinoType
from rewrite_rules.self_comparisons import case_may_meet_itself
from rewrite_rules.translate_duckdb import operators
from rewrite_rules.translate_duckdb.by_place import by_place
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.casts_of_time import in_zone
from rewrite_rules.translate_duckdb.coercion import coerced
from rewrite_rules.translate_duckdb.conditions import equal
from rewrite_rules.translate_duckdb.context import ZONED, Context, Writer, bare, find_column, type_of, write
from rewrite_rules.translate_duckdb.moments import instant_micros, local_literal
from rewrite_rules.translate_duckdb.text import as_type, case, duckdb_type, let_all, raising, string, unsupported
from rewrite_rules.translate_duckdb.zones import literal_zone, zone_of


def _column(node: exp.Expr, context: Context) -> str:
    parts = [p.name.lower() for p in (node.args.get(k) for k in ("catalog", "db", "table", "this")) if p]
    if parts[0] in context.parameters:
        sql, type_ = context.parameters[parts[0]]
        return _into_fields(sql, type_, parts[1:])
    column, used = find_column(parts, context)
    if used == len(parts):
        return by_place(column.sql, type_of(node)) if _of_a_table(column.sql) else column.sql
    return _into_fields(column.sql, column.type, parts[used:])


def _of_a_table(sql: str) -> bool:
    """Tell a physical table's column, which has its own name, from those of relations in a query."""
    return sql.endswith('"')


def _into_fields(sql: str, type_: TrinoType, names: Sequence[str]) -> str:
    for name in names:
        place = next((i for i, f in enumerate(type_.fields, start=1) if f is not None and f.lower() == name), None)
        if place is None:
            raise unsupported("this reference to a field of a row")
        sql, type_ = f"struct_extract_at({sql}, {place})", type_.arguments[place - 1]
    return sql


def _dot(node: exp.Expr, context: Context) -> str:
    inner, names = bare(node.this), [node.expression.name.lower()]
    if isinstance(inner, exp.Column) and len(inner.parts) == 1 and inner.name.lower() not in context.parameters:
        column, _ = find_column([inner.name.lower()], context)
        return _into_fields(column.sql, type_of(inner), names)
    return _into_fields(write(node.this, context), type_of(node.this), names)


def _parameter(node: exp.Expr, context: Context) -> str:
    return context.parameters[node.name.lower()][0]


def _literal(node: exp.Expr, context: Context) -> str:
    type_ = type_of(node)
    if node.args.get("is_string"):
        return string(node.name)
    if type_.base == "double":
        return f"CAST({node.name} AS DOUBLE)"
    return f"CAST({node.name} AS {duckdb_type(type_)})"


def _boolean(node: exp.Expr, context: Context) -> str:
    return "true" if node.this else "false"


def _null(node: exp.Expr, context: Context) -> str:
    return "NULL"


def _binary(node: exp.Expr, context: Context) -> str:
    return f"unhex({string(node.name)})"


def _paren(node: exp.Expr, context: Context) -> str:
    return f"({write(node.this, context)})"


def _arithmetic(node: exp.Expr, context: Context) -> str:
    sides = (node.this, node.expression)
    types = (type_of(sides[0]), type_of(sides[1]))
    result, sign = type_of(node), operators.sign_of(node)
    if result.base in (*INTEGRAL, "double", "real", "decimal"):
        if result.base == "decimal":
            operands = [_decimal_operand(side, context) for side in sides]
            texts, kinds = [sql for sql, _ in operands], (operands[0][1], operands[1][1])
            return operators.number_arithmetic(sign, texts[0], texts[1], kinds, result)
        left, right = (coerced(side, result, context) for side in sides)
        return operators.number_arithmetic(sign, left, right, types, result)
    first, second = ((write(side, context), kind) for side, kind in zip(sides, types, strict=True))
    return operators.time_arithmetic(sign, first, second, result, zone_of(node, context))


_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def _decimal_operand(node: exp.Expr, context: Context) -> tuple[str, TrinoType]:
    type_ = type_of(node)
    if type_.base == "decimal":
        return write(node, context), type_
    wide = TrinoType("decimal", (_DIGITS.get(type_.base, 1), 0))
    return as_type(write(node, context), wide), wide


def _negation(node: exp.Expr, context: Context) -> str:
    inner, type_ = node.this, type_of(node)
    if isinstance(inner, exp.Literal):
        return f"CAST(-{inner.name} AS {duckdb_type(type_)})"
    return operators.negation(write(inner, context), type_)


def _case(node: exp.Expr, context: Context) -> str:
    assert isinstance(node, exp.Case)  # noqa: S101  (registered for CASE only)
    operand, default, result = node.args.get("this"), node.args.get("default"), type_of(node)
    if case_may_meet_itself(node):
        raise unsupported("CASE of a column WHEN another")
    branches = []
    for branch in node.args["ifs"]:
        when = write(branch.this, context) if operand is None else equal(operand, branch.this, context)
        branches.append((when, coerced(branch.args["true"], result, context)))
    otherwise = coerced(default, result, context) if default is not None else "NULL"
    return _typed(case(*branches, otherwise=otherwise), result)


def _if(node: exp.Expr, context: Context) -> str:
    result, otherwise = type_of(node), node.args.get("false")
    value = coerced(node.args["true"], result, context)
    fallback = coerced(otherwise, result, context) if otherwise is not None else "NULL"
    return _typed(case((write(node.this, context), value), otherwise=fallback), result)


def _typed(sql: str, type_: TrinoType) -> str:
    return sql if type_.base == "unknown" else as_type(sql, type_)


def _cast(node: exp.Expr, context: Context) -> str:
    source, target = type_of(node.this), type_of(node)
    tried = isinstance(node, exp.TryCast)
    if isinstance(node.this, exp.Literal) and source.base == "varchar" and not tried:
        constant = _typed_literal(node.this.name, target, context)
        if constant is not None:
            return constant
    zone = zone_of(node.this, context) if source.base == ZONED else context.time_zone
    return cast(write(node.this, context), source, target, zone, tried=tried)


def _typed_literal(text: str, target: TrinoType, context: Context) -> str | None:
    """Write a literal with a type in front; None where a cast does as well."""
    if target.base == ZONED:
        micros = instant_micros(text, context.time_zone)
        return f"make_timestamptz({micros}::BIGINT)"
    if target.base in ("double", "real") and text.strip().replace(".", "").replace("-", "").isdigit():
        return f"CAST({string(text.strip())} AS {duckdb_type(target)})"
    if target.base in ("date", "timestamp"):
        plain = local_literal(text, target.numbers[0] if target.numbers else 0)
        if plain is None or (target.base == "date" and ":" in text):
            return None
        return f"CAST({string(plain[:10] if target.base == 'date' else plain)} AS {duckdb_type(target)})"
    number = text.removeprefix("-")
    whole = number.isascii() and (number.replace(".", "", 1) if target.base == "decimal" else number).isdigit()
    if whole and target.base in (*INTEGRAL, "decimal"):
        return f"CAST({string(text)} AS {duckdb_type(target)})"
    return None


def _at_time_zone(node: exp.Expr, context: Context) -> str:
    literal_zone(node.args["zone"])
    value, kind = write(node.this, context), type_of(node.this)
    if kind.base == ZONED:
        return value
    if kind.base == "timestamp":
        return in_zone(cast(value, kind, kind, context.time_zone), context.time_zone)
    raise unsupported(f"AT TIME ZONE of {kind}")


def _array(node: exp.Expr, context: Context) -> str:
    type_ = type_of(node)
    items = ", ".join(coerced(item, type_.arguments[0], context) for item in node.expressions)
    return as_type(f"[{items}]", type_)


def _row(node: exp.Expr, context: Context) -> str:
    fields = ", ".join(write(item, context) for item in node.expressions)
    return as_type(f"row({fields})", type_of(node))


def _subscript(node: exp.Expr, context: Context) -> str:
    base = type_of(node.this)
    if base.base == "unknown":
        return "NULL"
    index = node.expressions[0]
    if base.base == "map":
        key = common_super_type(base.arguments[0], type_of(index)) or base.arguments[0]
        held = coerced(node.this, TrinoType("map", (key, base.arguments[1])), context)
        return let_all((held, coerced(index, key, context)), "v", _map_value)
    value = write(node.this, context)
    if base.base == "row":
        return f"struct_extract_at({value}, {int(index.name)})"
    place = coerced(index, BIGINT, context)
    return let_all((value, place), "v", array_item)


def _map_value(value: str, key: str) -> str:
    missing = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Key not present in map")
    return case((f"NOT map_contains({value}, {key})", missing), otherwise=f"map_extract_value({value}, {key})")


def array_item(array: str, index: str) -> str:
    """Write `array[index]` with Trino's errors outside the array."""
    return case(
        (f"{index} = 0", raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "SQL array indices start at 1")),
        (f"{index} < 0", raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Array subscript is negative")),
        (
            f"{index} > len({array})",
            raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Array subscript must be less than or equal to array length"),
        ),
        otherwise=f"list_extract({array}, {index})",
    )


WRITERS: Mapping[type[exp.Expr], Writer] = {
    exp.Column: _column,
    exp.Identifier: _parameter,
    exp.Dot: _dot,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.HexString: _binary,
    exp.Paren: _paren,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _arithmetic),
    exp.Neg: _negation,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.AtTimeZone: _at_time_zone,
    exp.Array: _array,
    exp.Tuple: _row,
    exp.Bracket: _subscript,
}
