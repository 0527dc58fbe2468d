"""Chosen groups: a view that keeps only groups of which something is true (HAVING) answers who asks for no others.

Only where the query's groups are the view's own: of a larger group nobody knows which parts the view left out.
"""

from __future__ import annotations

from sqlglot import exp

from rewrite_rules.substitution.conditions import unproved
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.implication import assume
from rewrite_rules.substitution.misses import Lack, Unmatched, shown
from rewrite_rules.substitution.sources import is_single


def having_proved(frame: Frame, *, alone: bool) -> tuple[str, ...]:
    """Return why the view keeps all groups that the query asks for. Raises Unmatched where it may not.

    `alone` says that all rows of the query's groups come from the view.
    """
    kept = frame.viewed.having
    if not kept:
        return ()
    asked = frame.asked
    if not alone or not asked.block.keys or not is_single(frame):
        raise Unmatched(*(_groups_left_out(each, frame) for each in kept))
    known = assume([*asked.conditions, *asked.block.having], not_null=asked.not_null, zone=frame.zone)
    gaps, proofs = unproved(kept, known)
    if gaps:
        raise Unmatched(*(_groups_left_out(each, frame) for each in gaps))
    return tuple(proofs)


def _groups_left_out(value: exp.Expr, frame: Frame) -> Lack:
    text = shown(value, frame.asked.block)
    return Lack(10, "filter", f"the view keeps only groups with {text}", f"build the view without HAVING {text}")
