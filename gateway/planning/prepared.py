"""Plan prepared statements: the text comes from the client each time and is policed anew each time."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.parameters import bind, count_parameters
from catalog.dialect.parse import parse_statement
from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import TrinoType, type_text
from engines.base import OutputColumn
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.query import read
from gateway.planning.session import encode, local

INTEGER = TrinoType("integer")
BIGINT = TrinoType("bigint")
BOOLEAN = TrinoType("boolean")
_SIZES = {"boolean": 1, "tinyint": 1, "smallint": 2, "integer": 4, "real": 4, "date": 4, "bigint": 8, "double": 8}
_NOT_PREPARED = (st.Prepare, st.Execute, st.ExecuteImmediate, st.Deallocate, st.Explain)


def _body(text: str, planning: Planning) -> st.Statement:
    """Parse a prepared text; it may not itself prepare or execute."""
    statement = parse_statement(text, planning.limits)
    if isinstance(statement, _NOT_PREPARED) and not isinstance(statement, st.Explain):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Invalid statement type for prepared statement: {statement.kind}")
    return statement


def _named(name: str, planning: Planning, location: Location | None = None) -> str:
    text = planning.received.session.prepared.get(name)
    if text is None:
        raise Refusal(ErrorCode.NOT_FOUND, f"Prepared statement not found: {name}")
    return text


def unwrap(statement: st.Statement, planning: Planning) -> st.Statement:
    """Return what EXECUTE and EXECUTE IMMEDIATE stand for, parameters bound as literals; else the statement."""
    if isinstance(statement, st.Execute):
        return bind(_body(_named(statement.name, planning), planning), statement.parameters)
    if isinstance(statement, st.ExecuteImmediate):
        return bind(_body(statement.text, planning), statement.parameters)
    if count_parameters(statement) and not isinstance(statement, st.Prepare):
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            f"Incorrect number of parameters: expected {count_parameters(statement)} but found 0",
        )
    return statement


async def plan_prepare(statement: st.Prepare, planning: Planning) -> Plan:
    """Plan PREPARE: the body must be one that the caller could run; the client keeps its own text."""
    if isinstance(statement.statement, _NOT_PREPARED):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, f"Invalid statement type for prepared statement: {statement.statement.kind}"
        )
    if isinstance(statement.statement, st.Query):
        await read(statement.statement.tree, planning, parameters=count_parameters(statement.statement) > 0)
    added = f"{encode(statement.name)}={encode(statement.text)}"
    return local("PREPARE", ("X-Trino-Added-Prepare", added))


async def plan_deallocate(statement: st.Deallocate, planning: Planning) -> Plan:
    """Plan DEALLOCATE PREPARE: forgetting what is not there is no failure."""
    return local("DEALLOCATE", ("X-Trino-Deallocated-Prepare", encode(statement.name)))


async def plan_describe_input(statement: st.DescribeInput, planning: Planning) -> Plan:
    """Plan DESCRIBE INPUT: one row a parameter; the type is `unknown` until a value is bound."""
    body = _body(_named(statement.name, planning), planning)
    if isinstance(body, st.Query):
        await read(body.tree.copy(), planning, parameters=True)
    columns = (OutputColumn("Position", BIGINT), OutputColumn("Type", _text_type("unknown")))
    rows = tuple((position, "unknown") for position in range(count_parameters(body)))
    return local("DESCRIBE INPUT", answer=LocalAnswer(columns, rows))


def _text_type(text: str) -> TrinoType:
    return TrinoType("varchar", (max(len(text), 1),))


async def plan_describe_output(statement: st.DescribeOutput, planning: Planning) -> Plan:
    """Plan DESCRIBE OUTPUT from the analysis: names and types, never the tables behind them."""
    body = _body(_named(statement.name, planning), planning)
    columns: tuple[OutputColumn, ...] = ()
    if isinstance(body, st.Query):
        reading = await read(body.tree, planning, parameters=count_parameters(body) > 0)
        if reading.columns is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "the types of this statement are known only when it runs")
        columns = reading.columns
    rows = tuple(
        (column.name, "", "", "", type_text(column.type), _SIZES.get(column.type.base, 0), False) for column in columns
    )
    headings = ("Column Name", "Catalog", "Schema", "Table", "Type")
    described = (
        *(OutputColumn(heading, TrinoType("varchar", (2147483647,))) for heading in headings),
        OutputColumn("Type Size", INTEGER),
        OutputColumn("Aliased", BOOLEAN),
    )
    return local("DESCRIBE OUTPUT", answer=LocalAnswer(described, rows))


def with_tree(statement: st.Query, tree: exp.Expr) -> st.Query:
    """Return the query with another tree."""
    return replace(statement, tree=tree)
