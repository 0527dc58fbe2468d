"""Literals, columns and rows' fields."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.names import fold_trino
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import native
from rewrite_rules.translate_clickhouse.scope import Field, Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, string


def literal(node: exp.Expr, scope: Scope) -> str:
    """Translate a number or a text, with its Trino type written out."""
    text = node.name
    if node.args.get("is_string"):
        return string(text)
    kind = scope.type_of(node)
    if kind.base == "double":
        return call("toFloat64", string(text))
    if kind.base == "decimal":
        return call("CAST", string(text), string(native(kind)))
    return call(f"to{native(kind)}", text)


def boolean(node: exp.Expr, scope: Scope) -> str:
    """Translate TRUE and FALSE."""
    return "true" if node.this else "false"


def null(node: exp.Expr, scope: Scope) -> str:
    """Translate NULL."""
    return "NULL"


def binary(node: exp.Expr, scope: Scope) -> str:
    """Translate X'...'."""
    return call("unhex", string(node.name))


def column(node: exp.Expr, scope: Scope) -> str:
    """Translate a column, or fields of a row column: `r.a.b`."""
    assert isinstance(node, exp.Column)  # noqa: S101  (registered for columns only)
    found, rest = row_column(node, scope)
    text, kind = found.sql, found.type
    for part in rest:
        text, kind = _element(text, kind, part, node)
    return text


def row_column(node: exp.Column, scope: Scope) -> tuple[Field, list[str]]:
    """Find a column, and the row fields behind it that its name goes into."""
    parts = [fold_trino(part.name) for part in node.parts]
    for length in range(len(parts), 0, -1):
        found = scope.find(parts[:length])
        if found is not None and (length == len(parts) or found.type.base == "row"):
            if found.refusal is not None:
                raise unsupported(found.refusal, node)
            return found, parts[length:]
    return scope.column(node), []


def _element(text: str, kind: TrinoType, name: str, node: exp.Expr) -> tuple[str, TrinoType]:
    for at, (field, inner) in enumerate(zip(kind.fields, kind.arguments, strict=True), start=1):
        if field is not None and field.lower() == name:
            return call("tupleElement", text, str(at)), inner
    raise unsupported("This field of a row", node)


def dereference(node: exp.Expr, scope: Scope) -> str:
    """Translate `expression.field`."""
    kind = scope.type_of(node.this)
    if kind.base != "row":
        raise unsupported("This form of a name", node)
    return _element(scope.value(node.this), kind, fold_trino(node.expression.name), node)[0]


def parameter(node: exp.Expr, scope: Scope) -> str:
    """Translate a lambda's parameter, which the parser leaves as a bare identifier."""
    found = scope.parameters.get(fold_trino(node.name))
    if found is None:
        raise unsupported("This name", node)
    return found.sql


def row(node: exp.Expr, scope: Scope) -> str:
    """Translate a row constructor."""
    return call("tuple", *(scope.value(item) for item in node.expressions))


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Literal: literal,
    exp.Boolean: boolean,
    exp.Null: null,
    exp.HexString: binary,
    exp.Column: column,
    exp.Identifier: parameter,
    exp.Dot: dereference,
    exp.Tuple: row,
}
