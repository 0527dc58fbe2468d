"""Constants that may turn out to be NULL: `NULL` itself, `TRY_CAST('x' AS bigint)`, `nullif(1, 1)`.

They matter where a value is compared with several constants. Of `k IN (1, 2, NULL)`, as of
`k = 1 OR k = 2 OR k = NULL`, Trino 476 makes `k IS NULL OR k BETWEEN 1 AND 2`, for types whose values can be counted,
if the others have no gap: it finds rows without a value, and never answers NULL.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.words import words

STRICT = words(
    """
    abs at_timezone bitwise_and bitwise_or ceil ceiling cos date date_add date_diff date_format date_trunc day
    day_of_month day_of_week day_of_year dow doy exp floor from_unixtime hour length ln log10 log2 lower lpad ltrim
    millisecond minute mod month pow power quarter regexp_like regexp_replace replace reverse round rpad rtrim second
    sign sin sqrt starts_with strpos substr substring to_unixtime trim truncate upper week week_of_year with_timezone
    year year_of_week yow
    """
)
"""Functions whose result is NULL where one of their arguments is, and nowhere else."""
_CALLS = STRICT | words(
    "attr concat currentuser date_parse from_iso8601_date from_iso8601_timestamp last_day_of_month now"
)
"""Those, and more that give a value for values; a policy's `attr('x')` is a literal, or its policy fails."""
_CERTAIN = (exp.Literal, exp.Boolean, exp.Interval, exp.CurrentDate, exp.CurrentTimestamp, exp.Array, exp.Tuple)
_PASSING = (
    *(exp.Paren, exp.Neg, exp.Cast, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe),
    *(exp.Extract, exp.Trim, exp.AtTimeZone),
)
"""What is NULL only where an operand is."""


def may_be_null(node: exp.Expr) -> bool:
    """Tell whether an expression reads no row and could be NULL; what is no constant at all could not."""
    return not _certain(node) and node.find(exp.Column, exp.Identifier) is None


def _certain(node: exp.Expr) -> bool:
    kind = node.__class__
    if kind in _CERTAIN:
        return True
    if kind is exp.Anonymous:
        name = node.name.lower()
        return name == "row" or (name in _CALLS and all(map(_certain, node.expressions)))
    if kind not in _PASSING or node.is_type("json"):  # JSON 'null' is a value that becomes NULL
        return False
    return all(_certain(part) for part in node.iter_expressions() if not isinstance(part, exp.DataType | exp.Var))
