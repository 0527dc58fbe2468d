"""What goes with a table that is renamed: what it inherited as a copy; what anybody wrote for it keeps it in place."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from catalog.dialect.parse import parse_expression
from catalog.objects import Table, TableName
from gateway.planning.context import Planning
from gateway.planning.lineage import filters_before
from gateway.planning.writing import keep_named_columns
from gateway.policy_store.edits import LINEAGE
from gateway.policy_store.renaming import Carry
from policies.compile import compile_policies
from policies.faults import PolicyError
from policies.overlay import stored_origin


async def carried(planning: Planning, table: Table, target: TableName) -> Carry | None:
    """Return what a table takes along to its new name; None where no policy names its columns or rows.

    Raises Refusal PERMISSION_DENIED where a policy does that somebody wrote: who keeps it is to change both.
    """
    if not planning.policies.names_columns(table.name):
        return None
    if await asyncio.to_thread(_named_by_others, planning, table.name):
        keep_named_columns(planning, table, "change the name")
    return Carry(table.name, target, filters_before(planning, target))


def _named_by_others(planning: Planning, table: TableName) -> bool:
    """Tell whether policies would name a table's columns or rows if it had inherited nothing."""
    policies = planning.policies
    written = [each for each in policies.sources if each.file != stored_origin(LINEAGE)]
    try:
        found = compile_policies(written, parse_expression, version=policies.version, secrets=os.environ.get)
    except PolicyError:  # not whole without what is inherited: nothing is known
        return True
    return replace(found, partners=policies.partners).names_columns(table)
