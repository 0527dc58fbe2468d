"""Keep what followed data into a copy with that copy under another name, as dbt names what it has built."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.policy_store.inheriting import FollowsData, Inherit
from policies.document import Document, RowFilter
from policies.faults import Fault
from policies.following import Following
from policies.index import PolicySet
from policies.inheritance import Inheritance
from policies.licence_entries import Licence
from policies.mask_specs import MaskSpec
from policies.rules import keys_of


@dataclass(frozen=True, slots=True)
class Carry(FollowsData):
    """Give a name what a table inherited that is about to get it; the old name keeps it, should the engine fail."""

    table: TableName
    target: TableName
    made: tuple[RowFilter, ...] | None = ()
    """The filters that an earlier table of the new name had."""

    @property
    def note(self) -> str:
        """Say in a few words what the change is."""
        return f"what followed data into {self.table} goes with it to {self.target}"

    @property
    def into(self) -> TableName | None:
        """Return the new name."""
        return self.target

    def apply(self, before: Document, *, alone: bool = True) -> Document | None:
        """Return the document in which the new name has what the old one has."""
        given = Inherit(self.target, self._inherited(before), self._following(before), self.made)
        return given.apply(before, alone=alone)

    def refusal(self, faults: tuple[Fault, ...], after: Document) -> Refusal:
        """Return the refusal of the rename: what the table inherited has no place."""
        message = f"What policies say of table {self.table} cannot be kept with {self.target}."
        return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, message, detail="; ".join(map(str, faults)))

    def check(self, after: Document, policies: PolicySet) -> None:
        """Hold nothing against anything: the table has the new name only afterwards."""

    def _inherited(self, before: Document) -> Inheritance:
        name = str(self.table)
        tagged = [each for each in before.tags if each.table == name]
        masks: defaultdict[str, dict[str, MaskSpec | None]] = defaultdict(dict)
        for entry in before.column_masks:
            if entry.table == name:
                spec = None if isinstance(entry.mask, str) else entry.mask
                masks[entry.column or ""].update(dict.fromkeys(keys_of(entry.roles, entry.users, entry.groups), spec))
        return Inheritance(
            frozenset(tag for each in tagged for tag in each.tags),
            {column: frozenset(tags) for each in tagged for column, tags in each.columns.items()},
            masks,
        )

    def _following(self, before: Document) -> Following:
        old, new = str(self.table), str(self.target)
        return Following(
            tuple(each.model_copy(update={"table": new}) for each in before.row_filters if each.table == old),
            tuple(self._licences(before)),
            tuple(each.model_copy(update={"table": new}) for each in before.aggregate_only if each.table == old),
            tuple(each.model_copy(update={"assets": (new,)}) for each in before.grants if each.assets == (old,)),
        )

    def _licences(self, before: Document) -> Iterator[Licence]:
        """Yield the terms under ids of their own: an id is known once only."""
        new = str(self.target)
        for each in before.licences:
            if each.table == str(self.table):
                terms = each.model_copy(update={"table": new, "id": None})
                digest = sha256(terms.model_dump_json().encode()).hexdigest()
                yield terms.model_copy(update={"id": f"of a copy {digest}"})
