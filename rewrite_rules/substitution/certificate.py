"""The certificate of a rewriting: every condition with its proof, replayable offline. See rewriting.md, section 13."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.materialized_views import Definition, Grade, Integrity, Region
from catalog.objects import TableName


@dataclass(frozen=True, slots=True)
class Proof:
    """One step: what is claimed, of which of the 16 conditions, and by what it is shown."""

    condition: int
    claim: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedCondition:
    """What became of one conjunct of the query."""

    text: str
    """Trino SQL over base columns."""
    how: Literal["implied", "compensated", "on base"]
    """By the view's own filter; by a condition on the view's columns; by a part that reads the base."""
    by: str
    """The view's condition that implies it, or the condition over the view."""


@dataclass(frozen=True, slots=True)
class ViewUse:
    """One view in a rewriting."""

    definition: Definition
    scan: str
    """The scan's Trino text (states as `"$merge"(column)`)."""
    scan_name: TableName
    mapping: tuple[tuple[str, str], ...] = ()
    """(occurrence in the query, occurrence in the view)."""
    conditions: tuple[MatchedCondition, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    """(what the scan shows, the expression over base columns that it stands for)."""
    watermark: Mapping[TableName, str] = field(default_factory=dict)
    excluded: tuple[tuple[TableName, Region], ...] = ()
    """Regions of the base whose rows come from the base and not from the view."""
    proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True, slots=True)
class Travelled:
    """Say at which snapshot a query reads a table that it asks for at another time than the present."""

    table: TableName
    asked: str
    """As the query has it: `FOR VERSION AS OF 'dev'`."""
    snapshot: int
    present: str
    """The version of the table by which that was looked up."""
    views: tuple[tuple[TableName, str], ...]
    """Views that were computed from that snapshot, with the version in the watermark that shows it."""


def snapshot_label(snapshot: int) -> str:
    """Return what the version of a table is called that is read at one snapshot."""
    return f"snapshot {snapshot}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Say why a rewritten query gives the answer of the original."""

    query: str
    """The governed query, Trino SQL: policy came first."""
    rewritten: str
    """Trino SQL over the scans by their private names."""
    uses: tuple[ViewUse, ...]
    grade: Grade
    grades: tuple[tuple[str, Grade], ...]
    """For each output column."""
    versions: Mapping[TableName, str]
    """Of the base tables, at which it holds."""
    integrity: Integrity
    """What it relies on: no view in it may be used on laxer terms."""
    time_zone: str
    travelled: tuple[Travelled, ...] = ()
    """Tables that are read as they were."""


_MERGES = frozenset({"$merge", '"$merge"'})
"""How trees spell it; a text has the name in quotes."""


def state_of(call: exp.Expr) -> exp.Expr:
    """Return the column of states that a reading merges: of all rows, or by CASE of those that meet a condition."""
    found: exp.Expr = call.expressions[0]
    return found.args["ifs"][0].args["true"] if isinstance(found, exp.Case) else found


def scan_text(tree: exp.Expr) -> str:
    """Write a scan as a certificate keeps it: readings of states by a quoted name, with their parameters."""
    if not any(call.name in _MERGES for call in tree.find_all(exp.Anonymous)):
        return generate(tree)
    twin = tree.copy()
    for call in twin.find_all(exp.Anonymous):
        if call.name in _MERGES:
            call.set("this", exp.Identifier(this="$merge", quoted=True))
            parameters = (each.copy() for each in call.meta.get("parameters") or ())
            call.set("expressions", [*call.expressions, *parameters])
    return generate(twin)
