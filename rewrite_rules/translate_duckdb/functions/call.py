"""A call bound to its overload: what the writers of single functions are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.context import ZONED, Context, bare, type_of, write
from rewrite_rules.translate_duckdb.text import icu_zone, unsupported


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What stands inside and behind the brackets of an aggregate, ready to be written."""

    distinct: str = ""
    order: str = ""
    filter: str = ""
    over: str = ""
    nulls: str = ""

    @property
    def any(self) -> bool:
        """Tell whether anything but FILTER and OVER is there."""
        return bool(self.distinct or self.order or self.nulls)


@dataclass(frozen=True, slots=True)
class Call:
    """A call with arguments written as the types its overload takes; lambdas are empty texts."""

    name: str
    args: tuple[str, ...]
    types: tuple[TrinoType, ...]
    result: TrinoType
    nodes: tuple[exp.Expr, ...]
    context: Context
    zone: str
    """What the first zoned argument shows."""
    modifiers: Modifiers = field(default_factory=Modifiers)

    def apply(self, function: str, *arguments: str, where: str | None = None) -> str:
        """Write an aggregate or window function with the call's modifiers, and a further condition on its rows."""
        m = self.modifiers
        filter_ = m.filter
        if where is not None:
            inner = filter_.removeprefix(" FILTER (WHERE ").removesuffix(")")
            filter_ = f" FILTER (WHERE {f'({inner}) AND ' if inner else ''}{where})"
        return f"{function}({m.distinct}{', '.join(arguments)}{m.nulls}{m.order}){filter_}{m.over}"

    def local(self, place: int) -> str:
        """Return a date or timestamp argument as the local time it shows. Raises Refusal for times and intervals."""
        kind = self.types[place]
        if kind.base == ZONED:
            return f"timezone({icu_zone(self.zone)}, {self.args[place]})"
        if kind.base in ("time", "time with time zone") or kind.base.startswith("interval"):
            raise unsupported(f"{self.name}() of {kind}")
        return self.args[place]

    def is_text(self, place: int) -> bool:
        """Tell whether an argument is a string literal."""
        node = bare(self.nodes[place])
        return isinstance(node, exp.Literal) and bool(node.args.get("is_string"))

    def literal(self, place: int) -> str:
        """Return the text of an argument that must be a string literal. Raises Refusal NOT_SUPPORTED."""
        node = bare(self.nodes[place])
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
            node = node.this
        if not isinstance(node, exp.Literal) or not node.args.get("is_string"):
            raise unsupported(f"{self.name} with an argument that is not a literal")
        return str(node.name)

    def integer(self, place: int) -> int:
        """Return the value of an argument that must be an integer literal. Raises Refusal NOT_SUPPORTED."""
        node, sign = bare(self.nodes[place]), 1
        if isinstance(node, exp.Neg):
            node, sign = node.this, -1
        if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal):
            node = node.this
        if not isinstance(node, exp.Literal) or not node.name.lstrip("-").isdigit():
            raise unsupported(f"{self.name} with an argument that is not a literal")
        return sign * int(node.name)

    def body(self, place: int, *types: TrinoType) -> tuple[tuple[str, ...], str]:
        """Write a lambda's body; return the names of its parameters, whose types are given, and the body."""
        depth = len(self.context.parameters)
        names = tuple(f"p{depth + i}" for i in range(len(types)))
        return names, self.body_of(place, *zip(names, types, strict=True))

    def body_of(self, place: int, *values: tuple[str, TrinoType]) -> str:
        """Write a lambda's body with the given SQL, of the given types, for its parameters."""
        node = self.nodes[place]
        given = {p.name.lower(): value for p, value in zip(node.expressions, values, strict=True)}
        inner = self.context.with_(parameters={**self.context.parameters, **given})
        return write(node.this, inner)

    def body_type(self, place: int) -> TrinoType:
        """Return the type of a lambda's body."""
        return type_of(self.nodes[place].this)


Function = Callable[[Call], str]


def plain(name: str) -> Function:
    """Return the writer of a function that DuckDB has too, with the same meaning."""
    return lambda call: f"{name}({', '.join(call.args)})"


def template(text: str) -> Function:
    """Return a writer that fills the arguments, by place, into DuckDB's words."""
    return lambda call: text.format(*call.args)
