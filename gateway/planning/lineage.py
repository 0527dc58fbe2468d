"""What a write carries along: tags and masks of the columns that it copies from, for those that it copies into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import Reading
from gateway.policy_store.edits import Inherit
from policies.decisions import Action
from policies.inheritance import Origin, inherit


def protected(
    plan: Plan, planning: Planning, reading: Reading | None, target: TableName, columns: Sequence[str], first: int = 0
) -> Plan:
    """Return a write's plan with what its target inherits, which is kept before a row is written.

    `columns` take the values of the reading's columns from `first` on, in their order. Raises Refusal where it is
    not known which columns the values of tagged or masked ones go into.
    """
    if reading is None:
        return plan
    policies = planning.policies
    masked = [(table.name, name) for table in reading.tables for name in planning.decide(Action.SELECT, table).masks]
    if len(reading.lineage) - first != len(columns):
        known = {(table.name, column.name) for table in reading.tables for column in table.columns}
        if inherit(policies, {"": frozenset(known)}, masked):
            message = "It is not known which columns the protected values that this statement copies go into."
            raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Name the columns instead of `*`.")
        return plan
    flows: dict[str, frozenset[Origin]] = {}
    for column, found in zip(columns, reading.lineage[first:], strict=True):
        flows[column] = flows.get(column, frozenset()) | (found - {(target, column)})
    given = inherit(policies, flows, masked)
    return replace(plan, policy_edit=Inherit(target, given)) if given else plan
