"""Plan policies as statements: who may manage a table's policies makes and drops them; nobody else learns of any.

What a statement asks for is planned as data; it is done when the client fetches its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import ValidationError

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from gateway.metadata.layouts import is_system
from gateway.metadata.show import table_not_found
from gateway.models import LocalAnswer, Plan, TableAccess
from gateway.planning.context import Planning
from gateway.planning.policy_checks import check_condition, check_mask
from gateway.planning.shows import qualify
from gateway.policy_store.changing import cannot_manage
from gateway.policy_store.edits import DropRule, Places, PolicyEdit, PutRule
from policies.decisions import Action
from policies.document import RowFilter
from policies.mask_entries import ColumnMask
from policies.overlay import Rule, RuleKind, rule_id, stored_name


async def plan_create_row_policy(statement: st.CreateRowPolicy, planning: Planning) -> Plan:
    """Plan CREATE ROW POLICY. Raises Refusal."""
    table = await _table(statement.table, planning)
    grantees = _grantees(statement.grantees, planning)
    name = fold_trino(statement.name)
    if not is_none(statement.condition.text):
        check_condition(statement.condition, table)
    places = _places(statement, statement.condition, planning)
    try:
        rule = RowFilter.model_validate(
            {
                "id": rule_id("row", name, str(table.name)),
                "table": str(table.name),
                "filter": statement.condition.text,
                **grantees,
            }
        )
    except ValidationError as error:
        raise _unwritable(error, statement) from None
    return _change(statement, _put("row", name, rule, table, statement, places), planning)


async def plan_create_column_policy(statement: st.CreateColumnPolicy, planning: Planning) -> Plan:
    """Plan CREATE COLUMN POLICY. Raises Refusal."""
    table = await _table(statement.table, planning)
    grantees = _grantees(statement.grantees, planning)
    name, column = fold_trino(statement.name), fold_trino(statement.column)
    if column not in table.by_name:
        message = f"Column '{column}' cannot be resolved"
        raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=statement.column_location)
    clear = is_none(statement.mask.text)
    if not clear:
        check_mask(statement.mask, table, table.by_name[column])
    places = _places(statement, statement.mask, planning)
    try:
        rule = ColumnMask.model_validate(
            {
                "id": rule_id("column", name, str(table.name)),
                "table": str(table.name),
                "column": column,
                "mask": "none" if clear else {"kind": "sql", "expression": statement.mask.text},
                **grantees,
            }
        )
    except ValidationError as error:
        raise _unwritable(error, statement) from None
    return _change(statement, _put("column", name, rule, table, statement, places), planning)


async def plan_drop_policy(statement: st.DropPolicy, planning: Planning) -> Plan:
    """Plan DROP ROW and COLUMN POLICY; the table itself may be gone already. Raises Refusal."""
    kind: RuleKind = "row" if statement.policy == "ROW" else "column"
    table = managed(statement.table, planning)
    name = fold_trino(statement.name)
    elsewhere = _elsewhere(kind, name, table, planning)
    edit = DropRule(
        kind, name, rule_id(kind, name, str(table)), table, statement.if_exists, statement.location, elsewhere
    )
    return _change(statement, edit, planning)


def _elsewhere(kind: RuleKind, name: str, table: TableName, planning: Planning) -> Literal["", "file", "changeset"]:
    """Tell where else than among statements a policy of that name stands."""
    for source in planning.policies.sources:
        for rule in source.document.row_filters if kind == "row" else source.document.column_masks:
            if rule.id == name and (rule.table or "").lower() == str(table):
                return "file" if stored_name(source.file) is None else "changeset"
    return ""


def managed(written: st.QualifiedName, planning: Planning) -> TableName:
    """Return the name of a table, existing or not, whose policies the caller may manage. Raises Refusal."""
    name = qualify(written, planning)
    if not planning.policies.may_manage(planning.subject, name):
        raise cannot_manage(name)
    return name


def is_none(text: str) -> bool:
    """Tell whether a policy says that it restricts nothing; a column of that name is written in quotes."""
    return text.lower() == "none"


async def _table(written: st.QualifiedName, planning: Planning) -> Table:
    """Return a table to make a policy on. Raises Refusal."""
    name = managed(written, planning)
    if is_system(name):
        message = "Policies on system tables are not supported: the gateway shows their readers what is theirs."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=written.location)
    table = await planning.table(name) if name.catalog in planning.catalog.catalogs else None
    if table is None:
        raise table_not_found(name, written.location)
    return table


def _grantees(grantees: Sequence[st.Grantee], planning: Planning) -> dict[str, object]:
    """Return whom a policy is about, in the words of the policy language. Raises Refusal for an unknown role."""
    if grantees[0].category == "ALL":
        return {"roles": "all"}
    found: dict[str, list[str]] = {"ROLE": [], "USER": [], "GROUP": []}
    for each in grantees:
        name = _known_as(each, planning)
        if name in found[each.category]:
            message = f"{each.category.capitalize()} '{name}' is named twice"
            raise Refusal(ErrorCode.INVALID_ARGUMENTS, message, location=each.location)
        found[each.category].append(name)
    named = {"roles": "ROLE", "users": "USER", "groups": "GROUP"}
    return {key: tuple(found[category]) for key, category in named.items() if found[category]}


def _known_as(grantee: st.Grantee, planning: Planning) -> str:
    """Return a grantee's name as policies know it: as written, or in lower case as Trino folds names."""
    if grantee.category != "ROLE":
        return grantee.name
    known = planning.policies.roles.closure
    for name in (grantee.name, grantee.name.lower()):
        if name in known:
            return name
    message = f"Role '{grantee.name.lower()}' does not exist"
    raise Refusal(ErrorCode.ROLE_NOT_FOUND, message, location=grantee.location)


def _places(
    statement: st.CreateRowPolicy | st.CreateColumnPolicy, expression: st.PolicyText, planning: Planning
) -> Places:
    whom = {_known_as(each, planning): each.location for each in statement.grantees if each.category != "ALL"}
    return Places(statement.location, statement.table.location, expression.location, whom)


def _put(
    kind: RuleKind,
    name: str,
    rule: Rule,
    table: Table,
    statement: st.CreateRowPolicy | st.CreateColumnPolicy,
    places: Places,
) -> PutRule:
    return PutRule(kind, name, rule, table, statement.replace, statement.if_not_exists, places)


def _unwritable(error: ValidationError, statement: st.CreateRowPolicy | st.CreateColumnPolicy) -> Refusal:
    """Return the refusal for what the policy language has no words for: names with dots or spaces, or too long."""
    what = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
    message = f"{statement.kind} with such names is not supported: {what}"
    return Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.location)


def _change(statement: st.Statement, edit: PolicyEdit, planning: Planning) -> Plan:
    if planning.received.transaction is not None:  # it would not be undone with the rest
        message = f"{statement.kind} is not supported within a transaction"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=Location(1, 1))
    answer = LocalAnswer(update_type=statement.kind)
    tables = (TableAccess(edit.manages, Action.MANAGE_POLICIES.value, ()),) if edit.manages is not None else ()
    return Plan(kind=statement.kind, route="local", answer=answer, policy_edit=edit, tables=tables)
