"""What an expression can see: relations with private names, and the means to translate its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import Table, TableName
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported

MAX_TEXT = 200_000
"""Longest text of one expression: checks repeat what they check, which grows with each level of nesting."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column in sight: its Trino name, the text that reads it, its type and what is known of its values."""

    name: str | None
    sql: str
    type: TrinoType
    nullable: bool = True
    zone: str | None = None
    """The time zone that all values of a `timestamp with time zone` carry, where known."""
    refusal: str | None = None
    """What is not supported about this column; it may be passed on, but not used."""
    state: str | None = None
    """The stored type where the column keeps states of an aggregate, which only `states` reads."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation in sight, by the name a query gave it."""

    alias: str | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A translated query: its text and its columns, whose `sql` are bare private names."""

    sql: str
    fields: tuple[Field, ...]


Handler = Callable[[exp.Expr, "Scope"], str]
QueryTranslator = Callable[[exp.Expr, "Scope"], Query]


@dataclass(slots=True)
class Build:
    """The state of one translation: what it is given, and the private names handed out so far."""

    tables: Mapping[TableName, Table]
    time_zone: str
    value: Handler
    truth: Handler
    type_of: Callable[[exp.Expr, Scope], TrinoType]
    query: QueryTranslator
    scans: Mapping[TableName, exp.Expr] = field(default_factory=dict)
    """Queries that stand for tables: readings of materialized views."""
    names: int = 0
    named: list[str] = field(default_factory=list)
    """Definitions of WITH, in the order in which they may refer to each other; they stand before the whole text."""
    recursive: bool = False

    def fresh(self, prefix: str) -> str:
        """Hand out a name that nothing else in the statement has."""
        self.names += 1
        return f"{prefix}{self.names}"


@dataclass(slots=True, eq=False)
class Scope:
    """Where an expression stands. Names are looked for in `relations`, then in `parent` (an enclosing query)."""

    build: Build
    relations: tuple[Relation, ...] = ()
    parent: Scope | None = None
    ctes: Mapping[str, Query] = field(default_factory=dict)
    parameters: Mapping[str, Field] = field(default_factory=dict)
    """Parameters of lambdas, by name."""
    outputs: tuple[Field, ...] = ()
    """The select list, which ORDER BY sees before everything else."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Texts of grouping expressions, and what stands for them."""
    windows: Mapping[str, exp.Window] = field(default_factory=dict)
    grouped: bool = False
    """The query has a GROUP BY, so that its aggregates never see an empty group."""
    joins: list[str] | None = None
    """Joins that expressions need, to stand behind FROM; None where none can be added."""
    correlated: list[str] = field(default_factory=list)
    """Outer columns that were used, filled as they are met."""
    strict: list[str] = field(default_factory=list)
    """Those of them whose NULL makes the condition of the query untrue."""

    def value(self, node: exp.Expr) -> str:
        """Translate an expression to the text of its value."""
        text = self.build.value(node, self)
        if len(text) > MAX_TEXT:
            raise unsupported("An expression nested so deeply", node)
        return self.replaced.get(text, text)

    def truth(self, node: exp.Expr) -> str:
        """Translate a condition of which only TRUE matters."""
        return self.build.truth(node, self)

    def type_of(self, node: exp.Expr) -> TrinoType:
        """Return an expression's Trino type. Raises Refusal NOT_SUPPORTED where it is not known."""
        return self.build.type_of(node, self)

    def query(self, node: exp.Expr) -> Query:
        """Translate a subquery of this scope."""
        return self.build.query(node, self)

    def within(self, **changes: object) -> Scope:
        """Return this scope with some parts changed; what it meets of outer columns is noted here too."""
        return replace(self, **changes)  # type: ignore[arg-type]  # the scope's own members

    def column(self, node: exp.Column) -> Field:
        """Find what a column reference means. Raises Refusal AMBIGUOUS_NAME, NOT_SUPPORTED.

        The analysis knows all names already: what is not found here is a column of a query around this one's FROM.
        """
        parts = [fold_trino(part.name) for part in node.parts]
        found = self.find(parts)
        if found is None:
            raise unsupported(f"Column '{'.'.join(parts)}' of an outer query within FROM", node)
        if found.refusal is not None:
            raise unsupported(found.refusal, node)
        return found

    def find(self, parts: Sequence[str]) -> Field | None:
        """Look a folded name up, here and outwards; None if there is none."""
        if len(parts) == 1:
            if parts[0] in self.parameters:
                return self.parameters[parts[0]]
            output = _only([f for f in self.outputs if f.name == parts[0]], parts, same=True)
            if output is not None:
                return output
        found = self._here(parts)
        if found is not None or self.parent is None:
            return found
        outer = self.parent.find(parts)
        if outer is not None:
            self.correlated.append(outer.sql)
        return outer

    def _here(self, parts: Sequence[str]) -> Field | None:
        if len(parts) == 1:
            return _only([f for r in self.relations for f in r.fields if f.name == parts[0]], parts)
        qualifier, last = parts[-2], parts[-1]
        return _only([f for r in self.relations if r.alias == qualifier for f in r.fields if f.name == last], parts)


def _only(found: Sequence[Field], parts: Sequence[str], *, same: bool = False) -> Field | None:
    if len(found) > 1 and not (same and len({f.sql for f in found}) == 1):
        raise Refusal(ErrorCode.AMBIGUOUS_NAME, f"Column '{'.'.join(parts)}' is ambiguous")
    return found[0] if found else None
