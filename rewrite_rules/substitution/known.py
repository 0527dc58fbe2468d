"""What is known of a row in one alternative: sets of values, conditions taken whole, and an order among terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from rewrite_rules.substitution.comparing import FLIPPED
from rewrite_rules.substitution.formulas import All, Compared, Formula, Inside, Some, Truth, Whole
from rewrite_rules.substitution.keys import Key
from rewrite_rules.substitution.ranges import (
    HIGHEST,
    LOWEST,
    NULLS,
    Domain,
    Line,
    everything,
    less,
    meet,
    points,
    within,
)
from rewrite_rules.substitution.reader import Reader
from rewrite_rules.substitution.strictness import needed, sufficient
from rewrite_rules.substitution.values import Given

_OTHER = Line("other")
_IMPLIED = {
    "=": frozenset({"=", "<=", ">=", "!<", "!>", "!<>"}),
    "<": frozenset({"<", "<=", "<>", "!>", "!>=", "!="}),
    "<=": frozenset({"<=", "!>"}),
    "<>": frozenset({"<>", "!="}),
    ">": frozenset({">", ">=", "<>", "!<", "!<=", "!="}),
    ">=": frozenset({">=", "!<"}),
}
"""What else is true of two values that compare so; `!` says that a comparison is FALSE."""


@dataclass(slots=True)
class Known:
    """One alternative."""

    reader: Reader
    domains: dict[Key, Domain] = field(default_factory=dict)
    wholes: dict[Key, Truth] = field(default_factory=dict)
    compared: dict[tuple[Key, Key], set[str]] = field(default_factory=dict)
    exact: set[tuple[Key, Key]] = field(default_factory=set)
    impossible: bool = False

    def domain(self, term: Key) -> Domain:
        """Return the values that a term can have."""
        found = self.domains.get(term)
        if found is None:
            found = _default(term, self.reader)
        return less(found, NULLS) if found.null and self._is_computed(term) else found

    def _is_computed(self, term: Key) -> bool:
        """Tell whether a term is computed from columns that are not NULL, and so is not either."""
        noted = self.reader.terms.get(term)
        if noted is None or isinstance(noted.node, exp.Column):
            return False
        columns = sufficient(noted.node)
        return columns is not None and not any(self.domain(self.reader.term(column)).null for column in columns)

    def only(self, term: Key) -> Given | None:
        """Return the one value of a term, or NULL where it has none; None where there may be several."""
        domain = self.domain(term)
        if domain.null:
            return Given(None) if not domain.spans and not domain.nan else None
        noted = self.reader.terms.get(term)
        if noted is None or noted.line is None or noted.line.family in ("float", "padded"):
            return None
        values = points(domain, noted.line, 1)
        return Given(values[0]) if values else None

    def holds(self, formula: Formula) -> bool:
        """Tell whether a formula is known to hold."""
        if isinstance(formula, All):
            return all(self.holds(part) for part in formula.parts)
        if isinstance(formula, Some):
            return any(self.holds(part) for part in formula.parts)
        if isinstance(formula, Inside):
            return within(self.domain(formula.term), formula.domain)
        if isinstance(formula, Whole):
            return formula.condition in self.wholes and self.wholes[formula.condition] == formula.truth
        return self._compares(formula)

    def _compares(self, asked: Compared) -> bool:
        if asked.left == asked.right:
            return asked.sign in ("=", "<=", ">=", "!<", "!>", "!<>") and not self.domain(asked.left).nan
        signs = self.compared.get((asked.left, asked.right), ())
        if any(asked.sign == sign or asked.sign in _IMPLIED.get(sign, ()) for sign in signs):
            return True
        return asked.exact and self._apart(asked)

    def _apart(self, asked: Compared) -> bool:
        """Tell whether the values that two terms can have are in the order asked for, whichever they are."""
        left, right = self.domain(asked.left), self.domain(asked.right)
        if left.null or right.null or not left.spans or not right.spans:
            return False
        if asked.sign == "<":
            return left.spans[-1][1] <= right.spans[0][0]
        if asked.sign == "<=":
            return left.spans[-1][1] <= right.spans[0][0] or _touch(left, right)
        return asked.sign == "<>" and meet(left, right).empty


def _touch(left: Domain, right: Domain) -> bool:
    """Tell whether the greatest of some values is the least of others."""
    high, low = left.spans[-1][1], right.spans[0][0]
    return not high.rank and not low.rank and high.value == low.value and (high.side, low.side) == (1, 0)


def _default(term: Key, reader: Reader) -> Domain:
    noted = reader.terms.get(term)
    if noted is None:
        return everything(_OTHER)
    return everything(noted.line or _OTHER, null=noted.nullable)


def gather(parts: Iterable[Formula], reader: Reader) -> Known | None:
    """Put together what holds in one alternative; None where it cannot be."""
    known = Known(reader)
    for part in parts:
        if isinstance(part, Inside):
            _narrow(known, part.term, part.domain)
        elif isinstance(part, Whole):
            if known.wholes.setdefault(part.condition, part.truth) != part.truth:
                return None
        elif isinstance(part, Compared):
            _compare(known, part)
        elif part == Some():
            return None
    _follow(known)
    _require(known)
    if known.impossible or any(domain.empty for domain in known.domains.values()):
        return None
    return known


def _narrow(known: Known, term: Key, domain: Domain) -> None:
    known.domains[term] = meet(known.domain(term), domain)


def _compare(known: Known, part: Compared) -> None:
    for left, right, sign in ((part.left, part.right, part.sign), (part.right, part.left, _turned(part.sign))):
        known.compared.setdefault((left, right), set()).add(sign)
        if part.exact:
            known.exact.add((left, right))
        if left == right and sign in ("<", ">"):
            known.impossible = True
        if _denies(sign, known.compared[left, right]):
            known.impossible = True


def _turned(sign: str) -> str:
    return f"!{FLIPPED[sign[1:]]}" if sign.startswith("!") else FLIPPED[sign]


def _denies(sign: str, others: set[str]) -> bool:
    denied = sign[1:] if sign.startswith("!") else f"!{sign}"
    return any(denied == other or denied in _IMPLIED.get(other, ()) for other in others)


def _follow(known: Known) -> None:
    """Follow the order through chains of exact terms, and let equal and ordered terms narrow each other."""
    for _ in range(len(known.exact) + 1):
        if not (_chain(known) | _exchange(known)):
            return


def _chain(known: Known) -> bool:
    grown = False
    pairs = [(pair, sign) for pair in known.exact for sign in known.compared[pair] if sign in ("<", "<=", "=")]
    for (a, b), first in pairs:
        for (c, d), second in pairs:
            if b != c or a == d:
                if b == c and "<" in (first, second):
                    known.impossible = True
                continue
            sign = "<" if "<" in (first, second) else "<=" if "<=" in (first, second) else "="
            signs = known.compared.setdefault((a, d), set())
            if sign not in signs:
                signs.add(sign)
                known.compared.setdefault((d, a), set()).add(_turned(sign))
                known.exact.update(((a, d), (d, a)))
                if _denies(sign, signs):
                    known.impossible = True
                grown = True
    return grown


def _exchange(known: Known) -> bool:
    changed = False
    for left, right in list(known.exact):
        for sign in known.compared[left, right] & {"=", "<", "<="}:
            a, b = known.domain(left), known.domain(right)
            if not a.spans or not b.spans:
                continue
            bounds = _bounded(a, b, sign)
            for term, old, new in ((left, a, bounds[0]), (right, b, bounds[1])):
                if new != old:
                    known.domains[term] = new
                    changed = True
    return changed


def _bounded(left: Domain, right: Domain, sign: str) -> tuple[Domain, Domain]:
    if sign == "=":
        return meet(left, right), meet(right, left)
    low, high = left.spans[0][0], right.spans[-1][1]
    return (
        meet(left, Domain(((LOWEST, high),))),
        meet(right, Domain(((low, HIGHEST),))),
    )


def _require(known: Known) -> None:
    """Note which columns cannot be NULL, since something computed from them is not."""
    present = [term for term, domain in known.domains.items() if not domain.null]
    present.extend(condition for condition, truth in known.wholes.items() if truth is not None)
    for term in present:
        noted = known.reader.terms.get(term)
        if noted is None:
            continue
        for column in needed(noted.node):
            name = known.reader.term(column)
            if name == term:
                continue
            domain = known.domain(name)
            if domain.null:
                known.domains[name] = less(domain, NULLS)
