"""Misses: why a view does not answer a query, in words that a person can act on.

Nothing that only policy says stands in them: of a row filter's condition they tell that it exists, no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.errors import Refusal
from catalog.objects import TableName
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.keys import HOLE
from rewrite_rules.substitution.model import Miss
from rewrite_rules.substitution.spelling import copied

MOST_VIEWS, MOST_REASONS = 5, 5


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that a view lacks, see `model.Miss`."""

    condition: int
    missing: str
    text: str
    fix: str = ""


class Unmatched(Exception):  # noqa: N818  (an answer, not a crash)
    """Say what a view lacks to answer a query."""

    def __init__(self, *lacks: Lack) -> None:
        """Hold at least one lack."""
        super().__init__("; ".join(lack.text for lack in lacks))
        self.lacks = lacks


def misses_of(view: TableName, lacks: Sequence[Lack]) -> tuple[Miss, ...]:
    """Return what a view lacks as misses, each once."""
    own = tuple(dict.fromkeys(lacks))
    return tuple(Miss(view, each.condition, each.missing, each.text, each.fix, len(own)) for each in own[:MOST_REASONS])


def nearest(found: Iterable[Sequence[Miss]]) -> tuple[Miss, ...]:
    """Return the misses of the views that lack least, nearest first."""
    ranked = sorted((each for each in found if each), key=lambda each: (each[0].distance, each[0].view))
    kept: dict[TableName, Sequence[Miss]] = {}
    for each in ranked:
        kept.setdefault(each[0].view, each)
    return tuple(miss for each in list(kept.values())[:MOST_VIEWS] for miss in each)


def shown(value: exp.Expr, block: Block) -> str:
    """Return an expression over base columns as its reader would write it: no aliases where one table is read.

    A subquery is not shown: what policy says of its tables stands in it.
    """
    if value.find(exp.Query) is not None:
        outer = ", ".join(dict.fromkeys(column.name for column in columns_of([value])))
        return f"a subquery that concerns {outer}" if outer else "a subquery"
    twin = copied(value)
    names = {each.alias: each.table.table if each.table is not None else "" for each in block.occurrences}
    alone = len(names) == 1
    for column in twin.find_all(exp.Column):
        own = names.get(column.table, "")
        column.set("table", None if alone or not own else exp.Identifier(this=own, quoted=False))
    for identifier in twin.find_all(exp.Identifier):
        identifier.set("quoted", False)
    try:
        return generate(twin).replace('"', "")
    except Refusal:
        return "an expression"


def is_masked(value: exp.Expr) -> bool:
    """Tell whether a mask of policy is in a value, see `relations`."""
    return any(node.meta.get("policed") for node in value.walk())


def mask_needs(what: str) -> Lack:
    """Say that a mask could not be computed, and nothing of what it says."""
    return Lack(12, "policy", f"a mask of policy needs what the view's {what} do not tell")


def columns_of(values: Iterable[exp.Expr]) -> list[exp.Column]:
    """Return the columns that values are computed from, each once; of a subquery those that it takes from outside."""
    found: dict[tuple[str, str], exp.Column] = {}
    for value in values:
        nested = value.find(exp.Query) is not None
        for column in value.find_all(exp.Column):
            if not nested or HOLE in column.meta or column.find_ancestor(exp.Query) is None:
                found.setdefault((column.table, column.name), column)
    return list(found.values())
