"""What the grammar draws with: choices, the tables that may be named, fresh aliases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.fuzz.choices import Choices
from tests.fuzz.world import Relation

FLAT = ("int", "txt", "dec", "dbl", "bool", "date", "ts")
"""Families of types whose values have no parts."""
FAMILIES = (*FLAT, "arr", "row")


@dataclass(frozen=True, slots=True)
class Field:
    """A column in sight: how it is written, its bare name, and the family of its type."""

    ref: str
    name: str
    family: str


@dataclass(slots=True)
class Drawing:
    """One statement under way. `shown` is what exists for the caller, `hidden` what does not."""

    choices: Choices
    shown: Mapping[str, Relation]
    hidden: Sequence[tuple[str, str]]
    """Tables and columns that are withheld: now and then one is named all the same."""
    trino: bool = False
    """The statement goes to the real Trino, which understands more than the lake."""
    risk: int = 6
    """Percent of the expressions that may fail on some value."""
    lambdas: int = 0
    _number: int = 0
    ctes: dict[str, Sequence[Field]] = field(default_factory=dict)

    def alias(self, start: str = "t") -> str:
        """Return a name that nothing bears yet."""
        self._number += 1
        return f"{start}{self._number}"

    def depth(self) -> int:
        """Draw how deep an expression may be: most are small, so that many fit into a minute."""
        return self.choices.weighted(((50, 1), (25, 0), (25, 2)))

    def risky(self) -> bool:
        """Draw whether this expression may be one that fails."""
        return self.choices.chance(self.risk)


def family(kind: str) -> str:
    """Return the family of a Trino type."""
    base = kind.partition("(")[0]
    known = {"bigint": "int", "integer": "int", "decimal": "dec", "double": "dbl", "boolean": "bool", "date": "date"}
    return known.get(base, {"timestamp": "ts", "array": "arr", "row": "row"}.get(base, "txt"))


def fields_of(relation: Relation, alias: str, *, bare: bool = False) -> list[Field]:
    """Return the columns of a table under an alias; `bare` leaves the alias out."""
    return [Field(n if bare else f"{alias}.{n}", n, family(kind)) for n, kind in relation.columns.items()]


def of_family(fields: Sequence[Field], wanted: str) -> list[Field]:
    """Return the columns of one family."""
    return [each for each in fields if each.family == wanted]


def renamed(fields: Sequence[Field], alias: str, names: Sequence[str] = ()) -> list[Field]:
    """Return columns as seen from outside a subquery, perhaps under new names."""
    listed = names or [each.name for each in fields]
    return [replace(each, ref=f"{alias}.{n}", name=n) for each, n in zip(fields, listed, strict=True)]
