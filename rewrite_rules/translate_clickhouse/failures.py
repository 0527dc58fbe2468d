"""How this pass refuses: always by name, always with the way out."""

from __future__ import annotations

from sqlglot import exp

from catalog.errors import ErrorCode, Location, Refusal

_HINT = "Run the query on Trino if the data is there too."


def unsupported(what: str, node: exp.Expr | None = None) -> Refusal:
    """Return the refusal of what is not proved to mean on ClickHouse what it means on Trino."""
    return Refusal(
        ErrorCode.NOT_SUPPORTED, f"{what} is not supported on ClickHouse.", location=_place(node), hint=_HINT
    )


def _place(node: exp.Expr | None) -> Location | None:
    """Return where a node's first mark in the user's text stands, if it came from there."""
    for part in node.walk() if node is not None else ():
        meta = part.meta
        if "line" in meta:
            return Location(meta["line"], max(1, meta["col"] - (meta["end"] - meta["start"])))
    return None
