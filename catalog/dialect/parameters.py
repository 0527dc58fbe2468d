"""Parameters of prepared statements: counted, checked, bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.node_kinds import is_constant
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence


def count_parameters(tree: exp.Expr) -> int:
    """Count the `?` of a tree."""
    return sum(1 for _ in tree.find_all(exp.Placeholder))


def check_constant(parameter: exp.Expr, what: str = "Parameters") -> None:
    """Refuse a value that is no literal: subqueries and calls in USING or WITH (...) would run unseen.

    Raises Refusal NOT_SUPPORTED.
    """
    if not is_constant(parameter):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"{what} must be literals",
            location=location_of(parameter),
            hint="Use a literal, a typed literal, NULL, or an ARRAY or ROW of those.",
        )


def check_parameter(parameter: exp.Expr) -> None:
    """Refuse a value in USING that is no literal, under Trino's names where it would refuse it, too.

    Raises Refusal EXPRESSION_NOT_CONSTANT, INVALID_PARAMETER_USAGE or NOT_SUPPORTED.
    """
    if parameter.find(exp.Column) and not parameter.find(exp.Query):
        code, message = ErrorCode.EXPRESSION_NOT_CONSTANT, "Constant expression cannot contain column references"
        raise Refusal(code, message, location=location_of(parameter))
    if parameter.find(exp.Placeholder):
        message = "No value provided for parameter"
        raise Refusal(ErrorCode.INVALID_PARAMETER_USAGE, message, location=location_of(parameter))
    check_constant(parameter)


def bind(tree: exp.Expr, parameters: Sequence[exp.Expr]) -> exp.Expr:
    """Return a copy of a tree in which the parameters stand for its `?`, in the order of the text.

    Raises Refusal INVALID_PARAMETER_USAGE for another number of parameters, NOT_SUPPORTED for what is no literal.
    """
    expected = count_parameters(tree)
    if expected != len(parameters):
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            f"Incorrect number of parameters: expected {expected} but found {len(parameters)}",
            location=location_of(tree),
        )
    for parameter in parameters:
        check_constant(parameter)
    bound = tree.copy()
    for place, parameter in zip(placeholders(bound), parameters, strict=True):
        value = _value(place, parameter)
        if place is bound:
            return value  # what has no parent cannot be replaced
        place.replace(value)
    return bound


def _value(place: exp.Expr, parameter: exp.Expr) -> exp.Expr:
    """Return what stands for a parameter at its place. Raises Refusal INVALID_PARAMETER_USAGE."""
    holder = place.parent
    if isinstance(holder, (exp.Limit, exp.Offset, exp.Fetch)):
        return _row_count(parameter)
    while isinstance(holder, (exp.Paren, exp.Tuple)):
        holder = holder.parent
    if isinstance(holder, _WITHOUT):
        message = "Query takes no parameters"
        raise Refusal(ErrorCode.INVALID_PARAMETER_USAGE, message, location=location_of(parameter))
    return _no_ordinal(parameter) if isinstance(holder, (exp.Group, exp.Ordered)) else _operand(parameter)


_WITHOUT = (exp.TableSample, exp.Rollup, exp.Cube, exp.GroupingSets)
"""What takes no parameter on Trino: samples, and grouping sets, which take column names alone."""


def _no_ordinal(parameter: exp.Expr) -> exp.Expr:
    """Return a copy that is a value where a bare number would be a column's place: GROUP BY, ORDER BY."""
    digits = parameter.this if isinstance(parameter, exp.Neg) else parameter
    if not isinstance(digits, exp.Literal) or not digits.is_int:
        return _operand(parameter)
    kind = "INTEGER" if int(digits.name) < 2**31 else "BIGINT"
    return exp.Cast(this=parameter.copy(), to=exp.DataType.build(kind))


def placeholders(tree: exp.Expr) -> list[exp.Expr]:
    """Return the `?` of a tree in the order of its text."""
    return sorted(tree.find_all(exp.Placeholder), key=_position)


def _position(node: exp.Expr) -> int:
    return int(node.meta.get("start", 0))


def _row_count(parameter: exp.Expr) -> exp.Expr:
    """Return the number that a parameter of LIMIT, OFFSET or FETCH stands for; drivers send `INTEGER '5'`."""
    cast = isinstance(parameter, exp.Cast) and parameter.to.is_type(*exp.DataType.INTEGER_TYPES)
    literal = parameter.this if cast else parameter
    digits = isinstance(literal, exp.Literal) and literal.name.isascii() and literal.name.isdecimal()
    if not digits or (literal.is_string and not cast):
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            "The number of rows must be a non-negative integer",
            location=location_of(parameter),
        )
    return exp.Literal.number(literal.name)


def _operand(parameter: exp.Expr) -> exp.Expr:
    """Return a copy that binds as tightly as a literal wherever it is put."""
    copied = parameter.copy()
    return exp.Paren(this=copied) if isinstance(copied, exp.Neg) else copied
