"""Plan prepared statements: the text comes from the client each time and is policed anew each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.lexer import lex
from catalog.dialect.parameters import bind, count_parameters
from catalog.dialect.parse import parse_statement
from catalog.dialect.syntax import place
from catalog.errors import ErrorCode, Location, Refusal
from catalog.types import TrinoType, display_text
from engines.base import OutputColumn
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.query import read
from gateway.planning.session import local
from gateway.protocols.trino import headers

INTEGER = TrinoType("integer")
BIGINT = TrinoType("bigint")
BOOLEAN = TrinoType("boolean")
_SIZES = {"boolean": 1, "tinyint": 1, "smallint": 2, "integer": 4, "real": 4, "date": 4, "bigint": 8, "double": 8}
_NOT_PREPARED = (st.Prepare, st.Execute, st.ExecuteImmediate, st.Deallocate)


def _body(text: str, planning: Planning) -> st.Statement:
    """Parse a prepared text; it may not itself prepare or execute."""
    statement = parse_statement(text, planning.limits)
    if isinstance(statement, _NOT_PREPARED):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"Invalid statement type for prepared statement: {statement.kind}")
    return statement


def _named(name: str, planning: Planning) -> str:
    text = planning.received.session.prepared.get(name)
    if text is None:
        raise Refusal(ErrorCode.NOT_FOUND, f"Prepared statement not found: {name}")
    return text


def unwrap(statement: st.Statement, planning: Planning) -> st.Statement:
    """Return what EXECUTE and EXECUTE IMMEDIATE stand for, parameters bound as literals; else the statement."""
    if isinstance(statement, st.Execute):
        return bind_statement(_body(_named(statement.name, planning), planning), statement.parameters)
    if isinstance(statement, st.ExecuteImmediate):
        return bind_statement(_body(statement.text, planning), statement.parameters)
    if not isinstance(statement, st.Prepare) and "?" in planning.received.sql:
        return bind_statement(statement, (), place(lex(planning.received.sql, planning.limits)[0]))
    return statement


@contextmanager
def places_in_source(statement: st.Statement, planning: Planning) -> Iterator[None]:
    """Count the places in refusals of an EXECUTE IMMEDIATE from the text around it, as Trino does.

    As there, a quote written twice in the literal counts once.
    """
    try:
        yield
    except Refusal as refusal:
        if isinstance(statement, st.ExecuteImmediate) and refusal.location is not None:
            literal = place(lex(planning.received.sql, planning.limits)[2])
            line, column = refusal.location.line, refusal.location.column
            refusal.location = Location(literal.line + line - 1, column + (literal.column if line == 1 else 0))
        raise


_START = Location(1, 1)


def bind_statement(
    statement: st.Statement, parameters: Sequence[exp.Expr], location: Location = _START
) -> st.Statement:
    """Return a statement with its parameters bound, in the order of the text. Raises INVALID_PARAMETER_USAGE."""
    expected = parameters_of(statement)
    if expected != len(parameters):
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            f"Incorrect number of parameters: expected {expected} but found {len(parameters)}",
            location=location,
        )
    return _bound(statement, iter(parameters)) if expected else statement


def _trees(statement: st.Statement) -> tuple[exp.Expr, ...]:
    """Return the trees of a statement in the order of its text."""
    match statement:
        case st.Query(tree=tree):
            return (tree,)
        case st.Insert(query=query) | st.CreateTableAs(query=query) | st.CreateView(query=query):
            return (query.tree,)
        case st.Delete(where=where):
            return (where,) if where is not None else ()
        case st.Update(assignments=assignments, where=where):
            return (*(value for _, value in assignments), *((where,) if where is not None else ()))
        case st.Explain(statement=inner):
            return _trees(inner)
    return ()


def parameters_of(statement: st.Statement) -> int:
    """Count the parameters of a statement."""
    return sum(count_parameters(tree) for tree in _trees(statement))


def _take(tree: exp.Expr, parameters: Iterator[exp.Expr]) -> exp.Expr:
    return bind(tree, [next(parameters) for _ in range(count_parameters(tree))])


def _bound(statement: st.Statement, parameters: Iterator[exp.Expr]) -> st.Statement:
    match statement:
        case st.Query(tree=tree):
            return replace(statement, tree=_take(tree, parameters))
        case st.Insert(query=query) | st.CreateTableAs(query=query):
            return replace(statement, query=replace(query, tree=_take(query.tree, parameters)))
        case st.Delete(where=where) if where is not None:
            return replace(statement, where=_take(where, parameters))
        case st.Update():
            values = tuple((name, _take(value, parameters)) for name, value in statement.assignments)
            where = _take(statement.where, parameters) if statement.where is not None else None
            return replace(statement, assignments=values, where=where)
        case st.Explain():
            return replace(statement, statement=_bound(statement.statement, parameters))
    raise Refusal(ErrorCode.NOT_SUPPORTED, f"{statement.kind} takes no parameters")


async def plan_prepare(statement: st.Prepare, planning: Planning) -> Plan:
    """Plan PREPARE: the body must be one that the caller could run; the client keeps its own text."""
    if isinstance(statement.statement, _NOT_PREPARED):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, f"Invalid statement type for prepared statement: {statement.statement.kind}"
        )
    if isinstance(statement.statement, st.Query):
        await read(statement.statement.tree, planning, parameters=parameters_of(statement.statement) > 0)
    return local("PREPARE", headers.added_prepare(statement.name, statement.text))


async def plan_deallocate(statement: st.Deallocate, planning: Planning) -> Plan:
    """Plan DEALLOCATE PREPARE: forgetting what is not there is no failure."""
    return local("DEALLOCATE", headers.deallocated_prepare(statement.name))


async def plan_describe_input(statement: st.DescribeInput, planning: Planning) -> Plan:
    """Plan DESCRIBE INPUT: one row a parameter; the type is `unknown` until a value is bound."""
    body = _body(_named(statement.name, planning), planning)
    if isinstance(body, st.Query):
        await read(body.tree.copy(), planning, parameters=True)
    columns = (OutputColumn("Position", BIGINT), OutputColumn("Type", _text_type("unknown")))
    rows = tuple((position, "unknown") for position in range(parameters_of(body)))
    return local("DESCRIBE INPUT", answer=LocalAnswer(columns, rows))


def _text_type(text: str) -> TrinoType:
    return TrinoType("varchar", (max(len(text), 1),))


async def plan_describe_output(statement: st.DescribeOutput, planning: Planning) -> Plan:
    """Plan DESCRIBE OUTPUT from the analysis: names and types, never the tables behind them."""
    body = _body(_named(statement.name, planning), planning)
    columns: tuple[OutputColumn, ...] = ()
    if isinstance(body, st.Query):
        reading = await read(body.tree, planning, parameters=parameters_of(body) > 0)
        if reading.columns is None:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "the types of this statement are known only when it runs")
        columns = reading.columns
    rows = tuple(
        (column.name, "", "", "", display_text(column.type), _SIZES.get(column.type.base, 0), False)
        for column in columns
    )
    headings = ("Column Name", "Catalog", "Schema", "Table", "Type")
    described = (
        *(OutputColumn(heading, TrinoType("varchar", (2147483647,))) for heading in headings),
        OutputColumn("Type Size", INTEGER),
        OutputColumn("Aliased", BOOLEAN),
    )
    return local("DESCRIBE OUTPUT", answer=LocalAnswer(described, rows))
