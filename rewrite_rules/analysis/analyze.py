"""The analysis of whole queries and of single expressions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.objects import Table, TableName
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.analysis import calls, columns, conditionals, forms, literals, operators, queries, routines, windows
from rewrite_rules.analysis.correlated import check_correlated
from rewrite_rules.analysis.env import Env, Handler, Walk
from rewrite_rules.analysis.failures import too_deep
from rewrite_rules.analysis.model import Analysis, AnalysisContext, OutputName
from rewrite_rules.analysis.scalars import no_aggregates
from rewrite_rules.analysis.scopes import Field, Scope

_HANDLERS: Mapping[type[exp.Expr], Handler] = {
    **literals.HANDLERS,
    **columns.HANDLERS,
    **operators.HANDLERS,
    **conditionals.HANDLERS,
    **calls.HANDLERS,
    **windows.HANDLERS,
    **forms.HANDLERS,
    **queries.HANDLERS,
}

_COLUMNS = "columns"


def analyze(tree: exp.Expr, context: AnalysisContext) -> Analysis:
    """Resolve every name of a query and type every expression, by Trino's rules.

    The tree is annotated in place: expressions get `meta["type"]` (a TrinoType; absent where not known), column
    references `meta["resolved"]` (a ResolvedColumn), relations `meta["relation_id"]` and `meta["shows"]` (their
    columns' names and types), SELECTs `meta["aggregating"]`, the tree itself what `columns_noted` returns. Physical
    tables must carry `meta["table"]` already (see `rewrite_rules.resolve`). Analyzing a tree again replaces what it
    was given before.
    Raises Refusal with Trino's code and place: COLUMN_NOT_FOUND, AMBIGUOUS_NAME, TYPE_MISMATCH,
    FUNCTION_NOT_FOUND, EXPRESSION_NOT_AGGREGATE, NOT_SUPPORTED and their like.
    """
    walk = Walk(context, _HANDLERS, queries.query)
    try:
        if context.functions:
            routines.declare(context.functions, walk)
        result = queries.query(tree, None, {}, walk)
        if walk.elsewhere is not None:
            raise walk.elsewhere
        if walk.correlated and context.strict:
            check_correlated(tree)
    except RecursionError:
        raise too_deep() from None
    names = tuple(OutputName(f.name or f"_col{i}", f.type) for i, f in enumerate(result.fields))
    lineage = tuple(_lineage(field, walk) for field in result.fields) if context.lineage else ()
    tree.meta[_COLUMNS] = names if not result.is_open else ()
    return Analysis(names, _read(walk), walk.volatile, not result.is_open, lineage)


def columns_noted(tree: exp.Expr) -> tuple[OutputName, ...]:
    """Return the result columns that the last analysis of a whole query found; none where it could not know all."""
    found: tuple[OutputName, ...] = tree.meta.get(_COLUMNS, ())
    return found


def _lineage(field: Field, walk: Walk) -> frozenset[tuple[TableName, str]]:
    """Return where a result column's values may come from; what was not followed may come from all that is read."""
    if field.origins is not None:
        return frozenset(field.origins)
    tables = walk.context.tables
    return frozenset((name, column.name) for name in walk.read for column in tables[name].columns)


def _read(walk: Walk) -> Mapping[TableName, tuple[str, ...]]:
    tables = walk.context.tables
    return {name: tuple(c.name for c in tables[name].columns if c.name in read) for name, read in walk.read.items()}


def _scope_of(table: Table, walk: Walk) -> Scope:
    number = walk.next_relation()
    qualifier = tuple(table.name)
    return Scope(
        [Field(c.name, c.type, qualifier, number, table.name, ((table.name, c.name),)) for c in table.columns],
        boundary=True,
    )


def analyze_expression(
    tree: exp.Expr,
    table: Table,
    *,
    tables: Mapping[TableName, Table] | None = None,
    subqueries: bool = False,
) -> TrinoType:
    """Type a row filter or column mask over the raw columns of one table.

    Aggregates, window functions and GROUPING are refused (EXPRESSION_NOT_SCALAR), subqueries too unless allowed
    (NOT_SUPPORTED); unknown columns are COLUMN_NOT_FOUND, unknown functions FUNCTION_NOT_FOUND. `tables` describes
    what allowed subqueries read. The tree is annotated as by `analyze`. Raises Refusal.
    """
    known = {**(tables or {}), table.name: table}
    walk = Walk(AnalysisContext(tables=known, strict=True), _HANDLERS, queries.query, subqueries)
    env = Env(walk, _scope_of(table, walk), {})
    try:
        kind = env.type_of(tree)
    except RecursionError:
        raise too_deep() from None
    no_aggregates(env, tree, "policy")
    if walk.elsewhere is not None:
        raise walk.elsewhere
    return kind if kind is not None else BOOLEAN
