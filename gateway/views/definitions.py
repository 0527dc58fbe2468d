"""Read a view's definition against the catalog: which tables it reads, and what its columns are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition
from catalog.objects import Table, TableName
from catalog.types import TrinoType
from gateway.views.states import place_of
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.expand_views import expand_views
from rewrite_rules.resolve import Resolved, resolve

Fetch = Callable[[TableName], Awaitable[Table | None]]
"""Describe a table; see `catalog.cache.CatalogCache.fetch`."""
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Understood:
    """A definition with what it reads."""

    definition: Definition
    tree: exp.Expr
    """Resolved, views written out, typed. Not to be changed."""
    tables: Mapping[TableName, Table]
    """Its base tables."""
    named: Mapping[TableName, Table]
    """The tables that its text names: base tables, and ordinary views over them."""
    columns: tuple[tuple[str, TrinoType], ...]
    volatile: bool
    """Run again it may give something else, without any change of its tables."""

    @property
    def bases(self) -> tuple[Table, ...]:
        """Return the base tables, in the order of the text."""
        return tuple(self.tables.values())


async def understand(definition: Definition, fetch: Fetch) -> Understood:
    """Read a definition. Raises Refusal, also where a table of it does not exist."""
    resolved = resolve(parse_query(definition.sql), definition.catalog, definition.schema)
    resolved, tables, named = await _written_out(resolved, fetch)
    if any(leaf.node.args.get("version") is not None for leaf in resolved.leaves):
        message = f"The definition of {definition.name} reads a table at a version of its own"
        hint = (
            "Leave out FOR VERSION and FOR TIMESTAMP: a view holds the version that it was built from, and says which."
        )
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint=hint)
    if definition.name in tables:
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"The definition of {definition.name} reads the view itself")
    context = AnalysisContext(definition.catalog, definition.schema, tables, strict=True)
    analysis = analyze(resolved.tree, context)
    columns = _named(definition, [(c.name, c.type) for c in analysis.columns])
    _check_states(definition, {name for name, _ in columns}, resolved.tree)
    return Understood(definition, resolved.tree, tables, named, columns, analysis.volatile)


_Tables = dict[TableName, Table]


async def _written_out(resolved: Resolved, fetch: Fetch) -> tuple[Resolved, _Tables, _Tables]:
    """Write out ordinary views until only tables are read; return these, and all that were met on the way."""
    tables: dict[TableName, Table] = {}
    for _ in range(_DEEPEST):
        for name in dict.fromkeys(leaf.table for leaf in resolved.leaves):
            tables[name] = tables.get(name) or await _found(name, fetch)
        if not any(tables[leaf.table].kind == "view" for leaf in resolved.leaves):
            return resolved, {leaf.table: tables[leaf.table] for leaf in resolved.leaves}, tables
        resolved = expand_views(resolved, tables)
    raise Refusal(ErrorCode.VIEW_IS_RECURSIVE, "views are nested too deeply")


async def _found(name: TableName, fetch: Fetch) -> Table:
    table = await fetch(name)
    if table is None:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist")
    if table.kind == "system":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"'{name}' is told by the gateway itself, and has no versions")
    return table


def _named(definition: Definition, columns: list[tuple[str, TrinoType | None]]) -> tuple[tuple[str, TrinoType], ...]:
    """Return the columns by their names, as the catalog folds them."""
    twice = [name for name, count in Counter(name.lower() for name, _ in columns).items() if count > 1]
    if twice:
        hint = f"Give each column a name of its own: two are named {twice[0]}."
        raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, f"Two columns of {definition.name} have one name", hint=hint)
    found = []
    for name, kind in columns:
        if kind is None or kind.base == "unknown":
            raise Refusal(ErrorCode.NOT_SUPPORTED, f"Column '{name}' of {definition.name} has no type")
        found.append((name.lower(), kind))
    return tuple(found)


def _check_states(definition: Definition, columns: set[str], tree: exp.Expr) -> None:
    for state in definition.states:
        if state.column not in columns:
            message = f"The state {state.column} of {definition.name} is no column of its definition"
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message)
        place_of(tree, state)
