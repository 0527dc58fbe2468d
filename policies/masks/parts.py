"""What every mask is made of: few functions that all engines share, and literals that fit the column."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.errors import Refusal
from catalog.objects import Column
from catalog.types import INTEGRAL, TrinoType, type_text
from policies.faults import Unfit

TEXT = ("varchar", "char")
NUMERIC = (*INTEGRAL, "decimal", "double", "real")
INSTANTS = ("timestamp", "timestamp with time zone")


def exact_type(kind: TrinoType) -> exp.DataType:
    """Return a type as a cast names it. Raises Unfit where no cast can."""
    try:
        return data_type(type_text(kind))
    except Refusal:
        raise Unfit(f"no mask can be of type {kind}") from None


def raw_column(column: Column) -> exp.Column:
    """Return the column's raw value."""
    return exp.Column(this=exp.Identifier(this=column.name, quoted=True))


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


def from_end(raw: exp.Expr, count: int) -> exp.Expr:
    """Return the position of the last `count` characters."""
    length = call("length", raw.copy())
    return exp.Sub(this=length, expression=whole(count - 1)) if count > 1 else length


def fitted(text: str, column: Column) -> exp.Literal:
    """Return a text literal that the column can hold. Raises Unfit: a mask is never cut off."""
    if column.type.base not in TEXT:
        raise Unfit(f"this mask is for text; `{column.name}` is {column.type}")
    if column.type.numbers and len(text) > column.type.numbers[0]:
        raise Unfit(f"the masked value is longer than {column.type} of `{column.name}` allows")
    return literal(text)


def branching(column: Column, *branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr) -> exp.Case:
    """Return a CASE that keeps NULL and then tries the branches; partial masks are for varchar only."""
    if column.type.base != "varchar":
        raise Unfit(f"this mask is for varchar; `{column.name}` is {column.type}")
    empty = exp.Is(this=raw_column(column), expression=exp.Null())
    ifs = [exp.If(this=empty, true=exp.Null()), *(exp.If(this=c, true=v) for c, v in branches)]
    return exp.Case(ifs=ifs, default=otherwise)


def keeping_null(nulls: str, column: Column, value: exp.Expr) -> exp.Expr:
    """Return a value that is NULL where the column is, unless NULL is to be hidden too."""
    if nulls == "hide":
        return value
    empty = exp.Is(this=raw_column(column), expression=exp.Null())
    return exp.Case(ifs=[exp.If(this=empty, true=exp.Null())], default=value)
