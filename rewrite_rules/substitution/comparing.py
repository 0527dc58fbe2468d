"""Comparisons as formulas: with constants, sets of values; of two terms, an order between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS
from catalog.type_coercions import common_super_type
from rewrite_rules.substitution.formulas import FALSE, TRUE, Compared, Formula, Truth, Whole, every, some
from rewrite_rules.substitution.keys import key, never
from rewrite_rules.substitution.preimages import type_of
from rewrite_rules.substitution.ranges import NANS, NULLS, Domain, Line, everything, less, line_of, meet, ray
from rewrite_rules.substitution.reader import Reader, is_constant, is_unsteady, line_at
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import Given, given

FLIPPED: Mapping[str, str] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
DENIED: Mapping[str, str] = {"=": "<>", "<>": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_ROUNDED = frozenset({"real", "double", "char"})
"""Types to which others turn in a way that changes what is equal."""


def comparison(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    """Read a comparison of two values."""
    return compared(reader, SIGNS[node.__class__], node.this, node.expression, truth)


def compared(reader: Reader, sign: str, left: exp.Expr, right: exp.Expr, truth: Truth) -> Formula:
    """Return that a comparison has a truth value."""
    left, right = left.unnest(), right.unnest()
    if _is_nested(left) or _is_nested(right) or isinstance(right, exp.Any | exp.All):
        return reader.whole(_comparing(sign, left, right), truth)
    if is_constant(left) and not is_constant(right):
        return compared(reader, FLIPPED[sign], right, left, truth)
    if is_constant(left) and is_constant(right):
        return _decided(reader, sign, left, right, truth)
    if truth is None:
        return some([reader.null(left), reader.null(right)])
    if not is_constant(right):
        return _of_terms(reader, sign, left, right, truth)
    kind, line = type_of(left), line_at(left)
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
    if is_unsteady(left) or is_unsteady(right):
        first = never()
    found = Compared(sign if truth else f"!{sign}", first, second, _is_exact(left, right))
    return every([found, reader.present(left), reader.present(right)])


def _of_itself(reader: Reader, sign: str, node: exp.Expr, *, truth: bool) -> Formula:
    """Compare a value with itself: it is equal, unless it is NaN; a type that is not followed may hold one."""
    line = line_at(node)
    if line is None:
        return Whole(never(), truth)
    equal = everything(line, null=False)
    met = Domain(equal.spans) if sign in ("=", "<=", ">=") else NANS if sign == "<>" else Domain()
    return reader.inside(node, meet(equal, met) if truth else less(equal, met), line)


def _is_exact(left: exp.Expr, right: exp.Expr) -> bool:
    lines = line_at(left), line_at(right)
    families = [line.family for line in lines if line is not None]
    return len(families) == 2 and families[0] == families[1] and families[0] in ("number", "text", "local", "instant")


def between(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    """Read BETWEEN."""
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


def in_list(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    """Read IN with a list."""
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


def distinct(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    """Read IS [NOT] DISTINCT FROM, which is never NULL."""
    if truth is None:
        return FALSE
    same = isinstance(node, exp.NullSafeEQ) == truth
    left, right = node.this.unnest(), node.expression.unnest()
    if is_constant(left):
        left, right = right, left
    kind, line = type_of(left), line_at(left)
    if isinstance(right, exp.Null):
        return reader.null(left) if same else reader.present(left)
    if is_constant(left) or not is_constant(right) or kind is None or line is None or _is_mixed([left, right]):
        return reader.whole(node, truth)
    known = given(right, kind, line, reader.zone)
    if known is None:
        return reader.whole(node, truth)
    value = NANS if known.nan else NULLS if known.point is None else ray("=", known.point, line)
    return reader.inside(left, value if same else less(everything(line), value), line)
