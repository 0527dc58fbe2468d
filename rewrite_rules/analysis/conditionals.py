"""CASE, IF, COALESCE, NULLIF, TRY, and constructors of rows and arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import common_super_type, comparable
from catalog.types import UNKNOWN, TrinoType, array
from rewrite_rules.analysis.env import Env, Handler
from rewrite_rules.analysis.failures import mismatch, refuse
from rewrite_rules.analysis.operators import common_or_refuse, need_boolean


def case(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type both forms of CASE."""
    operand = node.args.get("this")
    branches = node.args["ifs"]
    if operand is None:
        for branch in branches:
            need_boolean(env.type_of(branch.this), branch.this, "CASE WHEN clause")
    else:
        _operand(operand, branches, node, env)
    results = [branch.args["true"] for branch in branches]
    default = node.args.get("default")
    if default is not None:
        results.append(default)
    rule = "All CASE results must be the same type or coercible to a common type"
    return common_or_refuse([env.type_of(result) for result in results], rule, results)


def _operand(operand: exp.Expr, branches: Sequence[exp.Expr], node: exp.Expr, env: Env) -> None:
    kind = env.type_of(operand)
    for branch in branches:
        own = env.type_of(branch.this)
        if kind is None or own is None:
            continue
        common = common_super_type(kind, own)
        if common is None:
            raise mismatch(f"CASE operand type does not match WHEN clause operand type: {kind} vs {own}", branch.this)
        if not comparable(common):
            raise mismatch(f"Cannot apply operator: {common} = {common}", node)
        kind = common


def if_(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type IF with two or three arguments."""
    need_boolean(env.type_of(node.this), node.this, "IF condition")
    result = env.type_of(node.args["true"])
    otherwise = node.args.get("false")
    if otherwise is None:
        return result
    second = env.type_of(otherwise)
    if result is None or second is None:
        return None
    common = common_super_type(result, second)
    if common is None:
        raise mismatch(f"Result types for IF must be the same: {result} vs {second}", node)
    return common


def coalesce(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    """Type COALESCE."""
    if len(arguments) < 2:
        raise refuse(ErrorCode.SYNTAX_ERROR, "The 'coalesce' function must have at least two arguments", node)
    rule = "All COALESCE operands must be the same type or coercible to a common type"
    return common_or_refuse([env.type_of(a) for a in arguments], rule, arguments)


def nullif(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    """Type NULLIF: the type of its first argument."""
    if len(arguments) != 2:
        raise refuse(ErrorCode.SYNTAX_ERROR, "Invalid number of arguments for 'nullif' function", node)
    first, second = (env.type_of(a) for a in arguments)
    if first is not None and second is not None and common_super_type(first, second) is None:
        raise mismatch(f"Types are not comparable with NULLIF: {first} vs {second}", node)
    return first


def try_(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    """Type TRY: the type of its argument."""
    if len(arguments) != 1:
        raise refuse(ErrorCode.SYNTAX_ERROR, "The 'try' function must have exactly one argument", node)
    return env.type_of(arguments[0])


def row_of(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a row constructor; its fields have no names."""
    kinds = [env.type_of(a) for a in arguments]
    known = tuple(kind for kind in kinds if kind is not None)
    return TrinoType("row", known, (None,) * len(known)) if len(known) == len(kinds) else None


def tuple_(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type `(a, b)`."""
    return row_of(node.expressions, node, env)


def array_(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type an array constructor."""
    rule = "All ARRAY elements must be the same type or coercible to a common type"
    kinds = [env.type_of(item) for item in node.expressions]
    element = common_or_refuse(kinds, rule, node.expressions) if kinds else UNKNOWN
    return array(element) if element is not None else None


HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Case: case,
    exp.If: if_,
    exp.Tuple: tuple_,
    exp.Array: array_,
}
