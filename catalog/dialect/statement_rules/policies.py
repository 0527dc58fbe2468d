"""CREATE, DROP and SHOW of row and column policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.lexemes import Kind
from catalog.dialect.statements.policies import (
    CreateColumnPolicy,
    CreateRowPolicy,
    DropPolicy,
    Grantee,
    PolicyKind,
    PolicyText,
    ShowCreatePolicy,
    ShowPolicies,
)
from catalog.dialect.syntax import mismatched, place
from catalog.dialect.trees import expression_tree
from catalog.dialect.words import INTERVAL_FIELDS

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor
    from catalog.dialect.statements import Statement

_KINDS = ("ROW", "COLUMN")
_STRINGS = (Kind.STRING, Kind.UNICODE_STRING)


def begins(cursor: Cursor, noun: str = "POLICY") -> bool:
    """Tell whether ROW POLICY or COLUMN POLICY (or another noun) stands here."""
    return cursor.here.upper in _KINDS and cursor.ahead().upper == noun


def create(cursor: Cursor, replace: bool) -> Statement:
    """Read CREATE from ROW or COLUMN on."""
    kind = cursor.choose(*_KINDS)
    cursor.expect("POLICY")
    if_not_exists = not replace and cursor.accept("IF", "NOT", "EXISTS")
    location = place(cursor.here)
    name = cursor.identifier()
    cursor.expect("ON")
    table = cursor.name()
    if kind == "ROW":
        if cursor.accept("FOR"):
            cursor.expect("SELECT")
        cursor.expect("USING")
        condition = _expression(cursor, "TO")
        cursor.expect("TO")
        return CreateRowPolicy(name, table, condition, _grantees(cursor), replace, if_not_exists, location)
    cursor.expect("MODIFY")
    column_location = place(cursor.here)
    column = cursor.identifier()
    cursor.expect("TO")
    mask = _expression(cursor, "FOR")
    cursor.expect("FOR")
    grantees = _grantees(cursor)
    return CreateColumnPolicy(name, table, column, column_location, mask, grantees, replace, if_not_exists, location)


def drop(cursor: Cursor) -> Statement:
    """Read DROP from ROW or COLUMN on."""
    kind = _policy_kind(cursor)
    cursor.expect("POLICY")
    if_exists = cursor.accept("IF", "EXISTS")
    location = place(cursor.here)
    name = cursor.identifier()
    cursor.expect("ON")
    return DropPolicy(kind, name, cursor.name(), if_exists, location)


def show(cursor: Cursor) -> Statement:
    """Read SHOW from ROW or COLUMN on."""
    kind = _policy_kind(cursor)
    cursor.expect("POLICIES")
    table = cursor.name() if cursor.accept("ON") else None
    return ShowPolicies(kind, table, cursor.pattern())


def show_create(cursor: Cursor) -> Statement:
    """Read SHOW CREATE from ROW or COLUMN on."""
    kind = _policy_kind(cursor)
    cursor.expect("POLICY")
    location = place(cursor.here)
    name = cursor.identifier()
    cursor.expect("ON")
    return ShowCreatePolicy(kind, name, cursor.name(), location)


def _policy_kind(cursor: Cursor) -> PolicyKind:
    return cast(PolicyKind, cursor.choose(*_KINDS))


def _expression(cursor: Cursor, stop: str) -> PolicyText:
    """Read an expression up to a word, checked by the parser that will read the policy again."""
    start, location = cursor.at, place(cursor.here)
    cursor.skip_expression(stop)
    while _within_interval(cursor):
        cursor.at += 1
        cursor.skip_expression(stop)
    expression_tree(cursor.cut(start, cursor.at), cursor.sql, cursor.limits)
    return PolicyText(cursor.text(start, cursor.at), location)


def _within_interval(cursor: Cursor) -> bool:
    """Tell whether the word TO here is part of `INTERVAL '1-2' YEAR TO MONTH`."""
    if cursor.here.upper != "TO" or cursor.at < 3:
        return False
    before = cursor.lexemes[cursor.at - 4 : cursor.at]
    signed = before[-3].text in ("+", "-") and len(before) == 4
    opening = before[0] if signed else before[-3]
    return (
        opening.upper == "INTERVAL"
        and before[-2].kind in _STRINGS
        and before[-1].upper in INTERVAL_FIELDS
        and cursor.ahead().upper in INTERVAL_FIELDS
    )


def _grantees(cursor: Cursor) -> tuple[Grantee, ...]:
    """Read ALL, or names of roles, users and groups separated by commas."""
    location = place(cursor.here)
    if cursor.here.upper == "ALL" and cursor.ahead().kind is Kind.END:
        cursor.at += 1
        return (Grantee("ALL", "", location),)
    found = [_grantee(cursor)]
    while cursor.accept(","):
        found.append(_grantee(cursor))
    return tuple(found)


def _grantee(cursor: Cursor) -> Grantee:
    location, word = place(cursor.here), cursor.here.upper
    if word == "ALL":
        raise mismatched(cursor.here, "<identifier>")
    if word in ("ROLE", "USER", "GROUP") and cursor.ahead().is_name:
        cursor.at += 1
        return Grantee(cast(Literal["ROLE", "USER", "GROUP"], word), cursor.identifier(), location)
    return Grantee("ROLE", cursor.identifier(), location)
