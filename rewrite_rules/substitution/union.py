"""Union: groups made of parts, one from the view and one from the base, or of a view joined to more relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.substitution.aggregates import over
from rewrite_rules.substitution.bases import relation, shown_by
from rewrite_rules.substitution.blocks import Condition
from rewrite_rules.substitution.express import Reader, Shown
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.join_back import back_conditions
from rewrite_rules.substitution.layers import asked_of, joined, united, written
from rewrite_rules.substitution.making import (
    aliased,
    cast,
    column,
    disjunction,
    select,
    subquery,
    table,
    type_of,
    typed,
    whole,
)
from rewrite_rules.substitution.misses import Lack, Unmatched, columns_of
from rewrite_rules.substitution.model import Scan
from rewrite_rules.substitution.nested import Nested
from rewrite_rules.substitution.scans import VIEW, Draft, built
from rewrite_rules.substitution.sources import Planned, Source, existing, grades, merging, no_key, planned
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.tops import SOURCE

SCAN, PARTS = "s", "u"


@dataclass(frozen=True, slots=True)
class Beside:
    """What comes together with the view."""

    above: Sequence[Condition]
    """Conditions on the relations that are joined to it, and those that ask others in subqueries."""
    gaps: Sequence[exp.Expr]
    """The base's part meets one of them; none: the view answers for all rows."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of each part: keys, then what aggregates are merged from."""

    keys: tuple[exp.Expr, ...]
    own: int
    """How many of the keys are the query's; the others only feed aggregates over distinct values."""
    plans: tuple[Planned, ...]

    def name(self, plan: Planned, at: int) -> str:
        return f"p{next(i for i, each in enumerate(self.plans) if each is plan)}_{at}"

    def columns(self, plan: Planned, of: str) -> list[exp.Expr]:
        return [column(of, self.name(plan, at), part.kind) for at, part in enumerate(plan.measure.parts)]

    def key_shown(self, of: str) -> list[Shown]:
        return [Shown(key, column(of, f"k{at}", type_of(key))) for at, key in enumerate(self.keys)]


def grouped_parts(frame: Frame, draft: Draft, calls: Sequence[exp.Expr], beside: Beside) -> Source:
    """Group what a grouped view and the relations beside it, or the base, give. Raises Unmatched."""
    plans = tuple(planned(calls, frame, merging(frame), beside.gaps))
    own = frame.asked.block.keys or ()
    extra = _arguments(plans) if beside.gaps else []
    layout = _Layout((*own, *extra), len(own), plans)
    draft.existing = existing(frame)
    first, scan = (_joined if frame.rest or beside.above else _scanned)(frame, draft, layout, beside)
    made = first if not beside.gaps else _merged(layout, [first, _base(frame, layout, beside)])
    shown = [
        *layout.key_shown(SOURCE)[: len(own)],
        *(each for plan in plans for each in plan.shown(layout.columns(plan, SOURCE))),
    ]
    return Source(
        subquery(made, SOURCE), scan, tuple(shown), False, grades(plans), tuple(plan.measure.why for plan in plans)
    )


def _is_direct(plan: Planned) -> bool:
    """Tell whether an aggregate is computed in one step from the values of keys, and not merged."""
    return any(part.again is None for part in plan.measure.parts)


def _arguments(plans: Sequence[Planned]) -> list[exp.Expr]:
    """Return what aggregates over distinct values ask for."""
    found = []
    for plan in plans:
        if _is_direct(plan):
            found += [*plan.call.arguments, *([plan.call.condition] if plan.call.condition is not None else [])]
    return found


def _check_merging(layout: _Layout) -> None:
    for plan in layout.plans:
        if _is_direct(plan) and not plan.measure.of_keys:
            what = f"{plan.call.name} cannot be merged with what comes from elsewhere"
            raise Unmatched(Lack(3, "measure", what))


def _as(value: exp.Expr, kind: TrinoType | None) -> exp.Expr:
    return value if kind is None or type_of(value) == kind else cast(value, kind)


def _items(keys: Sequence[exp.Expr], layout: _Layout, parts: Sequence[tuple[str, exp.Expr]]) -> list[exp.Expr]:
    named = [
        aliased(_as(value, type_of(key)), f"k{at}")
        for at, (value, key) in enumerate(zip(keys, layout.keys, strict=True))
    ]
    return [*named, *(aliased(value, name) for name, value in parts)]


def _parts(layout: _Layout) -> list[tuple[Planned, int]]:
    """Return the parts that are merged."""
    return [(plan, at) for plan in layout.plans if not _is_direct(plan) for at in range(len(plan.measure.parts))]


def _scanned(frame: Frame, draft: Draft, layout: _Layout, beside: Beside) -> tuple[exp.Select, Scan]:
    """Let the scan group by the query's keys."""
    del beside
    _check_merging(layout)
    keys = []
    for each in layout.keys:
        found = frame.values.write(each)
        if found is None:
            raise Unmatched(no_key(each, frame))
        keys.append(found)
    draft.group = list(keys)
    key_names = [draft.show("k", each) for each in keys]
    part_names = [draft.show("p", plan.measure.parts[at].scan) for plan, at in _parts(layout)]
    scan = built(draft, frame.viewed.view.table, frame.asked.scan, frame.zone)
    kinds = {each.name: each.type for each in scan.columns}
    of_scan = [column(SCAN, name, kinds[name]) for name in key_names]
    parts = [
        (layout.name(plan, at), _as(column(SCAN, name, kinds[name]), plan.measure.parts[at].kind))
        for (plan, at), name in zip(_parts(layout), part_names, strict=True)
    ]
    return select(_items(of_scan, layout, parts), table(scan.name, SCAN)), scan


def _joined(frame: Frame, draft: Draft, layout: _Layout, beside: Beside) -> tuple[exp.Select, Scan]:
    """Join a scan that groups by all that is needed of the view to the relations beside it."""
    _check_merging(layout)
    values, conditions = both(frame)
    keys = [_told(each, values, frame) for each in layout.keys]
    direct = {} if beside.gaps else _direct(layout, values)
    above = [_told(each.value, conditions, frame) for each in asked_above(frame, beside)]
    above += back_conditions(frame)
    outer = outer_conditions(frame, conditions)
    needed = [each for each in columns_of([*keys, *above, *outer.values(), *direct.values()]) if each.table == VIEW]
    own = {each.name: draft.show("g", copied(each)) for each in needed}
    part_names = {(id(plan), at): draft.show("p", plan.measure.parts[at].scan) for plan, at in _parts(layout)}
    draft.group = [copied(each) for each in needed] or [whole(1)]
    scan = built(draft, frame.viewed.view.table, frame.asked.scan, frame.zone)
    kinds = {each.name: each.type for each in scan.columns}
    over_scan = {name: column(SCAN, private, kinds[private]) for name, private in own.items()}
    parts: list[tuple[str, exp.Expr]] = []
    for plan, at in _parts(layout):
        part = plan.measure.parts[at]
        mine = [
            column(SCAN, part_names[(id(plan), i)], kinds[part_names[(id(plan), i)]])
            for i in range(len(plan.measure.parts))
        ]
        if part.again is not None:
            parts.append((layout.name(plan, at), _as(typed(part.again(mine), mine[at].meta["type"]), part.kind)))
    parts += [(name, moved(value, over_scan)) for name, value in direct.items()]
    moved_keys = [moved(each, over_scan) for each in keys]
    query = joined(
        _items(moved_keys, layout, parts),
        table(scan.name, SCAN),
        frame.rest,
        [moved(each, over_scan) for each in above],
        lambda each: moved(outer[id(each)], over_scan),
        [copied(each) for each in moved_keys],
    )
    return query, scan


def _direct(layout: _Layout, reader: Reader) -> dict[str, exp.Expr]:
    found = {}
    for plan in layout.plans:
        if _is_direct(plan):
            made = over(plan.call, reader.write)
            if made is None:
                raise Unmatched(Lack(3, "measure", f"{plan.call.name} cannot be computed from what is shown"))
            found[layout.name(plan, 0)] = made
    return found


def both(frame: Frame) -> tuple[Reader, Reader]:
    """Return what writes values, and conditions, over the view's columns and those of the relations beside it."""
    shown = (*frame.viewed.shown, *frame.beside())
    return frame.nesting(shown, frame.values.equal), frame.nesting(shown, frame.conditions.equal)


def outer_conditions(frame: Frame, reader: Reader) -> dict[int, exp.Expr]:
    """Write what outer joins beside the view ask, by who asks it. Raises Unmatched."""
    return {id(each): _told(each, reader, frame) for other in frame.rest for each in asked_of(other)}


def asked_above(frame: Frame, beside: Beside) -> list[Condition]:
    """Return the conditions that stand above barriers; row filters of the relations beside the view are in them."""
    others = {each.alias for each in frame.rest}
    return [
        each for each in beside.above if not (each.policed and {c.table for c in columns_of([each.value])} <= others)
    ]


def moved(value: exp.Expr, columns: dict[str, exp.Column]) -> exp.Expr:
    """Copy an expression with the scan's columns in the place of the view's."""
    twin = copied(value)
    if isinstance(twin, exp.Column):
        return copied(columns[twin.name]) if twin.table == VIEW else twin
    for node in [each for each in twin.find_all(exp.Column) if each.table == VIEW]:
        node.replace(copied(columns[node.name]))
    return twin


def _told(value: exp.Expr, reader: Reader, frame: Frame) -> exp.Expr:
    found = reader.write(value)
    if found is None:
        raise Unmatched(no_key(value, frame))
    return found


def base_reader(frame: Frame) -> Reader:
    """Return what writes values over the columns that the caller is shown of the base."""
    return Nested(tuple(each for one in frame.asked.block.occurrences for each in shown_by(one, frame.asked.ground)))


def base_query(
    frame: Frame, items: Sequence[exp.Expr], beside: Beside, reader: Reader, group: Sequence[exp.Expr] | None
) -> exp.Select:
    """Return the base's part: the query's own barriers and conditions, and the gaps. Raises Unmatched."""
    first, *others = frame.asked.block.occurrences
    conditions = [written(each.value, reader) for each in frame.asked.block.conditions if not each.policed]
    gap = disjunction([written(each, reader) for each in beside.gaps])
    write = partial(written, reader=reader)
    return joined(items, relation(first), others, [*conditions, *([gap] if gap is not None else [])], write, group)


def _base(frame: Frame, layout: _Layout, beside: Beside) -> exp.Select:
    reader = base_reader(frame)
    keys = [written(each, reader) for each in layout.keys]
    parts = []
    for plan, at in _parts(layout):
        part = plan.measure.parts[at]
        made = over(part.base, reader.write)
        if made is None:
            raise Unmatched(Lack(12, "policy", "a part over the base needs what the caller is not shown"))
        parts.append((layout.name(plan, at), _as(made, part.kind)))
    return base_query(frame, _items(keys, layout, parts), beside, reader, [copied(each) for each in keys])


def _merged(layout: _Layout, parts: Sequence[exp.Select]) -> exp.Select:
    """Group the parts once more by the query's own keys."""
    shown = layout.key_shown(PARTS)
    reader = Reader(tuple(shown))
    keys = [copied(each.column) for each in shown[: layout.own]]
    made = [aliased(copied(each), f"k{at}") for at, each in enumerate(keys)]
    for plan in layout.plans:
        if _is_direct(plan):
            value = over(plan.call, reader.write)
            if value is None:
                raise Unmatched(Lack(3, "measure", f"{plan.call.name} cannot be computed from parts"))
            made.append(aliased(value, layout.name(plan, 0)))
            continue
        columns = layout.columns(plan, PARTS)
        for at, part in enumerate(plan.measure.parts):
            if part.again is not None:
                made.append(aliased(part.again([copied(each) for each in columns]), layout.name(plan, at)))
    return select(made, subquery(united(parts), PARTS), group=keys)
