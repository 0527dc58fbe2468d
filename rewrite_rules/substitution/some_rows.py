"""Some rows of a group: a view that keeps measures under FILTER answers who asks for just the rows of that filter.

A condition that the view's keys do not tell goes into each aggregate, where a stored one has it as well; and only those
groups count that have such rows, as a stored count of them says.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rewrite_rules.substitution.blocks import Condition
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.making import whole
from rewrite_rules.substitution.nested import holds_query


def some_rows(frame: Frame, waiting: Sequence[Condition]) -> exp.Expr | None:
    """Return which rows of a view have base rows that meet conditions which its keys do not tell.

    From then on the frame speaks of these base rows. None where the view does not count them, and where policy asks.
    """
    if not waiting or not frame.viewed.keys or frame.viewed.having or frame.asked.block.keys is None:
        return None
    if any(each.policed or holds_query(each.value) for each in waiting):
        return None
    frame.some = tuple(each.value for each in waiting)
    number = frame.group_rows().rows()
    if number is None:
        frame.some = ()
        return None
    return exp.GT(this=number, expression=whole(0))
