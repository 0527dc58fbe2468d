"""Plan what changes tables and views as wholes: their name, their properties, their comments. On Trino only.

A rename takes the right to drop the old name and to create the new one, as a copy and a drop would. What policies
name, for whomever, keeps its name, or they would no longer find it.
"""

from __future__ import annotations

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Table
from engines.base import Write
from gateway.models import Plan
from gateway.planning.carrying import carried
from gateway.planning.context import Planning
from gateway.planning.definitions import creatable
from gateway.planning.materialized_views import refuse_view_properties
from gateway.planning.properties import table_properties
from gateway.planning.roles import need_role
from gateway.planning.schemas import existing_schema
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import (
    known_table,
    refuse_missing,
    text_literal,
    trino_only,
    writable_table,
    write_plan,
)
from policies.decisions import Action

_START = Location(1, 1)


async def plan_rename(statement: st.Rename, planning: Planning) -> Plan:
    """Plan ALTER TABLE, VIEW and MATERIALIZED VIEW ... RENAME TO."""
    kind = statement.object_kind
    drop, create = _rights(kind)
    found = await known_table(statement.name, planning, drop)
    if found is None and statement.if_exists:
        return local(f"RENAME {kind}")  # nothing that the caller knows of: the engine must not be asked to rename it
    if found is None or found.kind != kind.lower():
        raise _not_that(statement.name, found, kind, planning)
    table = await writable_table(statement.name, planning, drop)
    if kind == "MATERIALIZED VIEW":
        # It holds rows of what it reads, which its name is all that policies know of.
        raise Refusal(ErrorCode.NOT_SUPPORTED, "ALTER MATERIALIZED VIEW is not supported by this gateway.")
    if qualify(statement.target, planning).catalog != table.name.catalog:
        message = f"{kind.capitalize()} rename across catalogs is not supported"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)
    target, _, present = await creatable(statement.target, planning, create)
    if present is not None:
        raise _taken(present, kind)
    edit = await carried(planning, table, target)
    trino_only(planning, table, f"ALTER {kind} RENAME")
    sql = f"ALTER {kind} {quoted(*table.name)} RENAME TO {quoted(*target)}"
    update = f"RENAME {kind}"
    write = Write("rename", table.name)
    return write_plan(update, table.engine, sql, write, update, invalidates=(table.name, target), policy_edit=edit)


def _rights(kind: str) -> tuple[Action, Action]:
    if kind == "TABLE":
        return Action.DROP_TABLE, Action.CREATE_TABLE
    return Action.DROP_VIEW, Action.CREATE_VIEW


def _not_that(written: st.QualifiedName, found: Table | None, kind: str, planning: Planning) -> Refusal:
    """Return the refusal of what is missing, or of another kind than was said, under Trino's names."""
    if found is None:
        return refuse_missing(kind.capitalize(), written, planning)
    mend = f"Did you mean ALTER {found.kind.upper()} {found.name} RENAME TO ...?"
    message = f"{kind.capitalize()} '{found.name}' does not exist, but a {found.kind} with that name exists. {mend}"
    code = ErrorCode.GENERIC_USER_ERROR if kind == "TABLE" else ErrorCode.TABLE_NOT_FOUND
    return Refusal(code, message, location=_START)


def _taken(present: Table, kind: str) -> Refusal:
    """Return the refusal of a target that exists; Trino has two names for it, by kind and by what is there."""
    same = present.kind == kind.lower()
    code = ErrorCode.TABLE_ALREADY_EXISTS if same == (kind == "TABLE") else ErrorCode.GENERIC_USER_ERROR
    taken = "already exists" if same else f"does not exist, but a {present.kind} with that name exists."
    return Refusal(code, f"Target {kind.lower()} '{present.name}' {taken}", location=_START)


async def plan_set_properties(statement: st.SetProperties, planning: Planning) -> Plan:
    """Plan ALTER TABLE ... SET PROPERTIES, of the properties that CREATE TABLE takes."""
    if statement.object_kind != "TABLE":
        raise await refuse_view_properties(statement, planning)
    written = table_properties(statement.properties, statement.name.location, default=True)
    table = await writable_table(statement.name, planning, Action.CREATE_TABLE)
    if table.kind != "table":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Cannot set properties to a {table.kind}", location=_START)
    trino_only(planning, table, "ALTER TABLE SET PROPERTIES")
    sql = f"ALTER TABLE {quoted(*table.name)} SET PROPERTIES {written}"
    update = "SET PROPERTIES"
    write = Write("alter table", table.name)
    return write_plan(update, table.engine, sql, write, update, invalidates=(table.name,))


async def plan_set_authorization(statement: st.SetAuthorization, planning: Planning) -> Plan:
    """Refuse ALTER ... SET AUTHORIZATION: what there is belongs to nobody here, policies say who may what."""
    kind = statement.object_kind
    if kind == "SCHEMA":
        existing_schema(statement.name, planning)
    else:
        found = await known_table(statement.name, planning)
        if found is None or (kind != "TABLE" and found.kind != kind.lower()):
            raise _not_that(statement.name, found, kind, planning)
    if statement.role is not None:
        need_role(statement.role, planning)
    message = f"ALTER {kind} SET AUTHORIZATION is not supported by this gateway: policies say who may what."
    raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.location)


async def plan_comment(statement: st.Comment, planning: Planning) -> Plan:
    """Plan COMMENT ON TABLE, VIEW and COLUMN."""
    written, column = statement.name, ""
    if statement.object_kind == "COLUMN":
        written = st.QualifiedName(statement.name.parts[:-1], statement.name.location)
        column = fold_trino(statement.name.parts[-1])
    found = await known_table(written, planning, Action.CREATE_TABLE, Action.CREATE_VIEW)
    if found is None or (not column and found.kind != statement.object_kind.lower()):
        raise _uncommented(statement, found, written, planning)
    create = Action.CREATE_TABLE if found.kind == "table" else Action.CREATE_VIEW
    table = await writable_table(written, planning, create)
    if column and column not in table.by_name:
        raise Refusal(ErrorCode.COLUMN_NOT_FOUND, f"Column does not exist: {column}", location=_START)
    trino_only(planning, table, "COMMENT")
    name = quoted(*table.name, *([column] if column else []))
    text = "NULL" if statement.text is None else text_literal(statement.text)
    sql = f"COMMENT ON {statement.object_kind} {name} IS {text}"
    return write_plan("COMMENT", table.engine, sql, Write("comment", table.name), "COMMENT", invalidates=(table.name,))


def _uncommented(statement: st.Comment, found: Table | None, written: st.QualifiedName, planning: Planning) -> Refusal:
    kind = "View" if statement.object_kind == "VIEW" else "Table"
    other = f", but a {found.kind} with that name exists." if found is not None else ""
    message = f"{kind} '{qualify(written, planning)}' does not exist{other}"
    return Refusal(ErrorCode.TABLE_NOT_FOUND, message, location=_START)
