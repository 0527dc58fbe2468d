"""GRANT, REVOKE, DENY, CREATE ROLE, DROP ROLE, and catalogs: read by the whole grammar, whoever refuses them later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.lexemes import Kind
from catalog.dialect.statement_rules.tables import properties
from catalog.dialect.statements import ChangePrivileges, ChangeRoles, CreateRole, DropRole, Unsupported
from catalog.dialect.syntax import place, syntax_error

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.statements import Statement
    from catalog.errors import Location

_PRIVILEGES = frozenset({"CREATE", "DELETE", "INSERT", "SELECT", "UPDATE"})


def grant(cursor: Cursor) -> Statement:
    """Read GRANT of privileges or of roles."""
    return _change(cursor, "GRANT", "TO")


def revoke(cursor: Cursor) -> Statement:
    """Read REVOKE of privileges or of roles."""
    return _change(cursor, "REVOKE", "FROM")


def deny(cursor: Cursor) -> Statement:
    """Read DENY of privileges."""
    return _change(cursor, "DENY", "TO")


def _change(cursor: Cursor, kind: Literal["GRANT", "REVOKE", "DENY"], toward: str) -> Statement:
    location = place(cursor.here)
    cursor.expect(kind)
    option = kind == "REVOKE" and _option(cursor)
    if cursor.accept("ALL", "PRIVILEGES"):
        return _privileges(cursor, kind, None, toward, location=location)
    named = _names(cursor)
    roles_fit = kind != "DENY" and option != "GRANT"
    if cursor.here.upper == "ON" or not roles_fit:
        if option == "ADMIN":
            cursor.expect(toward)
        return _privileges(cursor, kind, tuple(name.text for name in named), toward, location=location)
    return _roles(cursor, cast(Literal["GRANT", "REVOKE"], kind), named, toward)


def _option(cursor: Cursor) -> str | None:
    """Read `GRANT OPTION FOR` or `ADMIN OPTION FOR`; without OPTION behind it, the word is a role's name."""
    word = cursor.here.upper
    if word not in ("GRANT", "ADMIN") or cursor.ahead().upper != "OPTION":
        return None
    cursor.expect(word, "OPTION", "FOR")
    return word


def _names(cursor: Cursor) -> list[Lexeme]:
    """Read privileges or roles: which of both they are, only what follows tells."""
    found = [_one_name(cursor)]
    while cursor.accept(","):
        found.append(_one_name(cursor))
    return found


def _one_name(cursor: Cursor) -> Lexeme:
    lexeme = cursor.here
    if _is_privilege(lexeme):
        cursor.at += 1
    else:
        cursor.identifier()
    return lexeme


def _is_privilege(lexeme: Lexeme) -> bool:
    return lexeme.kind is Kind.WORD and lexeme.upper in _PRIVILEGES


def _privileges(
    cursor: Cursor,
    kind: Literal["GRANT", "REVOKE", "DENY"],
    privileges: tuple[str, ...] | None,
    toward: str,
    *,
    location: Location,
) -> Statement:
    cursor.expect("ON")
    object_kind = "TABLE"
    if cursor.here.upper == "TABLE" or _is_kind(cursor, toward):
        object_kind = cursor.here.text.upper()
        cursor.at += 1
    name = cursor.name()
    cursor.expect(toward)
    principal(cursor)
    if kind == "GRANT" and cursor.accept("WITH"):
        cursor.expect("GRANT", "OPTION")
    return ChangePrivileges(kind, privileges, object_kind, name, location)


def _is_kind(cursor: Cursor, toward: str) -> bool:
    """Tell a kind of object before a name from the name itself, behind which TO or FROM stands."""
    if not cursor.here.is_name or not cursor.ahead().is_name:
        return False
    return cursor.ahead().upper != toward or cursor.ahead(2).upper == toward


def _roles(cursor: Cursor, kind: Literal["GRANT", "REVOKE"], named: list[Lexeme], toward: str) -> Statement:
    cursor.expect(toward)
    roles = [lexeme.identifier for lexeme in named]
    grantees = [principal(cursor)]
    while cursor.accept(","):
        grantees.append(principal(cursor))
    if kind == "GRANT" and cursor.accept("WITH"):
        cursor.expect("ADMIN", "OPTION")
    grantor = None
    if cursor.accept("GRANTED"):
        cursor.expect("BY")
        grantor = _grantor(cursor)
    catalog = _in_catalog(cursor)
    for lexeme in named:
        if _is_privilege(lexeme):
            raise syntax_error("May not use a privilege name as a role name", lexeme)
    others = [role for role in (*grantees, grantor) if role is not None]
    return ChangeRoles(kind, (*roles, *others), catalog, place(cursor.lexemes[0]))


def principal(cursor: Cursor) -> str | None:
    """Read whom something is given to: a name, which USER or ROLE may introduce. Return a role's name."""
    word = cursor.here.upper
    if word in ("USER", "ROLE") and cursor.ahead().is_name and cursor.ahead().upper not in _BEHIND:
        cursor.at += 1
        name = cursor.identifier()
        return name if word == "ROLE" else None
    cursor.identifier()
    return None


_BEHIND = frozenset({"WITH", "GRANTED", "IN"})
"""Words that follow a principal; `GRANT r TO user IN memory` gives to a user of that name."""


def _grantor(cursor: Cursor) -> str | None:
    if cursor.accept("CURRENT_USER") or cursor.accept("CURRENT_ROLE"):
        return None
    return principal(cursor)


def _in_catalog(cursor: Cursor) -> str | None:
    return cursor.identifier() if cursor.accept("IN") else None


def create_role(cursor: Cursor) -> Statement:
    """Read what follows CREATE ROLE."""
    role = cursor.identifier()
    admin = None
    if cursor.accept("WITH"):
        cursor.expect("ADMIN")
        admin = _grantor(cursor)
    return CreateRole(role, admin, _in_catalog(cursor), place(cursor.lexemes[0]))


def drop_role(cursor: Cursor) -> Statement:
    """Read what follows DROP ROLE."""
    if_exists = cursor.accept("IF", "EXISTS")
    role = cursor.identifier()
    return DropRole(role, if_exists, _in_catalog(cursor), place(cursor.lexemes[0]))


def create_catalog(cursor: Cursor) -> Statement:
    """Read what follows CREATE CATALOG."""
    if cursor.accept("IF", "NOT"):
        cursor.expect("EXISTS")
    cursor.identifier()
    cursor.expect("USING")
    cursor.identifier()
    if cursor.accept("COMMENT"):
        cursor.string()
    if cursor.accept("AUTHORIZATION"):
        principal(cursor)
    properties(cursor)
    return Unsupported("CREATE CATALOG", place(cursor.lexemes[0]))


def drop_catalog(cursor: Cursor) -> Statement:
    """Read what follows DROP CATALOG."""
    cursor.accept("IF", "EXISTS")
    cursor.identifier()
    if not cursor.accept("CASCADE"):
        cursor.accept("RESTRICT")
    return Unsupported("DROP CATALOG", place(cursor.lexemes[0]))
