"""Lineage: from which table columns the values of an expression, and so of a result column, may come.

Told only where it is asked for. What is not followed (None) may come from anything that the statement reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from rewrite_rules.analysis.scopes import Field, Origins

_NOTE = "origins"


def note(node: exp.Expr, origins: Origins) -> None:
    """Note in a reference or a subquery where its values come from."""
    node.meta[_NOTE] = origins


def united(all_origins: Iterable[Origins]) -> Origins:
    """Return the columns of all; None if any is not known."""
    found: dict[tuple[object, str], None] = {}
    for origins in all_origins:
        if origins is None:
            return None
        found.update(dict.fromkeys(origins))
    return tuple(found)  # type: ignore[arg-type]  # the keys are what `origins` held


def origins_of_fields(fields: Sequence[Field]) -> Origins:
    """Return where the values of all fields come from."""
    return united(field.origins for field in fields)


def origins_of(node: exp.Expr) -> Origins:
    """Return where the values of an expression come from: every column in it, also in its subqueries."""
    return united(
        each.meta.get(_NOTE)
        for each in node.walk()
        if isinstance(each, exp.Column | exp.Query) and not isinstance(each.this, exp.Star)
    )
