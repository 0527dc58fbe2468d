"""Check the SQL of a policy before it is made, with the codes and places that a query would get."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.allowed import location_of
from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, Table
from catalog.types import BOOLEAN, UNKNOWN, TrinoType, display_text
from policies.expressions import AGGREGATES, bind, read_expression, sample_subject
from policies.faults import Unfit
from policies.masks import fits
from rewrite_rules.analysis import analyze_expression


def check_condition(text: st.PolicyText, table: Table) -> None:
    """Check the condition of a row policy over a table's columns. Raises Refusal."""
    found = _type(text, table)
    if found not in (BOOLEAN, UNKNOWN):
        message = f"A row policy's condition must evaluate to a boolean: actual type {display_text(found)}"
        raise Refusal(ErrorCode.TYPE_MISMATCH, message, location=text.location)


def check_mask(text: st.PolicyText, table: Table, column: Column) -> None:
    """Check what a column policy shows instead of a column's values. Raises Refusal."""
    found = _type(text, table)
    if not fits(found, column.type):
        wanted = display_text(column.type)
        message = f"A column policy must keep the type of column '{column.name}', {wanted}: actual type "
        raise Refusal(ErrorCode.TYPE_MISMATCH, message + display_text(found), location=text.location)


def _type(text: st.PolicyText, table: Table) -> TrinoType:
    """Return the type of a policy's expression, read and bound as it will be for its readers."""
    raw = parse_expression(text.text)
    _check_nodes(raw, text, table)
    try:
        expression = read_expression(text.text, parse_expression)
        bound = bind(expression, sample_subject([expression]))
    except Unfit as unfit:
        message = f"This cannot stand in a policy: {unfit.message}."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=text.location, hint=unfit.hint or None) from None
    try:
        return analyze_expression(bound.copy(), table)
    except Refusal as refusal:
        at = _shifted(refusal.location, text)
        raise Refusal(refusal.code, refusal.message, location=at, hint=refusal.hint) from None


def _check_nodes(raw: exp.Expr, text: st.PolicyText, table: Table) -> None:
    """Refuse what Trino has a code of its own for, at its place."""
    for node in raw.walk():
        if isinstance(node, exp.AggFunc | exp.Window) or _named(node) in AGGREGATES | {"grouping"}:
            message = "A policy cannot contain aggregations, window functions or grouping operations"
            raise Refusal(ErrorCode.EXPRESSION_NOT_SCALAR, message, location=_place(node, text))
        if isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier):
            first = node.parts[0].name
            if fold_trino(first) not in table.by_name:
                message = f"Column '{fold_trino(first)}' cannot be resolved"
                raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=_place(node, text))


def _named(node: exp.Expr) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else ""


def _place(node: exp.Expr, text: st.PolicyText) -> Location:
    return _shifted(location_of(node), text)


def _shifted(within: Location | None, text: st.PolicyText) -> Location:
    """Return the place in the statement of a place in the policy's text."""
    if within is None:
        return text.location
    at = text.location
    return Location(at.line + within.line - 1, within.column + (at.column - 1 if within.line == 1 else 0))
