"""Spell expressions over columns of base tables: what relations, aliases and barriers put between is taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.substitution.sight import Field, OddError, Place, Sight

N = TypeVar("N", bound=exp.Expr)
_ATOMS = (exp.Column, exp.Literal, exp.Anonymous, exp.Cast, exp.Case, exp.If, exp.Paren, exp.Null, exp.Boolean)
"""What needs no brackets, whatever it is put into."""


def written(node: exp.Expr, sight: Sight, place: Place) -> exp.Expr:
    """Return an expression with its columns replaced by what they stand for; the given tree stays as it is."""
    if isinstance(node, exp.Column):
        return _column(node, sight)
    if isinstance(node, exp.Query | exp.Values):
        return place.steps.embedded(node, sight, place)
    return _twin(node, lambda child: written(child, sight, place))


def conjuncts(node: exp.Expr) -> list[exp.Expr]:
    """Take a condition apart at its ANDs; brackets around each are gone."""
    node = node.unnest()
    if not isinstance(node, exp.And):
        return [] if isinstance(node, exp.Boolean) and node.this else [node]
    return [part for each in node.flatten() for part in conjuncts(each)]


def copied(node: N) -> N:
    """Copy an expression with its notes, which are shared."""
    return cast("N", _copied(node))


def _copied(node: exp.Expr) -> exp.Expr:
    """Copy as `_twin` does, written out: no other function runs as often."""
    args = node.args
    if isinstance(args.get("this"), exp.Binary) and isinstance(node, exp.Binary):
        return _twin(node, _copied)
    twin = node.__class__()
    notes = node._meta  # noqa: SLF001  (`meta` would make an empty one for every node)
    if notes is not None:
        twin._meta = notes.copy()  # noqa: SLF001  (as above)
    made = twin.args
    for name, value in args.items():
        if isinstance(value, exp.Expr):
            child = _copied(value)
            child.parent, child.arg_key = twin, name
            made[name] = child
        elif value.__class__ is list:
            twin.set(name, [_copied(each) if isinstance(each, exp.Expr) else each for each in value])
        else:
            made[name] = value
    return twin


def _twin(node: N, of_child: Callable[[exp.Expr], exp.Expr]) -> N:
    """Return a node like another, its children made anew. A long chain (`a OR b OR ...`) is walked flat."""
    above: list[exp.Expr] = []
    lowest: exp.Expr = node
    while isinstance(lowest, exp.Binary) and isinstance(lowest.args.get("this"), exp.Binary):
        above.append(lowest)
        lowest = lowest.this
    twin = _filled(lowest, of_child, {})
    for each in reversed(above):
        twin = _filled(each, of_child, {"this": twin})
    return cast("N", twin)


def _filled(node: exp.Expr, of_child: Callable[[exp.Expr], exp.Expr], made: Mapping[str, exp.Expr]) -> exp.Expr:
    """Return a node like another; `made` holds children that are there already."""
    twin = node.__class__()
    notes = node._meta  # noqa: SLF001  (`meta` would make an empty one for every node)
    if notes is not None:
        twin._meta = dict(notes)  # noqa: SLF001  (as above)
    for name, value in node.args.items():
        if isinstance(value, exp.Expr):
            child = made[name] if name in made else of_child(value)
            child.parent, child.arg_key, child.index = twin, name, None
            twin.args[name] = child
        elif value.__class__ is list:
            twin.set(name, [of_child(each) if isinstance(each, exp.Expr) else each for each in value])
        else:
            twin.args[name] = value
    return twin


def base_column(alias: str, name: str, kind: TrinoType) -> exp.Column:
    """Return a column of an occurrence."""
    node = exp.Column(this=exp.Identifier(this=name, quoted=True), table=exp.Identifier(this=alias, quoted=True))
    node.meta["type"] = kind
    return node


def bracketed(node: exp.Expr) -> exp.Expr:
    """Put brackets around what would come apart within a larger expression."""
    if isinstance(node, _ATOMS):
        return node
    twin = exp.Paren(this=node)
    twin.meta["type"] = node.meta.get("type")
    return twin


def value_of(found: Field | None, name: str) -> exp.Expr:
    """Return a copy of what a field stands for. Raises OddError."""
    if found is None:
        raise OddError(f"{name} belongs to a query around this one")
    if found.value is None:
        raise OddError(f"{name} is no plain column, on the side of an outer join that may be missing")
    return bracketed(copied(found.value))


def _column(node: exp.Column, sight: Sight) -> exp.Expr:
    resolved = node.meta.get("resolved")
    if resolved is None:
        if node.args.get("table") is None:
            return copied(node)  # a lambda's parameter
        raise OddError("a field of a lambda's parameter")
    value = value_of(sight.find(resolved.relation_id, resolved.column), resolved.column)
    for name in resolved.fields:
        value = _field(value, name)
    return value


def _field(value: exp.Expr, name: str) -> exp.Expr:
    kind = value.meta.get("type")
    if not isinstance(kind, TrinoType) or kind.base != "row":
        raise OddError("a field of what is no row")
    found = [t for f, t in zip(kind.fields, kind.arguments, strict=True) if f is not None and f.lower() == name.lower()]
    if len(found) != 1:
        raise OddError(f"the field {name} is not the only one of its name")
    node = exp.Dot(this=bracketed(value), expression=exp.Identifier(this=name.lower(), quoted=True))
    node.meta["type"] = found[0]
    return node
