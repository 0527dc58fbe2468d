"""Trying: each view that could answer a query, each way of laying it over the query, the best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.materialized_views import ForeignKey
from catalog.objects import TableName
from rewrite_rules.analysis import OutputName
from rewrite_rules.substitution.bases import names_read
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.currency import Currency, currency, level_of, narrowed, too_lax
from rewrite_rules.substitution.embeddings import Embedding
from rewrite_rules.substitution.exact import same_query
from rewrite_rules.substitution.flatten import read
from rewrite_rules.substitution.frames import Answer, Asked, Frame, asked
from rewrite_rules.substitution.index import ViewIndex
from rewrite_rules.substitution.join_back import joined_back
from rewrite_rules.substitution.joins import embed
from rewrite_rules.substitution.keys import Key
from rewrite_rules.substitution.lacking import lacks_of
from rewrite_rules.substitution.match import matched
from rewrite_rules.substitution.misses import MOST_VIEWS, Lack, Unmatched, misses_of
from rewrite_rules.substitution.model import Ground, Miss, Terms
from rewrite_rules.substitution.prepare import Prepared
from rewrite_rules.substitution.viewing import viewed

_HUGE = 1 << 62
ENOUGH = 2
"""The best answer, and one in case that cannot be run."""


Columns = Callable[[], Sequence[OutputName] | None]
"""Tell the columns of a query, where they are known."""


def answers(
    query: exp.Expr,
    columns: Columns,
    index: ViewIndex,
    ground: Ground,
    terms: Terms,
    scan: TableName,
    *,
    enough: int = ENOUGH,
    tell: bool = True,
) -> tuple[list[Answer], list[Sequence[Miss]]]:
    """Return the answers to one query, best first, and why other views gave none, if anybody is to be told.

    After `enough` answers from views alone no larger view is looked at.
    """
    block, text = read(query, ground)
    found, missed = _by_fingerprint(query, text, columns, index, terms, scan)
    if tell and not found and block.odd is not None:
        missed += _odd(query, block.odd, index)
    if found or block.odd is not None or not block.occurrences:
        return found, missed
    question = asked(_by_outputs(block), ground, terms, scan)
    for prepared in sorted(index.candidates(block), key=_size):
        try:
            found.append(_answer(prepared, question))
        except Unmatched as lacking:
            missed.append(misses_of(prepared.view.name, lacking.lacks))
        if sum(not each.rest for each in found) >= enough:
            break
    if tell and not found:
        missed += _others(question.block, index)
    found.sort(key=_cost)
    return found, missed


def _odd(query: exp.Expr, why: str, index: ViewIndex) -> list[Sequence[Miss]]:
    """Say of views over a query's tables that only its very text could match it."""
    tables = frozenset(names_read(query))
    near = [each for each in index.views if each.why is None and not tables.isdisjoint(each.tables)]
    text = f"a query with {why} is answered by a view of its very text alone"
    return [misses_of(each.view.name, [Lack(10, "shape", text)]) for each in near[:MOST_VIEWS]]


def _others(block: Block, index: ViewIndex) -> list[Sequence[Miss]]:
    """Say why not of views that were not tried: those that lack the fewest columns, and those that may not be used."""
    missed: list[Sequence[Miss]] = []
    for prepared, columns in index.nearest(block, MOST_VIEWS):
        lacks = lacks_of(columns, block, grouped=prepared.block.keys is not None)
        missed.append(misses_of(prepared.view.name, lacks))
    for prepared in index.unusable(each.table for each in block.occurrences if each.table is not None):
        missing = {11: "freshness", 12: "policy"}.get(prepared.condition, "shape")
        missed.append(misses_of(prepared.view.name, [Lack(prepared.condition, missing, prepared.why or "")]))
    return missed


def _by_fingerprint(
    query: exp.Expr, text: Key, columns: Columns, index: ViewIndex, terms: Terms, scan: TableName
) -> tuple[list[Answer], list[Sequence[Miss]]]:
    """Look for views that were defined by this very query."""
    found: list[Answer] = []
    missed: list[Sequence[Miss]] = []
    same = index.by_fingerprint(text)
    shown = columns() if same else None
    for prepared in same if shown is not None else ():
        try:
            found.append(same_query(query, shown or (), prepared, terms, scan))
        except Unmatched as lacking:
            missed.append(misses_of(prepared.view.name, lacking.lacks))
    return sorted(found, key=_cost), missed


def _by_outputs(block: Block) -> Block:
    """Ask for distinct rows as for groups by their columns."""
    if not block.distinct or block.keys is not None or block.top == "a window function":
        return block
    return replace(block, keys=tuple(output.value for output in block.outputs))


def _answer(prepared: Prepared, question: Asked) -> Answer:
    """Answer on the terms that both the session and the view allow. Raises Unmatched."""
    if any(each.version is not None and each.table in prepared.tables for each in question.block.occurrences):
        raise Unmatched(Lack(11, "freshness", "the query asks for another time than the present"))
    terms = narrowed(question.terms, prepared.view.definition)
    try:
        return _on_terms(prepared, replace(question, terms=terms) if terms is not question.terms else question)
    except Unmatched as unmatched:
        if terms is question.terms or not _answers(prepared, question):
            raise
        raise Unmatched(too_lax(prepared.view.definition)) from unmatched


def _answers(prepared: Prepared, question: Asked) -> bool:
    try:
        _on_terms(prepared, question)
    except Unmatched:
        return False
    return True


def _on_terms(prepared: Prepared, question: Asked) -> Answer:
    known = currency(prepared.view, prepared.tables, question.terms)
    lacking: list[Lack] = []
    integrity = question.terms.integrity
    for embedding in embed(question.block, prepared.block, question.ground, integrity, question.is_there):
        seen: Embedding | None = embedding
        while seen is not None:
            try:
                return _seen(seen, prepared, question, known)
            except Unmatched as unmatched:
                if not lacking or len(unmatched.lacks) < len(lacking):
                    lacking = list(unmatched.lacks)
            seen = joined_back(seen, viewed(prepared, seen), question)
    raise Unmatched(*(lacking or [Lack(1, "join", "it joins other tables than the query")]))


def _seen(embedding: Embedding, prepared: Prepared, question: Asked, known: Currency) -> Answer:
    """Answer by one way of laying the view's tables over the query's. Raises Unmatched."""
    _check_facts(embedding, prepared, question)
    frame = Frame(question, viewed(prepared, embedding), embedding, known.changes)
    relied = {**known.versions, **_relied_on(embedding, known, question)}
    declared = any(each.status == "declared" for each in (*embedding.facts, *embedding.present))
    return replace(matched(frame), versions=relied, integrity=level_of(known, declared=declared))


def _relied_on(embedding: Embedding, known: Currency, question: Asked) -> dict[TableName, str]:
    """Return the versions at which that was found true by which joins of the query go. Raises Unmatched.

    The base is at these versions when the answer is used: they are asked for then, as those of the view's tables are.
    """
    checked, found = question.ground.facts.versions, dict[TableName, str]()
    for fact in (each for each in embedding.present if each.status == "verified"):
        for name in [fact.table, *([fact.references] if isinstance(fact, ForeignKey) else [])]:
            version = checked.get(name)
            if version is None or not known.versions or known.versions.get(name, version) != version:
                raise Unmatched(Lack(1, "join", f"keys of {name} were not checked on its present data"))
            found[name] = version
    return found


def _check_facts(embedding: Embedding, prepared: Prepared, question: Asked) -> None:
    """Hold what was found true of tables to the very data that the view was computed from. Raises Unmatched."""
    known = prepared.view.freshness
    for fact in embedding.facts:
        if fact.status != "verified" or known is None:
            continue
        names = [fact.table, *([fact.references] if isinstance(fact, ForeignKey) else [])]
        changed = {change.table for change in known.changes}
        checked = question.ground.facts.versions
        if any(name in changed or checked.get(name) != known.versions.get(name) for name in names):
            raise Unmatched(Lack(1, "join", f"keys of {names[-1].table} were not checked on the view's own data"))


def _size(prepared: Prepared) -> tuple[int, int]:
    view = prepared.view
    return (view.bytes if view.bytes is not None else _HUGE, view.rows if view.rows is not None else _HUGE)


def _cost(answer: Answer) -> tuple[bool, int, int]:
    return (
        answer.rest,
        answer.bytes if answer.bytes is not None else _HUGE,
        answer.rows if answer.rows is not None else _HUGE,
    )
