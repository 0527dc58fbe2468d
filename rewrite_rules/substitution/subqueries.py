"""Subqueries in expressions: they keep their text, with the columns of the queries around written over base tables.

Each carries its form (see `forms`) as a note, in which the columns from outside are numbered holes, and so do these
columns in the text: whoever puts other columns in their place changes the key with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from rewrite_rules.substitution.forms import form
from rewrite_rules.substitution.keys import CANONICAL, HOLE, Columns, Key, column_key
from rewrite_rules.substitution.sight import Named, OddError, Place, Sight
from rewrite_rules.substitution.spelling import copied, value_of

_OURS = re.compile(r"t\d+|s\d+_\d+|[qsuv]\d*", re.IGNORECASE)
"""How occurrences, scans and parts are called; a relation of a subquery that has such a name gets another."""


def embedded(node: exp.Expr, sight: Sight, place: Place) -> exp.Expr:
    """Write a subquery for a query that sees `sight`; the given tree stays as it is. Raises OddError."""
    twin = copied(node)
    _write_out(twin, place.names)
    _rename(twin)
    outer = _put_in(twin, sight)
    numbers = _numbered(outer)
    for found in outer:
        found.meta[HOLE] = numbers[(found.table, found.name)]
    inside = place.inside(sight)
    try:
        template = form(node, inside, _columns(numbers), rows_only=isinstance(node.parent, exp.Exists))
        twin.meta[CANONICAL] = (len(set(numbers.values())), template)
    except OddError:
        twin.meta.pop(CANONICAL, None)
    return twin


def _write_out(tree: exp.Expr, names: Mapping[str, Named]) -> None:
    """Put common table expressions of the queries around in the place of their names; what calls itself stays."""
    own = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    for table in [each for each in tree.find_all(exp.Table) if "table" not in each.meta]:
        named = names.get(table.name.lower())
        if named is None or named.recursive or table.name.lower() in own or table.args.get("sample"):
            continue
        query = exp.Subquery(this=copied(named.query))
        _write_out(query, named.names)
        given = table.args.get("alias")
        columns = (given.args.get("columns") if given is not None else None) or [
            exp.Identifier(this=each, quoted=True) for each in named.columns
        ]
        alias = exp.Identifier(this=given.name if given is not None else table.name.lower(), quoted=True)
        query.set("alias", exp.TableAlias(this=alias, columns=list(columns) or None))
        query.meta.update(table.meta)
        table.replace(query)


def _rename(tree: exp.Expr) -> None:
    """Give relations inside other names than occurrences have."""
    for alias in tree.find_all(exp.TableAlias):
        _renamed(alias.args.get("this"))
    for node in tree.find_all(exp.Table):
        if "table" not in node.meta:
            _renamed(node.args.get("this"))
    for found in tree.find_all(exp.Column):
        _renamed(found.args.get("table"))


def _renamed(name: exp.Expr | None) -> None:
    if isinstance(name, exp.Identifier) and _OURS.fullmatch(name.name):
        name.set("this", f"q_{name.name}")


def _put_in(tree: exp.Expr, sight: Sight) -> list[exp.Column]:
    """Replace the columns of the queries around; return all columns that came in. Raises OddError."""
    came: list[exp.Column] = []
    for found in list(tree.find_all(exp.Column)):
        resolved = found.meta.get("resolved")
        if resolved is None:
            continue
        known = sight.find(resolved.relation_id, resolved.column)
        if known is None:
            continue
        if resolved.fields:
            raise OddError("a field of a row of the query around")
        value = value_of(known, resolved.column)
        found.replace(value)
        came.extend(value.find_all(exp.Column))
    return came


def _numbered(columns: list[exp.Column]) -> dict[tuple[str, str], int]:
    """Number columns by name, so that neither the text's order nor the names of occurrences decide."""
    distinct = sorted({(each.name, each.table) for each in columns})
    return {(table, name): number for number, (name, table) in enumerate(distinct)}


def _columns(numbers: dict[tuple[str, str], int]) -> Columns:
    def named(node: exp.Column) -> Key:
        hole = numbers.get((node.table, node.name))
        return ("hole", hole) if hole is not None else column_key(node)

    return named
