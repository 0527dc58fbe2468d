"""Queries of a certificate, written so that the base alone answers them, as it was at stated snapshots."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression, parse_query
from catalog.materialized_views import Definition, State
from catalog.objects import TableName
from gateway.views.definitions import Understood
from gateway.views.source import source_of
from gateway.views.states import EXTREMES, SETS
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.certificate import Certificate, ViewUse, state_of

Pins = Mapping[TableName, int]
"""Snapshots by table; a table without one is read as it is now."""
MERGE = "$merge"
_ALL = "flatten(array_agg(q) FILTER (WHERE q IS NOT NULL))"


class Unwritable(Exception):  # noqa: N818  (an answer, not a crash)
    """Say why the base cannot be asked for what a view holds."""


def named(leaf: exp.Expr) -> TableName | None:
    """Return the full name of a table in a text; None where it is not named in full."""
    parts = [leaf.args[key].name.lower() for key in ("catalog", "db", "this") if leaf.args.get(key)]
    return TableName(*parts) if len(parts) == 3 else None


def pinned(tree: exp.Expr, pins: Pins) -> exp.Expr:
    """Have tables be read as of their snapshots; a text that says a version itself keeps it."""
    for leaf in tree.find_all(exp.Table):
        snapshot = pins.get(name) if (name := named(leaf)) is not None else None
        if snapshot is not None and leaf.args.get("version") is None:
            leaf.set("version", exp.Version(this="VERSION", kind="AS OF", expression=exp.Literal.number(snapshot)))
    return tree


def content(understood: Understood, pins: Pins) -> exp.Expr:
    """Return the query that a view's rows are the answer of, all tables named in full. Raises Refusal.

    A state is the values that it was made of; beside the value of an extreme row stands what is extreme.
    """
    definition = understood.definition
    resolved = resolve(parse_query(source_of(understood).sql), definition.catalog, definition.schema)
    for leaf in resolved.leaves:
        for key, part in zip(("catalog", "db", "this"), leaf.table, strict=True):
            leaf.node.set(key, exp.Identifier(this=part, quoted=True))
    return pinned(resolved.tree, pins)


def reading(use: ViewUse, held: exp.Expr) -> exp.Expr:
    """Return what is read of a view, with the view written out. Raises Unwritable."""
    tree = parse_query(use.scan)
    states = {each.column.lower(): each for each in use.definition.states}
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name == MERGE:
            call.replace(_merged(call, states, use.definition))
    leaves = [leaf for leaf in tree.find_all(exp.Table) if named(leaf) == use.definition.name]
    for leaf in leaves:
        _put(leaf, held, leaf.alias or leaf.name)
    return tree


def rewritten(certificate: Certificate, readings: Mapping[TableName, exp.Expr], pins: Pins) -> str:
    """Return the rewritten query with its readings written out."""
    tree = pinned(parse_query(certificate.rewritten), pins)
    for leaf in list(tree.find_all(exp.Table)):
        read = readings.get(name) if (name := named(leaf)) is not None else None
        if read is not None:
            _put(leaf, read, leaf.alias or leaf.name)
    return generate(tree)


def _put(leaf: exp.Expr, query: exp.Expr, alias: str) -> None:
    name = exp.TableAlias(this=exp.Identifier(this=alias, quoted=True))
    leaf.replace(exp.Subquery(this=query.copy(), alias=name))


def _merged(call: exp.Expr, states: Mapping[str, State], definition: Definition) -> exp.Expr:
    """Return what merging states comes to, over the values that they were made of."""
    column = state_of(call).name
    state = states.get(column.lower())
    if state is None:
        raise Unwritable(f"{definition.name} keeps no state {column}")
    if state.function in SETS:
        text = f"CAST(coalesce(cardinality(array_distinct({_ALL})), 0) AS bigint)"
    elif state.function in EXTREMES and isinstance(call.expressions[0], exp.Column):
        text = f'{"max_by" if state.function == "argMax" else "min_by"}(q, "$beside_{state.column}")'
    else:
        raise Unwritable(f"values of {state.function} have no one answer")
    made = parse_expression(text)
    for each in list(made.find_all(exp.Column)):
        if each.name == "q":
            each.replace(call.expressions[0].copy())
    return made
