"""Embed a view's joins in a query's: every way in which the view's tables are among the query's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from sqlglot import exp

from catalog.materialized_views import Integrity
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.certificate import Proof
from rewrite_rules.substitution.embeddings import Embedding, Extended, moved
from rewrite_rules.substitution.keys import Key, key
from rewrite_rules.substitution.lossless import Drop, Known, dropped, spare
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.nullability import knows_not_null
from rewrite_rules.substitution.spelling import base_column
from rewrite_rules.substitution.tops import sort_keys

_MOST_WAYS = 24
_MOST_TRIED = 400

Present = Callable[[exp.Expr], bool]
"""Whether an expression over the query's occurrences is known not to be NULL on the rows that the query keeps."""


def embed(
    query: Block, view: Block, ground: Ground, integrity: Integrity, present: Present | None = None
) -> tuple[Embedding, ...]:
    """Return the ways to see a view's joins within a query's, the likeliest first; none where none is proved.

    `present` may say more of NULL than the catalog does, by the query's conditions.
    """
    if query.odd is not None or view.odd is not None or any(each.table is None for each in view.occurrences):
        return ()
    tell = present if present is not None else knows_not_null(query, ground)
    ways = [
        found
        for mapping in _mappings(query, view)
        if (found := _embedding(mapping, query, view, ground, integrity, tell)) is not None
    ]
    if len(ways) > 1:
        required = {key(condition.value) for condition in query.conditions}
        ways.sort(key=lambda way: (-sum(key(each) in required for each in way.required), len(way.dropped)))
    return tuple(ways[:_MOST_WAYS])


def _mappings(query: Block, view: Block) -> Iterator[dict[str, str]]:
    """Yield injective maps of occurrences to occurrences of the same table, those with the most entries first."""
    options = [
        [other for other in query.occurrences if (other.table, other.version) == (each.table, each.version)]
        for each in view.occurrences
    ]
    yield from (mapping for mapping in islice(_choices(view.occurrences, options, {}), _MOST_TRIED) if mapping)


def _choices(
    occurrences: Sequence[Occurrence], options: Sequence[Sequence[Occurrence]], chosen: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    if not occurrences:
        yield dict(chosen)
        return
    taken = set(chosen.values())
    for option in options[0]:
        if option.alias not in taken:
            yield from _choices(occurrences[1:], options[1:], {**chosen, occurrences[0].alias: option.alias})
    yield from _choices(occurrences[1:], options[1:], chosen)


def _embedding(
    mapping: dict[str, str], query: Block, view: Block, ground: Ground, integrity: Integrity, present: Present
) -> Embedding | None:
    """Prove one mapping, or return None."""
    ours = {each.alias: each for each in query.occurrences}
    spared = _spared(mapping, query, ground, integrity)
    gone_of_query = {drop.occurrence.alias for drop in spared}
    held = {*mapping.values(), *gone_of_query}
    remaining = tuple(each for each in query.occurrences if each.alias not in held)
    if any(each.join == "full" for each in remaining):
        return None
    drops = _drops(mapping, view, ground, integrity, present)
    if drops is None or not _keeps_full(mapping, query, view, drops):
        return None
    outer = _outer_joins(mapping, ours, view, ground)
    if outer is None:
        return None
    extended, joined_on = outer
    gone = {place for drop in drops for place in drop.gone}
    return Embedding(
        mapping,
        (*(moved(c.value, mapping) for place, c in enumerate(view.conditions) if place not in gone), *joined_on),
        remaining,
        spared=frozenset(place for drop in spared for place in drop.gone),
        present=tuple(fact for drop in spared for fact in drop.facts),
        dropped=tuple(drop.occurrence for drop in drops),
        partners=_partners(drops, mapping),
        extended=extended,
        facts=tuple(fact for drop in drops for fact in drop.facts),
        proofs=(*_same_tables(mapping, ours), *(drop.proof for drop in (*drops, *spared))),
    )


def _spared(mapping: Mapping[str, str], query: Block, ground: Ground, integrity: Integrity) -> tuple[Drop, ...]:
    """Return how joins of the query go that change no row of it, and of which it shows nothing.

    That a column is not NULL must follow from the catalog alone: conditions of the very join say it, too.
    """
    others = [each.alias for each in query.occurrences if each.alias not in mapping.values()]
    if not others or any(each.join == "full" for each in query.occurrences):
        return ()
    shown = [*(each.value for each in query.outputs), *(query.keys or ()), *query.having, *sort_keys(query)]
    return spare(others, Known(query, ground.facts, integrity, knows_not_null(query, ground)), shown)


def _drops(
    mapping: Mapping[str, str], view: Block, ground: Ground, integrity: Integrity, present: Present
) -> tuple[Drop, ...] | None:
    unmapped = [each.alias for each in view.occurrences if each.alias not in mapping]
    if not unmapped:
        return ()
    by_catalog = knows_not_null(view, ground)

    def not_null(node: exp.Expr) -> bool:
        return by_catalog(node) or (_is_mapped(node, mapping) and present(moved(node, mapping)))

    return dropped(unmapped, Known(view, ground.facts, integrity, not_null))


def _partners(drops: Sequence[Drop], mapping: Mapping[str, str]) -> dict[tuple[str, str], exp.Column]:
    """Follow equal columns out of dropped occurrences; the last dropped one refers to what stays."""
    found: dict[tuple[str, str], exp.Column] = {}
    for drop in reversed(drops):
        for own, other in drop.partners:
            partner = found.get((other.table, other.name)) or moved(other, mapping)
            if other.table in mapping or (other.table, other.name) in found:
                found[(drop.occurrence.alias, own)] = partner
    return found


def _is_mapped(node: exp.Expr, mapping: Mapping[str, str]) -> bool:
    return all(column.table in mapping for column in node.find_all(exp.Column))


def _keeps_full(mapping: Mapping[str, str], query: Block, view: Block, drops: Sequence[Drop]) -> bool:
    """Tell whether full joins stay as they are: then all that comes before them must be the same."""
    if not any(each.join == "full" for each in (*query.occurrences, *view.occurrences)):
        return True
    if drops or len(query.occurrences) != len(view.occurrences):
        return False
    pairs = zip(view.occurrences, query.occurrences, strict=True)
    return all(mapping[ours.alias] == theirs.alias and ours.join == theirs.join for ours, theirs in pairs)


def _outer_joins(
    mapping: Mapping[str, str], ours: Mapping[str, Occurrence], view: Block, ground: Ground
) -> tuple[tuple[Extended, ...], tuple[exp.Expr, ...]] | None:
    """Compare joins: a left join is the same left join, or an inner join on the same, of rows with a partner."""
    extended: list[Extended] = []
    joined_on: list[exp.Expr] = []
    for each in view.occurrences:
        if each.alias not in mapping:
            continue
        partner = ours[mapping[each.alias]]
        on = [moved(part, mapping) for part in each.on]
        if each.join == partner.join:
            if _keys(on) != _keys(partner.on):
                return None
        elif each.join == "left" and partner.join == "inner":
            joined_on.extend(on)
            extended.append(Extended(partner.alias, _required_columns(partner, ground)))
        else:
            return None
    return tuple(extended), tuple(joined_on)


def _keys(conditions: Sequence[exp.Expr]) -> frozenset[Key]:
    return frozenset(key(each) for each in conditions)


def _required_columns(occurrence: Occurrence, ground: Ground) -> tuple[exp.Column, ...]:
    described = ground.tables[occurrence.table] if occurrence.table is not None else None
    columns = described.columns if described is not None else ()
    return tuple(base_column(occurrence.alias, c.name, c.type) for c in columns if not c.nullable)


def _same_tables(mapping: Mapping[str, str], ours: Mapping[str, Occurrence]) -> tuple[Proof, ...]:
    shown = tuple(f"{other} is {ours[other].table}, {each} of the view" for each, other in mapping.items())
    return (Proof(1, "the view joins tables that the query joins", shown),)
