"""Plan CALL: the two procedures that the gateway itself carries out, which end queries and reveal tokens."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.types import VARCHAR
from engines.base import OutputColumn
from gateway.metadata.show import check_catalog
from gateway.models import Kill, LocalAnswer, Plan, TableAccess
from gateway.planning.context import Planning
from gateway.vault.asked import Reveal

KILL = ("QUERY_ID", "MESSAGE")
REVEAL = ("TABLE_NAME", "COLUMN_NAME", "TOKEN", "REASON")


async def plan_call(statement: st.Call, planning: Planning) -> Plan:
    """Plan CALL. Raises Refusal for any other procedure, and in Trino's words for arguments that do not fit."""
    name = _qualify(statement, planning)
    catalog, schema, procedure = name
    check_catalog(planning.view, catalog, statement.location)
    if catalog != "system" and schema == "system":  # where connectors keep theirs
        message = f"CALL {'.'.join(name)} is not supported by this gateway."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.name.location)
    if name == ("system", "vault", "reveal"):
        return _plan_reveal(statement)
    if name != ("system", "runtime", "kill_query"):
        raise Refusal(ErrorCode.PROCEDURE_NOT_FOUND, f"Procedure not registered: {schema}.{procedure}")
    given = _arguments(statement, KILL, KILL[:1])
    query_id = given["QUERY_ID"]
    if query_id is None:
        raise Refusal(ErrorCode.INVALID_PROCEDURE_ARGUMENT, "query_id cannot be null")
    anybody = planning.policies.may_handle_queries(planning.subject, "kill")
    kill = Kill(query_id, given.get("MESSAGE") or "", anybody)
    return Plan(kind="CALL", route="local", answer=LocalAnswer(update_type="CALL"), kill=kill)


def _plan_reveal(statement: st.Call) -> Plan:
    """Plan `CALL system.vault.reveal(...)`, which answers with one row. Who may is decided when it is carried out."""
    given = _arguments(statement, REVEAL, REVEAL)
    table, column, token, reason = (given[name] or "" for name in REVEAL)
    parts = [fold_trino(part) for part in table.split(".")]
    if len(parts) != 3 or not all(parts):
        raise Refusal(ErrorCode.INVALID_PROCEDURE_ARGUMENT, "table_name must be catalog.schema.table")
    asked = Reveal(TableName(*parts), fold_trino(column), token, reason)
    touched = TableAccess(asked.table, "reveal", (asked.column,))
    answer = LocalAnswer((OutputColumn("value", VARCHAR),))
    return Plan(kind="CALL", route="local", answer=answer, reveal=asked, tables=(touched,))


def _qualify(statement: st.Call, planning: Planning) -> tuple[str, str, str]:
    session, parts = planning.received.session, statement.name.parts
    if len(parts) > 3:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"Too many dots in table name: {statement.name}")
    catalog, schema, procedure = (None,) * (3 - len(parts)) + parts
    schema = schema or session.schema
    if schema is None:
        message = "Schema must be specified when session schema is not set"
        raise Refusal(ErrorCode.MISSING_SCHEMA_NAME, message, location=statement.location)
    catalog = catalog or session.catalog
    if catalog is None:
        message = "Catalog must be specified when session catalog is not set"
        raise Refusal(ErrorCode.MISSING_CATALOG_NAME, message, location=statement.location)
    return fold_trino(catalog), fold_trino(schema), fold_trino(procedure or "")


def _arguments(statement: st.Call, parameters: tuple[str, ...], required: tuple[str, ...]) -> dict[str, str | None]:
    """Return the arguments by the names of a procedure's parameters. Raises Refusal INVALID_ARGUMENTS."""
    named = [argument.name is not None for argument in statement.arguments]
    if any(named) and not all(named):
        raise _unfit(statement, "Named and positional arguments cannot be mixed")
    given: dict[str, str | None] = {}
    for position, argument in enumerate(statement.arguments):
        if argument.name is None and position >= len(parameters):
            raise _unfit(statement, "Too many arguments for procedure")
        name = argument.name.upper() if argument.name is not None else parameters[position]
        if name not in parameters:
            raise _unfit(argument, f"Unknown argument name: {name}")
        if name in given:
            raise _unfit(argument, f"Duplicate procedure argument: {name}")
        given[name] = _text(argument)
    missing = next((name for name in required if name not in given), None)
    if missing is not None:
        raise _unfit(statement, f"Required procedure argument '{missing}' is missing")
    return given


def _unfit(where: st.Call | st.Argument, message: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_ARGUMENTS, message, location=where.location)


def _text(argument: st.Argument) -> str | None:
    """Return the value of a literal; nothing else is worked out here."""
    value = argument.value
    if isinstance(value, exp.Null):
        return None
    if isinstance(value, exp.Literal):
        if value.is_string:
            return str(value.this)
        kind = "integer" if value.is_int else "decimal"
        raise Refusal(ErrorCode.TYPE_MISMATCH, f"Cannot cast type {kind} to varchar", location=argument.location)
    message = "a procedure's arguments must be literals"
    raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=argument.location)
