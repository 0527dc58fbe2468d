"""Plan prepared statements: the text comes from the client each time and is policed anew each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

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

_NOT_PREPARED = (st.Prepare, st.Execute, st.Deallocate)
_EXECUTING = (st.Execute, st.ExecuteImmediate)


def _body(
    text: str, planning: Planning, barred: tuple[type, ...] = (*_NOT_PREPARED, st.ExecuteImmediate)
) -> st.Statement:
    """Parse a prepared text; it may not itself prepare or execute."""
    statement = parse_statement(text, planning.limits)
    if isinstance(statement, barred):
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
        return bind_statement(_body(statement.text, planning, _EXECUTING), statement.parameters)
    if isinstance(statement, st.Explain) and _executes(statement) and not statement.analyze:
        return replace(statement, statement=unwrap(statement.statement, planning))
    if not isinstance(statement, st.Prepare) and "?" in planning.received.sql:
        return bind_statement(statement, (), place(lex(planning.received.sql, planning.limits)[0]))
    return statement


def _executes(statement: st.Explain) -> bool:
    """Tell whether an EXPLAIN, or one in it, is of a prepared statement's execution."""
    inner = statement.statement
    return isinstance(inner, _EXECUTING) or (isinstance(inner, st.Explain) and _executes(inner))


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
    inside = expected if isinstance(statement, st.Explain) else 0  # EXPLAIN never sees values, on Trino either
    given = 0 if inside else len(parameters)
    if expected != given:
        raise Refusal(
            ErrorCode.INVALID_PARAMETER_USAGE,
            f"Incorrect number of parameters: expected {expected} but found {given}",
            location=location,
        )
    if not expected:
        return statement
    if isinstance(statement, (st.CreateView, st.CreateMaterializedView)):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"{statement.kind} takes no parameters")
    left = iter(parameters)
    return _each_tree(statement, lambda tree: bind(tree, list(islice(left, count_parameters(tree)))))


def parameters_of(statement: st.Statement) -> int:
    """Count the parameters of a statement."""
    counts: list[int] = []

    def count(tree: exp.Expr) -> exp.Expr:
        counts.append(count_parameters(tree))
        return tree

    _each_tree(statement, count)
    return sum(counts)


Change = Callable[[exp.Expr], exp.Expr]
Properties = tuple[tuple[str, exp.Expr | None], ...]
_WITH_PROPERTIES = (st.CreateTable, st.CreateSchema, st.Analyze)


def _each_tree(statement: st.Statement, change: Change) -> st.Statement:
    """Return a statement with each of its trees changed, one after the other as they stand in its text."""
    match statement:
        case st.Query(tree=tree):
            return replace(statement, tree=change(tree))
        case st.CreateTableAs(properties=properties, query=query):
            given = _each_value(properties, change)
            return replace(statement, properties=given, query=_query(query, change))
        case (
            st.Insert(query=query)
            | st.CreateView(query=query)
            | st.CreateMaterializedView(query=query)
            | st.ShowStats(query=st.Query() as query)
        ):
            return replace(statement, query=_query(query, change))
        case st.Delete(where=where):
            return replace(statement, where=_optional(where, change))
        case st.Update(assignments=assignments, where=where):
            values = tuple((name, change(value)) for name, value in assignments)
            return replace(statement, assignments=values, where=_optional(where, change))
        case st.Merge(source=source, condition=condition, cases=cases):
            source, condition = change(source), change(condition)
            changed = tuple(_case(case, change) for case in cases)
            return replace(statement, source=source, condition=condition, cases=changed)
        case st.SetSession(value=value):
            return replace(statement, value=change(value))
        case st.Explain(statement=inner) | st.ExplainPolicy(statement=inner):
            return replace(statement, statement=_each_tree(inner, change))
    if isinstance(statement, _WITH_PROPERTIES):
        return replace(statement, properties=_each_value(statement.properties, change))
    return statement


def _query(query: st.Query, change: Change) -> st.Query:
    return replace(query, tree=change(query.tree))


def _optional(tree: exp.Expr | None, change: Change) -> exp.Expr | None:
    return change(tree) if tree is not None else None


def _each_value(properties: Properties, change: Change) -> Properties:
    return tuple((name, _optional(value, change)) for name, value in properties)


def _case(case: st.MergeCase, change: Change) -> st.MergeCase:
    condition = _optional(case.condition, change)
    return replace(case, condition=condition, values=tuple(change(value) for value in case.values))


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
