"""Sameness: when two expressions have one value in all rows that meet some conditions, and which value it is.

Only of types whose equal values are the same value: 0.0 equals -0.0, `'a'` equals `'a '` as char, one instant has many
zones, and each pair of these can be told apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from sqlglot import exp

from catalog.types import INTEGRAL
from rewrite_rules.substitution.implication import Premises, assume, fixed
from rewrite_rules.substitution.keys import Columns, column_key, key
from rewrite_rules.substitution.making import cast, is_constant, type_of
from rewrite_rules.substitution.spelling import copied

_SAME = frozenset({*INTEGRAL, "boolean", "decimal", "varchar", "date", "timestamp"})


@dataclass(frozen=True, slots=True)
class Sameness:
    """What is known to be the same."""

    premises: Premises | None = None
    columns: Columns = column_key

    @property
    def renames(self) -> bool:
        """Tell whether some columns go by the name of others that are equal to them."""
        return self.columns is not column_key

    def key(self, value: exp.Expr) -> Hashable:
        """Return the key of an expression, whichever of equal columns it names."""
        return key(value, self.columns)

    def constant(self, value: exp.Expr) -> exp.Expr | None:
        """Return the one value an expression has in all rows; None where it may have several."""
        kind = type_of(value)
        if self.premises is None or kind is None or kind.base not in _SAME or is_constant(value):
            return None
        found = fixed(self.premises, value)
        return cast(copied(found), kind) if found is not None else None


NOTHING = Sameness()
"""Nothing is known."""


def same_under(conditions: Iterable[exp.Expr], zone: str) -> Sameness:
    """Read what conditions that are true of all rows make the same."""
    given = tuple(conditions)
    return same_by(assume(given, zone=zone)) if given else NOTHING


def same_by(premises: Premises) -> Sameness:
    """Return what conditions that were read already make the same."""
    return Sameness(premises, premises.reader.columns) if premises.conditions else NOTHING
