"""Queries inside expressions, as joins to the rows that the expression is computed of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from rewrite_rules.outline.conditions import predicate, terms
from rewrite_rules.outline.drafts import Attached, Cluster, Grouped, Rel
from rewrite_rules.outline.expressions import need_all, value_of
from rewrite_rules.outline.placing import place as place_condition
from rewrite_rules.outline.placing import push
from rewrite_rules.outline.predicates import Dim, Equal, Pred, refs_in
from rewrite_rules.outline.reading import Place, Reader
from rewrite_rules.outline.values import NOTHING, Mix, Undescribed, Value, refs_of


def require(node: exp.Expr, place: Place) -> None:
    """Let a condition hold for the rows of a place. Raises Undescribed."""
    for term in terms(node) if isinstance(node, exp.And) else [node]:
        inner, negated = term, False
        while isinstance(inner, exp.Paren | exp.Not):
            negated = negated is not isinstance(inner, exp.Not)
            inner = inner.this
        if isinstance(inner, exp.And) and not negated:
            require(inner, place)
        elif isinstance(inner, exp.Exists):
            _exists(inner, place, negated)
        elif isinstance(inner, exp.In) and inner.args.get("query") is not None:
            _member(inner.this, inner.args["query"], place, negated)
        elif isinstance(inner, exp.EQ) and isinstance(inner.expression, exp.Any) and not negated:
            _member(inner.this, inner.expression.this, place, negated)
        else:
            reader = place.reader
            place_condition(predicate(term, place), _rows(place), reader.scans, reader.loose)


def _rows(place: Place) -> Cluster:
    if place.rows is None:
        raise Undescribed("a condition stands where there are no rows")
    return place.rows


def _exists(node: exp.Exists, place: Place, negated: bool) -> None:
    attached, _ = _attach(node.this, place)
    attached.kind = "anti" if negated else "semi"
    attached.first_row = not attached.correlated
    if not negated:
        _hint([pair[0] for pair in attached.pairs], place)


def _member(node: exp.Expr, query: exp.Expr, place: Place, negated: bool) -> None:
    """Join the rows that a query knows, or does not know."""
    attached, rel = _attach(query, place)
    attached.kind = "anti" if negated else "semi"
    items = node.expressions if isinstance(node, exp.Tuple) else [node]
    values = [value_of(item, place) for item in items]
    found = [column.value for column in rel.columns]
    need_all([*values, *found], place)
    if len(values) == len(found):
        attached.pairs += zip(values, found, strict=True)
    else:
        attached.others += 1
    if not negated:
        _hint(values, place)


def _hint(values: Sequence[Value], place: Place) -> None:
    """Tell scans that a subquery may leave out rows of theirs."""
    for value in values:
        refs = refs_of(value)
        if {ref.scan for ref in refs} <= _rows(place).scans:
            push(Dim(Mix(refs, strict=True), subquery=True), _rows(place), place.reader.scans)


def joined_value(query: exp.Expr, place: Place) -> Value:
    """Join a query that stands for a value: one row or none for each."""
    attached, rel = _attach(query, place)
    attached.kind = "left"
    if not isinstance(query.parent, exp.Exists):
        need_all([column.value for column in rel.columns], place)
    return NOTHING


def _attach(query: exp.Expr, place: Place) -> tuple[Attached, Rel]:
    reader, rows = place.reader, _rows(place)
    before = len(reader.loose)
    rel = reader.query(query, replace(place, rows=None))
    attached = Attached("left", rel.rows, "")
    attached.pairs, attached.others, attached.correlated = tie(reader, before, rows, rel.rows)
    inner = rel.rows.parts[0]
    if attached.correlated and isinstance(inner, Grouped) and not inner.keys:
        inner.keys = tuple(pair[1] for pair in attached.pairs)
    rows.attached.append(attached)
    return attached, rel


def tie(reader: Reader, before: int, outer: Cluster, inner: Cluster) -> tuple[list[tuple[Value, Value]], int, bool]:
    """Take what a subquery left loose: equalities with the rows around it, and how many other conditions."""
    loose = reader.loose[before:]
    del reader.loose[before:]
    pairs: list[tuple[Value, Value]] = []
    others = 0
    for pred in loose:
        scans = {ref.scan for ref in refs_in(pred)}
        if not scans <= outer.scans | inner.scans:
            reader.loose.append(pred)
        pair = _pair(pred, outer, inner)
        if pair is not None:
            pairs.append(pair)
        else:
            others += 1
    return pairs, others, bool(loose)


def _pair(pred: Pred, outer: Cluster, inner: Cluster) -> tuple[Value, Value] | None:
    if not isinstance(pred, Equal):
        return None
    left, right = ({ref.scan for ref in refs_of(value)} for value in (pred.left, pred.right))
    if left and right and left <= outer.scans and right <= inner.scans:
        return pred.left, pred.right
    if left and right and right <= outer.scans and left <= inner.scans:
        return pred.right, pred.left
    return None
