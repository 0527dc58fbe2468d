"""Aggregate calls taken apart, in one form: which function, of what, for which rows."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.functions import lookup
from catalog.types import TrinoType
from rewrite_rules.substitution.making import is_constant, type_of
from rewrite_rules.substitution.sameness import Sameness
from rewrite_rules.substitution.spelling import copied

_NAMES = {"every": "bool_and", "arbitrary": "any_value", "stddev_samp": "stddev", "var_samp": "variance"}
_SKIPS_NULL = frozenset({"count", "sum", "avg", "min", "max", "any_value", "bool_and", "bool_or"})
"""Aggregates of one value to which a row with NULL is as good as none."""
_SKETCHES = frozenset({"approx_distinct", "approx_percentile"})
"""Likewise, by their first argument."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `name(arguments) FILTER (WHERE condition)`; `count(*)` has no arguments."""

    name: str
    arguments: tuple[exp.Expr, ...]
    kind: TrinoType
    node: exp.Expr
    """As it stands in the query."""
    distinct: bool = False
    condition: exp.Expr | None = None

    def key(self, equal: Sameness) -> Hashable:
        """Return what equal calls have in common."""
        condition = equal.key(self.condition) if self.condition is not None else None
        return (self.name, tuple(equal.key(each) for each in self.arguments), self.distinct, condition)

    def of(self, name: str, *arguments: exp.Expr) -> Call:
        """Return a call of another function over the same rows."""
        return replace(self, name=name, arguments=arguments, distinct=False)

    def over_all(self) -> Call:
        """Return the call without its FILTER."""
        return replace(self, condition=None)


def is_aggregate(node: exp.Expr) -> bool:
    """Tell whether a node is a call of an aggregate, its FILTER included."""
    if isinstance(node, exp.Filter | exp.GroupConcat):
        return True
    function = lookup(node.name) if isinstance(node, exp.Anonymous) else None
    return function is not None and function.kind == "aggregate"


def take_apart(node: exp.Expr) -> Call | None:
    """Take a call of an aggregate apart; None for one with ORDER BY and others that nothing is known of."""
    condition, inner = None, node
    if isinstance(node, exp.Filter):
        condition, inner = node.expression.this, node.this
    kind = type_of(node) or type_of(inner)
    if not isinstance(inner, exp.Anonymous) or kind is None or any(isinstance(e, exp.Order) for e in inner.expressions):
        return None
    name, arguments, distinct = inner.name.lower(), tuple(inner.expressions), False
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        arguments, distinct = tuple(arguments[0].expressions), True
    if any(isinstance(each, exp.Order | exp.Distinct) for each in arguments):
        return None
    found = Call(_NAMES.get(name, name), arguments, kind, node, distinct, condition)
    return _plain(found)


def _plain(found: Call) -> Call:
    """Write a call the one way: DISTINCT where it matters, conditions as FILTER, `count(*)` for what is never NULL."""
    name, arguments = found.name, found.arguments
    if name in ("min", "max") and len(arguments) == 1:
        found = replace(found, distinct=False)
    if name == "count_if" and len(arguments) == 1 and not found.distinct:
        return for_rows(replace(found, name="count", arguments=()), arguments[0])
    single = name in _SKIPS_NULL and len(arguments) == 1
    choice = _choice(arguments[0].unnest()) if single or (name in _SKETCHES and arguments) else None
    if choice is not None:
        return _plain(for_rows(replace(found, arguments=(choice[1], *arguments[1:])), choice[0]))
    if not single or found.distinct:
        return found
    value = arguments[0].unnest()
    if name == "count" and (isinstance(value, exp.Star) or is_constant(value)):
        return replace(found, arguments=())
    return found


def _choice(value: exp.Expr) -> tuple[exp.Expr, exp.Expr] | None:
    """Return condition and value of `CASE WHEN condition THEN value END`, which is NULL for all other rows."""
    if isinstance(value, exp.Case) and value.this is None and len(value.args["ifs"]) == 1:
        branch, other = value.args["ifs"][0], value.args.get("default")
    elif isinstance(value, exp.If):
        branch, other = value, value.args.get("false")
    else:
        return None
    return (branch.this, branch.args["true"]) if other is None or isinstance(other.unnest(), exp.Null) else None


def for_rows(found: Call, condition: exp.Expr) -> Call:
    """Return a call over those of its rows only that meet a condition."""
    if found.condition is not None:
        condition = exp.And(this=exp.Paren(this=copied(found.condition)), expression=exp.Paren(this=copied(condition)))
    return replace(found, condition=condition)
