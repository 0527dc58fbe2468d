"""Conditions read as formulas about values, in three-valued logic.

A formula is true or false of a row, never unknown: that a condition is TRUE, that it is FALSE and that it is NULL are
three formulas. Comparisons with constants become sets of values; what is not understood stays whole, by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from catalog.type_coercions import common_super_type
from rewrite_rules.substitution.keys import Key, column_key, is_volatile, key, never
from rewrite_rules.substitution.patterns import like_domain, matches
from rewrite_rules.substitution.preimages import carried, type_of
from rewrite_rules.substitution.ranges import NANS, NULLS, Domain, Line, everything, less, line_of, meet, ray, union
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import Given, given

Truth: TypeAlias = bool | None
NotNull: TypeAlias = Callable[[exp.Column], bool]
SIGNS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
FLIPPED: Mapping[str, str] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
DENIED: Mapping[str, str] = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_ROUNDED = frozenset({"real", "double", "char"})
"""Types to which others turn in a way that changes what is equal."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The value of a term is in a set."""

    term: Key
    domain: Domain


@dataclass(frozen=True, slots=True)
class Whole:
    """A condition that is not looked into is TRUE, FALSE or NULL."""

    condition: Key
    truth: Truth


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of two terms is TRUE; with `!` in front of the sign, it is FALSE (floats: NaN is not ordered)."""

    sign: str
    left: Key
    right: Key
    exact: bool
    """Both are of types whose comparison rounds nothing, so that it may be combined with others."""


@dataclass(frozen=True, slots=True)
class All:
    """Each part holds."""

    parts: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Formula, ...] = ()


Formula: TypeAlias = Inside | Whole | Compared | All | Some
TRUE, FALSE = All(), Some()


@dataclass(frozen=True, slots=True)
class Term:
    """An expression that formulas speak of."""

    node: exp.Expr
    line: Line | None
    nullable: bool


@dataclass(slots=True)
class Reader:
    """Read conditions into formulas, and note the terms they speak of."""

    not_null: NotNull
    zone: str = "UTC"
    columns: Callable[[exp.Column], Key] = column_key
    terms: dict[Key, Term] = field(default_factory=dict)

    def formula(self, node: exp.Expr, truth: Truth = True) -> Formula:
        """Return the formula that says that a condition has a truth value."""
        node = node.unnest()
        handler = _HANDLERS.get(node.__class__)
        return handler(self, node, truth) if handler is not None else self.whole(node, truth)

    def whole(self, node: exp.Expr, truth: Truth) -> Formula:
        """Return a condition that is not looked into; a boolean column is a value like others."""
        if isinstance(node, exp.Column):
            domain = NULLS if truth is None else ray("=", int(truth), _BOOLEAN)
            return self.inside(node, domain, _BOOLEAN)
        return Whole(self._note(node, None), truth)

    def inside(self, node: exp.Expr, domain: Domain, line: Line | None) -> Formula:
        """Return that a value is in a set, carried inside as far as that goes."""
        if line is not None:
            node, domain, line = carried(node, domain, line)
        term = self._note(node, line)
        return Inside(term, domain)

    def null(self, node: exp.Expr) -> Formula:
        """Return that a value is NULL."""
        node = node.unnest()
        if isinstance(node, exp.Null):
            return TRUE
        if node.__class__ in _HANDLERS:
            return self.formula(node, None)
        if _is_constant(node):
            known = _given(node, self.zone)
            return (TRUE if known.point is None and not known.nan else FALSE) if known else self.whole(node, None)
        return self.inside(node, NULLS, _line(node))

    def present(self, node: exp.Expr) -> Formula:
        """Return that a value is not NULL."""
        node = node.unnest()
        if node.__class__ in _HANDLERS:
            return Some((self.formula(node, True), self.formula(node, False)))
        line = _line(node)
        if line is None:
            self._note(node, None)
            return Inside(key(node, self.columns), _ANYTHING)
        return self.inside(node, everything(line, null=False), line)

    def _note(self, node: exp.Expr, line: Line | None) -> Key:
        found = key(node, self.columns)
        if found not in self.terms:
            nullable = not (isinstance(node, exp.Column) and self.not_null(node))
            self.terms[found] = Term(node, line, nullable)
        return found

    def term(self, node: exp.Expr) -> Key:
        """Note an expression and return its key."""
        return self._note(node.unnest(), _line(node.unnest()))


_BOOLEAN = Line("boolean", 1, 0, 1)
_ANYTHING = everything(Line("other"), null=False)
"""Any value but NULL, of a type whose values are not followed."""


def _is_volatile(node: exp.Expr) -> bool:
    """Tell whether a value cannot be relied on from one mention to the next."""
    return any(is_volatile(part) for part in node.walk())


def _line(node: exp.Expr) -> Line | None:
    kind = type_of(node)
    return line_of(kind) if kind is not None else None


def _is_constant(node: exp.Expr) -> bool:
    if isinstance(node, exp.Literal | exp.Column):
        return isinstance(node, exp.Literal)
    if isinstance(node, exp.Cast):
        return _is_constant(node.this)
    return node.find(exp.Column, exp.Query, exp.Identifier) is None


def _given(node: exp.Expr, zone: str) -> Given | None:
    kind, line = type_of(node.unnest()), _line(node.unnest())
    return given(node, kind, line, zone) if kind is not None and line is not None else None


def _and(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    parts = list(node.flatten())
    if truth is None:
        return _mixed(reader, parts, passing=True)
    found = [reader.formula(part, truth) for part in parts]
    return every(found) if truth else some(found)


def _or(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    parts = list(node.flatten())
    if truth is None:
        return _mixed(reader, parts, passing=False)
    found = [reader.formula(part, truth) for part in parts]
    return some(found) if truth else every(found)


def _mixed(reader: Reader, parts: Sequence[exp.Expr], *, passing: bool) -> Formula:
    """Return that a conjunction (or disjunction) is NULL: one part is, and each other is too or lets it pass."""
    unknown = [reader.formula(part, None) for part in parts]
    neutral = [some([each, reader.formula(part, passing)]) for each, part in zip(unknown, parts, strict=True)]
    return every([some(unknown), *neutral])


def _not(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    return reader.formula(node.this, truth if truth is None else not truth)


def _is(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    if not isinstance(node.expression.unnest(), exp.Null):
        return reader.whole(node, truth)
    if truth is None:
        return FALSE
    return reader.null(node.this) if truth else reader.present(node.this)


def _boolean(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    return TRUE if truth is not None and bool(node.this) == truth else FALSE


def _unknown(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    return TRUE if truth is None else FALSE


def _comparison(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    return compared(reader, SIGNS[node.__class__], node.this, node.expression, truth)


def compared(reader: Reader, sign: str, left: exp.Expr, right: exp.Expr, truth: Truth) -> Formula:
    """Return that a comparison has a truth value."""
    left, right = left.unnest(), right.unnest()
    if _is_nested(left) or _is_nested(right):
        return reader.whole(_comparing(sign, left, right), truth)
    if _is_constant(left) and not _is_constant(right):
        return compared(reader, FLIPPED[sign], right, left, truth)
    if _is_constant(left) and _is_constant(right):
        return _decided(reader, sign, left, right, truth)
    if truth is None:
        return some([reader.null(left), reader.null(right)])
    if not _is_constant(right):
        return _of_terms(reader, sign, left, right, truth)
    kind, line = type_of(left), _line(left)
    known = given(right, kind, line, reader.zone) if kind is not None and line is not None else None
    if known is None or line is None or (not line.ordered and sign not in ("=", "<>")):
        return _of_terms(reader, sign, left, right, truth)
    return reader.inside(left, _set(sign, known, line, truth=truth), line)


def _is_nested(node: exp.Expr) -> bool:
    """Tell whether a comparison may be NULL because of a NULL inside a value."""
    kind = type_of(node)
    return kind is None or kind.base in ("array", "map", "row")


def _comparing(sign: str, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return _SAME[sign](this=copied(left), expression=copied(right))


def _set(sign: str, known: Given, line: Line, *, truth: bool) -> Domain:
    """Return the values for which a comparison with a constant is TRUE, or FALSE."""
    present = everything(line, null=False)
    if known.nan:
        met = present if sign == "<>" else Domain()
    elif known.point is None:
        return Domain()
    else:
        met = ray(sign, known.point, line)
    return met if truth else less(present, met)


def _decided(reader: Reader, sign: str, left: exp.Expr, right: exp.Expr, truth: Truth) -> Formula:
    """Compare two constants."""
    kinds = type_of(left), type_of(right)
    shared = common_super_type(kinds[0], kinds[1]) if kinds[0] is not None and kinds[1] is not None else None
    line = line_of(shared) if shared is not None else None
    if shared is None or line is None or (not line.ordered and sign not in ("=", "<>")):
        return reader.whole(_comparing(sign, left, right), truth)
    first, second = given(left, shared, line, reader.zone), given(right, shared, line, reader.zone)
    if first is None or second is None:
        return reader.whole(_comparing(sign, left, right), truth)
    if (first.point is None and not first.nan) or (second.point is None and not second.nan):
        return TRUE if truth is None else FALSE
    if truth is None:
        return FALSE
    values = _set(sign, second, line, truth=truth)
    value = NANS if first.point is None else ray("=", first.point, line)
    if value.empty:
        return reader.whole(_comparing(sign, left, right), truth)
    return TRUE if less(value, values).empty else FALSE


_SAME: Mapping[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "<>": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


def _of_terms(reader: Reader, sign: str, left: exp.Expr, right: exp.Expr, truth: bool) -> Formula:
    """Return a comparison of two terms, and that neither is NULL."""
    if key(left, reader.columns) == key(right, reader.columns):
        return _of_itself(reader, sign, left, truth=truth)
    floats = any((kind := type_of(side)) is None or kind.base in ("real", "double") for side in (left, right))
    first, second = reader.term(left), reader.term(right)
    if not truth and (sign in ("=", "<>") or not floats):
        sign, truth = DENIED[sign], True
    if sign in (">", ">=") or (sign in ("=", "<>") and repr(second) < repr(first)):
        sign, first, second = FLIPPED[sign], second, first
    if _is_volatile(left) or _is_volatile(right):
        first = never()
    found = Compared(sign if truth else f"!{sign}", first, second, _is_exact(left, right))
    return every([found, reader.present(left), reader.present(right)])


def _of_itself(reader: Reader, sign: str, node: exp.Expr, *, truth: bool) -> Formula:
    """Compare a value with itself: it is equal, unless it is NaN; a type that is not followed may hold one."""
    line = _line(node)
    if line is None:
        return Whole(never(), truth)
    equal = everything(line, null=False)
    met = Domain(equal.spans) if sign in ("=", "<=", ">=") else NANS if sign == "<>" else Domain()
    return reader.inside(node, meet(equal, met) if truth else less(equal, met), line)


def _is_exact(left: exp.Expr, right: exp.Expr) -> bool:
    lines = _line(left), _line(right)
    families = [line.family for line in lines if line is not None]
    return len(families) == 2 and families[0] == families[1] and families[0] in ("number", "text", "local", "instant")


def _between(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    low, high = node.args["low"], node.args["high"]
    if _is_mixed([node.this, low, high]):
        return reader.whole(node, truth)
    value = node.this
    pair = [(">=", low), ("<=", high)]
    if truth is None:
        ends = [_LazyEnd(reader, sign, value, end) for sign, end in pair]
        unknown = [each.formula(None) for each in ends]
        return every([some(unknown), *(some([each.formula(None), each.formula(True)]) for each in ends)])
    found = [compared(reader, sign, value, end, truth) for sign, end in pair]
    return every(found) if truth else some(found)


@dataclass(frozen=True, slots=True)
class _LazyEnd:
    reader: Reader
    sign: str
    value: exp.Expr
    end: exp.Expr

    def formula(self, truth: Truth) -> Formula:
        return compared(self.reader, self.sign, self.value, self.end, truth)


def _is_mixed(nodes: Iterable[exp.Expr]) -> bool:
    """Tell whether values of several types turn into one that changes what is equal."""
    bases = {kind.base if (kind := type_of(node.unnest())) is not None else "" for node in nodes} - {"unknown"}
    return "" in bases or (len(bases) > 1 and bool(bases & _ROUNDED))


def _in(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    items = node.expressions
    if not items or node.args.get("query") is not None or _is_mixed([node.this, *items]):
        return reader.whole(node, truth)
    each = [_LazyEnd(reader, "=", node.this, item) for item in items]
    if truth is None:
        return every(
            [
                some([one.formula(None) for one in each]),
                *(some([one.formula(None), one.formula(False)]) for one in each),
            ]
        )
    found = [one.formula(truth) for one in each]
    return some(found) if truth else every(found)


def _distinct(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    """Read IS [NOT] DISTINCT FROM, which is never NULL."""
    if truth is None:
        return FALSE
    same = isinstance(node, exp.NullSafeEQ) == truth
    left, right = node.this.unnest(), node.expression.unnest()
    if _is_constant(left):
        left, right = right, left
    kind, line = type_of(left), _line(left)
    if isinstance(right, exp.Null):
        return reader.null(left) if same else reader.present(left)
    if _is_constant(left) or not _is_constant(right) or kind is None or line is None or _is_mixed([left, right]):
        return reader.whole(node, truth)
    known = given(right, kind, line, reader.zone)
    if known is None:
        return reader.whole(node, truth)
    value = NANS if known.nan else NULLS if known.point is None else ray("=", known.point, line)
    return reader.inside(left, value if same else less(everything(line), value), line)


def _like(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    wanted = truth if truth is None or not node.args.get("negate") else not truth
    subject, pattern = node.this.unnest(), node.expression.unnest()
    line, kind = _line(subject), type_of(subject)
    if kind is None or line is None or line.family != "text" or not isinstance(pattern, exp.Literal):
        return reader.whole(node, truth)
    if _is_constant(subject):
        known = given(subject, kind, line, reader.zone)
        if known is None or not isinstance(known.point, str):
            return reader.whole(node, truth)
        return TRUE if matches(known.point, pattern.name) == wanted else FALSE
    if wanted is None:
        return reader.null(subject)
    found = like_domain(pattern.name, line)
    if found.exact:
        present = everything(line, null=False)
        return reader.inside(subject, found.domain if wanted else less(present, found.domain), line)
    positive = copied(node)
    positive.set("negate", None)
    parts = [reader.whole(positive, wanted), reader.present(subject)]
    if wanted:
        parts.append(reader.inside(subject, found.domain, line))
    return every(parts)


def every(parts: Iterable[Formula]) -> Formula:
    """Return that each part holds; sets of one term's values are put together."""
    flat: list[Formula] = []
    sets: dict[Key, Domain] = {}
    for part in parts:
        if part == FALSE:
            return FALSE
        for each in part.parts if isinstance(part, All) else (part,):
            if isinstance(each, Inside):
                sets[each.term] = meet(sets[each.term], each.domain) if each.term in sets else each.domain
            else:
                flat.append(each)
    flat.extend(Inside(term, domain) for term, domain in sets.items())
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def some(parts: Iterable[Formula]) -> Formula:
    """Return that one part holds; sets of one term's values are put together."""
    flat: list[Formula] = []
    sets: dict[Key, list[Domain]] = {}
    for part in parts:
        if part == TRUE:
            return TRUE
        for each in part.parts if isinstance(part, Some) else (part,):
            if isinstance(each, Inside):
                sets.setdefault(each.term, []).append(each.domain)
            else:
                flat.append(each)
    flat.extend(Inside(term, union(domains)) for term, domains in sets.items())
    return flat[0] if len(flat) == 1 else Some(tuple(flat))


_HANDLERS: Mapping[type[exp.Expr], Callable[[Reader, exp.Expr, Truth], Formula]] = {
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _is,
    exp.Boolean: _boolean,
    exp.Null: _unknown,
    **dict.fromkeys(SIGNS, _comparison),
    exp.Between: _between,
    exp.In: _in,
    exp.NullSafeEQ: _distinct,
    exp.NullSafeNEQ: _distinct,
    exp.Like: _like,
}
