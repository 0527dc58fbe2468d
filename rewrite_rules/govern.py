"""Govern: replace every physical leaf by a barrier subquery that shows what was decided and nothing else.

    FROM orders o   ->   FROM (SELECT "id", CAST('***' AS VARCHAR(9)) AS "email"
                               FROM "lake"."sales"."orders" WHERE "region" = 'EU') AS o

Source: policy-semantics section 2, step 10.

A guarded barrier shows its columns behind a condition that is always true and that no optimiser may assume to be:
`CASE WHEN random() >= 0E0 THEN "id" END`. What is random is not evaluated before its time, so no condition from outside
moves past the filter (see `early_failures`); the filter itself and everything inside are pushed down as ever. Where
Trino joins such a condition to the filter all the same (`count(*) FILTER (WHERE ...)`), it puts what is random before
what is not, and goes on behind a NULL; so the filter is said once more, randomly and never NULL, to come first:
`WHERE (f) AND coalesce((f) AND random() >= 0E0, FALSE)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from rewrite_rules.finding import find_nodes
from rewrite_rules.requalify import requalify

_TABLE_ARGUMENTS = frozenset({"this", "db", "catalog", "alias", "joins", "version", "sample", "match"})
_HELD = ("joins", "sample", "match")
"""What ties a table to the parentheses around it."""
_FLAT = frozenset({exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Var})
"""Nodes without children; identifiers and literals are half of a tree."""
_LEAVES = kinds_of(exp.Table, exp.Subquery)
_VERSION_NODES = (exp.Version, exp.Literal, exp.Cast, exp.DataType, exp.DataTypeParam, exp.Neg)


class Decided(Protocol):
    """What this pass needs of a decision; `policies.decisions.TableDecision` is one."""

    @property
    def allowed(self) -> bool:
        """Tell whether the table may be read at all."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the granted columns in table order."""
        ...

    @property
    def row_filter(self) -> exp.Expr | None:
        """Return the condition over raw columns, or None where the policy said that none applies."""
        ...

    @property
    def masks(self) -> Mapping[str, exp.Expr]:
        """Return what stands for a masked column, over raw columns."""
        ...


@dataclass(frozen=True, slots=True)
class Reason:
    """Say in a user's words what a pass did to one table."""

    rule: str
    text: str
    table: TableName


@dataclass(frozen=True, slots=True)
class Governed:
    """The tree that may travel on, and why it differs from what was asked."""

    tree: exp.Expr
    reasons: tuple[Reason, ...]


def govern(
    tree: exp.Expr,
    decisions: Mapping[TableName, Decided],
    tables: Mapping[TableName, Table],
    *,
    levels: Literal[1, 2] = 1,
    keep: bool = True,
    guarded: bool = False,
) -> Governed:
    """Put a barrier in the place of every leaf that `resolve` named; the given tree stays as it is if `keep` says so.

    `levels=2` keeps masks and filter in two nested queries, for engines where an alias of the select list captures
    the same name elsewhere (ClickHouse). `guarded` keeps conditions outside of barriers that filter; it is for Trino
    and one level. Raises Refusal PERMISSION_DENIED where a leaf has no decision,
    MISMATCHED_COLUMN_ALIASES, AMBIGUOUS_NAME, NOT_SUPPORTED.
    """
    governed = _copy(tree) if keep else tree
    leaves = [node for node in find_nodes(governed, _LEAVES) if _name(node) is not None]
    aliases = requalify(governed, leaves, {name: decisions[name].columns for name in decisions})
    read: dict[TableName, Decided] = {}
    guard = _unused_name(governed, tables) if any(_has_outer_scope(leaf) for leaf in leaves) else ""
    for leaf in leaves:
        name = _name(leaf)
        if name is None or leaf.meta.get("role") == "target":
            _qualify(leaf)
            continue
        decision = decisions.get(name)
        table = tables.get(name)
        if decision is None or table is None or not decision.allowed or not decision.columns:
            raise Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot select from table {name}")
        read[name] = decision
        inside = _enclose(leaf, decision, aliases.get(id(leaf)) or name.table)
        own = guard if guard and isinstance(leaf, exp.Table) and _has_outer_scope(inside) else None
        source = _source(leaf, table.name, own)
        shown = _two_levels(source, decision, table, own) if levels == 2 else _one_level(source, decision, own, guarded)
        inside.set("this", shown)
    return Governed(governed, tuple(r for n, d in read.items() for r in _reasons(tables[n], d, guarded=guarded)))


def _copy(tree: exp.Expr) -> exp.Expr:
    """Copy a tree; its notes are copied one level deep, which is all that passes write."""
    root = _blank(tree)
    stack = [(tree, root)]
    while stack:
        node, twin = stack.pop()
        for key, value in node.args.items():
            if value.__class__ is list:
                children = [_blank(v) if isinstance(v, exp.Expr) else v for v in value]
                stack.extend(
                    (v, c) for v, c in zip(value, children, strict=True) if v is not c and c.__class__ not in _FLAT
                )
                twin.set(key, children)
            elif isinstance(value, exp.Expr):
                child = _blank(value)
                if child.__class__ not in _FLAT:
                    stack.append((value, child))
                twin.set(key, child)
            else:
                twin.args[key] = value
    return root


def _blank(node: exp.Expr) -> exp.Expr:
    """Return a node without its children; nodes that have none come with all that they hold."""
    twin = node.__class__(**node.args) if node.__class__ in _FLAT else node.__class__()
    if node._meta is not None:  # noqa: SLF001  (`meta` would make an empty one for every node)
        twin._meta = dict(node._meta)  # noqa: SLF001  (as above)
    return twin


def _name(node: exp.Expr) -> TableName | None:
    """Return the table or view a node stands for, as noted by `resolve` and `expand_views`."""
    name = node.meta_get("table")
    return name if isinstance(name, TableName) else None


def _qualify(leaf: exp.Expr) -> None:
    """Write a target's name out in full, so that no session decides what it means."""
    name = _name(leaf)
    if name is not None:
        for key, part in zip(("catalog", "db", "this"), name, strict=True):
            leaf.set(key, exp.Identifier(this=part, quoted=True))


def _has_outer_scope(leaf: exp.Expr) -> bool:
    """Tell whether columns of another query are in sight where a leaf stands: in subqueries of expressions, in LATERAL.

    There a column that the table lost since it was described, or did not have yet in an old snapshot, would silently
    mean the outer one; barriers in such places name their columns with a qualifier of their own.
    """
    below, above = leaf, leaf.parent
    while above is not None:
        if isinstance(above, exp.Select):
            inside = isinstance(below, exp.From | exp.Join | exp.With)
        elif isinstance(above, exp.From | exp.Join | exp.CTE | exp.Subquery | exp.SetOperation):
            inside = below.arg_key in ("this", "expression", "with_", "joins")
        else:
            inside = isinstance(above, exp.With | exp.Table)
        if not inside:
            return True
        below, above = above, above.parent
    return False


def _unused_name(tree: exp.Expr, tables: Mapping[TableName, Table]) -> str:
    """Return a name that nothing in the statement and no column bears."""
    taken = {identifier.name.lower() for identifier in tree.find_all(exp.Identifier)}
    taken |= {column.name for table in tables.values() for column in table.columns}
    name = "_t"
    while name in taken:
        name += "_"
    return name


def _enclose(leaf: exp.Expr, decision: Decided, alias: str) -> exp.Subquery:
    """Put an empty barrier in a leaf's place, with what was written around it: alias, joins, sample."""
    if isinstance(leaf, exp.Table) and not {k for k, v in leaf.args.items() if v} <= _TABLE_ARGUMENTS:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "this clause behind a table name is not supported")
    place, written = _outermost(leaf)
    if place.parent is None:
        raise Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The statement could not be governed.")
    if written is None:
        written = exp.TableAlias(this=exp.Identifier(this=alias, quoted=True))
    elif written.columns and len(written.columns) != len(decision.columns):
        raise Refusal(
            ErrorCode.MISMATCHED_COLUMN_ALIASES,
            f"Column alias list has {len(written.columns)} entries but '{written.name}' has "
            f"{len(decision.columns)} columns available",
        )
    around = {key: leaf.args.get(key) for key in ("joins", "sample", "match")}
    barrier = exp.Subquery(alias=written, **around)
    barrier.meta["barrier"] = True
    place.replace(barrier)
    return barrier


def _outermost(leaf: exp.Expr) -> tuple[exp.Expr, exp.TableAlias | None]:
    """Return the parentheses around a lone table, which the barrier makes superfluous, and the alias in force."""
    place, alias = leaf, leaf.args.get("alias")
    if not isinstance(leaf, exp.Table) or any(leaf.args.get(key) for key in _HELD):
        return place, alias
    while isinstance(place.parent, exp.Subquery):
        around = place.parent
        outer = around.args.get("alias")
        if any(v for k, v in around.args.items() if k not in ("this", "alias")) or (outer and alias):
            break
        place, alias = around, outer or alias
    return place, alias


def _source(leaf: exp.Expr, name: TableName, own: str | None) -> exp.Expr:
    """Return what the barrier reads: the fully named table, or the body of a view."""
    if isinstance(leaf, exp.Subquery):
        return exp.Subquery(this=leaf.this, alias=exp.TableAlias(this=exp.Identifier(this=str(name), quoted=True)))
    version = leaf.args.get("version")
    if version is not None and (
        version.args.get("kind") != "AS OF" or any(not isinstance(n, _VERSION_NODES) for n in version.walk())
    ):
        raise Refusal(ErrorCode.NOT_SUPPORTED, "time travel is supported to a literal version or time only")
    catalog, schema, table = (exp.Identifier(this=part, quoted=True) for part in name)
    alias = exp.TableAlias(this=exp.Identifier(this=own, quoted=True)) if own is not None else None
    source = exp.Table(this=table, db=schema, catalog=catalog, version=version, alias=alias)
    source.meta["table"] = name
    source.meta["role"] = "read"
    return source


def _one_level(source: exp.Expr, decision: Decided, own: str | None, guarded: bool) -> exp.Select:
    items: list[exp.Expr] = []
    guarded = guarded and decision.row_filter is not None
    for name in decision.columns:
        mask = decision.masks.get(name)
        value = _column(name, own) if mask is None else _over(mask, own)
        value = _guard(value) if guarded else value
        items.append(value if mask is None and not guarded else _aliased(value, name))
    condition = _insisting(decision.row_filter) if guarded and decision.row_filter is not None else decision.row_filter
    return _select(items, source, condition, own)


def _always() -> exp.GTE:
    """Return a condition that holds always, and that no optimiser may assume to."""
    return exp.GTE(this=exp.Anonymous(this="random"), expression=exp.Literal.number("0E0"))


def _guard(value: exp.Expr) -> exp.Case:
    """Show a value under a condition that holds always, and only once the filter has been passed."""
    return exp.Case(ifs=[exp.If(this=_always(), true=value)])


def _insisting(condition: exp.Expr) -> exp.And:
    """Say a filter once for the scan, and once so that it comes before conditions that are joined to it."""
    again = exp.And(this=exp.Paren(this=_copy(condition)), expression=_always())
    never_null = exp.Anonymous(this="coalesce", expressions=[again, exp.Boolean(this=False)])
    return exp.And(this=exp.Paren(this=_copy(condition)), expression=never_null)


def _two_levels(source: exp.Expr, decision: Decided, table: Table, own: str | None) -> exp.Select:
    """Filter and rename the raw columns inside, mask outside, so that no alias can meet a raw name."""
    needed = {name for name in decision.columns if name not in decision.masks}
    for mask in decision.masks.values():
        needed.update(column.name for column in mask.find_all(exp.Column))
    private = _private_names([c.name for c in table.columns if c.name in needed], table)
    inner: list[exp.Expr] = [_aliased(_column(raw, own), hidden) for raw, hidden in private.items()]
    if not inner:
        inner.append(_aliased(exp.Boolean(this=True), "_p0"))
    outer: list[exp.Expr] = []
    for name in decision.columns:
        masked = decision.masks.get(name)
        outer.append(_aliased(_column(private[name]) if masked is None else _over(masked, None, private), name))
    raw = exp.Subquery(
        this=_select(inner, source, decision.row_filter, own),
        alias=exp.TableAlias(this=exp.Identifier(this="_raw", quoted=True)),
    )
    return _select(outer, raw, None, None)


def _private_names(raw: Sequence[str], table: Table) -> dict[str, str]:
    """Name raw columns so that the names meet none of the table's own."""
    prefix = "_p"
    while any(column.name.startswith(prefix) for column in table.columns):
        prefix += "_"
    return {name: f"{prefix}{i}" for i, name in enumerate(raw)}


def _over(tree: exp.Expr, own: str | None, renamed: Mapping[str, str] | None = None) -> exp.Expr:
    """Copy an expression of the policy, with its columns qualified or renamed."""
    twin = _copy(tree)
    if own is None and renamed is None:
        return twin
    for column in list(twin.find_all(exp.Column)):
        if own is not None:
            column.set("table", exp.Identifier(this=own, quoted=True))
        if renamed is not None:
            column.set("this", exp.Identifier(this=renamed[column.name], quoted=True))
    return twin


def _select(items: list[exp.Expr], source: exp.Expr, condition: exp.Expr | None, own: str | None) -> exp.Select:
    where = exp.Where(this=_over(condition, own)) if condition is not None else None
    return exp.Select(expressions=items, from_=exp.From(this=source), where=where)


def _column(name: str, own: str | None = None) -> exp.Column:
    table = exp.Identifier(this=own, quoted=True) if own is not None else None
    return exp.Column(this=exp.Identifier(this=name, quoted=True), table=table)


def _aliased(value: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=value, alias=exp.Identifier(this=name, quoted=True))


def _reasons(table: Table, decision: Decided, *, guarded: bool) -> list[Reason]:
    reasons = []
    if decision.row_filter is not None:
        reasons.append(Reason("row_filter", f"You see only some rows of {table.name}.", table.name))
        if guarded:
            text = f"Conditions that could fail on a value of {table.name} wait behind its row filter."
            reasons.append(Reason("guard", text, table.name))
    if decision.masks:
        columns = ", ".join(sorted(set(decision.masks) & set(decision.columns)))
        reasons.append(Reason("column_mask", f"Masked in {table.name}: {columns}.", table.name))
    return reasons
