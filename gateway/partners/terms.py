"""The terms of an entitlement, held against its table before they are kept: every fault, each with its field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import Table
from policies.expressions import TypeOf, check_columns, read_expression
from policies.faults import Unfit

_BOOLEAN = "boolean"
_MEND = "Write a condition over the table's own columns and constants, with the functions that policies may call."


@dataclass(frozen=True, slots=True)
class TermFault:
    """What is wrong with one field."""

    field: str
    reason: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Which rows and columns of its table an entitlement shows."""

    row_filter: str | None = None
    allowed_columns: tuple[str, ...] | None = None
    denied_columns: tuple[str, ...] = ()

    @classmethod
    def of(cls, row_filter: str | None, allowed: Iterable[str] | None, denied: Iterable[str]) -> Terms:
        """Fold and order the columns' names."""
        return cls(row_filter, None if allowed is None else _folded(allowed), _folded(denied))


def faults_of(terms: Terms, table: Table, type_of: TypeOf) -> list[TermFault]:
    """Return all that is wrong with terms on a table."""
    found = list(_columns("allowed_columns", terms.allowed_columns or (), table))
    found += _columns("denied_columns", terms.denied_columns, table)
    found += _contradictions(terms, table)
    if terms.row_filter is not None:
        found += _filter(terms.row_filter, table, type_of)
    return found


def _columns(field: str, names: tuple[str, ...], table: Table) -> Iterator[TermFault]:
    for name in names:
        if name not in table.by_name:
            near = difflib.get_close_matches(name, table.by_name, n=1)
            yield TermFault(
                field, f"{table.name} has no column `{name}`", f"Did you mean `{near[0]}`?" if near else "Leave it out."
            )


def _contradictions(terms: Terms, table: Table) -> Iterator[TermFault]:
    denied = set(terms.denied_columns)
    both = sorted(denied & set(terms.allowed_columns or ()))
    if both:
        yield TermFault(
            "denied_columns", f"{', '.join(both)}: allowed and denied at once", "Name each column in one of them."
        )
    elif not set(terms.allowed_columns if terms.allowed_columns is not None else table.by_name) - denied:
        field = "allowed_columns" if terms.allowed_columns == () else "denied_columns"
        yield TermFault(field, "no column is left to see", "Allow at least one, or do not grant the table.")


def _filter(sql: str, table: Table, type_of: TypeOf) -> Iterator[TermFault]:
    """Check that a filter is a condition over its table alone, the same for whoever asks."""
    try:
        expression = read_expression(sql, parse_expression)
        if expression.personal:
            raise Unfit("a partner's filter depends on no attribute or name", "Write the value itself.")
        check_columns(expression, table)
        kind = type_of(expression.tree, table)
        if kind.base == _BOOLEAN:  # a cast is what is tried on the table's engine, too
            type_of(exp.Cast(this=exp.Paren(this=expression.tree), to=exp.DataType.build(_BOOLEAN)), table)
    except Unfit as unfit:
        near = unfit.hint if unfit.hint.startswith("Did you mean") else ""
        yield TermFault("row_filter", unfit.message, near or _MEND)  # other hints are for policies about people
    except Refusal as refusal:
        yield TermFault("row_filter", refusal.message, refusal.hint or _MEND)
    else:
        if kind.base != _BOOLEAN:
            yield TermFault("row_filter", f"it gives {kind}, not boolean", "Write a condition, such as iso = 'CAISO'.")


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({fold_trino(name) for name in names}))
