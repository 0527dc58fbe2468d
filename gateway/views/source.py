"""What is asked of the base to fill a view: its definition, with the values that its states are made of.

A definition shows a state as a plain value: a set or list as an array, `max_by` as the value of the extreme row, a
sketch as its bytes or its answer. Arrays are taken as they are; for the rest the values themselves are asked for:

    approx_distinct(node) AS n, state uniq(node)    ->   array_agg(DISTINCT node) FILTER (WHERE node IS NOT NULL)
    max_by(lmp, ts) AS last, state argMax(lmp, ts)  ->   max_by(lmp, ts), and max(ts) beside it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import State
from catalog.objects import TableName
from catalog.types import TrinoType
from catalog.view_documents import Document
from engines.views import Filled, Filling
from gateway.views.definitions import Understood
from gateway.views.shapes import always_there, group_columns
from gateway.views.states import EXTREMES, SETS, place_of
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve


@dataclass(frozen=True, slots=True)
class Source:
    """A query over the base, and what its rows fill."""

    sql: str
    """Trino's SQL; bare names stand where the definition's do."""
    filling: Filling


def source_of(
    understood: Understood, pins: Mapping[TableName, int] | None = None, condition: exp.Expr | None = None
) -> Source:
    """Return what to ask for. Raises Refusal NOT_SUPPORTED for states that cannot be made from the definition.

    `pins` are the snapshots to read of base tables, of which each must then have one; `condition` is what rows of the
    base must meet besides, see `gateway.views.touched`.
    """
    definition = understood.definition
    tree = parse_query(definition.sql)
    beside = [_with_values(tree, state) for state in definition.states]
    kinds = _types(tree, understood)
    if pins:
        _pin(tree, pins, understood)
    if condition is not None:
        where = tree.args.get("where")
        own = [exp.paren(where.this)] if where is not None else []
        tree.set("where", exp.Where(this=exp.and_(*own, condition.copy(), copy=False)))
    shown, rest = kinds[: len(understood.columns)], iter(kinds[len(understood.columns) :])
    extra = {state.column: next(rest) for state, more in zip(definition.states, beside, strict=True) if more}
    states, present = definition.state_of, always_there(understood)
    columns = tuple(
        Filled(name, kind, states.get(name), extra.get(name), nullable=name not in present)
        for (name, _), kind in zip(understood.columns, shown, strict=True)
    )
    groups = group_columns(understood)
    document = Document(replace(definition), None, dict(understood.columns))
    return Source(generate(tree), Filling(document, columns, groups or (), grouped=groups is not None))


def _types(tree: exp.Expr, understood: Understood) -> list[TrinoType]:
    """Return the types of what is asked for; ordinary views are known by what they show."""
    definition = understood.definition
    typed = resolve(tree.copy(), definition.catalog, definition.schema).tree
    context = AnalysisContext(definition.catalog, definition.schema, understood.named, strict=True)
    kinds = [column.type for column in analyze(typed, context).columns]
    known = [kind for kind in kinds if kind is not None]
    if len(known) != len(kinds):
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"A column of {definition.name} has no type")
    return known


def _with_values(tree: exp.Expr, state: State) -> bool:
    """Ask for a state's values where the tree shows what it stands for; tell whether a column was added for it."""
    place = place_of(tree, state)
    if state.function in EXTREMES:
        added = exp.Anonymous(this=EXTREMES[state.function], expressions=[place.call.expressions[1].copy()])
        tree.append("expressions", exp.alias_(added, f"$beside_{state.column}", quoted=True))
        return True
    if not place.listed:
        place.alias.set("this", _values(state))
    return False


def _values(state: State) -> exp.Expr:
    """Write the list of a state's values; of a set each once."""
    (argument,) = (parse_expression(text) for text in state.arguments)
    inside = exp.Distinct(expressions=[argument]) if state.function in SETS else argument
    present = exp.Not(this=exp.Is(this=exp.paren(argument.copy()), expression=exp.Null()))
    listed = exp.Anonymous(this="array_agg", expressions=[inside])
    return exp.Filter(this=listed, expression=exp.Where(this=present))


def _pin(tree: exp.Expr, pins: Mapping[TableName, int], understood: Understood) -> None:
    """Have the text read each base table as it was at a snapshot."""
    definition = understood.definition
    for leaf in resolve(tree, definition.catalog, definition.schema).leaves:
        sample = parse_query(f"SELECT 1 FROM t FOR VERSION AS OF {pins[leaf.table]:d}").find(exp.Table)  # noqa: S608  (a number)
        assert sample is not None  # noqa: S101  (for mypy: it was just written)
        leaf.node.set("version", sample.args["version"])
