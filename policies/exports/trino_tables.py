"""What each person may do with each table, as table rules of Trino's file-based access control.

There the first rule that fits decides, where ours are joined; so each rule here holds a decision that has been taken,
for exactly the people it is the same for. Source: Trino's documentation of file-based access control.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.objects import SchemaName, Table, TableName
from policies.decisions import Action, TableDecision
from policies.exports.model import Extent, Unexpressed

Rule = dict[str, Any]
_PRIVILEGES = {"INSERT": Action.INSERT, "DELETE": Action.DELETE, "UPDATE": Action.UPDATE}
_OWNING = (Action.CREATE_TABLE, Action.DROP_TABLE, Action.CREATE_VIEW, Action.DROP_VIEW)
ANY = ".*"
NOT_YET = "made later"
"""Stands for the tables and schemas that do not exist yet; no rule bears such a name by chance."""


def with_later(schemas: Sequence[SchemaName]) -> list[SchemaName]:
    """Return the schemas, and behind those of all catalogs one each that stands for schemas made later."""
    return [*schemas, *(SchemaName(catalog, NOT_YET) for catalog in sorted({s.catalog for s in schemas}))]


def place(name: TableName | SchemaName) -> dict[str, str]:
    """Write where a rule holds; what is made later may have any name."""
    schema = ANY if name.schema == NOT_YET else matching([name.schema])
    return {"catalog": matching([name.catalog]), "schema": schema}


def matching(names: Iterable[str]) -> str:
    """Write a regular expression that fits the given names and no others."""
    return "|".join(re.escape(name) for name in sorted(names))


def table_rules(extent: Extent, unexpressed: list[Unexpressed]) -> Iterator[Rule]:
    """Yield a rule for each table and each decision on it; what no rule fits is denied by the last one."""
    if extent.evaluator is not None:
        yield {"user": matching([extent.evaluator]), "privileges": ["SELECT"]}
    for table in extent.tables:
        yield from _rules_of(table, matching([table.name.table]), extent, unexpressed)
    for schema in with_later(extent.schemas):
        later = Table(TableName(schema.catalog, schema.schema, NOT_YET), (), _engine(extent, schema.catalog))
        for rule in _rules_of(later, ANY, extent, unexpressed):
            if rule["privileges"]:
                yield rule
    yield {"catalog": "system", "schema": "jdbc", "user": matching(extent.users), "privileges": ["SELECT"]}
    yield {"privileges": []}


def _engine(extent: Extent, catalog: str) -> str:
    return next((table.engine for table in extent.tables if table.name.catalog == catalog), "")


def _rules_of(table: Table, written: str, extent: Extent, unexpressed: list[Unexpressed]) -> Iterator[Rule]:
    """Yield the rules of one table: people of whom the same holds share one."""
    alike: dict[str, tuple[Rule, list[str]]] = {}
    reasons: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for user in extent.users:
        rule, missing = _rule(table, user, extent)
        for about, reason in missing:
            reasons[about, reason].append(user)
        alike.setdefault(repr(rule), (rule, []))[1].append(user)
    unexpressed += [Unexpressed(about, reason, tuple(users)) for (about, reason), users in reasons.items()]
    for rule, users in alike.values():
        yield {"user": matching(users), **place(table.name), "table": written, **rule}


def _rule(table: Table, user: str, extent: Extent) -> tuple[Rule, list[tuple[str, str]]]:
    """Return what one person may do with a table, and what could not be said of it."""
    subject = extent.subject(user)
    decision = extent.policies.decide(subject, Action.SELECT, table)
    changes = {action for action in Action if extent.policies.decide(subject, action, table).allowed}
    missing: list[tuple[str, str]] = []
    name = (
        str(table.name)
        if table.name.table != NOT_YET
        else f"tables {NOT_YET} in {table.name.catalog}.{table.name.schema}"
    )
    privileges = [word for word, action in _PRIVILEGES.items() if action in changes]
    owning = [action for action in _OWNING if action in changes]
    if len(owning) == len(_OWNING):
        privileges.append("OWNERSHIP")
    elif owning and table.kind == "table":
        words = ", ".join(action.value for action in owning)
        missing.append((name, f"{words}: Trino knows ownership as a whole only; it is not given"))
    if not decision.allowed:
        return {"privileges": privileges}, missing
    closed = _why_closed(table, decision)
    if closed:
        return {"privileges": []}, [*missing, (name, closed)]
    rule: Rule = {"privileges": ["SELECT", *privileges]}
    columns, untold = _columns(table, decision, extent.evaluator)
    if columns:
        rule["columns"] = columns
    if decision.row_filter is not None:
        rule["filter"] = generate(decision.row_filter)
        if _reads_withheld(decision.row_filter, decision):
            if extent.evaluator is None:
                return {"privileges": []}, [*missing, (name, f"the row filter {_WITHHELD}: closed")]
            rule["filter_environment"] = {"user": extent.evaluator}
    return rule, [*missing, *((f"{name}.{column}", reason) for column, reason in untold)]


def _why_closed(table: Table, decision: TableDecision) -> str:
    """Say why a table is closed to somebody who may read it through the gateway; nothing where it is not."""
    if table.kind != "table":
        return f"a {table.kind} reads with its owner's rights in Trino: closed"
    if decision.min_group:
        return f"groups of at least {decision.min_group} rows only: Trino would show rows: closed"
    if not decision.exportable:
        return "licence terms keep it from being copied, which Trino cannot: closed"
    if decision.holds is not None:
        return "what is shown moves on with the time (an embargo): closed"
    return ""


_WITHHELD = "reads a column that is withheld, and Trino computes it with the reader's rights"


def _columns(table: Table, decision: TableDecision, evaluator: str | None) -> tuple[list[Rule], list[tuple[str, str]]]:
    """Return the columns that are denied or masked, and those whose mask Trino must not be told."""
    written: list[Rule] = []
    untold: list[tuple[str, str]] = []
    for column in table.columns:
        mask = decision.masks.get(column.name)
        reason = _why_denied(mask, decision, evaluator) if mask is not None else ""
        if reason:
            untold.append((column.name, f"the mask {reason}: closed"))
        if reason or column.name not in decision.columns:
            written.append({"name": column.name, "allow": False})
        elif mask is not None:
            rule: Rule = {"name": column.name, "mask": generate(mask)}
            if _reads_withheld(mask, decision):
                rule["mask_environment"] = {"user": evaluator}
            written.append(rule)
    return written, untold


def _why_denied(mask: exp.Expr, decision: TableDecision, evaluator: str | None) -> str:
    if _holds_key(mask):
        return "computes with a key, which would stand in Trino's rules file"
    return _WITHHELD if evaluator is None and _reads_withheld(mask, decision) else ""


def _reads_withheld(expression: exp.Expr, decision: TableDecision) -> bool:
    return any(column.name not in decision.columns for column in expression.find_all(exp.Column))


def _holds_key(mask: exp.Expr) -> bool:
    """Tell whether a mask computes with a secret."""
    return any(call.name.lower().startswith("hmac") for call in mask.find_all(exp.Anonymous))
