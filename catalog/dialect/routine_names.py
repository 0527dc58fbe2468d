"""Names of inline functions: none keeps the name of a built-in function.

To Trino an inline function comes before a built-in one of its name, everywhere in the text: also in the masks and
filters that are written into it. So a function that bears such a name gets another, and with it the caller's calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.functions import registry

if TYPE_CHECKING:
    from collections.abc import Iterable

WRITTEN = "written"
"""The note on a renamed call: the name that the caller wrote."""
_FORMS = frozenset({"coalesce", "format", "if", "nullif", "try"})
"""Calls that Trino takes for syntax, in quotes too: no function of the caller's is ever called by these names."""


def tell_apart(tree: exp.Expr, functions: list[exp.Expr]) -> bool:
    """Rename the functions that bear a built-in's name, and every call that could mean them; tell if any did.

    A call keeps the written name as a note, since by its types it may yet mean the built-in function. A function
    sees itself and those before it.
    """
    taken = {function.this.name.lower() for function in functions}
    renamed: dict[str, str] = {}
    for function in functions:
        name = function.this.name.lower()
        if registry.lookup(name) is not None:
            renamed[name] = renamed.get(name) or _unused(name, taken)
            function.set("this", exp.Identifier(this=renamed[name], quoted=True))
        _rename(function.find_all(exp.Anonymous), renamed)
    _rename(tree.find_all(exp.Anonymous), renamed)
    return bool(renamed)


def _unused(name: str, taken: set[str]) -> str:
    other = f"{name}_"
    while other in taken or registry.lookup(other) is not None:
        other += "_"
    taken.add(other)
    return other


def _rename(calls: Iterable[exp.Anonymous], renamed: dict[str, str]) -> None:
    for call in calls:
        name = call.name.lower()
        other = renamed.get(name)
        if other is not None and name not in _FORMS:
            call.meta[WRITTEN] = call.name
            call.set("this", other)
