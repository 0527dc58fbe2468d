"""Resolve: give every relation of a tree its one meaning, with the catalog and schema of this request.

The walk visits every argument of every node, so a relation has no place to hide; what decides is only which common
table expressions are in sight. Source: policy-semantics section 2, step 7; Trino's StatementAnalyzer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.node_kinds import kinds_of
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import SchemaName, TableName

__all__ = ["MAX_LEAVES", "TABLE_FUNCTIONS", "Leaf", "Resolved", "location_of", "resolve", "schema_name", "table_name"]

MAX_LEAVES = 200
"""The most relations a statement may read once its common table expressions are written out."""
TABLE_FUNCTIONS = frozenset({"sequence", "exclude_columns"})
"""Table functions that read nothing but their arguments: literals, descriptors and queries that are in the tree."""
_ARGUMENTS = (exp.Literal, exp.InputModelProperty, exp.Tags)

Role = Literal["read", "target"]
_RELATIONS = (exp.Table, exp.Subquery, exp.Unnest, exp.Lateral, exp.Values, exp.TableFromRows)
_PLACES = {(exp.From, "this"), (exp.Join, "this"), (exp.Subquery, "this")}
_PLAIN = frozenset({exp.Identifier, exp.Literal, exp.Column, exp.Boolean, exp.Null, exp.DataType, exp.Star, exp.Var})
"""Nodes below which no relation can stand."""
_ROOTS_ONLY = (exp.DDL, exp.DML, exp.Drop, exp.Command)
_CHECKED = kinds_of(exp.Anonymous, exp.From, exp.Join, exp.Lateral, exp.TableFromRows, *_ROOTS_ONLY)
"""Nodes that `_check` has something to say of."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One physical table or view that a statement names, and what for.

    `node` also carries the name as `meta["table"]`. `via` lists the views through which the leaf was reached,
    outermost first.
    """

    node: exp.Table
    table: TableName
    role: Role
    via: tuple[TableName, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A tree whose relations all have a meaning."""

    tree: exp.Expr
    leaves: tuple[Leaf, ...]
    views: tuple[TableName, ...] = ()
    """Views whose bodies were written into the tree (see `expand_views`): the caller needs a grant on them too."""

    @property
    def reads(self) -> tuple[TableName, ...]:
        """Return the names read from, each once, views first."""
        names = (leaf.table for leaf in self.leaves if leaf.role == "read")
        return tuple(dict.fromkeys((*self.views, *names)))

    @property
    def targets(self) -> tuple[TableName, ...]:
        """Return the names written to."""
        return tuple(dict.fromkeys(leaf.table for leaf in self.leaves if leaf.role == "target"))


@dataclass(frozen=True, slots=True)
class _Context:
    catalog: str | None
    schema: str | None
    targets: frozenset[int]
    leaves: list[Leaf] = field(default_factory=list)


def resolve(
    tree: exp.Expr,
    catalog: str | None,
    schema: str | None,
    *,
    scope: Mapping[str, int] | None = None,
) -> Resolved:
    """Name every physical leaf of a statement or expression; the nodes are annotated in place.

    `catalog` and `schema` are the session's. `scope` maps the folded names of common table expressions in sight
    of the root to how many leaves each stands for. Leaves keep the order of the text. Raises Refusal
    MISSING_SCHEMA_NAME, MISSING_CATALOG_NAME, TABLE_NOT_FOUND (names with `$`), SYNTAX_ERROR, NOT_SUPPORTED,
    FUNCTION_NOT_FOUND, DUPLICATE_NAMED_QUERY, INVALID_RECURSIVE_REFERENCE, QUERY_REJECTED (too many leaves).
    """
    targets = frozenset(id(node) for node in _targets(tree))
    context = _Context(catalog, schema, targets)
    _weigh(tree, dict(scope or {}), context)
    return Resolved(tree, tuple(context.leaves))


def table_name(node: exp.Table, catalog: str | None, schema: str | None) -> TableName:
    """Complete a written table name with the session's catalog and schema, folded as Trino folds.

    Raises Refusal as `resolve` does.
    """
    if not isinstance(node.this, exp.Identifier):
        raise Refusal(
            ErrorCode.SYNTAX_ERROR,
            "a table name has at most three parts: catalog.schema.table",
            location=location_of(node),
        )
    parts = [fold_trino(part.name) for part in (node.args.get("catalog"), node.args.get("db"), node.this) if part]
    if len(parts) < 2 and schema is None:
        raise Refusal(
            ErrorCode.MISSING_SCHEMA_NAME,
            "Schema must be specified when session schema is not set",
            location=location_of(node),
        )
    if len(parts) < 3 and catalog is None:
        raise Refusal(
            ErrorCode.MISSING_CATALOG_NAME,
            "Catalog must be specified when session catalog is not set",
            location=location_of(node),
        )
    name = TableName(
        parts[0] if len(parts) == 3 else fold_trino(catalog or ""),
        parts[-2] if len(parts) > 1 else fold_trino(schema or ""),
        parts[-1],
    )
    if "$" in name.table:
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist", location=location_of(node))
    return name


def schema_name(node: exp.Table, catalog: str | None) -> SchemaName:
    """Read the schema that CREATE SCHEMA or DROP SCHEMA names. Raises Refusal MISSING_CATALOG_NAME, SYNTAX_ERROR."""
    schema, written = node.args.get("db"), node.args.get("catalog")
    if node.this or not isinstance(schema, exp.Identifier):
        raise Refusal(ErrorCode.SYNTAX_ERROR, "a schema name has at most two parts: catalog.schema")
    if written is None and catalog is None:
        raise Refusal(
            ErrorCode.MISSING_CATALOG_NAME,
            "Catalog must be specified when session catalog is not set",
            location=location_of(node),
        )
    return SchemaName(fold_trino(written.name if written else catalog or ""), fold_trino(schema.name))


def _targets(tree: exp.Expr) -> Iterator[exp.Table]:
    """Yield what a statement writes to; CREATE SCHEMA and its like name no table."""
    if isinstance(tree, exp.Drop):
        nodes = [tree.this, *(tree.args.get("tables") or ())]
    elif isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Create):
        nodes = [tree.this]
    else:
        return
    for node in nodes:
        table = node.this if isinstance(node, exp.Schema) else node
        if isinstance(table, exp.Table):
            yield table


def _weigh(root: exp.Expr, scope: dict[str, int], context: _Context) -> int:
    """Visit everything below `root` and return how many leaves it stands for."""
    weight = 0
    stack = [(root, scope)]
    while stack:
        node, visible = stack.pop()
        with_ = node.args.get("with_")
        if with_ is not None:
            visible = _define(with_, visible, context)
        if isinstance(node, exp.Table):
            weight += _leaf(node, visible, context)
            if weight > MAX_LEAVES or len(context.leaves) > MAX_LEAVES:
                raise Refusal(
                    ErrorCode.QUERY_REJECTED,
                    f"the statement reads more than {MAX_LEAVES} tables once its WITH queries are written out",
                    hint="Store an intermediate result in a table, or split the statement.",
                )
        elif node.__class__ in _CHECKED:
            _check(node, root)
        children = node.iter_expressions(reverse=True)
        stack.extend([(c, visible) for c in children if c.__class__ not in _PLAIN and c is not with_])
    return weight


def _check(node: exp.Expr, root: exp.Expr) -> None:
    """Refuse relation forms that this walk could misread."""
    if isinstance(node, exp.Anonymous):
        if node.name.lower() in ("table", "descriptor"):
            raise _unsupported(f"{node.name.upper()}(...) as a value", node)
        return
    if isinstance(node, exp.From | exp.Join) and not isinstance(node.this, _RELATIONS):
        raise _unsupported("this kind of relation", node)
    if isinstance(node, exp.Join) and node.args.get("method"):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            "Natural join not supported",
            location=location_of(node),
            hint="Write JOIN ... USING (columns).",
        )
    if isinstance(node, exp.Lateral) and not isinstance(node.this, exp.Query | exp.Values):
        raise _unsupported("LATERAL over anything but a query", node)
    if isinstance(node, exp.TableFromRows):
        _check_function(node)
    if isinstance(node, _ROOTS_ONLY) and node is not root:
        raise _unsupported("a statement inside a statement", node)


def _unsupported(what: str, node: exp.Expr) -> Refusal:
    return Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported", location=location_of(node))


def _leaf(node: exp.Table, visible: Mapping[str, int], context: _Context) -> int:
    """Settle what one table node means and return its weight."""
    known = node.meta.get("table")
    if known is not None:
        context.leaves.append(Leaf(node, known, node.meta["role"], node.meta.get("via", ())))
        return 1
    if id(node) in context.targets:
        return _target(node, context)
    if (type(node.parent), node.arg_key) not in _PLACES:
        raise _unsupported("a table name in this place", node)
    alias = node.args.get("alias")
    if alias is not None and not isinstance(alias.this, exp.Identifier):
        raise _unsupported("a branch or version suffix", node)
    if isinstance(node.this, exp.Identifier) and not node.args.get("db"):
        name = fold_trino(node.name)
        if name in visible:
            node.meta["cte"] = name
            return max(1, visible[name])
    return _physical(node, "read", context)


def _target(node: exp.Table, context: _Context) -> int:
    """Name what is written to; a target is never a common table expression."""
    if node.this:
        _physical(node, "target", context)
    return 0


def _physical(node: exp.Table, role: Role, context: _Context) -> int:
    name = table_name(node, context.catalog, context.schema)
    node.meta["table"] = name
    node.meta["role"] = role
    context.leaves.append(Leaf(node, name, role))
    return 1


def _check_function(node: exp.TableFromRows) -> None:
    """Allow `TABLE(fn(arguments))` for harmless functions only: others read tables that no tree shows."""
    call = node.this
    if isinstance(call, exp.JSONTable):
        return  # reads its input only; whatever queries stand in it are walked like any other
    if not isinstance(call, exp.Anonymous) or not isinstance(call.this, str):
        raise _unsupported("this table function", node)
    if call.name.lower() not in TABLE_FUNCTIONS:
        raise Refusal(
            ErrorCode.FUNCTION_NOT_FOUND,
            f"Table function '{call.name}' not registered",
            location=location_of(node),
        )
    for argument in call.expressions:
        value = argument.expression if isinstance(argument, exp.Kwarg) else argument
        value = value.this if isinstance(value, exp.Neg) else value
        if not isinstance(value, _ARGUMENTS):
            raise _unsupported("a table function's argument that is not a literal", node)


def _define(with_: exp.With, scope: Mapping[str, int], context: _Context) -> dict[str, int]:
    """Add the queries of a WITH clause one after the other: each sees only those before it."""
    if any(value for key, value in with_.args.items() if key not in ("expressions", "recursive")):
        raise _unsupported("a function or search clause in WITH", with_)
    visible, here = dict(scope), set[str]()
    for cte in with_.expressions:
        name = fold_trino(cte.alias)
        if name in here:
            raise Refusal(
                ErrorCode.DUPLICATE_NAMED_QUERY,
                f"WITH query name '{name}' specified more than once",
                location=location_of(cte),
            )
        here.add(name)
        inside = dict(visible)
        if with_.args.get("recursive") and _recurses(cte, name):
            inside[name] = 1
        visible[name] = _weigh(cte.this, inside, context)
    return visible


def _recurses(cte: exp.CTE, name: str) -> bool:
    """Tell whether a query of WITH RECURSIVE is truly recursive; refuse what Trino refuses.

    Only `anchor UNION [ALL] step` with exactly one reference, in the FROM clause of the step, recurses.
    """
    if not cte.args["alias"].columns:
        raise Refusal(
            ErrorCode.MISSING_COLUMN_ALIASES,
            "missing column aliases in recursive WITH query",
            location=location_of(cte),
        )
    body = cte.this
    count = _references(body, name)
    if count == 0:
        return False
    if not isinstance(body, exp.Union):
        raise _recursion("recursive reference not allowed in this context", cte)
    if _references(body.this, name):
        raise _recursion("WITH table name is referenced in the base relation of recursion", cte)
    if count > 1:
        raise _recursion("multiple recursive references in the step relation of recursion", cte)
    step = body.expression
    while isinstance(step, exp.Subquery):
        step = step.this
    if not isinstance(step, exp.Select) or not _in_from(step, name):
        raise _recursion("recursive reference outside of FROM clause of the step relation of recursion", cte)
    for key, what in (("with_", "WITH"), ("order", "ORDER BY"), ("offset", "OFFSET")):
        if body.args.get(key):
            raise _unsupported(f"immediate {what} clause in recursive query", cte)
    if body.args.get("limit"):
        what = "FETCH FIRST / LIMIT clause in the step relation of recursion"
        raise Refusal(ErrorCode.INVALID_LIMIT_CLAUSE, what, location=location_of(cte))
    return True


def _in_from(step: exp.Select, name: str) -> bool:
    relations = [step.args.get("from_"), *(step.args.get("joins") or ())]
    return any(_references(relation, name) for relation in relations if relation is not None)


def _references(node: exp.Expr, name: str) -> int:
    """Count the bare mentions of a name; a nested WITH of the same name makes the meaning doubtful."""
    count = 0
    for table in node.find_all(exp.Table, exp.CTE):
        if isinstance(table, exp.CTE):
            if fold_trino(table.alias) == name:
                raise _recursion("a WITH query inside a recursive query must not have its name", table)
        elif isinstance(table.this, exp.Identifier) and not table.args.get("db"):
            count += fold_trino(table.name) == name
    return count


def _recursion(message: str, node: exp.Expr) -> Refusal:
    return Refusal(ErrorCode.INVALID_RECURSIVE_REFERENCE, message, location=location_of(node))
