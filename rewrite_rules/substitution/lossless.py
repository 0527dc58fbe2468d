"""Lossless joins: a table of the view that the query does not read, and that adds no row, takes none and repeats none.

A left join is lossless when it compares all columns of a key: at most one partner. An inner join needs exactly one:
a key on the joined side, a foreign key to it, and no NULL among the columns that refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.materialized_views import Facts, ForeignKey, Integrity, Key
from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.certificate import Proof
from rewrite_rules.substitution.embeddings import aliases_in
from rewrite_rules.substitution.key_parts import type_of

_EXACT = frozenset({"tinyint", "smallint", "integer", "bigint", "decimal", "varchar", "boolean", "date", "timestamp"})


@dataclass(frozen=True, slots=True)
class Drop:
    """One occurrence of a view that may go, the conditions that go with it, and why."""

    occurrence: Occurrence
    gone: frozenset[int]
    """Places among the view's conditions."""
    facts: tuple[Key | ForeignKey, ...]
    proof: Proof
    partners: tuple[tuple[str, exp.Column], ...] = ()
    """Its columns that have the values of other columns of the view's occurrences."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the joins of a view, or of a query, are judged by."""

    view: Block
    facts: Facts
    integrity: Integrity
    not_null: Callable[[exp.Expr], bool]
    """Of expressions over the view's occurrences, on the rows that are asked for."""

    def trusts(self, fact: Key | ForeignKey) -> bool:
        """Tell whether a fact counts: verified ones do, declared ones for callers who trust them."""
        return fact.status == "verified" or self.integrity == "trusted"


def dropped(aliases: Iterable[str], known: Known) -> tuple[Drop, ...] | None:
    """Return how all these occurrences of a view go, the last joined first; None if one of them must stay."""
    waiting = [each for each in known.view.occurrences if each.alias in set(aliases)]
    found: list[Drop] = []
    while waiting:
        drop = next((d for each in reversed(waiting) if (d := _drop(each, found, known)) is not None), None)
        if drop is None:
            return None
        found.append(drop)
        waiting = [each for each in waiting if each is not drop.occurrence]
    return tuple(found)


def spare(aliases: Iterable[str], known: Known, kept: Iterable[exp.Expr]) -> tuple[Drop, ...]:
    """Return how those of some occurrences go that change no row; nothing of them is left in `kept`, what is shown.

    What is shown of a dropped one's columns must be the same as what is shown of others.
    """
    named = {(column.table, column.name) for value in kept for column in value.find_all(exp.Column)}
    waiting = [each for each in known.view.occurrences if each.alias in set(aliases)]
    found: list[Drop] = []
    while True:
        drops = (d for each in reversed(waiting) if (d := _drop(each, found, known)) is not None)
        drop = next((d for d in drops if {n for t, n in named if t == d.occurrence.alias} <= _same_elsewhere(d)), None)
        if drop is None:
            return tuple(found)
        found.append(drop)
        waiting = [each for each in waiting if each is not drop.occurrence]


def _same_elsewhere(drop: Drop) -> set[str]:
    return {own for own, _ in drop.partners}


def _drop(occurrence: Occurrence, before: Sequence[Drop], known: Known) -> Drop | None:
    if occurrence.version is not None:
        return None  # facts are of the present
    gone = {drop.occurrence.alias for drop in before}
    left = {place for drop in before for place in drop.gone}
    touching = {
        place: condition.value
        for place, condition in enumerate(known.view.conditions)
        if place not in left and occurrence.alias in aliases_in(condition.value)
    }
    others = [each for each in known.view.occurrences if each.alias not in {occurrence.alias, *gone}]
    if any(occurrence.alias in aliases_in(on) for other in others for on in other.on):
        return None
    if occurrence.join == "left":
        return None if touching else _left(occurrence, known)
    first = known.view.occurrences[0]
    if occurrence.join != "inner" or (occurrence is first and any(each.join != "inner" for each in others)):
        return None
    return _inner(occurrence, touching, known)


def _left(occurrence: Occurrence, known: Known) -> Drop | None:
    pairs = _pairs(occurrence.alias, occurrence.on)
    for key in known.facts.keys:
        if key.table == occurrence.table and known.trusts(key) and set(key.columns) <= set(pairs):
            claim = f"the left join of {key.table} finds at most one partner"
            proof = Proof(1, claim, (f"{key.status} key ({', '.join(key.columns)})",))
            return Drop(occurrence, frozenset(), (key,), proof)
    return None


def _inner(occurrence: Occurrence, touching: Mapping[int, exp.Expr], known: Known) -> Drop | None:
    """Drop an inner join whose conditions are one foreign key to it and nothing else."""
    pairs = _pairs(occurrence.alias, touching.values())
    if len(pairs) != len(touching) or not all(isinstance(other, exp.Column) for other in pairs.values()):
        return None
    others = {own: other for own, other in pairs.items() if isinstance(other, exp.Column)}
    sources = {other.table for other in others.values()}
    source = next((o for o in known.view.occurrences if {o.alias} == sources), None)
    if source is None or source.version is not None:
        return None
    for foreign in known.facts.foreign_keys:
        if (foreign.table, foreign.references) != (source.table, occurrence.table) or not known.trusts(foreign):
            continue
        named = dict(zip(foreign.referenced, foreign.columns, strict=True))
        key = _key(occurrence, foreign.referenced, known)
        if key is None or named != {own: other.name for own, other in others.items()}:
            continue
        if all(known.not_null(other) for other in others.values()):
            same = tuple((own, other) for own, other in others.items() if is_exact(other))
            return Drop(occurrence, frozenset(touching), (key, foreign), _exactly_one(key, foreign), same)
    return None


def is_exact(column: exp.Column) -> bool:
    """Tell whether equal values cannot be told apart: no -0.0 beside 0.0, no instant shown in two zones."""
    kind = type_of(column)
    return kind is not None and kind.base in _EXACT


def _key(occurrence: Occurrence, columns: Sequence[str], known: Known) -> Key | None:
    keys = (k for k in known.facts.keys if k.table == occurrence.table and known.trusts(k))
    return next((key for key in keys if set(key.columns) <= set(columns)), None)


def _exactly_one(key: Key, foreign: ForeignKey) -> Proof:
    return Proof(
        1,
        f"each row of {foreign.table} has exactly one partner in {foreign.references}",
        (
            f"{key.status} key ({', '.join(key.columns)})",
            f"{foreign.status} foreign key ({', '.join(foreign.columns)})",
            f"{', '.join(foreign.columns)} never NULL",
        ),
    )


def _pairs(alias: str, conditions: Iterable[exp.Expr]) -> dict[str, exp.Expr]:
    """Return the columns of an occurrence that conditions compare with `=`, and what each is compared with."""
    found: dict[str, exp.Expr] = {}
    for condition in conditions:
        node = condition.unnest()
        if not isinstance(node, exp.EQ):
            continue
        sides = (node.this.unnest(), node.expression.unnest())
        for own, other in (sides, sides[::-1]):
            if isinstance(own, exp.Column) and own.table == alias and alias not in aliases_in(other):
                if own.meta.get("type") == other.meta.get("type"):
                    found[own.name] = other
                break
    return found
