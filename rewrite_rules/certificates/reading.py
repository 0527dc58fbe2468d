"""Read queries as relations: names resolved, stars and ordinals written out, what is nested made flat by the laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from catalog.materialized_views import State
from catalog.objects import Table, TableName
from rewrite_rules.certificates.expressions import Sight
from rewrite_rules.certificates.laws import column
from rewrite_rules.certificates.placing import literal_rows
from rewrite_rules.certificates.relations import Occ, Rel, Relation, Union
from rewrite_rules.certificates.scopes import Scope
from rewrite_rules.certificates.selecting import Select
from rewrite_rules.certificates.terms import Term, Unclear
from rewrite_rules.certificates.tops import has_top, top_of

Known = Callable[[TableName], "Table | Relation | None"]
"""Says what a table's full name stands for; a relation is made anew for each use."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the texts of one certificate; occurrences of all of them have numbers of their own."""

    known: Known
    numbers: itertools.count[int]
    catalog: str | None = None
    schema: str | None = None
    """Where bare names are looked up."""
    states: Mapping[str, State] = field(default_factory=dict)
    """Of the outermost query: outputs that are kept as states."""
    past: Mapping[TableName, frozenset[str]] = field(default_factory=dict)
    """Tables that all mentions read at one snapshot, by the texts that name it; any other mention is unclear."""

    def query(self, node: exp.Expr, scope: Scope | None = None) -> Relation:
        """Return what a query means. Raises Unclear."""
        scope = scope or Scope()
        scope = self._with(node, scope)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, scope)
            return inner if not has_top(node) else self._topped(inner, node, scope)
        if isinstance(node, exp.Select):
            return Select(self, node, scope).read()
        if isinstance(node, exp.SetOperation):
            return self._topped(self._set(node, scope), node, scope)
        if isinstance(node, exp.Values):
            occ, names = literal_rows(node, self.numbers, Sight((), scope.sight))
            values = tuple(column(occ.id, name) for name in names)
            return Rel(names, values, (occ,))
        raise Unclear(f"a query of the kind {type(node).__name__}")

    def _with(self, node: exp.Expr, scope: Scope) -> Scope:
        with_ = node.args.get("with_")
        if with_ is None:
            return scope
        if with_.args.get("recursive"):
            raise Unclear("WITH RECURSIVE")
        for each in with_.expressions:
            names = tuple(part.name.lower() for part in each.args["alias"].columns)
            scope = replace(scope, common={**scope.common, each.alias.lower(): (each.this, names, scope)})
        return scope

    def _set(self, node: exp.Expr, scope: Scope) -> Union:
        if node.args.get("by_name"):
            raise Unclear("a set operation over columns of the same names")
        distinct = node.args.get("distinct", True)
        op = f"{type(node).__name__.upper()}{'' if distinct else ' ALL'}"
        inner = replace(self, states={})
        parts: list[Relation] = []
        for side in (node.this, node.expression):
            read = inner.query(side, scope)
            same = isinstance(read, Union) and read.op == op and not read.top and op.startswith("UNION")
            parts.extend(read.parts if same and isinstance(read, Union) else [read])
        names = parts[0].names
        if any(len(part.names) != len(names) for part in parts):
            raise Unclear("a union of unequal widths")
        return Union(op, names, tuple(parts))

    def _topped(self, inner: Relation, node: exp.Expr, scope: Scope) -> Relation:
        if not has_top(node):
            return inner
        if inner.top:
            raise Unclear("ORDER BY or LIMIT on top of another")
        names: dict[str, Term] = {name: ("x", "output", i) for i, name in enumerate(inner.names)}
        sight = Sight((), scope.sight, None, names)
        outputs = tuple(names.values()) if isinstance(inner, Union) else inner.outputs
        if isinstance(inner, Rel):
            sight = replace(sight, outputs=dict(zip(inner.names, inner.outputs, strict=True)))
        return replace(inner, top=top_of(node, sight, outputs))

    def table(self, node: exp.Table, scope: Scope) -> tuple[Occ | None, Relation | None, tuple[tuple[str, Term], ...]]:
        """Return what a table in FROM is: an occurrence, or a query to be placed; and its columns."""
        if any(node.args.get(key) for key in ("sample", "match", "joins", "pivots")):
            raise Unclear("a sample, or a pattern, of a table")
        version = node.args.get("version")
        bare = not node.args.get("db") and not node.args.get("catalog")
        if bare and node.name.lower() in scope.common:
            tree, names, inner_scope = scope.common[node.name.lower()]
            return None, _renamed(replace(self, states={}).query(tree, inner_scope), names), ()
        name = self._name(node)
        known = self.known(name)
        if known is None:
            raise Unclear(f"the table {name} is not one of those that the certificate rests on")
        if isinstance(known, Rel | Union):
            if version is not None:
                raise Unclear("a version of a view")
            return None, known, ()
        if known.name in self.past:
            if version is None or version.sql("trino") not in self.past[known.name]:
                raise Unclear(f"{known.name} is read at two times")
            version = None
        number_ = next(self.numbers)
        columns = tuple(
            (each.name, ("col", number_, each.name, each.type, not each.nullable)) for each in known.columns
        )
        stamp = None if version is None else _version(version)
        strict = frozenset(each.name for each in known.columns if not each.nullable)
        return Occ(number_, known.name, version=stamp, strict=strict), None, columns

    def _name(self, node: exp.Table) -> TableName:
        parts = [node.args[key].name.lower() for key in ("catalog", "db", "this") if node.args.get(key)]
        missing = [self.catalog, self.schema][: 3 - len(parts)]
        if any(each is None for each in missing) or not node.args.get("this"):
            raise Unclear(f"the table {node.name} is not named in full")
        return TableName(*(str(each) for each in missing), *parts)


def _renamed(relation: Relation, names: tuple[str, ...]) -> Relation:
    if not names:
        return relation
    if len(names) != len(relation.names):
        raise Unclear("a list of column names of another length")
    return replace(relation, names=names)


def _version(node: exp.Expr) -> Any:
    return (str(node.args.get("this")), str(node.args.get("kind")), node.args["expression"].sql())
