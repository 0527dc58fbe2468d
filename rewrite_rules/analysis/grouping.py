"""GROUP BY: which expressions a query groups by, and the check that nothing else stands outside an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import comparable
from rewrite_rules.analysis.env import Clause, Env
from rewrite_rules.analysis.failures import mismatch, place_of, refuse
from rewrite_rules.analysis.relations import no_aggregates
from rewrite_rules.analysis.shown import text_of

Key = object
"""What two expressions have in common exactly when they are the same after names are resolved."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The keys a query groups by; `complex` says that some are more than columns."""

    keys: frozenset[Key]
    complex: bool


def key_of(node: exp.Expression) -> Key:
    """Return an expression's key: its shape with columns replaced by what they resolve to."""
    if isinstance(node, exp.Paren):
        return key_of(node.this)
    if isinstance(node, exp.Column):
        resolved = node.meta.get("resolved")
        if resolved is not None:
            return (resolved.relation_id, resolved.column.lower(), tuple(f.lower() for f in resolved.fields))
    if isinstance(node, exp.Identifier):
        return node.name.lower()
    return (node.__class__, tuple(_part(name, value, node) for name, value in node.args.items() if value))


def _part(name: str, value: object, node: exp.Expression) -> Key:
    if isinstance(value, exp.Expression):
        return (name, key_of(value))
    if isinstance(value, list):
        return (name, tuple(key_of(v) if isinstance(v, exp.Expression) else v for v in value))
    if isinstance(node, exp.Anonymous) and isinstance(value, str):
        return (name, value.lower())
    return (name, value)


def group_by(node: exp.Expression, items: Sequence[exp.Expression], env: Env) -> Groups:
    """Type GROUP BY and return its keys. `items` are the select list's expressions, for ordinals."""
    keys: set[Key] = set()
    is_complex = False
    for expression, is_set in _elements(node.expressions):
        target = _by_ordinal(expression, items, is_set=is_set)
        if target is expression:
            own = Env(env.walk, env.scope, env.named)
            kind = own.type_of(target)
            no_aggregates(own, target, "GROUP BY")
        else:
            kind = target.meta.get("type")
        inner = cast(exp.Expression, target.unnest())
        plain = isinstance(inner, exp.Column)
        if is_set and not plain:
            raise refuse(
                ErrorCode.INVALID_COLUMN_REFERENCE,
                f"GROUP BY expression must be a column reference: {text_of(target)}",
                target,
            )
        if kind is not None and not comparable(kind):
            raise mismatch(f"{kind} is not comparable, and therefore cannot be used in GROUP BY", target)
        is_complex = is_complex or not plain
        keys.add(key_of(inner))
    return Groups(frozenset(keys), is_complex)


def _elements(expressions: Iterable[exp.Expression]) -> Iterator[tuple[exp.Expression, bool]]:
    """Yield every grouping expression, and whether it stands in a grouping set, ROLLUP or CUBE."""
    for item in expressions:
        if isinstance(item, exp.GroupingSets | exp.Rollup | exp.Cube):
            for member in item.expressions:
                yield from ((e, True) for e in _members(member))
        else:
            yield from ((e, False) for e in _members(item))


def _members(item: exp.Expression) -> Iterator[exp.Expression]:
    if isinstance(item, exp.Tuple | exp.GroupingSets | exp.Rollup | exp.Cube):
        for member in item.expressions:
            yield from _members(member)
    else:
        yield item


def _by_ordinal(node: exp.Expression, items: Sequence[exp.Expression], *, is_set: bool) -> exp.Expression:
    if not isinstance(node, exp.Literal) or node.args.get("is_string"):
        return node
    if not node.name.isdigit() or not 1 <= int(node.name) <= len(items):
        raise refuse(ErrorCode.INVALID_COLUMN_REFERENCE, f"GROUP BY position {node.name} is not in select list", node)
    return items[int(node.name) - 1]


class Verifier:
    """Check expressions of an aggregating query: grouped, aggregated, constant or from outside, else refused."""

    __slots__ = ("_aggregates", "_groups", "_relations", "_sql")

    def __init__(self, groups: Groups | None, clauses: Sequence[Clause], relations: frozenset[int], sql: str) -> None:
        """`relations` are the numbers of the relations in the query's own FROM clause."""
        self._groups = groups if groups is not None else Groups(frozenset(), complex=False)
        self._aggregates = {id(node) for clause in clauses for node in clause.aggregates}
        self._relations = relations
        self._sql = sql

    def check(self, node: exp.Expression) -> None:
        """Raise Refusal EXPRESSION_NOT_AGGREGATE for what is neither grouped nor aggregated."""
        self._check(node, node)

    def _check(self, node: exp.Expression, whole: exp.Expression) -> None:
        if id(node) in self._aggregates or isinstance(node, exp.Literal | exp.DataType | exp.Identifier):
            return
        if isinstance(node, exp.Column):
            self._check_column(node, whole)
            return
        if self._groups.complex and key_of(node) in self._groups.keys:
            return
        if isinstance(node, exp.Query):
            self._check_subquery(node)
            return
        if isinstance(node, exp.Anonymous) and node.name.lower() == "grouping":
            self._check_grouping(node)
            return
        for child in node.iter_expressions():
            self._check(child, whole)

    def _check_column(self, node: exp.Expression, whole: exp.Expression) -> None:
        resolved = node.meta.get("resolved")
        if resolved is None or resolved.outer or resolved.output or resolved.relation_id not in self._relations:
            return
        if not self._grouped(resolved.relation_id, resolved.column, resolved.fields):
            raise refuse(
                ErrorCode.EXPRESSION_NOT_AGGREGATE,
                f"'{text_of(whole)}' must be an aggregate expression or appear in GROUP BY clause",
                at=place_of(whole, self._sql),
            )

    def _grouped(self, relation: int, column: str, fields: Sequence[str]) -> bool:
        parts = tuple(f.lower() for f in fields)
        return any((relation, column.lower(), parts[:length]) in self._groups.keys for length in range(len(parts) + 1))

    def _check_subquery(self, node: exp.Expression) -> None:
        for column in node.find_all(exp.Column):
            resolved = column.meta.get("resolved")
            if resolved is None or not resolved.outer or resolved.relation_id not in self._relations:
                continue
            if not self._grouped(resolved.relation_id, resolved.column, resolved.fields):
                raise refuse(
                    ErrorCode.EXPRESSION_NOT_AGGREGATE,
                    f"Subquery uses '{text_of(column)}' which must appear in GROUP BY clause",
                    column,
                )

    def _check_grouping(self, node: exp.Expression) -> None:
        for argument in node.expressions:
            if key_of(argument) not in self._groups.keys:
                raise refuse(
                    ErrorCode.INVALID_ARGUMENTS,
                    "The arguments to GROUPING() must be expressions referenced by the GROUP BY at the associated "
                    f"query level. Mismatch due to {text_of(argument)}.",
                    node,
                )
