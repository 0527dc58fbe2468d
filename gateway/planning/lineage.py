"""What a write carries along: tags and masks of the columns that it copies from, and what rules say of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.query import Reading
from gateway.policy_store.edits import LINEAGE
from gateway.policy_store.inheriting import Inherit
from gateway.policy_store.rows_follow import filters_of
from policies.decisions import Action
from policies.document import RowFilter
from policies.following import Copying, Following, denies_columns, follow
from policies.inheritance import Origin, inherit
from policies.overlay import stored_origin


def protected(
    plan: Plan,
    planning: Planning,
    reading: Reading | None,
    target: TableName,
    columns: Sequence[str],
    first: int = 0,
    *,
    anew: bool = False,
) -> Plan:
    """Return a write's plan with what its target inherits, which is kept before a row is written.

    `columns` take the values of the reading's columns from `first` on, in their order; `anew` says that the table is
    made by the statement. Raises Refusal where it is not known which columns the values of protected ones go into.
    """
    if reading is None:
        return plan
    policies = planning.policies
    masked = [(table.name, name) for table in reading.tables for name in planning.decide(Action.SELECT, table).masks]
    flows = _flows(reading, target, columns, first)
    if flows is None:
        known = {(table.name, column.name) for table in reading.tables for column in table.columns}
        if inherit(policies, {"": frozenset(known)}, masked) or denies_columns(policies, reading.tables):
            message = "It is not known which columns the protected values that this statement copies go into."
            raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Name the columns instead of `*`.")
    given = inherit(policies, flows or {}, masked)
    following = _following(reading, planning, target, flows or {}, columns if flows is not None else ())
    before = filters_before(planning, target) if anew else None
    if not (given or following or before):
        return plan
    return replace(plan, policy_edit=Inherit(target, given, following, before))


def _flows(
    reading: Reading, target: TableName, columns: Sequence[str], first: int
) -> Mapping[str, frozenset[Origin]] | None:
    """Return what flows into each column; None where that is not known."""
    if len(reading.lineage) - first != len(columns):
        return None
    flows: dict[str, frozenset[Origin]] = {}
    for column, found in zip(columns, reading.lineage[first:], strict=True):
        flows[column] = flows.get(column, frozenset()) | (found - {(target, column)})
    return flows


def _following(
    reading: Reading,
    planning: Planning,
    target: TableName,
    flows: Mapping[str, frozenset[Origin]],
    columns: Sequence[str],
) -> Following:
    """Return what follows the rows that are read. Raises Refusal where it cannot be written down."""
    sources = [(table, planning.decide(Action.SELECT, table)) for table in reading.tables]
    filtered = any(table.name in planning.policies.filters for table in reading.tables)
    plain = _plain(reading, planning, columns) if filtered else {}
    try:
        return follow(planning.policies, Copying(planning.subject, target, sources, flows, plain))
    except ValueError as error:
        message = f"What policies say of these rows cannot be kept with table {target}."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Give it a plain name.", detail=str(error)) from None


def filters_before(planning: Planning, target: TableName) -> tuple[RowFilter, ...]:
    """Return the filters that followed rows into an earlier table of a name."""
    stored = (each.document for each in planning.policies.sources if each.file == stored_origin(LINEAGE))
    return filters_of(next(stored, None), target)


def _plain(reading: Reading, planning: Planning, columns: Sequence[str]) -> dict[Origin, str]:
    """Return where the columns of one table stand as they are, where a copy's rows are that table's rows or groups.

    That is sure of `SELECT ... FROM t [WHERE ...] [GROUP BY columns]` and nothing else: a join, a subquery or a window
    brings values of other rows beside a row's own.
    """
    tree = parse_query(reading.governed_sql)
    if len(reading.tables) != 1 or not _one_table(tree):
        return {}
    (table,) = reading.tables
    decision = planning.decide(Action.SELECT, table)
    shown = [name for item in tree.args["expressions"] for name in _shown(item, decision.columns)]
    if len(shown) != len(columns):
        return {}
    keys = _keys(tree.args["group"]) if tree.args.get("group") is not None else None
    return {
        (table.name, name): column
        for number, (name, column) in enumerate(zip(shown, columns, strict=True), start=1)
        if name in decision.columns and name not in decision.masks
        if keys is None or number in keys or name in keys
    }


def _shown(item: exp.Expr, columns: Sequence[str]) -> Sequence[str]:
    """Return the names of the columns that an item of a select list shows as they are; empty for anything else."""
    value = item.this if isinstance(item, exp.Alias) else item
    if isinstance(value, exp.Star) or (isinstance(value, exp.Column) and isinstance(value.this, exp.Star)):
        return columns
    return (value.name if isinstance(value, exp.Column) else "",)


def _one_table(tree: exp.Expr) -> bool:
    """Tell whether a governed query is one block over one barrier."""
    if not isinstance(tree, exp.Select) or tree.find(exp.Window, exp.SetOperation, exp.With, exp.Exists, exp.Unnest):
        return False
    source = tree.args["from_"].this if tree.args.get("from_") is not None else None
    extra = any(tree.args.get(each) for each in ("joins", "laterals", "functions", "match", "pivots"))
    if extra or not isinstance(source, exp.Subquery) or not isinstance(source.this, exp.Select):
        return False
    written = {key for key, value in source.args.items() if value} <= {"this", "alias"}
    renamed = isinstance(source.args.get("alias"), exp.TableAlias) and source.args["alias"].args.get("columns")
    return written and not renamed and sum(1 for _ in tree.find_all(exp.Select)) == 2


def _keys(group: exp.Expr) -> frozenset[str | int]:
    """Return the columns and positions that a query groups by; none where it makes several sets of groups."""
    if any(value for key, value in group.args.items() if key != "expressions"):
        return frozenset()
    keys: set[str | int] = set()
    for each in group.args.get("expressions") or ():
        if isinstance(each, exp.Column):
            keys.add(each.name)
        elif isinstance(each, exp.Literal) and not each.is_string:
            keys.add(int(each.this))
    return frozenset(keys)
