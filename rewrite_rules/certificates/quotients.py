"""A quotient of a sum and a count of the same values is their mean."""

from __future__ import annotations

from fractions import Fraction

from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.certificates.conditions import present
from rewrite_rules.certificates.terms import TRUE, ZERO, Term, type_of


def average(value: Term) -> Term | None:
    """Return the mean that a quotient of a sum and a count of the same values is; None for other quotients."""
    total, counted = _unwrapped(value[2]), _unwrapped(value[3])
    if total[:2] != ("agg", "sum") or not _counts(counted, present(total[2])):
        return None
    kind = type_of(total[2])
    if kind is None or (kind.base in INTEGRAL and not _as_double(value[2]) and not _as_double(value[3])):
        return None  # a quotient of whole numbers is one
    return ("agg", "avg", total[2]) if kind.base in (*INTEGRAL, "double") else None


def _counts(counted: Term, condition: Term) -> bool:
    """Tell whether a term counts the rows of a condition; of no rows it may be NULL, for so is the sum."""
    return counted in (("agg", "countif", condition), ("agg", "count?", TRUE, condition))


def decimal_average(value: Term, target: TrinoType) -> Term | None:
    """Return the mean that a quotient of decimals, cast back to the type of the values, is; None for other casts."""
    if value[:2] != ("f", "/"):
        return None
    total, counted = value[2], _unwrapped(value[3])
    if total[:2] != ("agg", "sum") or type_of(total[2]) != target or target.base != "decimal":
        return None
    return ("agg", "avg", total[2]) if _counts(counted, present(total[2])) else None


def _as_double(term: Term) -> bool:
    return term[:2] == ("f", "cast:double")


def _unwrapped(term: Term) -> Term:
    """Return what a cast to double, or NULLIF(.., 0), is about."""
    while term[0] == "f" and (_as_double(term) or (term[1] == "nullif" and _is_zero(term[3]))):
        term = term[2]
    return term


def _is_zero(term: Term) -> bool:
    return term[0] == "const" and isinstance(term[2], Fraction) and term[2] == ZERO
