"""Refusals of the analysis: Trino's codes, Trino's words, the place in the user's text."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode, Location, Refusal


def refuse(
    code: ErrorCode, message: str, node: exp.Expr | None = None, *, at: Location | None = None, hint: str | None = None
) -> Refusal:
    """Make a refusal that points at a place, or at where a node begins."""
    return Refusal(code, message, location=location_of(node) if at is None and node is not None else at, hint=hint)


def mismatch(message: str, node: exp.Expr | None = None, *, at: Location | None = None) -> Refusal:
    """Make a TYPE_MISMATCH."""
    return refuse(ErrorCode.TYPE_MISMATCH, message, node, at=at)


def unsupported(message: str, node: exp.Expr | None = None, *, hint: str | None = None) -> Refusal:
    """Make a NOT_SUPPORTED."""
    return refuse(ErrorCode.NOT_SUPPORTED, message, node, hint=hint)


def too_deep() -> Refusal:
    """Make the refusal of what is nested too deeply to be walked."""
    return Refusal(ErrorCode.GENERIC_USER_ERROR, "Query is nested too deeply", hint="Simplify the query.")


def location_of(node: exp.Expr) -> Location | None:
    """Return where the first token of a node stands that the parser kept; None if it kept none."""
    best: Mapping[str, int] | None = None
    for part in node.walk():
        meta = part.meta if part.args else {}
        if "line" in meta and "start" in meta and (best is None or meta["start"] < best["start"]):
            best = meta
    return Location(best["line"], best["col"]) if best is not None else None


def location_after(node: exp.Expr, sql: str) -> Location | None:
    """Return where the next token after a node stands, such as the operator behind its left operand.

    `sql` is the text the node was parsed from; without it the answer is where the node itself begins.
    """
    metas = [part.meta for part in node.walk() if part.args and "end" in part.meta]
    last = max(metas, key=lambda meta: int(meta["end"]), default=None)
    if last is None or last["end"] >= len(sql):
        return location_of(node)
    line, column = last["line"], last["col"] + last["end"] - last["start"] + 1
    for char in sql[last["end"] + 1 :]:
        if char == "\n":
            line, column = line + 1, 1
        elif char.isspace() or char in ")]":
            column += 1
        else:
            return Location(line, column)
    return location_of(node)


def place_of(node: exp.Expr, sql: str) -> Location | None:
    """Return where Trino says that an expression stands: a binary operator at its sign, all else where it begins."""
    inner = node.unnest()
    return location_after(inner.this, sql) if isinstance(inner, exp.Binary) else location_of(node)
