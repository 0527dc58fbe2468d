"""What all writing statements share: who may change a table, and how a write becomes a plan.

A target that any filter, mask or withheld column applies to is not written through the gateway: deleted-row counts are
an oracle, and masked values must not be persisted (policy-semantics section 4).
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, Table, TableName
from catalog.types import TrinoType
from engines.base import OutputColumn, Write
from gateway.models import Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.query import Reading, find_table
from gateway.planning.shows import qualify
from policies.decisions import Action

ROWS = (OutputColumn("rows", TrinoType("bigint")),)


async def writable_table(name: st.QualifiedName, planning: Planning, action: Action) -> Table:
    """Return a table that the caller may change and sees whole. Raises Refusal."""
    table = await find_table(qualify(name, planning), planning, action=action, location=name.location)
    decision = planning.decide(Action.SELECT, table)
    hidden = decision.allowed and len(decision.columns) < len(table.columns)
    if decision.policed or hidden:
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot {action.value} on table {table.name}: policies restrict what you see of it.",
            hint="Ask for a role that sees the table whole.",
        )
    return table


def denied(action: str, name: TableName | SchemaName) -> Refusal:
    """Return the refusal of an action on something the caller may name."""
    return Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot {action} {name}")


def planned_table(name: TableName, engine: str) -> Table:
    """Stand for a table that does not exist yet, so that policy can decide on its name."""
    return Table(name, (), engine)


def write_plan(
    kind: str, engine: str, sql: str, write: Write, update_type: str, reading: Reading | None = None, **more: object
) -> Plan:
    """Assemble a write's plan from its parts and, where there is one, the governed source."""
    target = TableAccess(write.target, write.kind, ()) if isinstance(write.target, TableName) else None
    sources = reading.accesses if reading else ()
    return Plan(
        kind=kind,
        route="engine",
        engine=engine,
        sql=sql,
        governed_sql=sql,
        write=write,
        update_type=update_type,
        tables=(*sources, *((target,) if target else ())),
        engine_tables=reading.tables if reading else (),
        policies=reading.policies if reading else (),
        reasons=reading.reasons if reading else (),
        policed=reading.policed if reading else False,
        **more,  # type: ignore[arg-type]
    )


def refuse_read_only(planning: Planning, engine: str, what: str) -> None:
    """Refuse to write where the gateway only reads. Raises Refusal NOT_SUPPORTED."""
    if planning.engines.kinds.get(engine) == "clickhouse":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported: ClickHouse catalogs are read-only here.")
