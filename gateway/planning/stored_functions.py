"""CREATE and DROP FUNCTION: the functions of catalogs are closed, whoever wrote them, and look missing.

A stored function is text that an engine runs and no policy sees (policy-semantics section 4). Trino's own reasons
come first: what is wrong with the name, the body or the catalog.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from gateway.metadata.show import check_catalog
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import unhurried
from gateway.planning.session import local
from gateway.planning.session_values import bind_session_values
from rewrite_rules.analysis import AnalysisContext, analyze

_START = Location(1, 1)


async def plan_create_function(statement: st.CreateFunction, planning: Planning) -> Plan:
    """Refuse CREATE FUNCTION, behind what is wrong with it."""
    catalog = function_name(statement.name)[0]
    session, received = planning.received.session, planning.received
    bind_session_values(statement.function, received)
    context = AnalysisContext(
        catalog=session.catalog,
        schema=session.schema,
        strict=False,
        user=received.principal.user,
        time_zone=session.time_zone,
        functions=[statement.function],
    )
    await unhurried(planning, lambda: analyze(exp.Select(expressions=[exp.Literal.number(1)]), context))
    check_catalog(planning.view, catalog)
    message = "CREATE FUNCTION is not supported by this gateway."
    hint = "Write the function before the query that calls it: WITH FUNCTION ... SELECT ..."
    raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.location, hint=hint)


async def plan_drop_function(statement: st.DropFunction, planning: Planning) -> Plan:
    """Plan DROP FUNCTION: whichever it is, it is not there."""
    function_name(statement.name)
    if statement.if_exists:
        return local("DROP FUNCTION")
    raise Refusal(ErrorCode.NOT_FOUND, "Function not found", location=_START)


def function_name(written: st.QualifiedName) -> tuple[str, ...]:
    """Return the parts of a stored function's full name. Raises Refusal."""
    parts = written.parts
    if len(parts) > 3:
        raise Refusal(ErrorCode.SYNTAX_ERROR, f"Too many dots in function name: {written}", location=_START)
    if len(parts) == 2:
        message = "Function name must be unqualified or fully qualified with catalog and schema"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)
    if len(parts) == 1:
        message = "Catalog and schema must be specified when function schema is not configured"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=_START)
    return parts
