"""Changes of the stored policy documents, as data: what a statement asks for, and the document that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import Table, TableName
from policies.document import Document
from policies.faults import Fault
from policies.index import PolicySet
from policies.overlay import SECTIONS, Rule, RuleKind, stored_origin

DocumentName = Literal["lineage", "statements"]
STATEMENTS: DocumentName = "statements"
"""Policies made by statements."""
LINEAGE: DocumentName = "lineage"
"""Tags that copies of tagged columns inherited."""
EMPTY = Document(version=1)
_ELSEWHERE = {"file": ("a policy file", "Change the file."), "changeset": ("a changeset", "Take it away by another.")}


class PolicyEdit(Protocol):
    """A change of one document."""

    @property
    def document(self) -> DocumentName:
        """Name the document."""
        ...

    @property
    def manages(self) -> TableName | None:
        """Return the table whose policies the author must be allowed to manage; None for what he need not ask for."""
        ...

    @property
    def note(self) -> str:
        """Say in a few words what the change is."""
        ...

    @property
    def into(self) -> TableName | None:
        """Return the table that rows go into once the change is made; None where none do."""
        ...

    @property
    def takes(self) -> bool:
        """Tell whether it may take from that table what followed earlier rows."""
        ...

    def apply(self, before: Document, *, alone: bool) -> Document | None:
        """Return the document as it is to be; None where nothing changes. Raises Refusal.

        `alone` says that no other statement writes into the same table: only then may anything be taken from it.
        """
        ...

    def refusal(self, faults: tuple[Fault, ...], after: Document) -> Refusal:
        """Return the refusal for policies that do not compile with the change."""
        ...

    def check(self, after: Document, policies: PolicySet) -> None:
        """Hold the compiled change against what it is about. Raises Refusal."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parts of a statement stand in its text."""

    name: Location
    table: Location
    expression: Location
    grantees: Mapping[str, Location]
    """By the name as policies know it."""


class _BringsNoRows:
    __slots__ = ()

    @property
    def into(self) -> TableName | None:
        """Return nothing: no row goes anywhere."""
        return None

    @property
    def takes(self) -> bool:
        """Say no."""
        return False


@dataclass(frozen=True, slots=True)
class PutRule(_BringsNoRows):
    """Make a row or column policy."""

    kind: RuleKind
    name: str
    rule: Rule
    table: Table
    replace: bool
    if_not_exists: bool
    places: Places

    @property
    def document(self) -> DocumentName:
        """Name the document."""
        return STATEMENTS

    @property
    def manages(self) -> TableName | None:
        """Return the table that the policy is on."""
        return self.table.name

    @property
    def note(self) -> str:
        """Say in a few words what the change is."""
        return f"create {self.kind} policy {self.name} on {self.table.name}"

    def apply(self, before: Document, *, alone: bool = True) -> Document | None:
        """Return the document with the policy, in the place of the one it replaces."""
        rules = _rules(before, self.kind)
        there = [each for each in rules if each.id == self.rule.id]
        if there and self.if_not_exists:
            return None
        if there and not self.replace:
            message = f"{self.kind.capitalize()} policy '{self.name}' on '{self.table.name}' already exists"
            raise Refusal(ErrorCode.ALREADY_EXISTS, message, location=self.places.name)
        if there == [self.rule]:
            return None
        return _with(before, self.kind, (*(each for each in rules if each.id != self.rule.id), self.rule))

    def refusal(self, faults: tuple[Fault, ...], after: Document) -> Refusal:
        """Return the refusal for the first fault of this policy, if it has one."""
        own = [fault for fault in faults if self._is_own(fault, after)]
        if not own:
            return _beside_others("made", faults, self.places.name)
        fault = own[0]
        whom = next((at for name, at in self.places.grantees.items() if f"`{name}`" in fault.message), None)
        unknown = fault.message.startswith(("unknown role", "unknown group"))
        code = ErrorCode.ROLE_NOT_FOUND if unknown else ErrorCode.INVALID_ARGUMENTS
        place = whom if unknown and whom is not None else self.places.expression
        return Refusal(code, f"The policy cannot be made: {fault.message}.", location=place, hint=fault.hint or None)

    def check(self, after: Document, policies: PolicySet) -> None:
        """Hold the policy against the columns and types of its table."""
        own = [fault for fault in policies.check(self.table) if self._is_own(fault, after)]
        if own:
            raise self.refusal(tuple(own), after)

    def _is_own(self, fault: Fault, after: Document) -> bool:
        number = [each.id for each in _rules(after, self.kind)].index(self.rule.id)
        path = f"{SECTIONS[self.kind]}[{number}]"
        return fault.origin.file == stored_origin(STATEMENTS) and fault.origin.path == path


@dataclass(frozen=True, slots=True)
class DropRule(_BringsNoRows):
    """Take a row or column policy away."""

    kind: RuleKind
    name: str
    id: str
    table: TableName
    if_exists: bool
    location: Location
    elsewhere: Literal["", "file", "changeset"] = ""
    """Where else than among statements a rule of that name stands."""

    @property
    def document(self) -> DocumentName:
        """Name the document."""
        return STATEMENTS

    @property
    def manages(self) -> TableName | None:
        """Return the table that the policy is on."""
        return self.table

    @property
    def note(self) -> str:
        """Say in a few words what the change is."""
        return f"drop {self.kind} policy {self.name} on {self.table}"

    def apply(self, before: Document, *, alone: bool = True) -> Document | None:
        """Return the document without the policy."""
        rules = _rules(before, self.kind)
        left = tuple(each for each in rules if each.id != self.id)
        if len(left) < len(rules):
            return _with(before, self.kind, left)
        if self.if_exists:
            return None
        if self.elsewhere:
            found, hint = _ELSEWHERE[self.elsewhere]
            message = f"{self.kind.capitalize()} policy '{self.name}' on '{self.table}' comes from {found}."
            raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=self.location, hint=hint)
        message = f"{self.kind.capitalize()} policy '{self.name}' on '{self.table}' does not exist"
        raise Refusal(ErrorCode.NOT_FOUND, message, location=self.location)

    def refusal(self, faults: tuple[Fault, ...], after: Document) -> Refusal:
        """Return the refusal where the others do not compile without the policy."""
        return _beside_others("dropped", faults, self.location)

    def check(self, after: Document, policies: PolicySet) -> None:
        """Hold nothing against anything: what is gone cannot be wrong."""


def _beside_others(done: str, faults: tuple[Fault, ...], location: Location) -> Refusal:
    """Return the refusal for faults of other policies, whose texts are not the author's to see."""
    message = f"The policy cannot be {done}: the others are not whole with the change."
    hint = "The gateway's log says why."
    detail = "; ".join(map(str, faults))
    return Refusal(ErrorCode.INVALID_ARGUMENTS, message, location=location, hint=hint, detail=detail)


def _rules(document: Document, kind: RuleKind) -> tuple[Rule, ...]:
    return document.row_filters if kind == "row" else document.column_masks


def _with(document: Document, kind: RuleKind, rules: tuple[Rule, ...]) -> Document:
    return document.model_copy(update={SECTIONS[kind]: rules})


def document_text(document: Document) -> str:
    """Write a document as the store keeps it."""
    return document.model_dump_json(exclude_defaults=True, by_alias=True)
