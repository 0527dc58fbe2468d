"""Makers of conditions: each leaves one form where there are several that mean the same in three-valued logic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from catalog.types import BOOLEAN, INTEGRAL, TrinoType
from rewrite_rules.certificates.moments import bucket_comparison
from rewrite_rules.certificates.terms import FALSE, KEEPS_NULLS, NUMBER, TRUE, Term, not_null, type_of


def conjunction(parts: Iterable[Term]) -> Term:
    """Return the conjunction of conditions; what is TRUE of a value only if there is one says so by itself."""
    made = _joined(parts, "and", TRUE, FALSE)
    if made[0] != "and":
        return made
    valued = {each for part in made[1] if part[0] == "istrue" for each in rejects(part)}
    return _joined((part for part in made[1] if not _asks_for_one_of(part, valued)), "and", TRUE, FALSE)


def rejects(condition: Term) -> Iterator[Term]:
    """Yield columns whose NULL makes a condition FALSE or NULL."""
    if condition[0] == "cmp":
        yield from (each for each in condition[2:] if each[0] == "col")
    elif condition[0] == "in" and condition[1][0] == "col":
        yield condition[1]
    elif condition[:2] == ("f", "like") and condition[2][0] == "col":
        yield condition[2]
    elif condition[0] == "not" and condition[1][0] == "null?" and condition[1][1][0] == "col":
        yield condition[1][1]
    elif condition[0] == "istrue":
        yield from rejects(condition[1])


def _asks_for_one_of(condition: Term, valued: set[Term]) -> bool:
    return condition[0] == "not" and condition[1][0] == "null?" and condition[1][1] in valued


def disjunction(parts: Iterable[Term]) -> Term:
    """Return the disjunction of conditions."""
    return _joined(parts, "or", FALSE, TRUE)


def _joined(parts: Iterable[Term], kind: str, neutral: Term, absorbing: Term) -> Term:
    flat: set[Term] = set()
    for part in parts:
        flat.update(part[1] if part[0] == kind else (part,))
    flat.discard(neutral)
    if absorbing in flat or any(part[0] == "not" and part[1][0] in _SURE and part[1] in flat for part in flat):
        return absorbing
    if len(flat) == 1:
        return flat.pop()
    return (kind, frozenset(flat)) if flat else neutral


_SURE = ("istrue", "null?")
"""Conditions that are never NULL: of such a one and its opposite one is TRUE, and one FALSE."""


def negation(term: Term) -> Term:
    """Return NOT of a condition, moved inwards where three-valued logic allows it."""
    if term[0] == "const":
        return ("const", BOOLEAN, None if term[2] is None else not term[2])
    if term[0] == "not":
        return term[1]  # type: ignore[no-any-return]  # a term is a nested tuple
    if term[0] == "and":
        return disjunction(negation(each) for each in term[1])
    if term[0] == "or":
        return conjunction(negation(each) for each in term[1])
    if term[0] == "cmp" and not _floating(term[2], term[3]):
        op, left, right = term[1:]
        if op in ("=", "<>"):
            return compare("<>" if op == "=" else "=", left, right)
        return compare("<=" if op == "<" else "<", right, left)
    return ("not", term)


def _floating(*terms: Term) -> bool:
    """Tell whether a comparison may meet NaN, of which nothing is the opposite."""
    kinds = [type_of(term) for term in terms]
    return any(kind is None or kind.base in ("double", "real") for kind in kinds) and not all(
        term[0] == "const" for term in terms
    )


def compare(op: str, left: Term, right: Term) -> Term:
    """Return a comparison; constants take the form that only their value decides."""
    if op in (">", ">="):
        op, left, right = "<" if op == ">" else "<=", right, left
    left, right = _operand(left, right), _operand(right, left)
    if left[0] == right[0] == "const":
        return _decided(op, left, right)
    if right[0] == "const" and op == "=" and right[2] is None:
        return ("const", BOOLEAN, None)
    turned = bucket_comparison(op, left, right)
    if turned is not None:
        return turned
    if op in ("=", "<>") and _order(right) < _order(left):
        left, right = right, left
    return ("cmp", op, left, right)


def _order(term: Term) -> tuple[bool, str]:
    return (term[0] == "const", repr(term))


def _operand(term: Term, other: Term) -> Term:
    """Return a constant as what it is compared with would have it."""
    if term[0] != "const" or term[2] is None:
        return term
    kind = type_of(other)
    if isinstance(term[2], Fraction) and term[1].base in (*INTEGRAL, "decimal", "number"):
        if kind is not None and kind.base in ("double", "real"):
            value = Fraction(float(term[2]))
            return ("const", kind, value)
        return ("const", NUMBER, term[2])
    if term[1].base in ("timestamp", "timestamp with time zone", "date") and kind is not None:
        return ("const", TrinoType(term[1].base), term[2]) if kind.base == term[1].base else _as_moment(term, kind)
    return term


def _as_moment(term: Term, kind: TrinoType) -> Term:
    """Return a date as the midnight that a column of timestamps is compared with."""
    return ("const", TrinoType("timestamp"), term[2]) if (term[1].base, kind.base) == ("date", "timestamp") else term


def _decided(op: str, left: Term, right: Term) -> Term:
    a, b = left[2], right[2]
    if a is None or b is None:
        return ("const", BOOLEAN, None)
    if type(a) is not type(b) or left[1].base in ("char", "unknown") or right[1].base == "char":
        return ("cmp", op, left, right)
    if isinstance(a, str):
        a, b = a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass")
    result = {"<": a < b, "<=": a <= b, "=": a == b, "<>": a != b}[op]
    return TRUE if result else FALSE


def is_null(term: Term) -> Term:
    """Return the condition that a value is NULL."""
    if term[0] == "const":
        return TRUE if term[2] is None else FALSE
    if not_null(term):
        return FALSE
    if term[0] == "case":
        return _case_is_null(term)
    if term[0] == "f" and (term[1].startswith("cast:") or term[1] in KEEPS_NULLS):
        return disjunction(is_null(each) for each in term[2:])
    return ("null?", term)


def _case_is_null(term: Term) -> Term:
    """Return when CASE gives NULL: the first condition that is true says which value it is."""
    parts: list[Term] = []
    before: list[Term] = []
    for condition, value in term[1]:
        parts.append(conjunction([*before, is_true(condition), is_null(value)]))
        before.append(negation(is_true(condition)))
    return disjunction([*parts, conjunction([*before, is_null(term[2])])])


def present(term: Term) -> Term:
    """Return the condition that a value is not NULL; of CASE, that it shows one that is not."""
    if term[0] != "case":
        return negation(is_null(term))
    parts: list[Term] = []
    before: list[Term] = []
    for condition, value in term[1]:
        held = is_true(condition)
        parts.append(conjunction([*before, held, present(value)]))
        before.append(negation(held))
    return disjunction([*parts, conjunction([*before, present(term[2])])])


def is_true(term: Term) -> Term:
    """Return the condition that another is TRUE, and neither FALSE nor NULL."""
    if term[0] == "const":
        return TRUE if term[2] is True else FALSE
    if term[0] in ("istrue", "null?") or (term[0] == "not" and term[1][0] in ("istrue", "null?")):
        return term
    if term[0] in ("and", "or"):
        return (conjunction if term[0] == "and" else disjunction)(is_true(each) for each in term[1])
    return term if not_null(term) else ("istrue", term)


def within(term: Term, values: Iterable[Term]) -> Term:
    """Return membership in a list of constants."""
    members = frozenset(_operand(each, term) for each in values)
    if len(members) == 1:
        return compare("=", term, next(iter(members)))
    of_bucket = all(each[0] == "const" and bucket_comparison("=", term, each) is not None for each in members)
    if of_bucket or term[0] == "const" or any(each[0] != "const" or each[2] is None for each in members):
        return disjunction(compare("=", term, each) for each in members)
    return ("in", term, members)


def case(branches: Iterable[tuple[Term, Term]], otherwise: Term) -> Term:
    """Return CASE WHEN: branches that never apply go, as does what follows one that always does."""
    kept: list[tuple[Term, Term]] = []
    for condition, value in branches:
        held = is_true(condition)
        if held == FALSE:
            continue
        if held == TRUE:
            otherwise = value
            break
        kept.append((condition, value))
    return ("case", tuple(kept), otherwise) if kept else otherwise
