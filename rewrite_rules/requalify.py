"""Requalify: keep column references pointing at their relation once a barrier has replaced it.

A barrier answers to one name only: the user's alias or the bare table name. References such as `sales.orders.id` are
therefore rewritten to `orders.id`, and where one FROM clause names two tables of the same bare name, each gets a
name of its own. Follows the order in which Trino's Scope resolves a chain of names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from rewrite_rules.finding import find_nodes

_COLUMNS = kinds_of(exp.Column)


@dataclass(frozen=True, slots=True)
class _Relation:
    """One relation of a FROM clause: the names it answers to, and its columns where they are known."""

    node: exp.Expr
    parts: tuple[str, ...]
    columns: tuple[str, ...] | None
    leaf: bool
    """An unaliased physical table: it answers to every suffix of its written name."""


def requalify(
    tree: exp.Expr, leaves: Sequence[exp.Expr], columns: Mapping[TableName, tuple[str, ...]]
) -> dict[int, str]:
    """Rewrite the qualifiers of column references in place; return new aliases by `id` of the leaf.

    `leaves` are the nodes noted with a table name, `columns` the granted columns of each table. Raises Refusal
    AMBIGUOUS_NAME.
    """
    scopes: dict[int, list[_Relation]] = {}
    aliases: dict[int, str] = {}
    for leaf in leaves:
        if leaf.args.get("alias") is None and leaf.meta.get("role") != "target":
            scope = _scope_around(leaf)
            if id(scope) not in scopes:
                scopes[id(scope)] = list(_relations(scope, columns))
    for relations in scopes.values():
        _separate(relations, aliases, tree)
    for column in find_nodes(tree, _COLUMNS):
        if column.args.get("db") is not None or (aliases and column.args.get("table") is not None):
            _settle(column, scopes, columns, aliases, tree)
    return aliases


def _scope_around(leaf: exp.Expr) -> exp.Expr:
    """Return the query, or the aliased parentheses, within which a relation's name is known."""
    node = leaf.parent
    while node is not None and node.parent is not None:
        if isinstance(node, exp.Select) or (isinstance(node, exp.Subquery) and node.args.get("alias")):
            break
        node = node.parent
    return node if node is not None else leaf


def _relations(scope: exp.Expr, columns: Mapping[TableName, tuple[str, ...]]) -> Iterator[_Relation]:
    """Yield what a query's FROM clause, or a parenthesised join, puts in sight."""
    if isinstance(scope, exp.Select):
        from_ = scope.args.get("from_")
        if from_ is not None:
            yield from _relation(from_.this, columns)
        for join in scope.args.get("joins") or ():
            yield from _relation(join.this, columns)
    elif isinstance(scope, exp.Subquery):
        yield from _relation(scope.this, columns)


def _relation(node: exp.Expr, columns: Mapping[TableName, tuple[str, ...]]) -> Iterator[_Relation]:
    alias, name = node.args.get("alias"), node.meta.get("table")
    known = columns.get(name) if isinstance(name, TableName) else None
    if alias is not None:
        renamed = tuple(fold_trino(c.name) for c in alias.columns) or known
        yield _Relation(node, (fold_trino(alias.name),), renamed, leaf=False)
    elif isinstance(name, TableName):
        yield _Relation(node, _written(node, name), known or (), leaf=True)
    elif isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        yield _Relation(node, (fold_trino(node.name),), None, leaf=False)
    elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery):
        yield from _relation(node.this, columns)
    else:
        yield _Relation(node, (), None, leaf=False)
    for join in node.args.get("joins") or ():
        yield from _relation(join.this, columns)


def _written(node: exp.Expr, name: TableName) -> tuple[str, ...]:
    """Return the parts that the user wrote; a view's body notes them in its own place."""
    noted = node.meta.get("written")
    count = noted if isinstance(noted, int) else 1 + sum(1 for k in ("db", "catalog") if node.args.get(k))
    return tuple(name[-count:])


def _separate(relations: Sequence[_Relation], aliases: dict[int, str], tree: exp.Expr) -> None:
    """Give unaliased tables of one FROM clause that share a bare name each a name of their own."""
    names = [relation.parts[-1] for relation in relations if relation.parts]
    for relation in relations:
        if relation.leaf and names.count(relation.parts[-1]) > 1:
            taken = {fold_trino(i.name) for i in tree.find_all(exp.Identifier)} | set(aliases.values())
            alias = "_".join(relation.node.meta["table"][1:])
            while alias in taken:
                alias += "_"
            aliases[id(relation.node)] = alias


def _settle(
    column: exp.Expr,
    scopes: dict[int, list[_Relation]],
    columns: Mapping[TableName, tuple[str, ...]],
    aliases: Mapping[int, str],
    tree: exp.Expr,
) -> None:
    """Find what a chain of names denotes, from the inside out, and rewrite it if that is a barrier."""
    nodes = [n for n in (column.args.get(k) for k in ("catalog", "db", "table", "this")) if n is not None]
    parts = [fold_trino(n.name) if isinstance(n, exp.Identifier) else "*" for n in nodes]
    doubtful = False
    scope = column.parent
    while scope is not None:
        if isinstance(scope, exp.Select | exp.Subquery):
            if id(scope) not in scopes:
                scopes[id(scope)] = list(_relations(scope, columns))
            relations = scopes[id(scope)]
            for length in range(min(3, len(parts) - 1), 0, -1):
                found = [r for r in relations if _denotes(r, parts, length)]
                if len(found) > 1 or (found and _stars_more(relations, parts, length)):
                    raise _ambiguous(parts)
                if found and doubtful and _mentioned(tree, parts[0]):
                    raise _ambiguous(parts)
                if found:
                    _point(column, nodes, length, aliases.get(id(found[0].node)) or found[0].parts[-1])
                    return
            if any(r.parts[-1:] == (parts[0],) or parts[0] in (r.columns or ()) for r in relations):
                return
            doubtful = doubtful or any(r.columns is None for r in relations)
        scope = scope.parent


def _denotes(relation: _Relation, parts: Sequence[str], length: int) -> bool:
    if not relation.leaf or list(relation.parts[-length:]) != list(parts[:length]):
        return False
    if parts[length] == "*":
        return length == len(parts) - 1
    return parts[length] in (relation.columns or ())


def _stars_more(relations: Sequence[_Relation], parts: Sequence[str], length: int) -> bool:
    """Tell whether a star means an alias beside the table of that name: one name cannot point at both."""
    named = list(parts[:length])
    return parts[length] == "*" and any(not r.leaf and list(r.parts[-length:]) == named for r in relations)


def _point(column: exp.Expr, nodes: Sequence[exp.Expr], length: int, alias: str) -> None:
    """Put `alias.name` and the row fields behind it in the place of a longer chain, as the parser would read it."""
    chain = [exp.Identifier(this=alias, quoted=True), *nodes[length:]]
    place: exp.Expr = column
    while isinstance(place.parent, exp.Dot) and place.arg_key == "this":
        place = place.parent
        chain.append(place.expression)
    names, fields = chain[:4], chain[4:]
    twin: exp.Expr = exp.Column(**dict(zip(("this", "table", "db", "catalog"), reversed(names), strict=False)))
    for part in fields:
        twin = exp.Dot(this=twin, expression=part)
    place.replace(twin)


def _mentioned(tree: exp.Expr, name: str) -> bool:
    """Tell whether any output or column in the statement bears a name, so that a chain could begin with it."""
    named = (node.alias if isinstance(node, exp.Alias) else node.name for node in tree.find_all(exp.Alias, exp.Column))
    listed = (c.name for node in tree.find_all(exp.TableAlias) for c in node.columns)
    return any(n.lower() == name for n in (*named, *listed))


def _ambiguous(parts: Sequence[str]) -> Refusal:
    return Refusal(
        ErrorCode.AMBIGUOUS_NAME,
        f"Column '{'.'.join(parts)}' is ambiguous",
        hint="Give each table an alias.",
    )
