"""Ask of a governed query whether materialized views answer it: policy first, by construction.

The tree that is matched has every filter and mask in it already, as barriers around its tables. A statement over tables
without views pays for one look into a set.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.materialized_views import GRADES, Grade, Integrity, MaterializedView, stricter
from catalog.objects import Table, TableName
from engines.base import OutputColumn
from engines.limits import seconds_of
from gateway.models import Plan, Rewritten
from gateway.planning.context import Planning
from gateway.planning.outlining import outlined
from gateway.planning.past import past_of
from gateway.planning.session_properties import INTEGRITY, MATERIALIZED_VIEWS, MAX_STALENESS, MIN_GRADE
from gateway.rewriting.certificates.proving import dossier_of, objections
from gateway.rewriting.certificates.store import Filed, filed
from gateway.rewriting.handing import Handed, Handing, Unusable, handed
from gateway.views.known import KnownViews
from policies.account import secretless
from policies.decisions import Action, TableDecision
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.resolve import Resolved, resolve
from rewrite_rules.substitution.currency import narrowed
from rewrite_rules.substitution.model import Ground, Miss, Rewriting, Terms

_log = logging.getLogger("penstock.planning")
_MOST_TRIED = 3
"""Rewritings that are worked out for one query: the first that can be run is taken."""


@dataclass(frozen=True, slots=True)
class Question:
    """A governed query over tables that views are known of, ready to be matched."""

    tree: exp.Expr
    """Barriers of one level around its tables, typed over their raw columns."""
    tables: Mapping[TableName, Table]
    decisions: Mapping[TableName, TableDecision]
    known: KnownViews
    context: AnalysisContext
    columns: tuple[OutputColumn, ...]


@dataclass(frozen=True, slots=True)
class Substitution:
    """What became of the question."""

    rewriting: Rewriting | None = None
    handed: Handed | None = None
    filed: Filed | None = None
    """Its certificate, which the checker believes."""
    misses: tuple[Miss, ...] = ()
    told: frozenset[TableName] = frozenset()
    known: KnownViews | None = None
    tables: Mapping[TableName, Table] | None = None
    present: Mapping[TableName, str] = field(default_factory=dict)
    """The versions of tables that are read as they were, by which it was found out what they were."""


NONE = Substitution()


def question_of(
    resolved: Resolved,
    decisions: Mapping[TableName, TableDecision],
    tables: Mapping[TableName, Table],
    planning: Planning,
    context: AnalysisContext,
) -> Question | None:
    """Return the question about a query, or None where no view is over its tables or none may answer it.

    The resolved tree stays as it is.
    """
    known = planning.views
    if not known.over(tables) or not allows(planning) or any(map(_keeps_apart, decisions.values())):
        return None
    try:
        tree = govern(resolved.tree, decisions, tables, levels=1, keep=True, guarded=False).tree
        tree = resolve(tree, context.catalog, context.schema).tree
        raw = replace(context, tables=tables, strict=True)
        found = analyze(tree, raw)
    except Refusal as refusal:
        _log.debug("query %s is not matched with views: %s", planning.received.query_id, refusal.text)
        return None
    columns = tuple(OutputColumn(c.name, c.type) for c in found.columns if c.type is not None)
    if len(columns) != len(found.columns) or not found.complete:
        return None
    return Question(tree, tables, decisions, known, raw, columns)


def _keeps_apart(decision: TableDecision) -> bool:
    """Tell whether a table's answers come from itself alone: least groups are counted there, and keys of masks are kept
    out of certificates.
    """
    texts = (generate(mask) for mask in decision.masks.values())
    return bool(decision.min_group) or any(secretless(text) != text for text in texts)


def allows(planning: Planning) -> bool:
    """Tell whether a session takes answers from views: not within transactions, whose engine sees its own writes."""
    session = planning.received.session
    wanted = session.properties.get(MATERIALIZED_VIEWS, "true").lower() == "true"
    return wanted and planning.received.transaction is None and session.transaction in (None, "NONE")


def terms_of(planning: Planning) -> Terms:
    """Return on which terms a session takes answers that were computed before."""
    session = planning.received.session
    grade, integrity = session.properties.get(MIN_GRADE, "exact"), session.properties.get(INTEGRITY, "enforced")
    staleness = session.properties.get(MAX_STALENESS, "")
    return Terms(
        cast("Integrity", integrity.lower()),
        cast("Grade", grade.lower() if grade.lower() in GRADES else "exact"),
        seconds_of(staleness) if staleness else None,
        session.time_zone,
        planning.received.received_at,
    )


def substituted(question: Question, planning: Planning, engine: str, *, guarded: bool) -> Substitution:
    """Match a question with the known views, and work out how the best rewriting runs. Raises nothing.

    `guarded` says that filters of the base must keep conditions out, which parts over the base do not.
    """
    try:
        return _substituted(question, planning, engine, guarded=guarded)
    except Exception:  # noqa: BLE001  (the statement is answered from its base then)
        _log.exception("query %s could not be matched with views", planning.received.query_id)
        return Substitution(known=question.known)


def _substituted(question: Question, planning: Planning, engine: str, *, guarded: bool) -> Substitution:
    known = question.known
    ground = Ground({**known.tables, **question.tables}, known.facts)
    terms = terms_of(planning)
    past = past_of(question.tree, known, ground, planning)
    if past is not None:  # rows of a while ago are no rows of another while ago
        ground, terms = past.ground, replace(terms, integrity=stricter(terms.integrity, "trusted"))
    tree, index = (question.tree, known.index) if past is None else (past.tree, past.index)
    text = "" if past is None else generate(question.tree)
    tables = {**question.tables, **known.rows}
    handing = Handing(
        tables,
        question.decisions,
        question.columns,
        planning.engines.kinds,
        engine,
        question.context,
        planning.pins,
    )
    misses: list[Miss] = list(past.misses) if past is not None else []
    tried: set[tuple[object, ...]] = set()
    for enough in (1, _MOST_TRIED):  # mostly the first can be used, and others cost as much as it did
        found = planning.substitute(tree, index, ground, terms, enough)
        misses += found.misses if enough == 1 else ()
        for made in found.rewritings[:_MOST_TRIED]:
            rewriting = made if past is None else past.told(made, text)
            views = (rewriting.whole, *(scan.view for scan in rewriting.scans))
            if views in tried:
                continue
            tried.add(views)
            try:
                by_name = known.by_name if past is None else past.by_name
                held = tuple(by_name[scan.view] for scan in rewriting.scans)
                done = _usable(rewriting, handing, ground, held, planning, guarded=guarded)
                told = _told(misses, rewriting, known.bases, planning)
                present = past.present if past is not None else {}
                return replace(
                    done, misses=tuple(misses), told=told, known=known, tables=ground.tables, present=present
                )
            except Unusable as unusable:
                misses.append(_unusable(rewriting, str(unusable)))
        if not found.rewritings:
            break
    return Substitution(misses=tuple(misses), told=_told(misses, None, known.bases, planning), known=known)


def _usable(
    rewriting: Rewriting,
    handing: Handing,
    ground: Ground,
    views: tuple[MaterializedView, ...],
    planning: Planning,
    *,
    guarded: bool,
) -> Substitution:
    """Work out how a rewriting runs, once its proof is believed. Raises Unusable."""
    if guarded and rewriting.base_tables:
        raise Unusable("filters of the base must keep conditions out")
    query_id = planning.received.query_id
    try:
        dossier = dossier_of(rewriting, ground, views)
        doubts = objections(rewriting, dossier)
        if doubts:
            said = "; ".join(f"{each.what}: {each.text}" for each in doubts)
            _log.error("query %s: the proof of a rewriting is not believed: %s", query_id, said)
            raise Unusable("its proof was not believed")
        return Substitution(rewriting, handed(rewriting, handing), filed(dossier))
    except Refusal as refusal:
        _log.error("query %s: a rewriting was dropped: %s", query_id, refusal.detail or refusal.text)
        raise Unusable("a safety check of the gateway stopped it") from None


def _told(
    misses: Sequence[Miss],
    rewriting: Rewriting | None,
    bases: Mapping[TableName, Sequence[Table]],
    planning: Planning,
) -> frozenset[TableName]:
    """Return the views among those met of which the caller may know."""
    met = {miss.view for miss in misses} | {scan.view for scan in (rewriting.scans if rewriting is not None else ())}
    return frozenset(name for name in met if name in bases and _reads_whole(bases[name], planning))


def _unusable(rewriting: Rewriting, why: str) -> Miss:
    return Miss(rewriting.scans[0].view, 0, "engine", f"It answers the query, but cannot be used: {why}.")


def _reads_whole(tables: Sequence[Table], planning: Planning) -> bool:
    """Tell whether a caller may read all that tables hold: only then may he know of a view over them."""
    for table in tables:
        decision = planning.decide(Action.SELECT, table)
        if not decision.allowed or decision.policed or len(decision.columns) != len(table.columns):
            return False
    return bool(tables)


def with_views(plan: Plan, found: Substitution, planning: Planning) -> Plan:
    """Return a plan with what is known of views for it."""
    known = planning.views
    above = tuple((access.name, known.for_table.get(access.name)) for access in plan.tables)
    plan.standing.views = known
    plan = replace(plan, misses=found.misses, views_told=found.told, views_above=above)
    if found.rewriting is None or found.handed is None or found.filed is None:
        return plan
    return replace(plan, rewritten=_rewritten(plan, found.rewriting, found.handed, found.filed, found, planning))


def _rewritten(
    plan: Plan, rewriting: Rewriting, run: Handed, kept: Filed, found: Substitution, planning: Planning
) -> Rewritten:
    priced = {**(found.tables or {}), **{table.name: table for table in run.tables}}
    instead = replace(
        plan,
        engine=run.engine,
        sql=run.sql,
        governed_sql=run.governed_sql,
        engine_tables=run.tables,
        outline=outlined(run.priced, priced, planning, run.engine),
        question=run.sql if run.stages else None,
        from_views=True,
        standing=type(plan.standing)(),
    )
    views = tuple(dict.fromkeys(scan.view for scan in rewriting.scans))
    held = {view.name: view for view in planning.views.views}
    return Rewritten(
        plan=instead,
        views=views,
        grade=rewriting.grade,
        certificate=rewriting.certificate,
        certificate_id=kept.id,
        document=kept.document,
        versions={name: found.present.get(name, version) for name, version in rewriting.versions.items()},
        asked=tuple(t for name in rewriting.versions if (t := (found.tables or {}).get(name)) is not None),
        base_tables=rewriting.base_tables,
        scans=tuple((use.definition.name, use.scan) for use in rewriting.certificate.uses),
        built_at=_built_at(views, held),
        expires=None if rewriting.versions else _expires(views, held, terms_of(planning)),
        bytes=rewriting.bytes,
        stages=run.stages,
        parts=run.parts,
        places=run.places,
    )


def _expires(views: Sequence[TableName], held: Mapping[TableName, MaterializedView], terms: Terms) -> float:
    """Return until when views that are behind their base are young enough; unknown ages never are."""
    return min((_young_until(held[name], terms) for name in views if name in held), default=0.0)


def _young_until(view: MaterializedView, terms: Terms) -> float:
    since = view.freshness.behind_since if view.freshness is not None else None
    return (since or 0.0) + (narrowed(terms, view.definition).max_staleness or 0.0)


def _built_at(views: Sequence[TableName], held: Mapping[TableName, MaterializedView]) -> float:
    marks = (held[name].watermark for name in views if name in held)
    return min((mark.built_at for mark in marks if mark is not None), default=0.0)
