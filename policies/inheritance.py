"""What a copy inherits: the tags of all that flows into its columns, and the masks of what its author saw in the clear.

What cannot be carried over as it is becomes the strictest thing that can be said: NULL, or no word at all, which hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from catalog.objects import TableName
from policies.bounds import ALWAYS
from policies.mask_choice import ColumnRule, MasksByColumn, MasksByPrincipal
from policies.mask_specs import MaskSpec, NullMask
from policies.tags import TableTags

Origin = tuple[TableName, str]
Masks = Mapping[str, MaskSpec | None]
"""By principal; None shows the value."""
NOTHING = NullMask(kind="null")
_CARRIED = frozenset(
    {"null", "constant", "redact", "email", "ssn", "card", "phone", "first_n", "last_n", "year", "month"}
)
"""Kinds of masks that mean the same on a copied column: they name no other column and no key."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """The tags of a copy as a whole, and the tags and masks of its columns."""

    tags: frozenset[str] = frozenset()
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    masks: Mapping[str, Masks] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is anything to inherit."""
        return bool(self.tags or self.columns or self.masks)


class Heritable(Protocol):
    """What of a policy set is inherited; `policies.index.PolicySet` is one."""

    @property
    def masks(self) -> Mapping[TableName, MasksByColumn]:
        """Return the mask statements by table."""
        ...

    def tags_of(self, table: TableName) -> TableTags:
        """Return the tags that a table and its columns carry."""
        ...


def inherit(policies: Heritable, flows: Mapping[str, frozenset[Origin]], masked: Iterable[Origin]) -> Inheritance:
    """Return what the columns of a copy inherit by what flows into each; `masked` the author sees masked already."""
    hidden = frozenset(masked)
    tags: set[str] = set()
    columns: dict[str, frozenset[str]] = {}
    masks: dict[str, Masks] = {}
    for column, origins in flows.items():
        carried = [(policies.tags_of(table), name) for table, name in sorted(origins)]
        tags.update(*(each.table for each, _ in carried))
        own = frozenset[str]().union(*(each.columns.get(name, frozenset()) for each, name in carried))
        if own:
            columns[column] = own
        clear = sorted(origins - hidden)
        spoken = [its for table, name in clear if (its := policies.masks.get(table, {}).get(name)) is not None]
        if spoken:
            masks[column] = _masks(spoken, direct=len(origins) == 1)
    return Inheritance(frozenset(tags), columns, masks)


def join_masks(one: Masks, other: Masks) -> Masks:
    """Return what holds for values of two origins: each principal needs a word for both, and the stricter counts."""
    return {p: one[p] if one[p] == other[p] else NOTHING for p in sorted(one.keys() & other.keys())}


def _masks(spoken: list[MasksByPrincipal], *, direct: bool) -> Masks:
    principals = frozenset(spoken[0]).intersection(*spoken)
    return {p: _mask([rule for its in spoken for rule in its[p]], direct=direct) for p in sorted(principals)}


def _mask(rules: list[ColumnRule], *, direct: bool) -> MaskSpec | None:
    unconditional = all(rule.bounds == ALWAYS and rule.condition is None for rule in rules)
    if unconditional and all(rule.spec is None for rule in rules):
        return None
    spec = rules[0].spec
    if unconditional and direct and len(rules) == 1 and spec is not None and spec.kind in _CARRIED:
        return spec
    return NOTHING
