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
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.session import local
from gateway.protocols.trino import headers

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


def body_of(name: str, planning: Planning) -> st.Statement:
    """Return a statement that the client has prepared. Raises Refusal NOT_FOUND."""
    return _body(_named(name, planning), planning)


def unwrap(statement: st.Statement, planning: Planning) -> st.Statement:
    """Return what EXECUTE and EXECUTE IMMEDIATE stand for, parameters bound as literals; else the statement."""
    if isinstance(statement, st.Execute):
        return bind_statement(body_of(statement.name, planning), statement.parameters)
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
        case (
            st.Insert(query=query)
            | st.CreateTableAs(query=query)
            | st.CreateView(query=query)
            | st.CreateMaterializedView(query=query)
        ):
            return (query.tree,)
        case st.Delete(where=where):
            return (where,) if where is not None else ()
        case st.Update(assignments=assignments, where=where):
            return (*(value for _, value in assignments), *((where,) if where is not None else ()))
        case st.Merge(source=source, condition=condition, cases=cases):
            return (source, condition, *(tree for case in cases for tree in _case_trees(case)))
        case st.ShowStats(query=query) if query is not None:
            return (query.tree,)
        case st.Explain(statement=inner):
            return _trees(inner)
    return ()


def _case_trees(case: st.MergeCase) -> tuple[exp.Expr, ...]:
    return (*((case.condition,) if case.condition is not None else ()), *case.values)


def _bound_case(case: st.MergeCase, parameters: Iterator[exp.Expr]) -> st.MergeCase:
    condition = _take(case.condition, parameters) if case.condition is not None else None
    return replace(case, condition=condition, values=tuple(_take(value, parameters) for value in case.values))


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
        case st.Merge(source=source, condition=condition, cases=cases):
            source, condition = _take(source, parameters), _take(condition, parameters)
            bound = tuple(_bound_case(case, parameters) for case in cases)
            return replace(statement, source=source, condition=condition, cases=bound)
        case st.ShowStats(query=query) if query is not None:
            return replace(statement, query=replace(query, tree=_take(query.tree, parameters)))
        case st.Explain():
            return replace(statement, statement=_bound(statement.statement, parameters))
    raise Refusal(ErrorCode.NOT_SUPPORTED, f"{statement.kind} takes no parameters")


async def plan_prepare(statement: st.Prepare, planning: Planning) -> Plan:
    """Plan PREPARE: the client keeps its own text, which gives nothing; it is policed each time that it is used."""
    if isinstance(statement.statement, _NOT_PREPARED):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED, f"Invalid statement type for prepared statement: {statement.statement.kind}"
        )
    return local("PREPARE", headers.added_prepare(statement.name, statement.text))


async def plan_deallocate(statement: st.Deallocate, planning: Planning) -> Plan:
    """Plan DEALLOCATE PREPARE."""
    _named(statement.name, planning)
    return local("DEALLOCATE", headers.deallocated_prepare(statement.name))
