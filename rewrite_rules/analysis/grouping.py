"""GROUP BY: which expressions a query groups by, and the check that nothing else stands outside an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.type_coercions import comparable
from rewrite_rules.analysis.elsewhere import check_told_apart
from rewrite_rules.analysis.env import Clause, Env
from rewrite_rules.analysis.failures import mismatch, place_of, refuse
from rewrite_rules.analysis.keys import Key, key_of
from rewrite_rules.analysis.scalars import no_aggregates, scalar_type
from rewrite_rules.analysis.scopes import Field
from rewrite_rules.analysis.shown import text_of


@dataclass(frozen=True, slots=True)
class Groups:
    """The keys a query groups by; `complex` says that some are more than columns."""

    keys: frozenset[Key]
    complex: bool


def group_by(node: exp.Expr, items: Sequence[exp.Expr], env: Env) -> Groups:
    """Type GROUP BY and return its keys. `items` are the select list's expressions, for ordinals."""
    keys: set[Key] = set()
    is_complex = False
    elements = [pair for item in node.expressions for pair in _with_auto(item, items, env)]
    for expression, is_set in elements:
        of_list = any(expression is item for item in items)
        target = expression if of_list else _by_ordinal(expression, items, is_set=is_set)
        if target is expression and not of_list:
            own = Env(env.walk, env.scope, env.named)
            kind = scalar_type(own, target, "GROUP BY")
        else:
            kind = target.meta.get("type")
            _no_calls_of(env.clause, target, env)
        inner = target.unnest()
        plain = isinstance(inner, exp.Column)
        if is_set and not plain:
            raise refuse(
                ErrorCode.INVALID_COLUMN_REFERENCE,
                f"GROUP BY expression must be a column reference: {text_of(target)}",
                target,
            )
        if kind is not None and not comparable(kind):
            raise mismatch(f"{kind} is not comparable, and therefore cannot be used in GROUP BY", target)
        check_told_apart(kind, target, env.walk)
        is_complex = is_complex or not plain
        keys.add(key_of(inner))
    return Groups(frozenset(keys), is_complex)


def _no_calls_of(clause: Clause, target: exp.Expr, env: Env) -> None:
    """Refuse an ordinal that stands for an aggregate or window function of the select list."""
    own = Env(env.walk, env.scope, env.named)
    below = {id(part) for part in target.walk()}
    own.clause.aggregates.extend(call for call in clause.aggregates if id(call) in below)
    own.clause.windows.extend(call for call in clause.windows if id(call) in below)
    no_aggregates(own, target, "GROUP BY")


def _with_auto(element: exp.Expr, items: Sequence[exp.Expr], env: Env) -> Iterator[tuple[exp.Expr, bool]]:
    """Yield the grouping expressions of an element; AUTO stands for the items that are no aggregates."""
    if not isinstance(element, exp.CurrentRole):
        yield from _elements([element])
        return
    calls = {id(call) for call in env.clause.aggregates}
    yield from ((item, False) for item in items if id(item.unnest()) not in calls)


def _elements(expressions: Iterable[exp.Expr]) -> Iterator[tuple[exp.Expr, bool]]:
    """Yield every grouping expression, and whether it stands in a grouping set, ROLLUP or CUBE."""
    for item in expressions:
        if isinstance(item, exp.GroupingSets | exp.Rollup | exp.Cube):
            for member in item.expressions:
                yield from ((e, True) for e in _members(member))
        else:
            yield from ((e, False) for e in _members(item))


def _members(item: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(item, exp.Tuple | exp.GroupingSets | exp.Rollup | exp.Cube):
        for member in item.expressions:
            yield from _members(member)
    else:
        yield item


def _by_ordinal(node: exp.Expr, items: Sequence[exp.Expr], *, is_set: bool) -> exp.Expr:
    position = ordinal(node)
    if position is None or is_set:
        return node
    if not 1 <= position <= len(items):
        raise refuse(ErrorCode.INVALID_COLUMN_REFERENCE, f"GROUP BY position {position} is not in select list", node)
    return items[position - 1]


def ordinal(node: exp.Expr) -> int | None:
    """Return the number that an integer literal counts off columns by; None for all else."""
    if isinstance(node, exp.Neg):
        inner = ordinal(node.this)
        return -inner if inner is not None else None
    if isinstance(node, exp.Literal) and not node.args.get("is_string") and node.name.isdigit():
        return int(node.name)
    return None


class Verifier:
    """Check expressions of an aggregating query: grouped, aggregated, constant or from outside, else refused."""

    __slots__ = ("_aggregates", "_groups", "_relations", "_sql")

    def __init__(self, groups: Groups | None, clauses: Sequence[Clause], relations: frozenset[int], sql: str) -> None:
        """`relations` are the numbers of the relations in the query's own FROM clause."""
        self._groups = groups if groups is not None else Groups(frozenset(), complex=False)
        self._aggregates = {id(node) for clause in clauses for node in clause.aggregates}
        self._relations = relations
        self._sql = sql

    def groups_by(self, field: Field) -> bool:
        """Tell whether a field of the source is among what the query groups by."""
        return self._grouped(field.relation, field.name or "", ())

    def check(self, node: exp.Expr) -> None:
        """Raise Refusal EXPRESSION_NOT_AGGREGATE for what is neither grouped nor aggregated."""
        self._check(node, node)

    def _check(self, node: exp.Expr, whole: exp.Expr) -> None:
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
        if (
            isinstance(node, exp.Anonymous)
            and node.name.lower() == "grouping"
            and not isinstance(node.this, exp.Identifier)
        ):
            self._check_grouping(node)
            return
        for child in node.iter_expressions():
            self._check(child, whole)

    def _check_column(self, node: exp.Expr, whole: exp.Expr) -> None:
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

    def _check_subquery(self, node: exp.Expr) -> None:
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

    def _check_grouping(self, node: exp.Expr) -> None:
        for argument in node.expressions:
            if key_of(argument) not in self._groups.keys:
                raise refuse(
                    ErrorCode.INVALID_ARGUMENTS,
                    "The arguments to GROUPING() must be expressions referenced by the GROUP BY at the associated "
                    f"query level. Mismatch due to {text_of(argument)}.",
                    node,
                )
