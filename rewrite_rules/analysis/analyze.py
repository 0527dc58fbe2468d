"""The analysis of whole statements and of single expressions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.objects import Table, TableName
from catalog.type_coercions import common_super_type
from catalog.types import BOOLEAN, TrinoType
from rewrite_rules.analysis import calls, columns, conditionals, forms, literals, operators, queries, windows
from rewrite_rules.analysis.env import Env, Handler, Relation, Walk
from rewrite_rules.analysis.failures import mismatch, refuse, unsupported
from rewrite_rules.analysis.model import Analysis, AnalysisContext, OutputName
from rewrite_rules.analysis.relations import no_aggregates
from rewrite_rules.analysis.scopes import Field, Scope

_HANDLERS: Mapping[type[exp.Expression], Handler] = {
    **literals.HANDLERS,
    **columns.HANDLERS,
    **operators.HANDLERS,
    **conditionals.HANDLERS,
    **calls.HANDLERS,
    **windows.HANDLERS,
    **forms.HANDLERS,
    **queries.HANDLERS,
}


def analyze(tree: exp.Expression, context: AnalysisContext) -> Analysis:
    """Resolve every name of a statement and type every expression, by Trino's rules.

    The tree is annotated in place: expressions get `meta["type"]` (a TrinoType; absent where not known), column
    references `meta["resolved"]` (a ResolvedColumn), relations `meta["relation_id"]`. Physical tables must carry
    `meta["table"]` already (see `rewrite_rules.resolve`). Analyzing a tree again replaces what it was given before.
    Raises Refusal with Trino's code and place: COLUMN_NOT_FOUND, AMBIGUOUS_NAME, TYPE_MISMATCH,
    FUNCTION_NOT_FOUND, EXPRESSION_NOT_AGGREGATE, NOT_SUPPORTED and their like.
    """
    walk = Walk(context, _HANDLERS, queries.query)
    if isinstance(tree, exp.Query | exp.Values):
        result = queries.query(tree, None, {}, walk)
        return _finished(result, walk)
    return _change(tree, walk)


def _finished(result: Relation, walk: Walk, update_type: str | None = None) -> Analysis:
    names = tuple(OutputName(f.name or f"_col{i}", f.type) for i, f in enumerate(result.fields))
    return Analysis(names, _read(walk), walk.volatile, not result.is_open, update_type)


def _read(walk: Walk) -> Mapping[TableName, tuple[str, ...]]:
    tables = walk.context.tables
    return {name: tuple(c.name for c in tables[name].columns if c.name in read) for name, read in walk.read.items()}


def _change(tree: exp.Expression, walk: Walk) -> Analysis:
    source = tree.args.get("expression")
    if isinstance(tree, exp.Create | exp.Insert) and isinstance(source, exp.Expression):
        result = queries.query(source, None, {}, walk)
        if isinstance(tree, exp.Insert):
            _check_insert(tree, result, walk)
        else:
            _check_names(tree, result)
        return _finished(result, walk, tree.key.upper())
    if isinstance(tree, exp.Delete | exp.Update):
        return _check_rows(tree, walk)
    raise unsupported(f"{tree.key.upper()} is not analyzed", tree)


def _check_names(tree: exp.Expression, result: Relation) -> None:
    """Check the columns that CREATE TABLE AS makes. Raises Refusal MISSING_COLUMN_NAME, DUPLICATE_COLUMN_NAME."""
    schema = tree.this
    given = [column.name for column in schema.expressions] if isinstance(schema, exp.Schema) else []
    if given and len(given) != len(result.fields):
        what = f"Column alias list has {len(given)} entries but relation has {len(result.fields)} columns"
        raise refuse(ErrorCode.MISMATCHED_COLUMN_ALIASES, what, schema)
    seen: set[str] = set()
    for position, name in enumerate(given or [field.name for field in result.fields], 1):
        if name is None:
            raise refuse(ErrorCode.MISSING_COLUMN_NAME, f"Column name not specified at position {position}", tree)
        if name.lower() in seen:
            raise refuse(ErrorCode.DUPLICATE_COLUMN_NAME, f"Column name '{name}' specified more than once", tree)
        seen.add(name.lower())


def _target(tree: exp.Expression, walk: Walk) -> tuple[Table, list[str] | None]:
    node = tree.this
    names = [identifier.name.lower() for identifier in node.expressions] if isinstance(node, exp.Schema) else None
    table = node.this if isinstance(node, exp.Schema) else node
    described = walk.context.tables.get(table.meta.get("table"))
    if described is None:
        raise refuse(ErrorCode.TABLE_NOT_FOUND, f"Table '{table.name}' does not exist", table)
    return described, names


def _check_insert(tree: exp.Expression, result: Relation, walk: Walk) -> None:
    table, names = _target(tree, walk)
    chosen = names if names is not None else [c.name for c in table.columns]
    for name in chosen:
        if name not in table.by_name:
            raise refuse(ErrorCode.COLUMN_NOT_FOUND, f"Insert column name does not exist in target table: {name}", tree)
    if len(set(chosen)) != len(chosen):
        raise refuse(ErrorCode.DUPLICATE_COLUMN_NAME, "Insert column name is specified more than once", tree)
    wanted = [table.by_name[name].type for name in chosen]
    given = [f.type for f in result.fields]
    fits = len(wanted) == len(given) and all(
        g is None or common_super_type(g, w) is not None for g, w in zip(given, wanted, strict=True)
    )
    if not fits:
        raise mismatch(
            "Insert query has mismatched column types: "
            f"Table: [{', '.join(map(str, wanted))}], Query: [{', '.join(map(str, given))}]",
            tree,
        )


def _check_rows(tree: exp.Expression, walk: Walk) -> Analysis:
    """Type the condition and assignments of DELETE and UPDATE over their target."""
    table, _ = _target(tree, walk)
    walk.read.setdefault(table.name, set())
    env = Env(walk, _scope_of(table, walk), {})
    for assignment in tree.expressions if isinstance(tree, exp.Update) else ():
        name = assignment.this.name.lower()
        if name not in table.by_name:
            raise refuse(ErrorCode.COLUMN_NOT_FOUND, f"The UPDATE SET target column {name} doesn't exist", assignment)
        wanted, given = table.by_name[name].type, env.type_of(assignment.expression)
        if given is not None and common_super_type(given, wanted) is None:
            raise mismatch(f"Assigned types do not match the columns: {wanted}, {given}", assignment)
    where = tree.args.get("where")
    if where is not None:
        operators.need_boolean(env.type_of(where.this), where.this, "WHERE clause")
    no_aggregates(env, tree, tree.key.upper())
    return _finished(Relation(()), walk, tree.key.upper())


def _scope_of(table: Table, walk: Walk) -> Scope:
    number = walk.next_relation()
    qualifier = tuple(table.name)
    return Scope(
        [Field(c.name, c.type, qualifier, number, table.name, ((table.name, c.name),)) for c in table.columns],
        boundary=True,
    )


def analyze_expression(
    tree: exp.Expression,
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
    kind = env.type_of(tree)
    no_aggregates(env, tree, "policy")
    return kind if kind is not None else BOOLEAN
