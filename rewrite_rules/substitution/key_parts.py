"""What keys are made of: parts in no order, types that decide what commutes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from sqlglot import exp

from catalog.types import TrinoType

Key = Hashable
Of = Callable[[exp.Expr], Key]
"""The key of a node below."""

_ORDERED = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "decimal", "varchar", "char", "date", "boolean", "varbinary"}
    | {"time", "time with time zone", "timestamp", "timestamp with time zone"}
)
"""Types any two of whose values are ordered, so that NOT turns one comparison into another (NaN does not)."""

_INTEGERS = frozenset({"tinyint", "smallint", "integer", "bigint"})
_SMALL = 18
"""Digits of decimals that fit into a common type with each other and with integers."""


def gathered(parts: Sequence[Key], word: str) -> Key:
    """Return the key of parts joined by `and` or `or`, in no order, each once."""
    flat: dict[Key, None] = {}
    for part in parts:
        inner = part[1] if isinstance(part, tuple) and part[0] == word else (part,)
        flat.update(dict.fromkeys(inner))
    flat.pop(("boolean", word == "and"), None)
    if not flat:
        return ("boolean", word == "and")
    return next(iter(flat)) if len(flat) == 1 else (word, in_order(flat))


def in_order(keys: Sequence[Key] | Mapping[Key, None]) -> tuple[Key, ...]:
    """Put keys into one order that does not depend on how they were written; it is another in each process."""
    return tuple(sorted(keys, key=hash))


def type_of(node: exp.Expr) -> TrinoType | None:
    """Return the type that the analysis noted."""
    kind = node.meta.get("type")
    return kind if isinstance(kind, TrinoType) else None


def one_type(nodes: Sequence[exp.Expr]) -> bool:
    """Tell whether all are of one type, or of types that are compared exactly whichever is brought to which."""
    kinds = {type_of(node) for node in nodes}
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        return False
    return len(known) == 1 or all(k.base == "varchar" for k in known) or all(map(_is_small, known))


def _is_small(kind: TrinoType) -> bool:
    return kind.base in _INTEGERS or (kind.base == "decimal" and kind.numbers[0] <= _SMALL)


def are_ordered(nodes: Sequence[exp.Expr]) -> bool:
    """Tell whether all are of types in which `NOT (a < b)` is `a >= b`."""
    kinds = [type_of(node) for node in nodes]
    return all(kind is not None and kind.base in _ORDERED for kind in kinds)
