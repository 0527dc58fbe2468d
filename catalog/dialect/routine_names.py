"""Names of inline functions: none keeps the name of a built-in function.

To Trino an inline function comes before a built-in one of its name, everywhere in the text: also in the masks and
filters that are written into it. So a function that bears such a name gets another, and with it the caller's calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from catalog.dialect.allowed import location_of
from catalog.dialect.words import FUNCTION_WORDS
from catalog.errors import ErrorCode, Refusal
from catalog.functions import registry

WRITTEN = "written"
"""The note on a renamed call: the name that the caller wrote."""
_FORMS = frozenset({"coalesce", "format", "if", "nullif", "try"})
"""Calls that Trino takes for syntax, in quotes too: no function of the caller's is ever called by these names."""
_QUOTED = frozenset({"grouping", "row", "trim"})
"""Names that are syntax without quotes, and a function's with them."""


def tell_apart(tree: exp.Expr, functions: list[exp.Expr]) -> bool:
    """Rename the functions that bear a name of Trino's own, and every call that could mean them; tell if any did.

    A call keeps the written name as a note, since by its types it may yet mean the built-in function. A function
    sees itself and those before it. Raises Refusal FUNCTION_NOT_AGGREGATE for LISTAGG where a function is called so.
    """
    taken = {function.this.name.lower() for function in functions}
    renamed: dict[str, str] = {}
    for function in functions:
        name = function.this.name.lower()
        if registry.lookup(name) is not None or name in _SYNTAX:
            renamed[name] = renamed.get(name) or _unused(name, taken)
            function.set("this", exp.Identifier(this=renamed[name], quoted=True))
        _rename(function, renamed)
    _rename(tree, renamed)
    return bool(renamed)


def _unused(name: str, taken: set[str]) -> str:
    other = f"{name}_"
    while other in taken or registry.lookup(other) is not None:
        other += "_"
    taken.add(other)
    return other


def _rename(tree: exp.Expr, renamed: dict[str, str]) -> None:
    if not _IMPLIED.keys().isdisjoint(renamed):
        _spell_out(tree, renamed)
    for call in tree.find_all(exp.Anonymous):
        name = call.name.lower()
        other = renamed.get(name)
        syntax = name in _FORMS or (name in _QUOTED and not isinstance(call.this, exp.Identifier))
        if other is not None and not syntax:
            call.meta[WRITTEN] = call.name
            call.set("this", other)


def _spell_out(tree: exp.Expr, renamed: dict[str, str]) -> None:
    """Write operators and forms as the calls that they are to Trino, where such a call may mean a function here."""
    aggregated = tree.find(exp.GroupConcat) if "listagg" in renamed else None
    if aggregated is not None:
        what = "ORDER BY is only valid for aggregation functions"
        raise Refusal(ErrorCode.FUNCTION_NOT_AGGREGATE, what, location=location_of(aggregated))
    for name in _IMPLIED.keys() & renamed.keys():
        form, arguments_of = _IMPLIED[name]
        for node in list(tree.find_all(form)):
            call = exp.Anonymous(this=name, expressions=arguments_of(node))
            call.meta.update(node.meta)
            node.replace(call)


def _of_substring(node: exp.Expr) -> list[exp.Expr]:
    return [part for part in (node.this, node.args.get("start"), node.args.get("length")) if part is not None]


def _of_normalize(node: exp.Expr) -> list[exp.Expr]:
    form = node.args.get("form")
    return [node.this, exp.Literal.string(form.name.upper() if isinstance(form, exp.Expr) else "NFC")]


_IMPLIED: dict[str, tuple[type[exp.Expr], Callable[[Any], list[exp.Expr]]]] = {
    "concat": (exp.DPipe, lambda node: [node.this, node.expression]),
    "listagg": (exp.GroupConcat, lambda node: [node]),
    "normalize": (exp.Normalize, _of_normalize),
    "strpos": (exp.StrPosition, lambda node: [node.this, node.args["substr"]]),
    "substr": (exp.Substring, _of_substring),
}
"""Functions that operators and forms call by name, so that `a || b` may be a local `concat(a, b)`."""
_SYNTAX = frozenset(
    {
        *("current_time", "current_timestamp", "localtime", "localtimestamp", "position", "row"),
        *map(str.lower, FUNCTION_WORDS),
    }
)
