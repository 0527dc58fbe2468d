"""What all writing statements share: who may change a table, and how a write becomes a plan.

A target that any filter, mask or withheld column applies to is not written through the gateway: deleted-row counts are
an oracle, and masked values must not be persisted (policy-semantics section 4).
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import SchemaName, Table, TableName
from catalog.types import TrinoType
from engines.base import OutputColumn, Write
from gateway.metadata import show
from gateway.models import Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.finding import VERBS
from gateway.planning.query import Reading
from gateway.planning.shows import qualify
from policies.decisions import Action

ROWS = (OutputColumn("rows", TrinoType("bigint")),)


async def known_table(written: st.QualifiedName, planning: Planning, *actions: Action) -> Table | None:
    """Return a table that the caller may read or do one of the actions with: whatever else there is, is not."""
    name = qualify(written, planning)
    table = await planning.table(name) if name.catalog in planning.view.catalogs() else None
    if table is None or not any(planning.decide(each, table).allowed for each in (*actions, Action.SELECT)):
        return None
    return table


async def writable_table(written: st.QualifiedName, planning: Planning, action: Action) -> Table:
    """Return a table that the caller may change and sees whole.

    Whatever is missing or hidden, up to the catalog, is TABLE_NOT_FOUND, as where Trino writes. Raises Refusal.
    """
    table = await known_table(written, planning, action)
    if table is None:
        raise show.table_not_found(qualify(written, planning), Location(1, 1))
    return changeable(table, planning, action)


def changeable(table: Table, planning: Planning, *actions: Action) -> Table:
    """Return a known table if the caller may do all of this and no policy restricts what he sees. Raises Refusal."""
    decision = planning.decide(Action.SELECT, table)
    for action in actions:
        allowed = planning.decide(action, table).allowed
        if decision.allowed and (decision.policed or len(decision.columns) < len(table.columns)):
            raise Refusal(
                ErrorCode.PERMISSION_DENIED,
                f"Access Denied: Cannot {action.value} on table {table.name}: policies restrict what you see of it.",
                hint="Ask for a role that sees the table whole.",
            )
        if not allowed:
            raise denied(f"{VERBS[action]} {table.kind}", table.name)
    return table


def restricts(reading: Reading, planning: Planning) -> bool:
    """Tell whether any policy restricts what the caller sees of the tables that a query reads."""
    decisions = ((table, planning.decide(Action.SELECT, table)) for table in reading.tables)
    return reading.policed or any(len(seen.columns) < len(table.columns) for table, seen in decisions)


def refuse_missing(kind: str, written: st.QualifiedName, planning: Planning) -> Refusal:
    """Return the refusal of a view that is missing or hidden, in Trino's words."""
    message = f"{kind} '{qualify(written, planning)}' does not exist"
    return Refusal(ErrorCode.TABLE_NOT_FOUND, message, location=Location(1, 1))


def tables_only(table: Table, doing: str) -> None:
    """Refuse to change the rows of a view. Raises Refusal NOT_SUPPORTED."""
    if table.kind != "table":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{doing} {table.kind}s is not supported", location=Location(1, 1))


def trino_only(planning: Planning, table: Table, what: str) -> None:
    """Refuse by name what only Trino clusters take. Raises Refusal NOT_SUPPORTED."""
    if planning.engines.kinds.get(table.engine) != "trino":
        message = f"{what} is not supported in catalog '{table.name.catalog}': only Trino clusters take it."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message)


def keep_named_columns(planning: Planning, table: Table, what: str) -> None:
    """Refuse to change names or types that policies, whoever they are for, were written with. Raises Refusal.

    A mask or filter finds its column by name: under another name the column would be open to everybody, and what
    got the old name would be guarded in its place (policy-semantics section 4).
    """
    if planning.policies.names_columns(table.name):
        raise Refusal(
            ErrorCode.PERMISSION_DENIED,
            f"Access Denied: Cannot {what} of table {table.name}: policies name its columns.",
            hint="Ask who keeps the policies to change both.",
        )


def text_literal(text: str) -> str:
    """Return a text as a literal of Trino's."""
    return "'" + text.replace("'", "''") + "'"


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
        outline=reading.outline if reading else None,
        **more,  # type: ignore[arg-type]  # a plan's own members
    )


def refuse_read_only(planning: Planning, engine: str, what: str) -> None:
    """Refuse to write where the gateway only reads. Raises Refusal NOT_SUPPORTED."""
    if planning.engines.kinds.get(engine) == "clickhouse":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported: ClickHouse catalogs are read-only here.")
