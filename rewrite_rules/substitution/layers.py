"""Layers: relations joined, grouped and united, as queries of the rewritten text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from rewrite_rules.substitution.bases import relation
from rewrite_rules.substitution.blocks import Occurrence
from rewrite_rules.substitution.conditions import aliases_of
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.making import call, conjunction, select, whole
from rewrite_rules.substitution.misses import Lack, Unmatched

Write = Callable[[exp.Expr], exp.Expr]
"""Write a value over what relations show. Raises Unmatched."""


def joined(
    items: Sequence[exp.Expr],
    first: exp.Expr,
    others: Sequence[Occurrence],
    conditions: Sequence[exp.Expr],
    write: Write,
    group: Sequence[exp.Expr] | None = None,
) -> exp.Select:
    """Return a query over relations joined one after the other; each condition stands where it can first be asked.

    `write` writes the conditions of outer joins; `group` are the keys of groups, () for one group. Raises Unmatched.
    """
    sight = {_alias(first)}
    waiting = list(conditions)
    joins = []
    for other in others:
        sight.add(other.alias)
        if other.join == "inner":
            here = [each for each in waiting if aliases_of([each]) <= sight and aliases_of([each])]
            waiting = [each for each in waiting if all(each is not one for one in here)]
            joins.append(_inner(relation(other), here))
        else:
            joins.append(_outer(other, write))
    keys = [each for each in group or () if each.find(exp.Column) is not None]
    having = exp.GT(this=call("count", exp.Star()), expression=whole(0)) if group and not keys else None
    return select(items, first, joins, conjunction(waiting), keys, having)


def _alias(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    return str(alias.name) if alias is not None else ""


def _inner(other: exp.Expr, conditions: Sequence[exp.Expr]) -> exp.Join:
    on = conjunction(conditions)
    return exp.Join(this=other, kind="CROSS") if on is None else exp.Join(this=other, kind="INNER", on=on)


def _outer(other: Occurrence, write: Write) -> exp.Join:
    if other.join != "left":
        raise Unmatched(Lack(1, "join", "a full join is not read beside a view"))
    on = conjunction([write(each) for each in asked_of(other)])
    return exp.Join(this=relation(other), side="LEFT", on=on if on is not None else exp.Boolean(this=True))


def asked_of(other: Occurrence) -> list[exp.Expr]:
    """Return what an outer join asks besides the row filters that stand in the relation itself."""
    return [each for each in other.on if all(each is not one for one in other.guarded)]


def written(value: exp.Expr, reader: Reader) -> exp.Expr:
    """Write a value over what a reader shows. Raises Unmatched where that cannot be."""
    found = reader.write(value)
    if found is None:
        raise Unmatched(Lack(12, "policy", "a part over the base needs what the caller is not shown"))
    return found


def united(parts: Sequence[exp.Select]) -> exp.Query:
    """Return all rows of one query or of several."""
    result: exp.Query = parts[0]
    for part in parts[1:]:
        result = exp.Union(this=result, expression=part, distinct=False)
    return result
