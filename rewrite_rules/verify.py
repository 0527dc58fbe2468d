"""Verify: look at the generated text once more, with other eyes, before anything is sent.

This walk starts from the text that was parsed again, knows nothing of the passes that made it and shares no code or
notes with them. It builds the text that each barrier must have and compares. Source: policy-semantics section 2,
steps 12 and 13.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.node_kinds import kinds_of
from catalog.errors import ErrorCode, Refusal
from catalog.functions import lookup
from catalog.objects import Table, TableName
from rewrite_rules.barrier_texts import Expected, Render, flat_text, nested_text, source_text
from rewrite_rules.group_checks import size_failure

_OF_INTEREST = kinds_of(exp.Column, exp.Table, exp.Subquery, exp.TableFromRows, exp.Command, exp.Into, exp.Pivot)
"""What the walk looks at; every node is met, these are judged."""
_RELATIONAL = kinds_of(exp.Query, exp.From, exp.Join, exp.With, exp.CTE, exp.Table)
_HARMLESS_FUNCTIONS = ("sequence",)
_OVER_TABLES = ("exclude_columns",)
"""Table functions of a query; what the query reads is judged like all that is read."""


@dataclass(frozen=True, slots=True)
class _Check:
    """What one verification compares with."""

    decisions: Mapping[TableName, Expected]
    tables: Mapping[TableName, Table]
    render: Render
    levels: int
    written: frozenset[int]
    """Identities of the nodes that the statement writes to."""
    writable: frozenset[TableName]
    guarded: bool
    scans: frozenset[TableName] = frozenset()
    """Names that stand for readings of views; each is verified by itself."""
    sized: list[tuple[exp.Expr, TableName]] = field(default_factory=list)
    """Barriers met of tables that may be read in aggregates only."""
    texts: dict[tuple[TableName, str, str | None], str] = field(default_factory=dict)
    """The texts that barriers must have, by table, source and private name: a table read twice has one."""


def verify(
    tree: exp.Expr,
    decisions: Mapping[TableName, Expected],
    tables: Mapping[TableName, Table],
    *,
    render: Render = generate,
    targets: Iterable[TableName] = (),
    levels: Literal[1, 2] = 1,
    guarded: bool = False,
    scans: Iterable[TableName] = (),
) -> None:
    """Check that a tree, parsed from governed Trino text, reads and writes only what was decided.

    `render` generates text as it was generated for the engine. `targets` are the tables whose change was authorised.
    `guarded` says that barriers which filter must keep conditions out (see `early_failures`). `scans` are names that
    stand for readings of views, which are no tables of anybody's. Raises Refusal GENERIC_INTERNAL_ERROR, always with
    the same text; the detail is for the log.
    """
    written = frozenset(id(node) for node in _written_to(tree))
    check = _Check(decisions, tables, render, levels, written, frozenset(targets), guarded, frozenset(scans))
    views = {str(name): name for name in decisions if name in tables and tables[name].kind == "view"}
    named: list[exp.Column] = []
    barriers: list[exp.Expr] = []
    met: set[str] = set()
    for node in tree.walk():
        if node.__class__ not in _OF_INTEREST:
            continue
        if isinstance(node, exp.Column):
            named.append(node)
        elif isinstance(node, exp.Table):
            barriers.extend(_check_table(node, tree, check))
        elif isinstance(node, exp.Subquery) and node.alias in views:
            barriers.extend(_check_shape(node, views[node.alias], node, check))
            met.add(node.alias)
        elif isinstance(node, exp.TableFromRows):
            if not isinstance(node.this, exp.JSONTable):  # which reads nothing but its input
                _check_function(node.this)
        elif isinstance(node, exp.Command | exp.Into | exp.Pivot):
            raise _failure(f"a {type(node).__name__} node")
    if len(met) != len(views):
        raise _failure("a view without its barrier")
    too_small = size_failure(check.sized, decisions, tables, render)
    if too_small:
        raise _failure(too_small)
    functions = tree.args.get("functions") or ()
    used = {name for decision in decisions.values() for name in _called(decision)} if functions else set()
    if functions:
        own = {id(column) for function in functions for column in _own_names(function, used)}
        named = [column for column in named if id(column) not in own]
    _check_private(tree, barriers)
    _check_names(tree, named, barriers, check)


def _own_names(function: exp.Expr, used: Container[str]) -> Iterator[exp.Column]:
    """Yield the names in an inline function, which can only be its own; refuse one that policies could call."""
    if lookup(function.this.name) is not None or function.this.name.lower() in used:
        raise _failure("an inline function with the name of a built-in one")
    if function.find(exp.Query, exp.Values, exp.Table) is not None:
        raise _failure("a query in an inline function")
    yield from function.find_all(exp.Column)


def _called(decision: Expected) -> Iterator[str]:
    """Yield the names of the functions that a filter and masks call."""
    for tree in (decision.row_filter, *decision.masks.values()):
        if tree is not None:
            yield from (call.name.lower() for call in tree.find_all(exp.Anonymous))


def _failure(detail: str) -> Refusal:
    return Refusal(
        ErrorCode.GENERIC_INTERNAL_ERROR,
        "The statement was stopped by a safety check of the gateway.",
        hint="Please report the query id to your administrator.",
        detail=detail,
    )


def _written_to(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the nodes that name what a statement changes."""
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Create):
        yield tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    elif isinstance(tree, exp.Drop):
        yield from (node for node in (tree.this, *(tree.args.get("tables") or ())) if node is not None)


def _check_table(node: exp.Table, tree: exp.Expr, check: _Check) -> Sequence[exp.Expr]:
    """Accept a table node only as barrier source, authorised target, CTE reference or harmless function."""
    written = [part for part in (node.args.get(key) for key in ("catalog", "db", "this")) if part]
    if not written or not all(isinstance(part, exp.Identifier) for part in written):
        raise _failure("a table name of another shape")
    if not node.this:
        if id(node) in check.written and tree.args.get("kind") == "SCHEMA":
            return ()
        raise _failure("a schema outside of a schema statement")
    if len(written) == 1:
        if not _is_common(node, node.name.lower()):
            raise _failure("an unqualified table")
        return ()
    if len(written) != 3 or not all(part.args.get("quoted") for part in written):
        raise _failure("a table that is not named in full")
    name = TableName(*(part.name for part in written))
    if name in check.scans:
        return ()
    if id(node) in check.written:
        if name not in check.writable:
            raise _failure("a target that was not authorised")
        return ()
    return _check_shape(node, name, node, check)


def _check_function(call: exp.Expr) -> None:
    if isinstance(call, exp.Anonymous) and call.name.lower() in _OVER_TABLES:
        return
    if (
        not isinstance(call, exp.Anonymous)
        or call.name.lower() not in _HARMLESS_FUNCTIONS
        or call.find(exp.Query, exp.Column, exp.Table) is not None
    ):
        raise _failure("a table function")


def _is_common(node: exp.Expr, name: str) -> bool:
    """Tell whether a bare name is a common table expression, by climbing from where it stands."""
    below, above = node, node.parent
    while above is not None:
        if isinstance(above, exp.With):
            for sibling in above.expressions:
                if sibling is below and not above.args.get("recursive"):
                    break
                if sibling.alias.lower() == name:
                    return True
                if sibling is below:
                    break
        else:
            with_ = above.args.get("with_")
            siblings = with_.expressions if with_ is not None and with_ is not below else ()
            if any(sibling.alias.lower() == name for sibling in siblings):
                return True
        below, above = above, above.parent
    return False


def _check_shape(node: exp.Expr, name: TableName, source: exp.Expr, check: _Check) -> Sequence[exp.Expr]:
    """Compare the query around a source with what was decided; return the queries that form the barrier."""
    decision, table = check.decisions.get(name), check.tables.get(name)
    if decision is None or table is None or not decision.columns:
        raise _failure("a table without a decision")
    inner = _query_around(node)
    own = _own_name(source)
    text = source_text(source, name, own, check.render)
    found = inner if check.levels == 1 else _query_around(inner.parent)
    expected = check.texts.get((name, text, own))
    if expected is None:
        if check.levels == 1:
            expected = flat_text(decision, text, own, check.render, guarded=check.guarded)
        else:
            expected = nested_text(decision, table, text, own, check.render)
        check.texts[name, text, own] = expected
    if not isinstance(found.parent, exp.Subquery) or not found.parent.alias:
        raise _failure("a barrier without parentheses or name")
    if own is None and isinstance(source, exp.Table) and _can_capture(found.parent):
        raise _failure("a barrier whose columns could be captured")
    if check.render(found) != expected:
        raise _failure(f"a barrier of {name} that differs from the decision")
    if decision.min_group:
        check.sized.append((found.parent, name))
    return (inner, found)


def _query_around(node: exp.Expr | None) -> exp.Select:
    """Return the query whose FROM clause is exactly this node."""
    from_ = node.parent if node is not None else None
    query = from_.parent if isinstance(from_, exp.From) else None
    if not isinstance(query, exp.Select):
        raise _failure("a table outside of a barrier")
    return query


def _own_name(source: exp.Expr) -> str | None:
    """Return the private name by which a barrier calls its table, if it has one."""
    alias = source.args.get("alias") if isinstance(source, exp.Table) else None
    if alias is None:
        return None
    if alias.columns or not alias.name.startswith("_t"):
        raise _failure("a table with a name that is not private")
    return str(alias.name)


def _can_capture(barrier: exp.Expr) -> bool:
    """Tell whether a barrier stands in an expression or in LATERAL, where names of outer queries are in sight."""
    node = barrier
    while node.parent is not None:
        holder, key = node.parent, node.arg_key
        if isinstance(holder, exp.Lateral) or key == "on":
            return True
        if (
            node.__class__ not in _RELATIONAL
            or holder.__class__ not in _RELATIONAL
            or (key in ("expressions", "order", "limit") and isinstance(node, exp.Query))
        ):
            return True
        node = holder
    return False


def _check_private(tree: exp.Expr, barriers: Sequence[exp.Expr]) -> None:
    """Refuse a private name that anything outside of the barriers bears too: it could be captured."""
    sources = [b.args["from_"].this for b in barriers]
    private = {s.alias for s in sources if isinstance(s, exp.Table) and s.alias}
    if not private:
        return
    inside = {id(i) for b in barriers for i in b.find_all(exp.Identifier)}
    granted = (identifier for identifier in tree.find_all(exp.Identifier) if id(identifier) not in inside)
    if any(identifier.name.lower() in private for identifier in granted):
        raise _failure("a private name that is used elsewhere")


def _check_names(tree: exp.Expr, named: Sequence[exp.Column], barriers: Sequence[exp.Expr], check: _Check) -> None:
    """Refuse any mention, outside of the barriers, of a column that only a withheld one can be."""
    granted = {column for decision in check.decisions.values() for column in decision.columns}
    withheld = {
        c.name for name in check.decisions if name in check.tables for c in check.tables[name].columns
    } - granted
    suspects = [column for column in named if withheld and column.name.lower() in withheld]
    if not suspects:
        return
    exempt = {id(c) for query in barriers for c in _own_columns(query)}
    known = {name.lower() for name in _introduced(tree)}
    known |= {c.name for name in check.writable if name in check.tables for c in check.tables[name].columns}
    relations = {each.name.lower() for each in tree.find_all(exp.TableAlias, exp.Table)}
    for column in suspects:
        owner, holder = column.db.lower(), column.table.lower()
        # `t.c.f` and `c.f` are fields of a column c; a column of a relation is none, whatever the relation is called.
        is_field = holder in known | granted and (owner in relations if owner else holder not in relations)
        if id(column) not in exempt and column.name.lower() not in known and not is_field:
            raise _failure("a withheld column outside of a barrier")


def _own_columns(query: exp.Expr) -> Iterator[exp.Column]:
    for part in (*query.expressions, query.args.get("where")):
        if part is not None:
            yield from part.find_all(exp.Column)


def _introduced(tree: exp.Expr) -> Iterator[str]:
    """Yield the names that the statement itself gives to columns."""
    for node in tree.find_all(exp.Alias, exp.TableAlias, exp.Lambda, exp.Schema):
        if isinstance(node, exp.Alias):
            yield node.alias
        elif isinstance(node, exp.TableAlias):
            yield from (column.name for column in node.columns)
        else:
            yield from (part.name for part in node.expressions)
