"""What follows data into a copy, as a change of the stored policies: tags, masks, and what rules say of the rows."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.policy_store.edits import LINEAGE, DocumentName
from gateway.policy_store.rows_follow import with_rows
from policies.document import Document, RowFilter
from policies.faults import Fault
from policies.following import NOTHING_FOLLOWS, Following
from policies.index import PolicySet
from policies.inheritance import NOTHING, Inheritance, Masks, join_masks
from policies.mask_entries import ColumnMask
from policies.mask_specs import MaskSpec
from policies.rules import keys_of
from policies.whom import Tagged


class FollowsData:
    """Share what holds for every change that brings what followed data to another table."""

    __slots__ = ()
    made: tuple[RowFilter, ...] | None

    @property
    def document(self) -> DocumentName:
        """Name the document."""
        return LINEAGE

    @property
    def manages(self) -> TableName | None:
        """Return nothing: protection follows data whoever copies it."""
        return None

    @property
    def takes(self) -> bool:
        """Tell whether an earlier table of the name had filters."""
        return bool(self.made)


@dataclass(frozen=True, slots=True)
class Inherit(FollowsData):
    """Give a table the tags and masks of what is about to be copied into it, which only ever add up, and what follows
    the rows.
    """

    table: TableName
    given: Inheritance
    following: Following = NOTHING_FOLLOWS
    """What of the rules about the sources' rows it is given."""
    made: tuple[RowFilter, ...] | None = None
    """Where the table is made anew: the filters that a table of its name had before."""

    @property
    def note(self) -> str:
        """Say in a few words what the change is."""
        return f"tags, masks and filters follow data into {self.table}"

    @property
    def into(self) -> TableName | None:
        """Return the table."""
        return self.table

    def apply(self, before: Document, *, alone: bool = True) -> Document | None:
        """Return the document with what the table inherits added to what it inherited before.

        Where a table is made anew over filters that are there already, the same document is written once more: whoever
        was about to take them away finds another version, and asks again who writes here.
        """
        table = str(self.table)
        try:
            tags = self._tags([each for each in before.tags if each.table == table])
            masks = self._masks([each for each in before.column_masks if each.table == table])
        except ValidationError as error:
            raise self._unwritable(error) from None
        tagged = (*(each for each in before.tags if each.table != table), *tags)
        masked = (*(each for each in before.column_masks if each.table != table), *masks)
        ordered = {"tags": tuple(sorted(tagged, key=lambda each: each.table)), "column_masks": masked}
        made = self.made if alone else None
        after = with_rows(before.model_copy(update=ordered), self.table, self.following, made)
        relied_on = self.made is not None and bool(self.following.filters)
        return after if relied_on or _sorted(after) != _sorted(before) else None

    def _tags(self, there: list[Tagged]) -> list[Tagged]:
        tags = sorted(self.given.tags.union(*(each.tags for each in there)))
        names = sorted(self.given.columns.keys() | {name for each in there for name in each.columns})
        columns = {
            name: sorted(self.given.columns.get(name, frozenset()).union(*(e.columns.get(name, ()) for e in there)))
            for name in names
        }
        if not tags and not columns:
            return []
        return [Tagged.model_validate({"table": str(self.table), "tags": tags, "columns": columns})]

    def _unwritable(self, error: ValidationError) -> Refusal:
        what = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
        message = f"Protected values cannot be copied into table {self.table}: {what}"
        return Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Give it a plain name.")

    def _masks(self, there: list[ColumnMask]) -> list[ColumnMask]:
        """Return the entries for the table's masks. One for nobody would not be read: NULL for all stands for it."""
        known: dict[str, dict[str, MaskSpec | None]] = {}
        for entry in there:
            spec = entry.mask if not isinstance(entry.mask, str) else None
            for principal in keys_of(entry.roles, entry.users, entry.groups):
                known.setdefault(entry.column or "", {})[principal] = spec
        for column, masks in self.given.masks.items():
            known[column] = dict(join_masks(known[column], masks) if column in known else masks)
        return [entry for column in sorted(known) for entry in _entries(str(self.table), column, known[column])]

    def refusal(self, faults: tuple[Fault, ...], after: Document) -> Refusal:
        """Return the refusal of the copy: its tags have no place."""
        message = f"The tags and masks of what is copied cannot be kept with table {self.table}."
        return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, message, detail="; ".join(map(str, faults)))

    def check(self, after: Document, policies: PolicySet) -> None:
        """Hold nothing against anything: the table need not exist yet."""


def _sorted(document: Document) -> tuple[object, ...]:
    """Return what a document of inheritance says, whatever the order."""
    rows = (document.row_filters, document.licences, document.aggregate_only, document.grants)
    return document.tags, sorted(document.column_masks, key=lambda each: each.model_dump_json()), rows


def _entries(table: str, column: str, masks: Masks) -> list[ColumnMask]:
    """Write the masks of a column, an entry for each principal."""
    words = masks or {"*": NOTHING}
    return [
        ColumnMask.model_validate(
            {"table": table, "column": column, "mask": "none" if spec is None else spec, **_named(principal)}
        )
        for principal, spec in sorted(words.items())
    ]


def _named(principal: str) -> dict[str, object]:
    """Return whom a principal's key stands for, in the words of the policy language."""
    category, _, name = principal.partition(":")
    return {f"{category}s": (name,)} if name else {"roles": "all"}
