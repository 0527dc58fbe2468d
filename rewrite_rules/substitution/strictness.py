"""Strict expressions: which columns must have a value where an expression has one."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from catalog.dialect.words import words

_NODES = (
    exp.Paren,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.DPipe,
    exp.Cast,
    exp.TryCast,
    exp.EQ,
    exp.NEQ,
    exp.LT,
    exp.LTE,
    exp.GT,
    exp.GTE,
    exp.Not,
    exp.Like,
    exp.Escape,
    exp.Extract,
    exp.AtTimeZone,
)
_FUNCTIONS = words(
    """
    abs at_timezone bitwise_and bitwise_or ceil ceiling cos date date_add date_diff date_format date_trunc day
    day_of_month day_of_week day_of_year dow doy exp floor from_unixtime hour length ln log10 log2 lower lpad ltrim
    millisecond minute mod month pow power quarter regexp_extract regexp_like regexp_replace replace reverse round rpad
    rtrim second sign sin sqrt starts_with strpos substr substring to_unixtime trim truncate upper week week_of_year
    with_timezone year year_of_week yow
    """
)
"""Functions whose result is NULL where one of their arguments is."""


def needed(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield columns that are not NULL wherever an expression is not."""
    if isinstance(node, exp.Column):
        yield node
    elif isinstance(node, _NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in _FUNCTIONS):
        for part in node.iter_expressions():
            yield from needed(part)
