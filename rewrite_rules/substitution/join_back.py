"""Join back: columns of a table that the view joined and does not show, read of the table itself by a key.

Each row of the view knows by the key which row of the table it was made from; the table, joined once more, has just
that one. So the table is read beside the view, as others are that the view knows nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.materialized_views import Key
from rewrite_rules.substitution.bases import shown_by
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.certificate import Proof
from rewrite_rules.substitution.embeddings import Back, Embedding
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.frames import Asked, Frame
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.lossless import is_exact
from rewrite_rules.substitution.making import atom, column
from rewrite_rules.substitution.misses import Lack, Unmatched, columns_of
from rewrite_rules.substitution.sameness import same_under
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.tops import sort_keys
from rewrite_rules.substitution.viewing import Viewed


def joined_back(embedding: Embedding, viewed: Viewed, asked: Asked) -> Embedding | None:
    """Return an embedding that reads tables of the view once more for what the view does not show; None for none."""
    if len(embedding.mapping) < 2 or embedding.back:
        return None
    extended = {each.alias for each in embedding.extended}
    mapped = [each for each in asked.block.occurrences if each.alias in embedding.mapping.values()]
    plain = [each for each in mapped if each.join == "inner" and each.alias not in extended]
    reader = Reader(viewed.shown, same_under(embedding.required, asked.terms.time_zone))
    missing = {each.table for each in _needed(asked.block, embedding) if reader.direct(each) is None}
    found = [back for each in plain if each.alias in missing and (back := _back(each, reader, asked)) is not None]
    if not found:
        return None
    proofs = [Proof(1, f"{back.fact.table} is joined back", (f"{back.fact.status} key",)) for back in found]
    facts = (*embedding.facts, *(back.fact for back in found))
    return replace(embedding, back=tuple(found), facts=facts, proofs=(*embedding.proofs, *proofs))


def _needed(block: Block, embedding: Embedding) -> Sequence[exp.Column]:
    conditions = [each.value for place, each in enumerate(block.conditions) if place not in embedding.spared]
    values = [each.value for each in block.outputs]
    return columns_of([*values, *(block.keys or ()), *block.having, *conditions, *sort_keys(block)])


def _back(occurrence: Occurrence, reader: Reader, asked: Asked) -> Back | None:
    """Return by which key a table can be joined to the view's rows: one of which the view shows all columns."""
    for fact in asked.ground.facts.keys:
        if fact.table != occurrence.table or occurrence.version is not None or not _trusted(fact, asked):
            continue
        by_name = asked.ground.tables[fact.table].by_name
        own = [column(occurrence.alias, name, by_name[name].type) for name in fact.columns if name in by_name]
        if len(own) == len(fact.columns) and all(is_exact(each) and reader.direct(each) is not None for each in own):
            return Back(occurrence, tuple(own), fact)
    return None


def _trusted(fact: Key, asked: Asked) -> bool:
    return fact.status == "verified" or asked.terms.integrity == "trusted"


def back_conditions(frame: Frame) -> list[exp.Expr]:
    """Return by what the view's rows are joined to tables read once more. Raises Unmatched."""
    found: list[exp.Expr] = []
    for back in frame.embedding.back:
        shown = {key(each.value): each.column for each in shown_by(back.occurrence, frame.asked.ground)}
        for each in back.columns:
            mine, theirs = frame.conditions.direct(each), shown.get(key(each))
            if mine is None or theirs is None:
                raise Unmatched(Lack(12, "policy", f"the key {each.name} is not shown to the caller"))
            found.append(exp.EQ(this=atom(mine), expression=copied(theirs)))
    return found
