"""Terms: what expressions mean, as nested tuples whose first member names the kind. Equal tuples mean the same.

("col", occurrence, name, type, not_null)      a column of one occurrence of a relation
("const", type, value)                         numbers as Fraction, moments as microseconds, None for NULL
("cmp", "<" | "<=" | "=" | "<>", a, b)         turned so that only these occur; symmetric ones are sorted
("and", parts) ("or", parts) ("not", a) ("null?", a) ("in", a, constants) ("istrue", a)
("case", ((condition, value), ...), otherwise) ("f", name, *arguments)
("agg", name, *arguments)                      see `aggregates`
("x", kind, ...)                               whatever is compared by its structure alone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from catalog.functions.binding import AmbiguousCall
from catalog.functions.registry import lookup, operator_type
from catalog.type_coercions import common_type_of
from catalog.types import BIGINT, BOOLEAN, INTEGRAL, UNKNOWN, VARCHAR, TrinoType, parse_type

Term = tuple[Any, ...]

TRUE: Term = ("const", BOOLEAN, True)
FALSE: Term = ("const", BOOLEAN, False)
ZERO = Fraction(0)
NUMBER = TrinoType("number")
"""The type of a constant in a comparison of exact numbers: there only its value counts."""


class Unclear(Exception):  # noqa: N818  (an answer, not a crash)
    """The checker does not understand something: it then believes nothing."""


def children(term: Term) -> Iterator[Term]:
    """Yield the terms directly within a term."""
    stack = list(term[1:])
    while stack:
        each = stack.pop()
        if isinstance(each, tuple):
            if each and isinstance(each[0], str) and each[0] in KINDS:
                yield each
            else:
                stack.extend(each)
        elif isinstance(each, frozenset):
            stack.extend(each)


KINDS = frozenset({"col", "const", "cmp", "and", "or", "not", "null?", "in", "istrue", "case", "f", "agg", "x"})


def walk(term: Term, *, queries: bool = True) -> Iterator[Term]:
    """Yield a term and all within it; what is within subqueries only if wanted."""
    stack = [term]
    while stack:
        each = stack.pop()
        yield each
        if not queries and each[:2] == ("x", "Query"):
            continue
        stack.extend(children(each))


def columns_of(terms: Iterable[Term]) -> set[Term]:
    """Return the columns that terms mention."""
    return {each for term in terms for each in walk(term) if each[0] == "col"}


def has_aggregate(term: Term) -> bool:
    """Tell whether a term holds an aggregate of its own query."""
    return any(each[0] == "agg" for each in walk(term, queries=False))


def has_window(term: Term) -> bool:
    """Tell whether a term holds a window function of its own query."""
    return any(each[:2] == ("x", "Window") for each in walk(term, queries=False))


def is_volatile(term: Term) -> bool:
    """Tell whether a term may have another value when it is evaluated again: random values, the clock, the session."""
    for each in walk(term):
        if each[0] == "f":
            known = lookup(each[1])
            if known is not None and known.volatile:
                return True
        elif each[0] == "x" and each[1] in _SESSION_NODES:
            return True
    return False


_SESSION_NODES = frozenset(
    {"CurrentDate", "CurrentTime", "CurrentTimestamp", "CurrentUser", "Localtime", "Localtimestamp", "SessionUser"}
    | {"CurrentCatalog", "CurrentSchema", "CurrentPath", "CurrentRole"}
)


def not_null(term: Term) -> bool:
    """Tell whether a value is never NULL."""
    kind = term[0]
    if kind == "col":
        return bool(term[4])
    if kind == "const":
        return term[2] is not None
    if kind in ("null?", "istrue"):
        return True
    if term[:2] == ("x", "Interval"):
        return all(each[0] == "const" and not_null(each) for each in children(term))
    if kind == "agg":
        return term[1] in ("countif", "distinct")
    if kind == "cmp":
        return not_null(term[2]) and not_null(term[3])
    if kind == "case":
        return all(not_null(value) for _, value in term[1]) and not_null(term[2])
    if kind == "f" and term[1] == "coalesce":
        return any(not_null(each) for each in term[2:])
    return kind == "f" and term[1] in KEEPS_NULLS and all(not_null(each) for each in term[2:])


KEEPS_NULLS = frozenset({"+", "-", "*", "neg", "||", "date_trunc", "lower", "upper", "length", "abs", "at_timezone"})
KEEPS_NULLS |= {"year", "quarter", "month", "week", "day", "hour", "minute", "second", "day_of_week", "day_of_year"}
"""NULL only for NULL: what else could fail, fails."""


# --- Types, as far as they are needed ----------------------------------------------------------------------------


def type_of(term: Term) -> TrinoType | None:
    """Return a term's type; None where this small reasoning does not know."""
    kind = term[0]
    if kind == "col":
        return term[3]  # type: ignore[no-any-return]  # a term is a nested tuple
    if kind == "const":
        return term[1]  # type: ignore[no-any-return]  # a term is a nested tuple
    if kind in ("cmp", "and", "or", "not", "null?", "in", "istrue"):
        return BOOLEAN
    if kind == "case":
        return _common({type_of(value) for value in (*(v for _, v in term[1]), term[2])} - {UNKNOWN})
    if kind == "agg":
        return _aggregate_type(term)
    return _call_type(term) if kind == "f" else None


def _common(kinds: set[TrinoType | None]) -> TrinoType | None:
    """Return the type of what may be of several: the one that all are of, or that all their numbers turn into."""
    if len(kinds) == 1:
        return kinds.pop()
    numbers = [kind for kind in kinds if kind is not None and kind.base in (*INTEGRAL, "decimal", "double")]
    return common_type_of(numbers) if numbers and len(numbers) == len(kinds) else None


def _aggregate_type(term: Term) -> TrinoType | None:
    if term[1] in ("countif", "count?", "distinct", "approx_distinct"):
        return BIGINT
    if term[1] in ("min", "max", "arbitrary", "any_value"):
        return type_of(term[2])
    if term[1] == "sum":
        kind = type_of(term[2])
        if kind is not None and kind.base in INTEGRAL:
            return BIGINT
        if kind is not None and kind.base == "decimal":
            return TrinoType("decimal", (38, kind.parameters[1]))
        return kind if kind is not None and kind.base in ("double", "real") else None
    return None


_SAME_AS_ARGUMENT = frozenset({"neg", "abs"})
_INTEGER_FIELDS = frozenset(
    {
        "year",
        "quarter",
        "month",
        "week",
        "day",
        "hour",
        "minute",
        "second",
        "day_of_week",
        "day_of_year",
        "year_of_week",
    }
)


def _call_type(term: Term) -> TrinoType | None:
    name = term[1]
    if name.startswith("cast:"):
        return parse_type(name.removeprefix("cast:"))
    if name == "date_trunc" and len(term) == 4:
        return type_of(term[3])
    if name == "like":
        return BOOLEAN
    if name == "at_timezone":
        return TrinoType("timestamp with time zone")
    if name in _SAME_AS_ARGUMENT:
        return type_of(term[2])
    if name == "coalesce":
        return _common({type_of(each) for each in term[2:]} - {UNKNOWN})
    if name in _INTEGER_FIELDS or name == "length":
        return BIGINT
    if name in ("lower", "upper", "||", "substr"):
        return VARCHAR
    if name in ("+", "-", "*", "/", "%"):
        return _arithmetic_type(name, type_of(term[2]), type_of(term[3]))
    return None


_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulus"}


def _arithmetic_type(name: str, left: TrinoType | None, right: TrinoType | None) -> TrinoType | None:
    if left is None or right is None or left.base == "number" or right.base == "number":
        return None
    try:
        return operator_type(_OPERATORS[name], (left, right))
    except AmbiguousCall:
        return None
