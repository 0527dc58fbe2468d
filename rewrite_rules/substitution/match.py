"""Match: one block of a query against one view, by one way of laying the view's tables over the query's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.materialized_views import Grade
from rewrite_rules.substitution.aggregates import weakest
from rewrite_rules.substitution.atoms import asked_of_groups
from rewrite_rules.substitution.blocks import Condition
from rewrite_rules.substitution.certificate import MatchedCondition, Proof, ViewUse, scan_text
from rewrite_rules.substitution.chosen_groups import having_proved
from rewrite_rules.substitution.conditions import Sorted, sort, unproved
from rewrite_rules.substitution.embeddings import Extended
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.frames import Answer, Frame
from rewrite_rules.substitution.gaps import Gaps, changed, narrow, ragged, reachable
from rewrite_rules.substitution.making import every_one
from rewrite_rules.substitution.misses import Lack, Unmatched, columns_of, is_masked, mask_needs, shown
from rewrite_rules.substitution.nested import holds_query
from rewrite_rules.substitution.row_parts import row_parts
from rewrite_rules.substitution.scans import Draft
from rewrite_rules.substitution.some_rows import some_rows
from rewrite_rules.substitution.sources import Source, grouped_scan, is_single, row_scan, single_scan
from rewrite_rules.substitution.strictness import needed
from rewrite_rules.substitution.tops import Top, rebuilt, sort_keys
from rewrite_rules.substitution.union import Beside, grouped_parts


def matched(frame: Frame) -> Answer:
    """Answer a block from a view. Raises Unmatched with all that the view lacks."""
    block, view, gaps = frame.asked.block, frame.viewed.view, Gaps()
    filters, proofs = unproved(frame.embedding.required, frame.asked.premises)
    changed(frame, gaps)
    nested = frame.nesting(frame.viewed.shown, frame.conditions.equal)
    others = frozenset(each.alias for each in frame.rest)
    found = sort(frame.asked_of_rows, frame.of_view, frame.conditions, nested, others)
    waiting = ragged(frame, gaps, found.open)
    lacks = [_no_filter(each.value, frame, policed=each.policed) for each in waiting]
    some = some_rows(frame, waiting)
    if (lacks and some is None) or not narrow(frame, gaps, filters):
        raise Unmatched(*(_narrow(each, frame) for each in filters), *lacks)
    beside = Beside(found.above, reachable(frame, gaps))
    if some is not None:
        if not _is_alone(frame, beside):
            raise Unmatched(*lacks)
        found.compensated.append((Condition(every_one(frame.some) or some), some))
    try:
        source = _source(frame, _draft(frame, found, gaps), beside)
    except Unmatched as unmatched:
        raise Unmatched(*(_narrow(each, frame) for each in filters), *unmatched.lacks) from None
    top = Top(frame.reader(source.shown, frame.same(beside.gaps)), grouping=source.grouping)
    return Answer(
        rebuilt(block, source.relation, top.write, grouping=source.grouping),
        source.scan,
        view.definition.name,
        partial(_use, frame, found, gaps, source, proofs),
        tuple(_grade(each.value, source) for each in block.outputs),
        weakest([grade for _, grade in source.grades]),
        {},
        bool(frame.rest or beside.gaps or beside.above),
        view.bytes,
        view.rows,
    )


def _draft(frame: Frame, found: Sorted, gaps: Gaps) -> Draft:
    """Return a scan under all that is asked of the view's columns."""
    partners = [with_partner(each, frame, found) for each in frame.embedding.extended]
    return Draft(
        policed=[*(written for condition, written in found.compensated if condition.policed), *gaps.policed],
        conditions=[
            *(each for each in partners if each is not None),
            *(written for condition, written in found.compensated if not condition.policed),
            *gaps.view,
        ],
    )


def _source(frame: Frame, draft: Draft, beside: Beside) -> Source:
    block, grouped = frame.asked.block, frame.viewed.keys is not None
    alone = _is_alone(frame, beside)
    chosen = having_proved(frame, alone=alone)
    if block.keys is None and grouped:
        raise Unmatched(Lack(1, "shape", "the query asks for single rows, of which the view keeps groups only"))
    values = [*(each.value for each in block.outputs), *sort_keys(block), *(block.keys or ()), *block.having]
    if block.keys is None or not (grouped or alone):
        return row_scan(frame, draft, values) if alone else row_parts(frame, draft, values, beside)
    calls = asked_of_groups(block)
    if alone and not frame.some and is_single(frame) and (block.keys or not (draft.conditions or draft.policed)):
        with suppress(Unmatched):
            single = single_scan(frame, replace(draft, items=[], names=[]), values, calls)
            return replace(single, evidence=(*single.evidence, *chosen))
    made = grouped_scan(frame, draft, calls) if alone else grouped_parts(frame, draft, calls, beside)
    return replace(made, evidence=(*made.evidence, *chosen))


def _is_alone(frame: Frame, beside: Beside) -> bool:
    """Tell whether the view is all that is read."""
    return not frame.rest and not beside.gaps and not beside.above


def with_partner(extended: Extended, frame: Frame, found: Sorted) -> exp.Expr | None:
    """Return the condition that leaves only rows with a partner in a view's left join; None where others ensure it.

    Raises Unmatched where the view does not tell such rows from those that had none.
    """
    for condition, _ in found.compensated:
        if any(node.table == extended.alias for node in needed(condition.value)):
            return None
    plain = Reader(frame.viewed.shown)
    for column in extended.columns:
        shown_as = plain.direct(column)
        if shown_as is not None:
            return exp.Not(this=exp.Is(this=shown_as, expression=exp.Null()))
    names = ", ".join(each.name for each in extended.columns)
    raise Unmatched(Lack(1, "join", "the view does not tell rows without a partner", f"add one of {names} to the view"))


def _narrow(value: exp.Expr, frame: Frame) -> Lack:
    text = shown(value, frame.asked.block)
    return Lack(2, "filter", f"the view holds only rows with {text}", f"build the view without {text}")


def _no_filter(value: exp.Expr, frame: Frame, *, policed: bool) -> Lack:
    what = "keys" if frame.viewed.keys is not None else "columns"
    if policed:
        return Lack(12, "policy", f"a row filter of policy needs what the view's {what} do not tell")
    if is_masked(value):
        return mask_needs(what)
    seen = {(node.table, node.name) for each in frame.viewed.shown for node in columns_of([each.value])}
    missing = [node for node in columns_of([value]) if (node.table, node.name) not in seen]
    if not missing and holds_query(value):
        return Lack(2, "shape", f"{shown(value, frame.asked.block)} cannot be asked beside the view")
    missing = missing or columns_of([value])
    names = ", ".join(dict.fromkeys(shown(node, frame.asked.block) for node in missing))
    text = f"{shown(value, frame.asked.block)} cannot be told from the view's {what}"
    return Lack(2, "filter", text, f"add {names} to the view's {what}" if names else "")


def _grade(value: exp.Expr, source: Source) -> Grade:
    """Return the grade of an output: the weakest of the aggregates in it."""
    inside = {id(node) for node in value.walk()} if source.grades else set()
    return weakest([grade for call, grade in source.grades if id(call) in inside])


def _use(frame: Frame, found: Sorted, gaps: Gaps, source: Source, proofs: Sequence[str]) -> ViewUse:
    view = frame.viewed.view
    conditions = [
        *(MatchedCondition(generate(each.value), "implied", proof) for each, proof in found.implied),
        *(MatchedCondition(generate(each.value), "compensated", generate(by)) for each, by in found.compensated),
        *(MatchedCondition(generate(each.value), "on base", "whole buckets apart") for each in gaps.split),
        *(MatchedCondition(generate(each.value), "on base", "joined to the view") for each in found.above),
    ]
    claims = [
        Proof(2, "every row that the query asks for is in the view", tuple(proofs)),
        Proof(3, "keys and aggregates follow from the view's columns", (*source.evidence,)),
        Proof(11, "what the view does not hold as it is comes from the base", tuple(gaps.evidence)),
        Proof(8, "buckets of time", tuple(dict.fromkeys((*frame.values.evidence, *frame.conditions.evidence)))),
    ]
    return ViewUse(
        view.definition,
        scan_text(source.scan.tree),
        source.scan.name,
        tuple((ours, theirs) for theirs, ours in frame.embedding.mapping.items()),
        conditions=tuple(conditions),
        outputs=tuple((generate(each.column), generate(each.value)) for each in source.shown),
        watermark=view.watermark.versions if view.watermark is not None else {},
        excluded=tuple(gaps.excluded),
        proofs=(*frame.embedding.proofs, *(claim for claim in claims if claim.evidence)),
    )
