"""CASE, IF, COALESCE, NULLIF, GREATEST and LEAST: branches in one type, evaluated only where they are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.types import INTEGRAL, TrinoType, display_text
from rewrite_rules.self_comparisons import case_may_meet_itself
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.comparisons import compared
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value

_ORDERED = frozenset({*INTEGRAL, "decimal", "double", "real", "varchar", "date", "timestamp"})


def case(node: exp.Expr, scope: Scope) -> str:
    """Translate both forms of CASE to conditions in order."""
    assert isinstance(node, exp.Case)  # noqa: S101  (registered for CASE only)
    subject, kind = node.args.get("this"), scope.type_of(node)
    if case_may_meet_itself(node):
        raise unsupported("CASE of a column WHEN another", node)
    parts: list[str] = []
    for branch in node.args["ifs"]:
        condition = branch.this
        if isinstance(condition.unnest(), exp.Null):
            continue
        parts.append(scope.value(condition) if subject is None else compared("=", subject, condition, scope))
        parts.append(_branch(branch.args["true"], kind, scope))
    default = _default(node.args.get("default"), kind, node, scope)
    return call("multiIf", *parts, default) if parts else default


def if_(node: exp.Expr, scope: Scope) -> str:
    """Translate IF with two or three arguments."""
    kind = scope.type_of(node)
    if isinstance(node.this.unnest(), exp.Null):
        return _default(node.args.get("false"), kind, node, scope)
    yes = _branch(node.args["true"], kind, scope)
    return either(scope.value(node.this), yes, _default(node.args.get("false"), kind, node, scope))


def _branch(node: exp.Expr, kind: TrinoType, scope: Scope) -> str:
    return coerced(node, kind, scope)


def _default(node: exp.Expr | None, kind: TrinoType, whole: exp.Expr, scope: Scope) -> str:
    if node is not None:
        return _branch(node, kind, scope)
    if kind.base in NESTED:
        raise unsupported(f"A conditional {kind.base} that may be NULL", whole)
    return "NULL"


def _coalesce(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Translate COALESCE so that later arguments are computed only where they are needed."""
    kind = scope.type_of(node)
    if kind.base in NESTED:
        return coerced(arguments[0], kind, scope)
    given = [(scope.type_of(a), coerced(a, kind, scope)) for a in arguments]
    values = [value for own, value in given if own.base != "unknown"] or ["NULL"]
    if len(values) == 1 or not any("throw" in v or "accurate" in v or "Div" in v or "%" in v for v in values[1:]):
        return call("coalesce", *values)
    parts: list[str] = []
    for value in values[:-1]:
        parts += [call("isNotNull", value), value]
    return call("multiIf", *parts, values[-1])


def _nullif(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    first, second = arguments
    if scope.type_of(first).base in NESTED:
        raise unsupported(f"nullif of {scope.type_of(first)}", node)
    if "unknown" in (scope.type_of(first).base, scope.type_of(second).base):
        return scope.value(first)
    return either(compared("=", first, second, scope), "NULL", scope.value(first))


def _extreme(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        kind = scope.type_of(node)
        if kind.base not in _ORDERED:
            raise unsupported(f"{function} of {kind}", node)
        values = [coerced(a, kind, scope) for a in arguments]
        result = call(function, *values)
        if kind.base in ("double", "real"):
            bad = operator("OR", (call("isNaN", v) for v in values))
            return unsupported_value(bad, f"{function} with NaN", result)
        return result

    return write


def paren(node: exp.Expr, scope: Scope) -> str:
    """Translate brackets: everything written here has its own."""
    return scope.value(node.this)


def _typeof(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return string(display_text(scope.type_of(arguments[0])))


FUNCTIONS: Mapping[str, Function] = {
    "typeof": _typeof,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Case: case, exp.If: if_, exp.Paren: paren}
