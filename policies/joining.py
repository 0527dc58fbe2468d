"""Put what grants, filters and masks say of one table together into a decision."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.objects import Table
from policies.decisions import Action, PolicyRef, TableDecision
from policies.grants import Standing
from policies.mask_choice import MaskOutcome

READS = frozenset({Action.SELECT, Action.EXPLAIN, Action.REVEAL})
MUST_BE_CLEAR = frozenset(Action) - READS
"""Actions on tables of which the caller sees everything."""


def refused(table: Table, action: Action, refs: tuple[PolicyRef, ...], reason: str) -> TableDecision:
    """Return the decision against an action, with the reason for stewards."""
    return TableDecision(table.name, action, allowed=False, policies=refs, reason=reason)


def join_decision(
    table: Table,
    action: Action,
    standing: Standing,
    outcomes: Mapping[str, MaskOutcome],
    condition: exp.Expr | None,
    refs: tuple[PolicyRef, ...],
) -> TableDecision:
    """Put grants, filter and masks together."""
    columns = tuple(
        column.name
        for column in table.columns
        if (action not in READS or standing.columns is None or column.name in standing.columns)
        and column.name not in standing.denied_columns
        and not outcomes[column.name].withheld
    )
    hidden = "; ".join(f"{c.name}: {outcomes[c.name].withheld}" for c in table.columns if outcomes[c.name].withheld)
    if not columns and table.columns:
        return refused(table, action, refs, f"no column is left; {hidden}")
    masks = {name: mask for name in columns if (mask := outcomes[name].mask) is not None}
    mask_refs = (PolicyRef(outcomes[name].rule, "column_mask") for name in columns if outcomes[name].rule)
    return TableDecision(
        table.name,
        action,
        allowed=True,
        columns=columns,
        row_filter=condition,
        masks=masks,
        policies=tuple(dict.fromkeys((*refs, *mask_refs))),
        reason=hidden,
        withheld=len(columns) < len(table.columns),
    )
