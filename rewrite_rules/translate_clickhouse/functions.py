"""What the tables of functions hold, and helpers that many of their entries share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from catalog.types import DOUBLE, TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import call

Function = Callable[[Sequence[exp.Expr], exp.Expr, Scope], str]
"""Writes a call from its arguments, the call's node and the scope."""


def literal_text(node: exp.Expr, what: str) -> str:
    """Return the value of a text literal. Raises Refusal NOT_SUPPORTED for anything else."""
    if isinstance(node, exp.Literal) and node.args.get("is_string"):
        return str(node.name)
    raise unsupported(f"{what} that is not a literal", node)


def literal_integer(node: exp.Expr, what: str) -> int:
    """Return the value of a whole number literal. Raises Refusal NOT_SUPPORTED for anything else."""
    sign = 1
    node = node.unnest()
    if isinstance(node, exp.Neg):
        sign, node = -1, node.this.unnest()
    if isinstance(node, exp.Literal) and not node.args.get("is_string") and node.name.isdigit():
        return sign * int(node.name)
    raise unsupported(f"{what} that is not a literal", node)


def renamed(function: str) -> Function:
    """Return what writes a call under another name with the same arguments."""
    return lambda arguments, node, scope: call(function, *(scope.value(a) for a in arguments))


def as_bigint(function: str) -> Function:
    """Return what writes a call whose result becomes bigint."""
    return lambda arguments, node, scope: call("toInt64", call(function, *(scope.value(a) for a in arguments)))


def on_doubles(function: str) -> Function:
    """Return what writes a call whose arguments all become doubles."""
    return lambda arguments, node, scope: call(function, *(coerced(a, DOUBLE, scope) for a in arguments))


def typed(argument: exp.Expr, kinds: Sequence[str], what: str, scope: Scope) -> TrinoType:
    """Return an argument's type if it is one of those allowed. Raises Refusal NOT_SUPPORTED."""
    kind = scope.type_of(argument)
    if kind.base not in kinds:
        raise unsupported(f"{what} of {kind}", argument)
    return kind
