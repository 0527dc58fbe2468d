"""A call of an aggregate, taken apart.

ClickHouse's aggregate is called with a *tail*, which is a FILTER clause, an OVER clause or nothing; what is computed
from it stands around it. `aggregate_functions_null_for_empty` is pinned by the engine's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.types import DOUBLE, TrinoType
from rewrite_rules.translate_clickhouse.casts import coerced
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.text import operator


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A call of an aggregate, taken apart."""

    name: str
    node: exp.Expr
    arguments: Sequence[exp.Expr]
    scope: Scope
    kind: TrinoType
    distinct: bool = False
    order: Sequence[exp.Expr] = ()
    filter: str | None = None
    over: str | None = None
    grouped: bool = False
    """There is a GROUP BY, so that no group is empty unless filtered."""

    def apply(self, function: str, *arguments: str) -> str:
        """Write a call of a ClickHouse aggregate with this call's FILTER and OVER."""
        distinct = "DISTINCT " if self.distinct else ""
        text = f"{function}({distinct}{', '.join(arguments)})"
        if self.filter is not None:
            text += f" FILTER (WHERE {self.filter})"
        return f"{text} OVER {self.over}" if self.over is not None else text

    def value(self, at: int = 0) -> str:
        """Translate an argument."""
        return self.scope.value(self.arguments[at])

    def type(self, at: int = 0) -> TrinoType:
        """Return an argument's type."""
        return self.scope.type_of(self.arguments[at])

    def as_double(self, at: int = 0) -> str:
        """Translate an argument to a double."""
        return coerced(self.arguments[at], DOUBLE, self.scope)

    def rows(self) -> str:
        """Count the rows that take part."""
        return replace(self, distinct=False, order=()).apply("count")

    def count_where(self, condition: str) -> str:
        """Count the rows that take part and for which a condition holds; ClickHouse takes no FILTER beside one."""
        held = condition if self.filter is None else operator("AND", (condition, self.filter))
        return replace(self, filter=None, order=()).apply("countIf", held)

    def refuse(self, what: str) -> str:
        """Refuse the call. Always raises Refusal NOT_SUPPORTED."""
        raise unsupported(f"{self.name}{what}", self.node)


Writer = Callable[[Aggregate], str]
