"""Bind the values that the session knows: the caller must see its own name, never the service account's."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.trees import NO_SESSION_VALUES
from gateway.models import Received
from gateway.planning.context import literal_text

_BARE = {exp.CurrentUser: "user", exp.CurrentCatalog: "catalog", exp.CurrentSchema: "schema"}


def bind_session_values(tree: exp.Expr, received: Received) -> exp.Expr:
    """Replace current_user, current_catalog, current_schema and current_timezone() by literals, in place."""
    if tree.meta_get(NO_SESSION_VALUES):
        return tree
    session = received.session
    values = {"user": received.principal.user, "catalog": session.catalog, "schema": session.schema}
    for node in list(tree.find_all(*_BARE, exp.Anonymous)):
        if isinstance(node, exp.Anonymous):
            if node.name.lower() != "current_timezone" or node.expressions:
                continue
            value: str | None = session.time_zone
        else:
            value = values[_BARE[type(node)]]
        bound = literal_text(value) if value is not None else exp.Cast(this=exp.Null(), to=literal_text("").args["to"])
        node.replace(bound)
    return tree
