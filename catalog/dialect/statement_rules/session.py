"""USE, SET, RESET, transactions and CALL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from catalog.dialect.lexemes import Kind
from catalog.dialect.statements import (
    Argument,
    Call,
    Commit,
    QualifiedName,
    ResetSession,
    ResetSessionAuthorization,
    Rollback,
    SetPath,
    SetRole,
    SetSession,
    SetSessionAuthorization,
    SetTimeZone,
    StartTransaction,
    Statement,
    Use,
    WithSession,
)
from catalog.dialect.syntax import mismatched, place

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor


def use(cursor: Cursor) -> Statement:
    """Read USE [catalog.]schema."""
    cursor.expect("USE")
    location = place(cursor.here)
    first = cursor.identifier()
    if cursor.accept("."):
        return Use(first, cursor.identifier(), location)
    return Use(None, first, location)


def set_(cursor: Cursor) -> Statement:
    """Read a statement that begins with SET."""
    cursor.expect("SET")
    if cursor.accept("SESSION", "AUTHORIZATION"):
        quoted = cursor.here.kind in (Kind.STRING, Kind.UNICODE_STRING)
        return SetSessionAuthorization(cursor.string() if quoted else cursor.identifier())
    if cursor.accept("SESSION"):
        name = cursor.name()
        cursor.expect("=")
        return SetSession(name, cursor.expression())
    if cursor.accept("TIME", "ZONE"):
        if cursor.here.upper == "LOCAL" and cursor.ahead().kind is Kind.END:
            cursor.at += 1
            return SetTimeZone(None)
        return SetTimeZone(cursor.expression())
    if cursor.accept("PATH"):
        return _path(cursor)
    if cursor.accept("ROLE"):
        return _role(cursor)
    raise mismatched(cursor.here, "'PATH', 'ROLE', 'SESSION', 'TIME'")


def with_session(cursor: Cursor) -> Statement:
    """Read WITH SESSION [catalog.]name = expression, ... query."""
    cursor.expect("WITH", "SESSION")
    settings = [_setting(cursor)]
    while cursor.accept(","):
        settings.append(_setting(cursor))
    return WithSession(tuple(settings), cursor.query())


def _setting(cursor: Cursor) -> SetSession:
    name = cursor.name()
    cursor.expect("=")
    return SetSession(name, cursor.expression("SELECT", "WITH", "VALUES", "TABLE"))


def reset(cursor: Cursor) -> Statement:
    """Read RESET SESSION."""
    cursor.expect("RESET", "SESSION")
    if cursor.here.upper == "AUTHORIZATION" and cursor.ahead().kind is Kind.END:
        cursor.at += 1
        return ResetSessionAuthorization()
    return ResetSession(cursor.name())


def start(cursor: Cursor) -> Statement:
    """Read START TRANSACTION."""
    cursor.expect("START", "TRANSACTION")
    modes: list[str] = []
    if cursor.here.kind is not Kind.END:
        modes.append(_mode(cursor))
        while cursor.accept(","):
            modes.append(_mode(cursor))
    return StartTransaction(tuple(modes))


def commit(cursor: Cursor) -> Statement:
    """Read COMMIT."""
    cursor.expect("COMMIT")
    cursor.accept("WORK")
    return Commit()


def rollback(cursor: Cursor) -> Statement:
    """Read ROLLBACK."""
    cursor.expect("ROLLBACK")
    cursor.accept("WORK")
    return Rollback()


def call(cursor: Cursor) -> Statement:
    """Read CALL with positional and named arguments."""
    location = place(cursor.here)
    cursor.expect("CALL")
    name = cursor.name()
    cursor.expect("(")
    arguments: list[Argument] = []
    if cursor.here.text != ")":
        arguments.append(_argument(cursor))
        while cursor.accept(","):
            arguments.append(_argument(cursor))
    cursor.expect(")")
    return Call(name, tuple(arguments), location)


def _argument(cursor: Cursor) -> Argument:
    name, location = None, place(cursor.here)
    if cursor.ahead().text == "=>":
        name = cursor.identifier()
        cursor.expect("=>")
    return Argument(name, cursor.expression(), location)


def _path(cursor: Cursor) -> Statement:
    elements = [_path_element(cursor)]
    while cursor.accept(","):
        elements.append(_path_element(cursor))
    return SetPath(tuple(elements))


def _path_element(cursor: Cursor) -> QualifiedName:
    location = place(cursor.here)
    first = cursor.identifier()
    return QualifiedName((first, cursor.identifier()) if cursor.accept(".") else (first,), location)


def _role(cursor: Cursor) -> Statement:
    word = cursor.here.upper
    if word in ("ALL", "NONE"):
        cursor.at += 1
        role, both = None, cast(Literal["ALL", "NONE"], word)
        return SetRole(role, both, cursor.identifier() if cursor.accept("IN") else None)
    name = cursor.identifier()
    return SetRole(name, None, cursor.identifier() if cursor.accept("IN") else None)


def _mode(cursor: Cursor) -> str:
    if cursor.accept("READ"):
        return f"READ {cursor.choose('ONLY', 'WRITE')}"
    cursor.expect("ISOLATION", "LEVEL")
    if cursor.accept("SERIALIZABLE"):
        return "ISOLATION LEVEL SERIALIZABLE"
    if cursor.accept("REPEATABLE", "READ"):
        return "ISOLATION LEVEL REPEATABLE READ"
    cursor.expect("READ")
    return f"ISOLATION LEVEL READ {cursor.choose('COMMITTED', 'UNCOMMITTED')}"
