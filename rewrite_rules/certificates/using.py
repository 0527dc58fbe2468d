"""JOIN ... USING, written out: equal columns, of which those of the left side stay in sight."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from sqlglot import exp

from rewrite_rules.certificates.expressions import Source
from rewrite_rules.certificates.terms import Unclear, type_of


def condition(names: Sequence[str], left: Sequence[Source], alias: str) -> exp.Expr:
    """Return the condition by which a relation is joined to those before it. Raises Unclear."""
    return reduce(lambda one, other: exp.And(this=one, expression=other), [_equal(each, left, alias) for each in names])


def _equal(name: str, left: Sequence[Source], alias: str) -> exp.Expr:
    showing = [source.alias for source in left if any(shown == name for shown, _ in source.columns)]
    if len(showing) != 1 or not showing[0] or not alias or any(source.alias == alias for source in left):
        raise Unclear("JOIN USING a column of several relations, or of one without a name")
    return exp.EQ(this=_column(name, showing[0]), expression=_column(name, alias))


def _column(name: str, alias: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(alias, quoted=True))


def without(source: Source, names: Sequence[str], left: Sequence[Source]) -> Source:
    """Return the right side as it is seen above the join: in an inner or left join the left side's values count.

    Raises Unclear where they are of another type, and so would be turned into a third.
    """
    own, others = dict(source.columns), dict(pair for each in left for pair in each.columns)
    for name in names:
        kind = type_of(own[name]) if name in own else None
        if kind is None or kind != type_of(others[name]):
            raise Unclear("JOIN USING columns of different types")
    return Source(source.alias, tuple(pair for pair in source.columns if pair[0] not in names))
