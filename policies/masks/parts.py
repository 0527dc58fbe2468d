"""What every mask is made of: few functions that all engines share, and literals that fit the column."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.errors import Refusal
from catalog.objects import Column
from catalog.types import INTEGRAL, VARCHAR, TrinoType, type_text
from policies.faults import Unfit

TEXT = ("varchar", "char")
NUMERIC = (*INTEGRAL, "decimal", "double", "real")
INSTANTS = ("timestamp", "timestamp with time zone")


@dataclass(frozen=True, slots=True)
class Value:
    """What a mask stands for: a column, a field of a row, or an array's element."""

    name: str
    """How messages call it."""
    type: TrinoType
    tree: exp.Expr

    @property
    def raw(self) -> exp.Expr:
        """Return the expression that gives the raw value, for use once."""
        return self.tree.copy()

    @property
    def text(self) -> exp.Expr:
        """Return the raw value as a varchar, of which a char keeps no padding."""
        if self.type.base != "char":
            return self.raw
        return call("rtrim", exp.Cast(this=self.raw, to=exact_type(VARCHAR)), literal(" "))

    @property
    def room(self) -> int | None:
        """Return how many characters the type holds; None where there is no bound."""
        return self.type.numbers[0] if self.type.base in TEXT and self.type.numbers else None


def of_column(column: Column) -> Value:
    """Return a column's raw value."""
    return Value(column.name, column.type, exp.Column(this=identifier(column.name)))


def plain_text(column: Column) -> exp.Expr:
    """Return the text that hashes and tokens of a column are made of."""
    return hashed_text(of_column(column))


def hashed_text(value: Value) -> exp.Expr:
    """Return a value as the text that is hashed: numbers by their digits."""
    return value.text if value.type.base in TEXT else exp.Cast(this=value.raw, to=exact_type(VARCHAR))


def identifier(name: str) -> exp.Identifier:
    """Return a quoted name."""
    return exp.Identifier(this=name, quoted=True)


def exact_type(kind: TrinoType) -> exp.DataType:
    """Return a type as a cast names it. Raises Unfit where no cast can."""
    try:
        return data_type(type_text(kind))
    except Refusal:
        raise Unfit(f"no mask can be of type {kind}") from None


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Return a call of a function of Trino."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def literal(value: str) -> exp.Literal:
    """Return a text literal."""
    return exp.Literal.string(value)


def whole(value: int) -> exp.Literal:
    """Return a literal of a whole number."""
    return exp.Literal(this=str(value), is_string=False)


def typed(text: str, kind: TrinoType) -> exp.Cast:
    """Return a literal of any type, as a cast of its text."""
    return exp.Cast(this=literal(text), to=exact_type(kind))


def from_end(text: exp.Expr, count: int) -> exp.Expr:
    """Return the position of the last `count` characters."""
    length = call("length", text)
    return exp.Sub(this=length, expression=whole(count - 1)) if count > 1 else length


def at_most(text: exp.Expr, size: int) -> exp.Expr:
    """Return the condition that a text has no more characters than this."""
    return exp.LTE(this=call("length", text), expression=whole(size))


def both(first: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """Return the conjunction of conditions."""
    for other in others:
        first = exp.And(this=first, expression=other)
    return first


def must_be_text(value: Value) -> None:
    """Raise Unfit where a mask for text is put on anything else."""
    if value.type.base not in TEXT:
        raise Unfit(f"this mask is for text; `{value.name}` is {value.type}")


def fitted(text: str, value: Value) -> exp.Literal:
    """Return a text literal that the column can hold. Raises Unfit: a mask is never cut off."""
    must_be_text(value)
    if value.room is not None and len(text) > value.room:
        raise Unfit(f"the masked value is longer than {value.type} of `{value.name}` allows")
    return literal(text)


def is_null(value: Value) -> exp.Expr:
    """Return the condition that there is no value."""
    return exp.Is(this=value.raw, expression=exp.Null())


def branching(value: Value, *branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr) -> exp.Case:
    """Return a CASE that keeps NULL and then tries the branches."""
    ifs = [exp.If(this=is_null(value), true=exp.Null()), *(exp.If(this=c, true=v) for c, v in branches)]
    return exp.Case(ifs=ifs, default=otherwise)


def keeping_null(nulls: str, value: Value, shown: exp.Expr) -> exp.Expr:
    """Return a value that is NULL where the column is, unless NULL is to be hidden too."""
    return shown if nulls == "hide" else branching(value, otherwise=shown)
