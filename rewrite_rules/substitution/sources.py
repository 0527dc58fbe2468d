"""Sources: the rows that a rebuilt query reads, and how its keys, aggregates and columns are written over them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlglot import exp

from catalog.materialized_views import Grade
from rewrite_rules.substitution import advice
from rewrite_rules.substitution.aggregates import Measure, grade_of, measure, raw_measure
from rewrite_rules.substitution.calls import Call, take_apart
from rewrite_rules.substitution.express import Reader, Shown
from rewrite_rules.substitution.frames import Frame
from rewrite_rules.substitution.making import cast, column, table, type_of, typed
from rewrite_rules.substitution.misses import Lack, Unmatched, columns_of, is_masked, mask_needs, shown
from rewrite_rules.substitution.model import Scan
from rewrite_rules.substitution.scans import Draft, built
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.tops import SOURCE, Top


@dataclass(frozen=True, slots=True)
class Source:
    """Rows for the rebuilt query."""

    relation: exp.Expr
    scan: Scan
    shown: tuple[Shown, ...]
    grouping: bool
    """They are still to be grouped by the query's own keys."""
    grades: tuple[tuple[exp.Expr, Grade], ...] = ()
    """Of each aggregate."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """One aggregate of the query, and how it is made."""

    call: Call
    measure: Measure
    nodes: tuple[exp.Expr, ...]
    """Where the query writes it, in whatever spelling."""

    def shown(self, columns: Sequence[exp.Expr]) -> list[Shown]:
        """Say what the aggregate is over the columns of its parts, wherever the query writes it."""
        return [Shown(node, finished(self, columns)) for node in self.nodes]


How = Callable[[Call], Measure | None]
"""Say how an aggregate is made; None if it cannot be."""


def merging(frame: Frame) -> How:
    """Say how aggregates are made from the rows of the view, groups or single ones."""
    if frame.viewed.keys is None:
        return partial(raw_measure, write=frame.values.write)
    return partial(measure, rows=frame.group_rows())


def planned(calls: Sequence[exp.Expr], frame: Frame, how: How, gaps: Sequence[exp.Expr] = ()) -> list[Planned]:
    """Say how each aggregate of a query is made from the view. Raises Unmatched with all that is missing."""
    same = frame.same(gaps)
    found: dict[Hashable, Planned] = {}
    lacks: list[Lack] = []
    for node in calls:
        call = take_apart(node)
        name = call.key(same) if call is not None else None
        if call is not None and name in found:
            found[name] = replace(found[name], nodes=(*found[name].nodes, node))
            continue
        made = how(call) if call is not None else None
        if call is None or made is None:
            lacks.append(_no_measure(node, frame))
        else:
            found[name] = Planned(call, made, (node,))
    if lacks:
        raise Unmatched(*lacks)
    return list(found.values())


def _no_measure(node: exp.Expr, frame: Frame) -> Lack:
    if is_masked(node):
        return mask_needs("columns")
    text = shown(node, frame.asked.block)
    if frame.viewed.keys is None:
        missing = ", ".join(dict.fromkeys(each.name for each in columns_of([node])))
        return Lack(3, "measure", f"{text} cannot be computed from its columns", f"add {missing} to the view's columns")
    fix = advice.for_aggregate(node, frame.asked.block)
    return Lack(3, "measure", f"{text} cannot be merged from what the view keeps", fix)


def key_values(frame: Frame) -> list[exp.Expr]:
    """Write the query's keys over the view's columns. Raises Unmatched with all that are missing."""
    written, lacks = [], []
    for each in frame.asked.block.keys or ():
        found = frame.values.write(each)
        if found is None:
            lacks.append(no_key(each, frame))
        else:
            written.append(found)
    if lacks:
        raise Unmatched(*lacks)
    return written


def no_key(value: exp.Expr, frame: Frame) -> Lack:
    """Say that a value cannot be told from the view's keys, or columns."""
    what = "keys" if frame.viewed.keys is not None else "columns"
    if is_masked(value):
        return mask_needs(what)
    text = shown(value, frame.asked.block)
    return Lack(3, "key", f"{text} cannot be computed from the view's {what}", f"add {text} to the view's {what}")


def grouped_scan(frame: Frame, draft: Draft, calls: Sequence[exp.Expr]) -> Source:
    """Let one scan compute all that the query asks of its groups. Raises Unmatched."""
    block, keys = frame.asked.block, key_values(frame)
    plans = planned(calls, frame, merging(frame))
    draft.group = list(keys)
    names = [draft.show("k", each) for each in keys]
    parts = [tuple(draft.show("p", part.scan) for part in each.measure.parts) for each in plans]
    draft.existing = existing(frame)
    scan = built(draft, frame.viewed.view.table, frame.asked.scan, frame.asked.terms.time_zone)
    columns = {each.name: typed(column(SOURCE, each.name), each.type) for each in scan.columns}
    shown_keys = [Shown(value, columns[name]) for value, name in zip(block.keys or (), names, strict=True)]
    shown_calls = [
        each for plan, own in zip(plans, parts, strict=True) for each in plan.shown([columns[name] for name in own])
    ]
    return Source(
        table(scan.name, SOURCE),
        scan,
        (*shown_keys, *shown_calls),
        False,
        grades(plans),
        tuple(plan.measure.why for plan in plans),
    )


def grades(plans: Sequence[Planned]) -> tuple[tuple[exp.Expr, Grade], ...]:
    """Return the grade of each aggregate, wherever it is written."""
    return tuple((node, plan.measure.grade) for plan in plans for node in plan.nodes)


def finished(plan: Planned, columns: Sequence[exp.Expr]) -> exp.Expr:
    """Return the aggregate's value over the columns of its parts, of the type that it has in the query."""
    value = plan.measure.finish([copied(each) for each in columns])
    kind = type_of(value) if len(columns) == 1 else None
    return typed(value, plan.call.kind) if kind in (None, plan.call.kind) else cast(value, plan.call.kind)


def is_single(frame: Frame) -> bool:
    """Tell whether each group of the query is one row of the view, and each row of it such a group."""
    keys, asked = frame.viewed.keys, frame.asked.block.keys
    if keys is None or frame.viewed.view.definition.maintained == "inserts" or bool(keys) != bool(asked):
        return False
    same = frame.values.equal
    given = {same.key(each) for each in asked or ()}
    names = [same.key(each) for each in keys] if same.renames else frame.viewed.names
    pairs = zip(names, keys, strict=True)
    return all(name in given or same.constant(each) is not None for name, each in pairs)


def existing(frame: Frame) -> exp.Expr | None:
    """Return what tells that base rows exist behind the rows of a view; None where a row of it always has some."""
    if frame.viewed.keys != ():
        return None
    rows = frame.group_rows().rows()
    if rows is None:
        raise Unmatched(Lack(4, "measure", "the view keeps no count(*)", "add count(*) to the view's measures"))
    return exp.GT(this=exp.Anonymous(this="sum", expressions=[rows]), expression=exp.Literal.number(0))


def row_scan(frame: Frame, draft: Draft, values: Sequence[exp.Expr]) -> Source:
    """Let one scan show the view's rows as they are: the columns that values need. Raises Unmatched."""
    return _rows(frame, draft, values, frame.values)


def single_scan(frame: Frame, draft: Draft, values: Sequence[exp.Expr], calls: Sequence[exp.Expr]) -> Source:
    """Show the view's rows as they are where each is a group of the query: all as it was stored. Raises Unmatched."""
    rows = frame.group_rows()
    taken = [(node, take_apart(node)) for node in calls]
    stored = [(node, rows.stored(call)) for node, call in taken if call is not None]
    aggregates = [Shown(node, column) for node, column in stored if column is not None]
    shown_columns = (*frame.viewed.shown, *frame.viewed.others, *aggregates)
    found = _rows(frame, draft, values, Reader(shown_columns, frame.values.equal, frame.values.buckets))
    given = tuple((node, grade_of(call)) for node, call in taken if call is not None)
    return replace(found, grades=given, evidence=("each group is one row of the view",))


def _rows(frame: Frame, draft: Draft, values: Sequence[exp.Expr], reader: Reader) -> Source:
    top = Top(reader, grouping=False)
    written = [(each, top.write(each)) for each in values]
    lacks = [no_key(each, frame) for each, found in written if found is None]
    if lacks:
        raise Unmatched(*lacks)
    needed = columns_of([found for _, found in written if found is not None])
    names = {node.name: draft.show("c", copied(node)) for node in needed}
    scan = built(draft, frame.viewed.view.table, frame.asked.scan, frame.asked.terms.time_zone)
    own = {each.name: typed(column(SOURCE, each.name), each.type) for each in scan.columns}
    over_source = {name: own[private] for name, private in names.items()}
    shown_columns = tuple(
        Shown(each.value, replaced(each.column, over_source))
        for each in reader.shown
        if all(node.name in over_source for node in columns_of([each.column]))
    )
    return Source(table(scan.name, SOURCE), scan, shown_columns, False)


def replaced(value: exp.Expr, columns: dict[str, exp.Column]) -> exp.Expr:
    """Copy an expression over a view's columns with other columns in their place."""
    twin = copied(value)
    if isinstance(twin, exp.Column):
        return copied(columns[twin.name])
    for node in list(twin.find_all(exp.Column)):
        node.replace(copied(columns[node.name]))
    return twin
