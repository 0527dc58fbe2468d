"""The allow-list of functions: what Trino 476 has built in, with the types of every call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from catalog.functions import builtins
from catalog.functions.binding import Argument, Bound, resolve
from catalog.functions.signatures import Line, Overload, Shape, lines, overload
from catalog.types import TrinoType

Kind = Literal["scalar", "aggregate", "window", "special", "table"]


@dataclass(frozen=True, slots=True)
class Function:
    """Describe one built-in function: its kind, its overloads, and whether its answer is the same each time."""

    name: str
    kind: Kind
    overloads: tuple[Overload, ...] = ()
    """Empty for special forms and table functions, whose types the analysis knows."""
    deterministic: bool = True
    of_session: bool = False
    """The answer depends on the session: its user, clock or zone."""

    @property
    def volatile(self) -> bool:
        """Tell whether a result that used it must not be kept and given again."""
        return self.of_session or not self.deterministic

    def resolve(self, arguments: Sequence[Argument]) -> Bound | None:
        """Choose the overload for these arguments; None if none fits. Raises AmbiguousCall."""
        types = tuple(a for a in arguments if isinstance(a, TrinoType))
        if len(types) == len(arguments):
            return _resolved(self.name, types)
        return resolve(self.overloads, arguments)

    def return_type(self, arguments: Sequence[Argument]) -> TrinoType | None:
        """Return the type of a call with these arguments; None if no overload fits. Raises AmbiguousCall."""
        bound = self.resolve(arguments)
        return bound.result if bound is not None else None

    @property
    def constant_type(self) -> TrinoType | None:
        """Return the result type, if it is the same whatever the arguments."""
        results = {o.result.fixed if isinstance(o.result, Shape) else None for o in self.overloads}
        return results.pop() if len(results) == 1 else None

    @property
    def usage(self) -> str:
        """Return the overloads as messages list them."""
        texts = (re.sub(r"(?<=\w)[<=]", "", o.text).replace("lambda(", "function(") for o in self.overloads)
        return ", ".join(f"{self.name}({text})" for text in texts)


def lookup(name: str) -> Function | None:
    """Find a built-in function by name, in any case; None if Trino has none of that name."""
    return _functions().get(name.lower())


def lookup_table_function(name: str) -> Function | None:
    """Find a table function that statements may call; None for all others."""
    return Function(name.lower(), "table") if name.lower() in builtins.TABLE_FUNCTIONS else None


def operator(name: str, arguments: Sequence[TrinoType]) -> Bound | None:
    """Choose the overload of an operator for operands; None if none fits. Raises AmbiguousCall."""
    return _operator(name, tuple(arguments))


def operator_type(name: str, arguments: Sequence[TrinoType]) -> TrinoType | None:
    """Return the type of `add`, `subtract`, `multiply`, `divide`, `modulus` or `negate`; None if there is none.

    Raises AmbiguousCall.
    """
    bound = _operator(name, tuple(arguments))
    return bound.result if bound is not None else None


def names() -> frozenset[str]:
    """Return the names of all functions that may be called in an expression, folded."""
    return frozenset(_functions())


@lru_cache(maxsize=1)
def _functions() -> dict[str, Function]:
    found = {
        name: Function(name, "special", of_session=name in builtins.SESSION_FORMS) for name in builtins.SPECIAL_FORMS
    }
    blocks: tuple[tuple[Kind, str], ...] = (
        ("scalar", builtins.SCALARS),
        ("aggregate", builtins.AGGREGATES),
        ("window", builtins.WINDOWS),
    )
    for kind, text in blocks:
        written: dict[str, list[Line]] = {}
        for line in lines(text):
            for name in line.names:
                written.setdefault(name, []).append(line)
        for name, own in written.items():
            overloads = tuple(overload(line) for line in own)
            found[name] = Function(name, kind, overloads, own[0].mark != "!", own[0].mark == "~")
    return found


@lru_cache(maxsize=1)
def _operators() -> dict[str, tuple[Overload, ...]]:
    found: dict[str, tuple[Overload, ...]] = {}
    for line in lines(builtins.OPERATORS):
        name = line.names[0].removeprefix("operator_")
        found[name] = (*found.get(name, ()), overload(line))
    return found


@lru_cache(maxsize=16384)
def _operator(name: str, types: tuple[TrinoType, ...]) -> Bound | None:
    return resolve(_operators()[name], types)


@lru_cache(maxsize=16384)
def _resolved(name: str, types: tuple[TrinoType, ...]) -> Bound | None:
    return resolve(_functions()[name].overloads, types)
