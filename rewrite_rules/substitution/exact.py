"""The very same query: a view whose definition has the query's fingerprint holds its rows as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.materialized_views import Grade
from catalog.objects import TableName
from rewrite_rules.analysis import OutputName
from rewrite_rules.analysis.grouping import ordinal
from rewrite_rules.substitution.aggregates import grade_of, weakest
from rewrite_rules.substitution.calls import is_aggregate, take_apart
from rewrite_rules.substitution.certificate import Proof, ViewUse
from rewrite_rules.substitution.currency import currency, level_of, too_lax, within_limits
from rewrite_rules.substitution.frames import Answer
from rewrite_rules.substitution.making import aliased, cast, column, select, table
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.model import Terms
from rewrite_rules.substitution.prepare import Prepared
from rewrite_rules.substitution.scans import VIEW, Draft, built
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.tops import SOURCE


def shown_by(query: exp.Expr) -> tuple[OutputName, ...] | None:
    """Return the columns of a query that stands in a FROM clause; None where they are not known."""
    shows = query.parent.meta.get("shows") if isinstance(query.parent, exp.Subquery) else None
    if shows is None or any(kind is None for _, kind in shows):
        return None
    return tuple(OutputName(name if name is not None else f"_col{i}", kind) for i, (name, kind) in enumerate(shows))


def same_query(
    query: exp.Expr, columns: Sequence[OutputName], prepared: Prepared, terms: Terms, scan: TableName
) -> Answer:
    """Answer a query of these columns from the view that was defined by it. Raises Unmatched."""
    view = prepared.view
    known = within_limits(view, prepared.tables, terms)
    if known.changes:
        behind = Lack(11, "freshness", "its base tables changed since it was built", "build the view again")
        tolerated = not currency(view, prepared.tables, terms).changes
        raise Unmatched(too_lax(view.definition) if tolerated else behind)
    if len(columns) != len(prepared.names):
        raise Unmatched(Lack(15, "shape", "the columns of the query are not known"))
    draft = Draft()
    for name in prepared.names:
        draft.show("c", column(VIEW, name, view.table.by_name[name].type))
    made = built(draft, view.table, scan, terms.time_zone)
    items = [
        aliased(node if each.type in (None, own.type) else cast(node, each.type), each.name)
        for own, each in zip(made.columns, columns, strict=True)
        for node in [column(SOURCE, own.name, own.type)]
    ]
    answer = select(items, table(scan, SOURCE))
    order = query.args.get("order")
    if order is not None:
        answer.set("order", exp.Order(expressions=[_by_output(each) for each in order.expressions]))
    grade = _grade(query.walk())
    use = partial(
        ViewUse,
        view.definition,
        generate(made.tree),
        scan,
        watermark=view.watermark.versions if view.watermark is not None else {},
        proofs=(Proof(1, "the query is the view's definition", ("equal fingerprints",)),),
    )
    return Answer(
        answer,
        made,
        view.name,
        use,
        (grade,) * len(columns),
        grade,
        known.versions,
        False,
        view.bytes,
        view.rows,
        level_of(known, declared=False),
    )


def _by_output(item: exp.Expr) -> exp.Expr:
    inner = item.this if isinstance(item, exp.Ordered) else item
    resolved = inner.meta.get("resolved") if isinstance(inner, exp.Column) else None
    if ordinal(inner) is None and (resolved is None or not resolved.output):
        raise Unmatched(Lack(10, "shape", "the query is sorted by what it does not show"))
    return copied(item)


def grade_above(tree: exp.Expr, places: Collection[int]) -> Grade:
    """Return the grade of what a tree computes from the queries in some places: additions may come in another order.

    What is not computed from them stays with the engine of the base.
    """
    answered = {id(node) for place, node in enumerate(tree.walk()) if place in places}
    named = tree.find(exp.With) is not None
    calls = [node for node in tree.walk(prune=lambda node: id(node) in answered) if is_aggregate(node)]
    return _grade(each for each in calls if named or _stands_above(each, answered))


def _stands_above(call: exp.Expr, answered: Collection[int]) -> bool:
    query = call.find_ancestor(exp.Select)
    return query is not None and any(id(node) in answered for node in query.walk())


def _grade(nodes: Iterable[exp.Expr]) -> Grade:
    """Return the grade of the same query run at another time: additions may come in another order."""
    calls = [take_apart(node) for node in nodes if is_aggregate(node)]
    return weakest([grade_of(each) for each in calls if each is not None])
