"""Policy documents with their places in files, and the notebook that compiling them keeps."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from policies.document import Document
from policies.expressions import ParseExpression, PolicyExpression, read_expression
from policies.faults import Fault, Origin, Unfit
from policies.rules import Roles
from policies.whom import Named

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Source:
    """One document and where its parts stand."""

    file: str
    document: Document
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    def origin(self, *path: str | int) -> Origin:
        """Return where a path of keys stands; the nearest known line above it if need be."""
        for depth in range(len(path), -1, -1):
            if path[:depth] in self.lines:
                return Origin(self.file, dotted(path), self.lines[path[:depth]])
        return Origin(self.file, dotted(path), 1)


def dotted(path: Sequence[str | int]) -> str:
    """Return a path of keys as text: `grants[2].roles`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Compiling:
    """What the steps share: how to parse, the roles and groups, and the faults found so far."""

    parse: ParseExpression
    roles: Roles
    faults: list[Fault]
    groups: frozenset[str] = frozenset()
    ids: set[str] = field(default_factory=set)
    places: dict[str, Origin] = field(default_factory=dict)
    """Where the grants stand, by id."""
    read: dict[str, PolicyExpression | Unfit] = field(default_factory=dict)
    """Expressions by their text: many rules of a large policy say the same."""

    def fault(self, origin: Origin, message: str, hint: str = "") -> None:
        """Note a fault."""
        self.faults.append(Fault(origin, message, hint))

    def identify(self, written: str | None, origin: Origin, table: str = "") -> str:
        """Return a rule's id, written or made from its place; ids are unique."""
        identifier = written or f"{origin.path}{f' on {table}' if table else ''}"
        if written is None and identifier in self.ids:
            identifier = f"{origin.file}:{identifier}"
        if identifier in self.ids:
            self.fault(origin, f"the id `{identifier}` is used twice", "Give each rule an id of its own.")
        self.ids.add(identifier)
        return identifier

    def known(self, named: Named, origin: Origin) -> None:
        """Report roles and groups that no file defines."""
        self.known_roles(named.roles, origin)
        self.known_groups(named.groups, origin)

    def known_groups(self, groups: Iterable[str], origin: Origin) -> None:
        """Report groups that no file defines."""
        for group in groups:
            if group not in self.groups:
                near = difflib.get_close_matches(group, self.groups, n=1)
                self.fault(origin, f"unknown group `{group}`", f"Did you mean `{near[0]}`?" if near else "")

    def known_roles(self, roles: Iterable[str] | str, origin: Origin) -> None:
        """Report roles that no file defines."""
        for role in roles if not isinstance(roles, str) else ():
            if role not in self.roles.closure:
                near = difflib.get_close_matches(role, self.roles.closure, n=1)
                self.fault(origin, f"unknown role `{role}`", f"Did you mean `{near[0]}`?" if near else "")

    def expression(self, sql: str, origin: Origin) -> PolicyExpression | None:
        """Read SQL; report what is wrong with it."""
        if sql not in self.read:
            try:
                self.read[sql] = read_expression(sql, self.parse)
            except Unfit as unfit:
                self.read[sql] = unfit
        found = self.read[sql]
        if isinstance(found, Unfit):
            self.fault(origin, found.message, found.hint)
            return None
        return found


def each(
    sources: Sequence[Source], key: str, items: Callable[[Document], Iterable[Item]]
) -> Iterator[tuple[Source, Origin, Item]]:
    """Yield the entries of one section of all documents, with where they stand."""
    for source in sources:
        for number, item in enumerate(items(source.document)):
            yield source, source.origin(*key.split("."), number), item
