"""Rows in parts: a view's single rows joined to more relations, or together with those that only the base has."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rewrite_rules.substitution.express import Shown
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.join_back import back_conditions
from rewrite_rules.substitution.layers import joined, united, written
from rewrite_rules.substitution.making import aliased, cast, column, select, subquery, table, type_of
from rewrite_rules.substitution.misses import Unmatched, columns_of
from rewrite_rules.substitution.scans import VIEW, Draft, built
from rewrite_rules.substitution.sources import Source, no_key
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.tops import SOURCE, Top
from rewrite_rules.substitution.union import (
    SCAN,
    Beside,
    asked_above,
    base_query,
    base_reader,
    both,
    moved,
    outer_conditions,
)


def row_parts(frame: Frame, draft: Draft, values: Sequence[exp.Expr], beside: Beside) -> Source:
    """Give single rows for the query to compute values from. Raises Unmatched."""
    grouping = frame.asked.block.keys is not None
    _, of_conditions = both(frame)
    top = Top(frame.nesting((*frame.viewed.shown, *frame.beside()), frame.same(beside.gaps)), grouping=grouping)
    asked = columns_of([_told(top.write(each), each, frame) for each in values])
    conditions = [_told(of_conditions.write(each.value), each.value, frame) for each in asked_above(frame, beside)]
    conditions += back_conditions(frame)
    outer = outer_conditions(frame, of_conditions)
    needed = [each for each in columns_of([*asked, *conditions, *outer.values()]) if each.table == VIEW]
    own = {each.name: draft.show("c", copied(each)) for each in needed}
    scan = built(draft, frame.viewed.view.table, frame.asked.scan, frame.zone)
    kinds = {each.name: each.type for each in scan.columns}
    over_scan = {name: column(SCAN, private, kinds[private]) for name, private in own.items()}
    items: list[exp.Expr] = [aliased(moved(each, over_scan), f"c{at}") for at, each in enumerate(asked)]
    first = joined(
        items or [aliased(exp.Boolean(this=True), "c0")],
        table(scan.name, SCAN),
        frame.rest,
        [moved(each, over_scan) for each in conditions],
        lambda each: moved(outer[id(each)], over_scan),
    )
    parts = [first, *([_base(frame, asked, beside)] if beside.gaps else [])]
    made = parts[0] if len(parts) == 1 else select([exp.Star()], subquery(united(parts), "u"))
    return Source(subquery(made, SOURCE), scan, _shown(frame, asked), grouping)


def _told(found: exp.Expr | None, value: exp.Expr, frame: Frame) -> exp.Expr:
    if found is None:
        raise Unmatched(no_key(value, frame))
    return found


def _shown(frame: Frame, asked: Sequence[exp.Column]) -> tuple[Shown, ...]:
    """Say over the columns of the source what those of the view and of its neighbours stand for."""
    places = {(each.table, each.name): column(SOURCE, f"c{at}", type_of(each)) for at, each in enumerate(asked)}
    found = []
    for each in (*frame.viewed.shown, *frame.beside()):
        own = columns_of([each.column])
        if all((node.table, node.name) in places for node in own):
            found.append(Shown(each.value, _placed(each.column, places)))
    return tuple(found)


def _placed(value: exp.Expr, places: dict[tuple[str, str], exp.Column]) -> exp.Expr:
    twin = copied(value)
    if isinstance(twin, exp.Column):
        return copied(places[(twin.table, twin.name)])
    for node in list(twin.find_all(exp.Column)):
        node.replace(copied(places[(node.table, node.name)]))
    return twin


def _base(frame: Frame, asked: Sequence[exp.Column], beside: Beside) -> exp.Select:
    """Show of base rows what the view's columns, and those of its neighbours, show of others."""
    reader = base_reader(frame)
    stands_for = {node.name: each.value for each in frame.viewed.shown for node in columns_of([each.column])}
    items: list[exp.Expr] = []
    for at, each in enumerate(asked):
        value = written(stands_for[each.name], reader) if each.table == VIEW else copied(each)
        kind = type_of(each)
        items.append(aliased(value if kind in (None, type_of(value)) or kind is None else cast(value, kind), f"c{at}"))
    return base_query(frame, items or [aliased(exp.Boolean(this=True), "c0")], beside, reader, None)
