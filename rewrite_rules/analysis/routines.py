"""Inline functions: what they take and give, and that their bodies hold by Trino's rules.

A body sees its parameters and variables; queries, tables and functions that come later are out of its sight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.functions import lookup
from catalog.functions.signatures import Overload, Shape
from catalog.type_coercions import can_coerce, common_super_type
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.analysis.env import Env, LocalFunction, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.literals import type_of_node
from rewrite_rules.analysis.scalars import no_aggregates
from rewrite_rules.analysis.scopes import Field, Scope


def declare(functions: Sequence[exp.Expr], walk: Walk) -> None:
    """Check inline functions one after the other and make each known to those behind it and to the query.

    Raises Refusal NOT_SUPPORTED for engines other than Trino, MISSING_RETURN, ALREADY_EXISTS, NOT_FOUND,
    TYPE_MISMATCH, INVALID_ARGUMENTS and what expressions raise.
    """
    if walk.context.strict:
        raise unsupported("WITH FUNCTION is supported on Trino clusters only")
    for function in functions:
        _declare(function, walk)


def _declare(function: exp.Expr, walk: Walk) -> None:
    parameters = _parameters(function)
    returns = _type_of(function.args["returns"])
    body = function.args["body"]
    _check_return(body)
    name = function.this.name.lower()
    known = walk.functions.get(name, LocalFunction(name))
    overload = _overload(parameters.values(), returns)
    bodies = Walk(replace(walk.context, tables={}), walk.handlers, walk.query, subqueries=False)
    bodies.functions = {**walk.functions, name: replace(known, overloads=(*known.overloads, overload), open=overload)}
    _Checker(bodies, returns).check(body, _Context(parameters, frozenset()))
    deterministic = _check_determinism(function, bodies)
    walk.volatile = walk.volatile or bodies.volatile or not deterministic
    walk.functions[name] = replace(
        known, overloads=(*known.overloads, overload), deterministic=known.deterministic and deterministic
    )


def _overload(parameters: Iterable[TrinoType], returns: TrinoType) -> Overload:
    kinds = tuple(parameters)
    shapes = tuple(Shape(kind.base, (), kind) for kind in kinds)
    return Overload(shapes, Shape(returns.base, (), returns), text=", ".join(map(str, kinds)))


def _type_of(node: exp.Expr) -> TrinoType:
    kind = type_of_node(node)
    if kind is None:
        raise mismatch(f"Unknown type: {node.sql()}", node)
    return kind


def _parameters(function: exp.Expr) -> dict[str, TrinoType]:
    found: dict[str, TrinoType] = {}
    for parameter in function.expressions:
        name = parameter.this.name.lower()
        if name in found:
            what = f"Duplicate function parameter name: {name}"
            raise refuse(ErrorCode.INVALID_ARGUMENTS, what, parameter)
        found[name] = _type_of(parameter.args["kind"])
    return found


def _check_return(body: exp.Expr) -> None:
    last = body.expressions[-1] if isinstance(body, exp.Block) and body.expressions else body
    if not isinstance(last, exp.Return):
        raise refuse(ErrorCode.MISSING_RETURN, "Function must end in a RETURN statement", body)


def _check_determinism(function: exp.Expr, walk: Walk) -> bool:
    """Compare what is declared with what is called; return what is true."""
    actual = all(_is_deterministic(call.name, walk) for call in function.find_all(exp.Anonymous))
    declared = all(trait.name != "NOT DETERMINISTIC" for trait in function.args.get("traits") or ())
    if actual and not declared:
        raise refuse(ErrorCode.INVALID_ARGUMENTS, "Deterministic function declared NOT DETERMINISTIC", function)
    if declared and not actual:
        raise refuse(ErrorCode.INVALID_ARGUMENTS, "Non-deterministic function declared DETERMINISTIC", function)
    return actual


def _is_deterministic(name: str, walk: Walk) -> bool:
    local = walk.functions.get(name.lower())
    if local is not None:
        return local.deterministic
    function = lookup(name)
    return function is None or function.deterministic


@dataclass(frozen=True, slots=True)
class _Context:
    """What a statement sees."""

    variables: Mapping[str, TrinoType]
    labels: frozenset[str]


class _Checker:
    """Check the statements of one body."""

    __slots__ = ("_returns", "_walk")

    def __init__(self, walk: Walk, returns: TrinoType) -> None:
        self._walk = walk
        self._returns = returns

    def check(self, node: exp.Expr, context: _Context) -> None:
        """Check one statement and those in it."""
        if isinstance(node, exp.Return):
            self._value(node.this, context, self._returns, "Value of RETURN")
        elif isinstance(node, exp.SetItem):
            self._assignment(node, context)
        elif isinstance(node, exp.EndStatement):
            if node.this.name.lower() not in context.labels:
                raise refuse(ErrorCode.NOT_FOUND, f"Label not defined: {node.this.name}", node)
        elif isinstance(node, exp.IfBlock):
            self._branches(node, context)
        elif isinstance(node, exp.WhileBlock):
            self._loop(node, context)
        elif isinstance(node, exp.Block):
            self._block(node, context)
        else:
            raise unsupported(f"{node.key} is not supported in a function", node)

    def _value(self, node: exp.Expr, context: _Context, wanted: TrinoType, what: str) -> None:
        kind = self._type(node, context)
        if kind is not None and not can_coerce(kind, wanted):
            raise mismatch(f"{what} must evaluate to {wanted} (actual: {kind})", node)

    def _type(self, node: exp.Expr, context: _Context) -> TrinoType | None:
        scope = Scope([Field(name, kind) for name, kind in context.variables.items()], boundary=True)
        env = Env(self._walk, scope, {})
        kind = env.type_of(node)
        no_aggregates(env, node, "function body")
        return kind

    def _assignment(self, node: exp.Expr, context: _Context) -> None:
        name = node.this.name
        kind = context.variables.get(name.lower())
        if kind is None:
            raise refuse(ErrorCode.NOT_FOUND, f"Variable cannot be resolved: {name}", node)
        self._value(node.expression, context, kind, f"Value of SET '{name}'")

    def _branches(self, node: exp.Expr, context: _Context) -> None:
        """Check IF and CASE: all conditions first where Trino does so."""
        value = self._type(node.this, context) if node.args.get("this") is not None else None
        searched = node.args.get("this") is None
        word = {"IF": "IF statement", "CASE": "WHEN clause"}[node.args["kind"]]
        for branch in node.args["ifs"]:
            if searched:
                self._value(branch.this, context, BOOLEAN, f"Condition of {word}")
                continue
            kind = self._type(branch.this, context)
            if value is not None and kind is not None and common_super_type(value, kind) is None:
                what = f"WHEN clause value must evaluate to CASE value type {value} (actual: {kind})"
                raise mismatch(what, branch.this)
        for branch in node.args["ifs"]:
            self._all(branch.args["true"], context)
        if node.args.get("default") is not None:
            self._all(node.args["default"], context)

    def _loop(self, node: exp.Expr, context: _Context) -> None:
        label = node.args.get("label")
        inner = context
        if label is not None:
            name = label.name.lower()
            if name in context.labels:
                raise refuse(ErrorCode.ALREADY_EXISTS, f"Label already declared in this scope: {name}", label)
            inner = _Context(context.variables, context.labels | {name})
        if node.args.get("this") is not None:
            self._value(node.this, inner, BOOLEAN, f"Condition of {node.args['kind']} statement")
        self._all(node.args["body"], inner)

    def _block(self, node: exp.Expr, context: _Context) -> None:
        variables = dict(context.variables)
        inner = _Context(variables, context.labels)
        for declaration in node.args.get("declared") or ():
            kind = _type_of(declaration.args["kind"])
            if declaration.args.get("default") is not None:
                self._value(declaration.args["default"], inner, kind, "Value of DEFAULT")
            for name in declaration.expressions:
                if name.name.lower() in variables:
                    what = f"Variable already declared in this scope: {name.name}"
                    raise refuse(ErrorCode.ALREADY_EXISTS, what, name)
                variables[name.name.lower()] = kind
        self._all(node, inner)

    def _all(self, block: exp.Expr, context: _Context) -> None:
        for statement in block.expressions:
            self.check(statement, context)
