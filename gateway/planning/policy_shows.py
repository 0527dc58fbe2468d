"""Plan SHOW of row and column policies: their texts are for those who may manage them, and for nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.dialect import statements as st
from catalog.dialect.words import RESERVED
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import TableName
from catalog.types import VARCHAR
from engines.base import OutputColumn
from gateway.metadata import show
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.policy_statements import is_none, managed
from gateway.planning.session import local
from gateway.planning.shows import like
from gateway.policy_store.edits import STATEMENTS
from policies.document import RowFilter
from policies.mask_entries import ColumnMask
from policies.mask_specs import SqlMask
from policies.overlay import LINEAGE, Rule, rule_name, stored_name, stored_origin
from policies.rules import asset_of
from policies.sources import Source

_ROW = ("Policy", "Table", "Using", "To", "Source")
_COLUMN = ("Policy", "Table", "Column", "Mask", "For", "Source")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


async def plan_show_policies(statement: st.ShowPolicies, planning: Planning) -> Plan:
    """Plan SHOW ROW and COLUMN POLICIES: those on tables whose policies the caller may manage. Raises Refusal."""
    table = managed(statement.table, planning) if statement.table is not None else None
    pattern = like(statement.pattern)
    rows = []
    for source, rule in _rules(statement.policy, planning):
        on = _table_of(rule)
        name = _name(source, rule)
        wanted = on is not None and (table is None or on == table) and pattern.fullmatch(name)
        if wanted and on is not None and planning.policies.may_manage(planning.subject, on):
            rows.append((name, str(on), *_told(rule), _whom(rule), _source(source)))
    headings = _ROW if statement.policy == "ROW" else _COLUMN
    columns = tuple(OutputColumn(heading, VARCHAR) for heading in headings)
    return local(statement.kind, answer=LocalAnswer(columns, tuple(sorted(rows))))


async def plan_show_create_policy(statement: st.ShowCreatePolicy, planning: Planning) -> Plan:
    """Plan SHOW CREATE ROW and COLUMN POLICY: the statement that would make it again. Raises Refusal."""
    table, name = managed(statement.table, planning), fold_trino(statement.name)
    found = [
        (source, rule)
        for source, rule in _rules(statement.policy, planning)
        if _table_of(rule) == table and _name(source, rule) == name
    ]
    for source, rule in found:
        if _stored(source):
            heading = f"Create {statement.policy.capitalize()} Policy"
            return local(statement.kind, answer=show.one_text(heading, _statement(name, table, rule)))
    what = f"{statement.policy.capitalize()} policy '{name}' on '{table}'"
    if found:
        where = "a policy file" if stored_name(found[0][0].file) is None else "a document of changesets"
        message = f"{what} comes from {where}, which is its text"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, location=statement.location)
    raise Refusal(ErrorCode.NOT_FOUND, f"{what} does not exist", location=statement.location)


def _rules(kind: str, planning: Planning) -> Iterator[tuple[Source, Rule]]:
    for source in planning.policies.sources:
        rules: tuple[Rule, ...] = source.document.row_filters if kind == "ROW" else source.document.column_masks
        for rule in rules:
            yield source, rule


def _stored(source: Source) -> bool:
    return source.file == stored_origin(STATEMENTS)


def _source(source: Source) -> str:
    """Name where a policy comes from, without a file's name."""
    if _stored(source):
        return "statement"
    if source.file == stored_origin(LINEAGE):
        return "lineage"
    return "file" if stored_name(source.file) is None else "changeset"


def _name(source: Source, rule: Rule) -> str:
    return rule_name(rule) if _stored(source) else rule.id or ""


def _table_of(rule: Rule) -> TableName | None:
    """Return the table that a rule is on; None for one that is on a tag, or on a name that its file completes."""
    asset = asset_of(rule.table) if rule.table is not None else ()
    return TableName(*asset) if len(asset) == 3 else None


def _told(rule: Rule) -> tuple[str, ...]:
    if isinstance(rule, RowFilter):
        return (rule.filter,)
    return (fold_trino(rule.column or ""), _mask(rule))


def _mask(rule: ColumnMask) -> str:
    if isinstance(rule.mask, SqlMask):
        return rule.mask.expression
    return (
        rule.mask if isinstance(rule.mask, str) else rule.mask.kind if rule.mask is not None else rule.mask_type or ""
    )


def _whom(rule: Rule) -> str:
    """Write whom a policy is about, as its statement does."""
    if rule.roles == "all":
        return "ALL"
    roles = rule.roles or (rule.apply_to_roles if isinstance(rule, ColumnMask) else ())
    parts = [_word(role) for role in roles]
    parts += [f"USER {_word(user)}" for user in rule.users]
    parts += [f"GROUP {_word(group)}" for group in rule.groups]
    return ", ".join(parts)


def _statement(name: str, table: TableName, rule: Rule) -> str:
    on = ".".join(_word(part) for part in table)
    if isinstance(rule, RowFilter):
        condition = "NONE" if is_none(rule.filter) else rule.filter
        return f"CREATE ROW POLICY {_word(name)} ON {on}\nFOR SELECT\nUSING {condition}\nTO {_whom(rule)}"
    mask = "NONE" if rule.mask == "none" else _mask(rule)
    column = _word(rule.column or "")
    return f"CREATE COLUMN POLICY {_word(name)} ON {on}\nMODIFY {column} TO {mask}\nFOR {_whom(rule)}"


def _word(name: str) -> str:
    """Write a name so that it is read again: in quotes where it must be."""
    plain = _PLAIN.fullmatch(name) and name.upper() not in RESERVED | {"ALL", "ROLE", "USER", "GROUP"}
    return name if plain else quoted(name)
