"""Statements around statements: EXPLAIN and the prepared ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.statements import Deallocate, Execute, ExecuteImmediate, Explain, ExplainPolicy, Prepare, Statement
from catalog.dialect.syntax import mismatched, place
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlglot import exp

    from catalog.dialect.cursor import Cursor
    from catalog.errors import Location

    Rule = Callable[[Cursor], Statement]

_TYPES = ("LOGICAL", "DISTRIBUTED", "VALIDATE", "IO")
_TOLD_LATER = frozenset({ErrorCode.INVALID_LITERAL, ErrorCode.TYPE_NOT_FOUND, ErrorCode.TYPE_MISMATCH})
"""What Trino finds only when a prepared statement is executed."""
_FORMATS = ("TEXT", "GRAPHVIZ", "JSON")


def explain(cursor: Cursor, statement: Rule) -> Statement:
    """Read EXPLAIN [ANALYZE [VERBOSE]] [(options)] statement, and EXPLAIN POLICY statement."""
    cursor.expect("EXPLAIN")
    if cursor.accept("POLICY"):
        start = cursor.at
        policed = statement(cursor)
        return ExplainPolicy(policed, cursor.text(start, len(cursor.lexemes) - 1))
    analyze = cursor.accept("ANALYZE")
    verbose = analyze and cursor.accept("VERBOSE")
    options: dict[str, str] = {}
    if not analyze and cursor.here.text == "(" and cursor.ahead().upper in ("TYPE", "FORMAT"):
        options = _options(cursor)
    start = cursor.at
    inner = statement(cursor)
    return Explain(
        analyze,
        verbose,
        cast(Literal["LOGICAL", "DISTRIBUTED", "VALIDATE", "IO"] | None, options.get("TYPE")),
        cast(Literal["TEXT", "GRAPHVIZ", "JSON"] | None, options.get("FORMAT")),
        inner,
        cursor.text(start, len(cursor.lexemes) - 1),
    )


def prepare(cursor: Cursor, statement: Rule) -> Statement:
    """Read PREPARE name FROM statement."""
    cursor.expect("PREPARE")
    name = cursor.identifier()
    cursor.expect("FROM")
    start, end = cursor.at, len(cursor.lexemes) - 1
    inner: Statement | None = None
    try:
        inner = statement(cursor)
    except Refusal as refusal:
        if refusal.code not in _TOLD_LATER:
            raise
        cursor.at = end
    return Prepare(name, cursor.text(start, end), inner)


def execute(cursor: Cursor) -> Statement:
    """Read EXECUTE name or EXECUTE IMMEDIATE 'text', each with its parameters."""
    cursor.expect("EXECUTE")
    location = place(cursor.here)
    if cursor.here.upper == "IMMEDIATE" and not cursor.ahead().is_name and cursor.ahead().text:
        cursor.at += 1
        literal = place(cursor.here)
        text = cursor.string()
        parameters = _parameters(cursor)
        for parameter in parameters:
            _count_from(literal, parameter)
        return ExecuteImmediate(text, parameters)
    return Execute(cursor.identifier(), _parameters(cursor), location)


def _count_from(literal: Location, parameter: exp.Expr) -> None:
    """Count the places in a parameter from the literal, as those in the text that it is bound into."""
    for node in parameter.walk():
        meta = node.meta
        if "line" in meta and "col" in meta:
            meta["col"] -= literal.column if meta["line"] == literal.line else 0
            meta["line"] -= literal.line - 1


def deallocate(cursor: Cursor) -> Statement:
    """Read DEALLOCATE PREPARE name."""
    cursor.expect("DEALLOCATE", "PREPARE")
    location = place(cursor.here)
    return Deallocate(cursor.identifier(), location)


def _options(cursor: Cursor) -> dict[str, str]:
    cursor.expect("(")
    options: dict[str, str] = {}
    while not options or cursor.accept(","):
        lexeme = cursor.here
        option = cursor.choose("TYPE", "FORMAT")
        if option in options:
            raise mismatched(lexeme)
        options[option] = cursor.choose(*(_TYPES if option == "TYPE" else _FORMATS))
    cursor.expect(")")
    return options


def _parameters(cursor: Cursor) -> tuple[exp.Expr, ...]:
    return cursor.expressions() if cursor.accept("USING") else ()
