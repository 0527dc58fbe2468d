"""What is left of a decision when a caller chose a part of his roles: never more than either shows.

Roles do not only give: one that is left out would take its denials, filters and masks with it. So both decisions hold.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from catalog.objects import Table
from policies.decisions import TableDecision, Window
from policies.row_filters import most_careful


def narrower(table: Table, chosen: TableDecision, whole: TableDecision) -> TableDecision:
    """Return the decision under which nothing is seen that one of the two withholds."""
    if not chosen.allowed or not whole.allowed:
        return chosen if not chosen.allowed else whole
    columns = tuple(name for name in chosen.columns if name in whole.columns)
    policies = tuple(dict.fromkeys((*chosen.policies, *whole.policies)))
    if not columns and table.columns:
        return replace(chosen, allowed=False, columns=(), policies=policies, reason="no column is left")
    masks = {name: mask for name in columns if (mask := _mask(chosen.masks.get(name), whole.masks.get(name)))}
    return TableDecision(
        table.name,
        chosen.action,
        allowed=True,
        columns=columns,
        row_filter=_both(chosen.row_filter, whole.row_filter),
        masks=masks,
        policies=policies,
        reason="; ".join(dict.fromkeys(reason for reason in (chosen.reason, whole.reason) if reason)),
        withheld=len(columns) < len(table.columns),
        min_group=max(chosen.min_group, whole.min_group),
        exportable=chosen.exportable and whole.exportable,
        guard=most_careful(each.guard for each in (chosen, whole) if each.row_filter is not None),
        holds=narrower_window(chosen.holds, whole.holds),
    )


def narrower_window(one: Window | None, other: Window | None) -> Window | None:
    """Return the time in which both hold; None where neither ages."""
    if one is None or other is None:
        return one or other
    return Window(max(one.start, other.start), min(one.end, other.end))


def _both(one: exp.Expr | None, other: exp.Expr | None) -> exp.Expr | None:
    if one is None or other is None or one == other:
        return one if one is not None else other
    return exp.And(this=exp.Paren(this=one.copy()), expression=exp.Paren(this=other.copy()))


def _mask(one: exp.Expr | None, other: exp.Expr | None) -> exp.Expr | None:
    """Return the mask that holds; where two differ, each may show what the other hides, and NULL stands for both."""
    if one is None or other is None or one == other:
        return one if one is not None else other
    return exp.Cast(this=exp.Null(), to=one.args["to"].copy())
