"""Parameters of prepared statements: counted, checked, bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.node_kinds import QUERIES, is_constant
from catalog.dialect.row_counts import row_count
from catalog.errors import ErrorCode, Refusal
from catalog.functions import registry

if TYPE_CHECKING:
    from collections.abc import Sequence


def count_parameters(tree: exp.Expr) -> int:
    """Count the `?` of a tree."""
    return sum(1 for _ in tree.find_all(exp.Placeholder))


def check_constant(value: exp.Expr, what: str) -> None:
    """Refuse a value that is no literal: subqueries and calls in WITH (...) would run unseen.

    Raises Refusal NOT_SUPPORTED.
    """
    if not is_constant(value):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"{what} must be literals",
            location=location_of(value),
            hint="Use a literal, a typed literal, NULL, or an ARRAY or ROW of those.",
        )


def check_parameter(parameter: exp.Expr) -> None:
    """Refuse a value in USING that is no constant expression, under Trino's names where it has one.

    What passes is put into the statement's tree, and is policed with it. Raises Refusal EXPRESSION_NOT_CONSTANT,
    INVALID_PARAMETER_USAGE or NOT_SUPPORTED.
    """
    if is_constant(parameter):
        return
    if parameter.find(exp.Column) or _uses_its_own_names(parameter):
        code, message = ErrorCode.EXPRESSION_NOT_CONSTANT, "Constant expression cannot contain column references"
        raise Refusal(code, message, location=location_of(parameter))
    if parameter.find(exp.Placeholder):
        message = "No value provided for parameter"
        raise Refusal(ErrorCode.INVALID_PARAMETER_USAGE, message, location=location_of(parameter))
    odd = next((node for node in parameter.walk() if isinstance(node, _NO_SCALARS) or _aggregates(node)), None)
    if odd is not None:
        what = "A parameter that holds a query, an aggregation or a window is not supported"
        raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=location_of(odd))


_NO_SCALARS = (*QUERIES, exp.Exists, exp.Any, exp.All, exp.Window, exp.Filter, exp.GroupConcat, exp.Star)


def _uses_its_own_names(parameter: exp.Expr) -> bool:
    """Tell whether a lambda reads its arguments: to Trino these are column references, too."""
    return any(
        part.name.lower() in {name.name.lower() for name in lambda_.expressions}
        for lambda_ in parameter.find_all(exp.Lambda)
        for part in lambda_.this.find_all(exp.Identifier)
    )


def _aggregates(node: exp.Expr) -> bool:
    function = registry.lookup(node.name) if isinstance(node, exp.Anonymous) else None
    return function is not None and function.kind not in ("scalar", "special")


def bind(tree: exp.Expr, parameters: Sequence[exp.Expr]) -> exp.Expr:
    """Return a copy of a tree in which the parameters stand for its `?`, in the order of the text.

    Raises Refusal INVALID_PARAMETER_USAGE for another number of parameters, and as `check_parameter` and `row_count`.
    """
    expected = count_parameters(tree)
    if expected != len(parameters):
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            f"Incorrect number of parameters: expected {expected} but found {len(parameters)}",
            location=location_of(tree),
        )
    for parameter in parameters:
        check_parameter(parameter)
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
        return row_count(parameter, holder)
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


def _operand(parameter: exp.Expr) -> exp.Expr:
    """Return a copy that binds as tightly as a literal wherever it is put."""
    copied = parameter.copy()
    return exp.Paren(this=copied) if isinstance(copied, exp.Neg) or not is_constant(copied) else copied
