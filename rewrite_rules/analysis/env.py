"""What travels with an expression while it is typed: its scope, the clause it stands in, the statement's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.dialect.hooks import PLUS
from catalog.errors import Refusal
from catalog.functions.signatures import Overload
from catalog.objects import TableName
from catalog.types import TrinoType
from rewrite_rules.analysis.failures import mismatch, too_deep, unsupported
from rewrite_rules.analysis.model import AnalysisContext
from rewrite_rules.analysis.scopes import Field, Scope
from rewrite_rules.analysis.shown import text_of

Handler = Callable[[exp.Expr, "Env"], TrinoType | None]
_SIGNED = frozenset({"tinyint", "smallint", "integer", "bigint", "real", "double"})
"""What a unary plus may stand before; no decimals, on Trino either."""
_MOST_BODIES = 5_000
"""Some tenths of a second; a statement of a hundred lambdas, none in another, needs a few hundred."""


@dataclass(frozen=True, slots=True)
class Named:
    """A common table expression in sight: its fields, and whether more columns may exist than they tell."""

    fields: tuple[Field, ...]
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """The fields a query or relation gives."""

    fields: tuple[Field, ...]
    is_open: bool = False


QueryAnalyzer = Callable[[exp.Expr, "Scope | None", Mapping[str, Named], "Walk"], Relation]


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """An inline function that a query may call; functions of one name are its overloads."""

    name: str
    overloads: tuple[Overload, ...] = ()
    deterministic: bool = True
    open: Overload | None = None
    """The overload whose body is being read: it may not be called yet."""


@dataclass(slots=True)
class Walk:
    """The state of one analysis, shared by all its parts."""

    context: AnalysisContext
    handlers: Mapping[type[exp.Expr], Handler]
    query: QueryAnalyzer
    subqueries: bool = True
    """False refuses subqueries in expressions (policy filters and masks)."""
    read: dict[TableName, set[str]] = field(default_factory=dict)
    volatile: bool = False
    elsewhere: Refusal | None = None
    """What other engines than Trino cannot; said when nothing is wrong with the query itself."""
    correlated: bool = False
    """A subquery reads columns of a query around it."""
    relations: int = 0
    bodies: int = 0
    """How often bodies of lambdas were typed, see `lambda_body`."""
    functions: dict[str, LocalFunction] = field(default_factory=dict)
    """Inline functions declared so far, by folded name."""

    def next_relation(self) -> int:
        """Number one more relation."""
        self.relations += 1
        return self.relations

    def lambda_body(self) -> None:
        """Count the typing of one lambda's body. Raises Refusal: each is typed for several types, and so within it."""
        self.bodies += 1
        if self.bodies > _MOST_BODIES:
            raise too_deep()


@dataclass(slots=True)
class Clause:
    """The calls of one clause that only some clauses may hold, and the windows its calls may name."""

    aggregates: list[exp.Expr] = field(default_factory=list)
    windows: list[exp.Expr] = field(default_factory=list)
    groupings: list[exp.Expr] = field(default_factory=list)
    named_windows: Mapping[str, exp.Window] = field(default_factory=dict)


class Env:
    """Where an expression stands. `type_of` types it and everything below it, noting types in the nodes."""

    __slots__ = ("clause", "named", "parameters", "scope", "walk")

    def __init__(
        self,
        walk: Walk,
        scope: Scope,
        named: Mapping[str, Named],
        clause: Clause | None = None,
        parameters: Mapping[str, TrinoType | None] | None = None,
    ) -> None:
        """Stand in a scope; `named` are the common table expressions in sight, `parameters` those of lambdas."""
        self.walk = walk
        self.scope = scope
        self.named = named
        self.clause = clause if clause is not None else Clause()
        self.parameters = parameters if parameters is not None else {}

    def type_of(self, node: exp.Expr) -> TrinoType | None:
        """Return the type of an expression, or None where it is not known. Raises Refusal."""
        handler = self.walk.handlers.get(node.__class__)
        if handler is None:
            self._unknown(node)
            return None
        return self.noted(node, handler(node, self))

    def noted(self, node: exp.Expr, kind: TrinoType | None) -> TrinoType | None:
        """Note a type in its node. Raises Refusal NOT_SUPPORTED for an unknown one where types are needed."""
        if kind is not None:
            node.meta["type"] = kind
            if PLUS in node.meta and kind.base not in _SIGNED:
                raise mismatch(f"Unary '+' operator cannot by applied to {kind} type", node)
            return kind
        node.meta.pop("type", None)
        if self.walk.context.strict:
            raise unsupported(f"The type of {text_of(node)} is not known", node)
        return None

    def inside_lambda(self, parameters: Mapping[str, TrinoType | None]) -> Env:
        """Stand inside a lambda's body."""
        return Env(self.walk, self.scope, self.named, self.clause, {**self.parameters, **parameters})

    def _unknown(self, node: exp.Expr) -> None:
        if self.walk.context.strict or isinstance(node, exp.Query):
            raise unsupported(f"{node.key} is not supported here", node)
        for child in node.iter_expressions():
            if child.__class__ in self.walk.handlers:
                self.type_of(child)
