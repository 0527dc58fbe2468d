"""Three-valued logic: AND, OR, NOT, IS NULL and LIKE as formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS
from rewrite_rules.substitution.comparing import between, comparison, distinct, in_list
from rewrite_rules.substitution.formulas import FALSE, TRUE, Formula, Truth, every, some
from rewrite_rules.substitution.keys import Key, column_key
from rewrite_rules.substitution.patterns import like_domain, matches
from rewrite_rules.substitution.preimages import type_of
from rewrite_rules.substitution.ranges import everything, less
from rewrite_rules.substitution.reader import Handler, NotNull, Reader, is_constant, line_at
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.substitution.values import given


def reader_of(not_null: NotNull, zone: str = "UTC", columns: Callable[[exp.Column], Key] = column_key) -> Reader:
    """Return a reader of conditions; `zone` is the session's, `columns` names columns."""
    return Reader(_HANDLERS, not_null, zone, columns)


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


def _like(reader: Reader, node: exp.Expr, truth: Truth) -> Formula:
    wanted = truth if truth is None or not node.args.get("negate") else not truth
    subject, pattern = node.this.unnest(), node.expression.unnest()
    line, kind = line_at(subject), type_of(subject)
    if kind is None or line is None or line.family != "text" or not isinstance(pattern, exp.Literal):
        return reader.whole(node, truth)
    if is_constant(subject):
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


_HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _is,
    exp.Boolean: _boolean,
    exp.Null: _unknown,
    **dict.fromkeys(SIGNS, comparison),
    exp.Between: between,
    exp.In: in_list,
    exp.NullSafeEQ: distinct,
    exp.NullSafeNEQ: distinct,
    exp.Like: _like,
}
