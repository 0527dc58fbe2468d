"""Bind the values that the session knows: the caller must see its own name, never the service account's."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from catalog.dialect.trees import NO_SESSION_VALUES
from gateway.planning.context import literal_text
from gateway.received import Received, Session

# CURRENT_PATH is read as a SessionUser, which Trino does not have.
_BARE = {exp.CurrentUser: "user", exp.CurrentCatalog: "catalog", exp.CurrentSchema: "schema", exp.SessionUser: "path"}

TRINO_VERSION = "476"
"""The version whose protocol and SQL the gateway speaks, as clients are told it everywhere."""
_CALLED: dict[str, Callable[[Session], str]] = {
    "current_timezone": lambda session: session.time_zone,
    "version": lambda _: TRINO_VERSION,
}


def bind_session_values(tree: exp.Expr, received: Received) -> exp.Expr:
    """Replace current_user, _catalog, _schema and _path, current_timezone() and version() by literals, in place."""
    if tree.meta_get(NO_SESSION_VALUES):
        return tree
    session = received.session
    values = {
        "user": received.principal.user,
        "catalog": session.catalog,
        "schema": session.schema,
        "path": session.path or "",
    }
    for node in list(tree.find_all(*_BARE, exp.Anonymous)):
        if isinstance(node, exp.Anonymous):
            called = _CALLED.get(node.name.lower())
            if called is None or node.expressions:
                continue
            value: str | None = called(session)
        else:
            value = values[_BARE[type(node)]]
        bound = literal_text(value) if value is not None else exp.Cast(this=exp.Null(), to=literal_text("").args["to"])
        node.replace(bound)
    return tree
