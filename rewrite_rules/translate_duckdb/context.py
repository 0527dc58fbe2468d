"""What an expression can see while it is translated: fields, named queries, windows, lambda parameters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.bounds import (
    LONGEST_CALL,
    LONGEST_EXPRESSION,
    MOST_DEPENDENT,
    Tally,
    check_number,
    too_complex,
)
from rewrite_rules.translate_duckdb.text import identifier, unsupported

UTC = "UTC"
ZONED = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a relation: the name users know it by, if any, and how DuckDB reaches it.

    `zone` is the time zone that its values show; only `timestamp with time zone` shows any.
    """

    name: str | None
    sql: str
    type: TrinoType
    qualifier: str | None = None
    zone: str = UTC


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns in sight of one query, in front of those of the query around it.

    `table` is set where the only relation is a physical table, whose columns are reached by their own names.
    """

    columns: tuple[Column, ...] = ()
    parent: Scope | None = None
    table: str | None = None
    table_names: frozenset[str] = frozenset()
    """By what the physical table may be qualified."""
    laterals: int = 0
    """Relations of the query's own FROM that may name those before them."""
    dependents: dict[int, Scope] = field(default_factory=dict, compare=False)
    """Scopes below that name columns of this one, or of one above it."""


@dataclass(frozen=True, slots=True)
class Named:
    """A common table expression in sight: its name in DuckDB and its columns, not yet qualified."""

    sql: str
    columns: tuple[Column, ...]
    relations: int = 1
    """How many it reads."""


@dataclass(frozen=True, slots=True)
class Written:
    """A query in DuckDB's words, whose columns are called `c0`, `c1`, ..., and what its columns are in Trino's."""

    sql: str
    columns: tuple[Column, ...]


Writer = Callable[[exp.Expr, "Context"], str]
QueryWriter = Callable[[exp.Expr, "Context"], Written]


@dataclass(frozen=True, slots=True)
class Context:
    """Where an expression stands. Frozen; parts of a query get their own by `with_`."""

    time_zone: str
    scope: Scope = field(default_factory=Scope)
    named: Mapping[str, Named] = field(default_factory=dict)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
    parameters: Mapping[str, tuple[str, TrinoType]] = field(default_factory=dict)
    """Lambda parameters: SQL and type by folded name."""
    outputs: Mapping[str, Column] = field(default_factory=dict)
    """In ORDER BY: the select list's names, which come before the columns."""
    writers: Mapping[type[exp.Expr], Writer] = field(default_factory=dict)
    query: QueryWriter | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)
    tally: Tally = field(default_factory=Tally)

    def with_(self, **changes: object) -> Context:
        """Return a copy with some parts changed."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the context's own members

    def next_name(self, prefix: str) -> str:
        """Return a name that nothing else in the statement has."""
        return f"{prefix}{next(self.numbers)}"


def type_of(node: exp.Expr) -> TrinoType:
    """Return the type that the analysis noted. Raises Refusal where it noted none."""
    found = node.meta.get("type") if node._meta is not None else None  # noqa: SLF001  (`meta` would make an empty one)
    if not isinstance(found, TrinoType):
        if isinstance(node, exp.Paren):
            return type_of(node.this)
        raise unsupported(f"an expression of unknown type ({node.key})")
    return found


def bare(node: exp.Expr) -> exp.Expr:
    """Return what stands inside parentheses; a subquery keeps its own."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def write(node: exp.Expr, context: Context) -> str:
    """Write an expression; its value has the DuckDB type of its Trino type.

    Raises Refusal NOT_SUPPORTED, or GENERIC_USER_ERROR for a text that grew out of bounds.
    """
    writer = context.writers.get(node.__class__)
    if writer is None:
        raise unsupported(_WORDS.get(node.__class__, node.key.upper()))
    sql = writer(node, context)
    if len(sql) > (LONGEST_CALL if isinstance(node, exp.Anonymous) else LONGEST_EXPRESSION):
        raise too_complex()
    return sql


_WORDS: Mapping[type[exp.Expr], str] = {
    exp.CurrentUser: "current_user",
    exp.CurrentCatalog: "current_catalog",
    exp.CurrentSchema: "current_schema",
    exp.CurrentTime: "current_time",
    exp.Localtime: "localtime",
    exp.JSONValue: "JSON_VALUE",
    exp.JSONExtract: "JSON_QUERY",
    exp.JSONObject: "JSON_OBJECT",
}
"""How users write the nodes that no writer knows."""


def write_query(node: exp.Expr, context: Context) -> Written:
    """Write a query. Raises Refusal NOT_SUPPORTED."""
    if context.query is None:
        raise unsupported("a subquery here")
    return context.query(node, context)


def find_column(parts: Sequence[str], context: Context) -> tuple[Column, int]:
    """Find what a folded, possibly qualified name means; return it and how many parts name it.

    The analysis has checked that the name means exactly one thing. Raises Refusal GENERIC_USER_ERROR where too many
    subqueries name columns of a query around them.
    """
    if len(parts) == 1 and parts[0] in context.outputs:
        return context.outputs[parts[0]], 1
    scope: Scope | None = context.scope
    while scope is not None:
        found = _in_scope(parts, scope)
        if found is not None:
            _note_dependents(context.scope, scope)
            return found
        scope = scope.parent
    raise Refusal(ErrorCode.COLUMN_NOT_FOUND, f"Column '{'.'.join(parts)}' cannot be resolved")


def _note_dependents(below: Scope, above: Scope) -> None:
    """Note that a scope names columns of one above it, and that all between them hand it on."""
    while below is not above and below.parent is not None:
        below.parent.dependents[id(below)] = below
        number = below.parent.laterals + len(below.parent.dependents)
        check_number(number, MOST_DEPENDENT, "subqueries that name columns of the query around them")
        below = below.parent


def _in_scope(parts: Sequence[str], scope: Scope) -> tuple[Column, int] | None:
    for used in range(len(parts), 0, -1):
        qualifier, name = parts[used - 2] if used > 1 else None, parts[used - 1]
        for column in scope.columns:
            if column.name == name and (qualifier is None or column.qualifier == qualifier):
                return column, used
    if scope.table is None:
        return None
    used = next((i for i, part in enumerate(parts[:-1]) if part in scope.table_names), -1) + 2
    name = parts[used - 1]
    return Column(name, f"{scope.table}.{identifier(name)}", TrinoType("unknown")), used
