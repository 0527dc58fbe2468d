"""What a decision shows, in a form that two policy sets can be compared by: structure and text, no rule ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from sqlglot import exp

from catalog.dialect.generate import generate
from policies.decisions import Guard, TableDecision

_ONE_WAY = frozenset({"hmac_sha256", "hmac_sha512", "hmac_sha1", "hmac_md5", "sha256", "sha512"})
"""Functions whose result shows nothing of a value but whether it is the same again."""


class Sight(IntEnum):
    """How much of a column is seen, from nothing upwards."""

    WITHHELD = 0
    CONSTANT = 1
    """A mask in which the value has no part, or only whether there is one: NULL, a fixed text."""
    ONE_WAY = 2
    """A mask that shows only whether two values are the same."""
    PARTIAL = 3
    """A mask that shows a part of the value, or may."""
    CLEAR = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """What a caller is shown of one table. Two that are equal govern every statement alike."""

    allowed: bool
    columns: tuple[str, ...] = ()
    row_filter: str = ""
    masks: tuple[tuple[str, str, bytes], ...] = ()
    """Column, its mask without keys, and a digest of the whole mask; sorted."""
    min_group: int = 0
    exportable: bool = True
    guard: Guard = "auto"
    sights: dict[str, Sight] = field(default_factory=dict, compare=False)
    """Of the masked columns."""

    def sight(self, column: str) -> Sight:
        """Return how much is seen of a column."""
        if not self.allowed or column not in self.columns:
            return Sight.WITHHELD
        return self.sights.get(column, Sight.CLEAR)

    def mask(self, column: str) -> str:
        """Return a column's mask, for stewards; empty where it has none."""
        return next((text for name, text, _ in self.masks if name == column), "")

    def same_mask(self, other: Shown, column: str) -> bool:
        """Tell whether both show a column alike, as far as it is masked."""
        return [m for m in self.masks if m[0] == column] == [m for m in other.masks if m[0] == column]


HIDDEN = Shown(False)


def shown(decision: TableDecision) -> Shown:
    """Return what a decision shows."""
    if not decision.allowed:
        return HIDDEN
    return Shown(
        True,
        decision.columns,
        generate(decision.row_filter) if decision.row_filter is not None else "",
        tuple(sorted((name, *_told(mask)) for name, mask in decision.masks.items())),
        decision.min_group,
        decision.exportable,
        decision.guard,
        {name: _sight(mask) for name, mask in decision.masks.items()},
    )


def _told(mask: exp.Expr) -> tuple[str, bytes]:
    """Return a mask's text with its keys blotted out, and a digest of all of it."""
    whole = generate(mask)
    copy = mask.copy()
    for call in copy.find_all(exp.Anonymous):
        if call.name.lower() in _ONE_WAY and len(call.expressions) == 2:
            call.expressions[1].replace(exp.Literal.string("(key)"))
    return generate(copy), hashlib.blake2b(whole.encode(), digest_size=16).digest()


def _sight(mask: exp.Expr) -> Sight:
    """Tell how much a mask shows; what is not known to show less shows a part."""
    uses = [_use(column) for column in mask.find_all(exp.Column)]
    return max(uses, default=Sight.CONSTANT)


def _use(column: exp.Expr) -> Sight:
    """Tell what a mask shows of a column at one place: a test for NULL keeps NULL apart, and shows no value."""
    above = column.parent
    if isinstance(above, exp.Is):
        return Sight.CONSTANT
    while above is not None:
        if isinstance(above, exp.Anonymous) and above.name.lower() in _ONE_WAY:
            return Sight.ONE_WAY
        above = above.parent
    return Sight.PARTIAL
