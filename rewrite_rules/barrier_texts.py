"""The texts that barriers must have, built from the decisions alone: what `verify` compares with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sqlglot import exp

from catalog.objects import Table, TableName

Render = Callable[[exp.Expr], str]
"""Write a tree as it was written for the engine."""


class Expected(Protocol):
    """What this pass needs of a decision; `policies.decisions.TableDecision` is one."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the granted columns in table order."""
        ...

    @property
    def row_filter(self) -> exp.Expr | None:
        """Return the condition that must stand in the barrier."""
        ...

    @property
    def masks(self) -> Mapping[str, exp.Expr]:
        """Return the expressions that must stand for columns."""
        ...

    @property
    def min_group(self) -> int:
        """Return the least number of rows in a group; 0 where rows may be shown."""
        ...


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _reference(name: str, own: str | None) -> str:
    return _quoted(name) if own is None else f"{_quoted(own)}.{_quoted(name)}"


def source_text(source: exp.Expr, name: TableName, own: str | None, render: Render) -> str:
    """Return the text of what a barrier reads."""
    if isinstance(source, exp.Subquery):
        return render(source)
    full = ".".join(_quoted(part) for part in name)
    version = source.args.get("version")
    dated = f"{full} {render(version)}" if version is not None else full
    return dated if own is None else f"{dated} AS {_quoted(own)}"


def _text_of(tree: exp.Expr, own: str | None, render: Render) -> str:
    return render(tree if own is None else tree.transform(_qualify, own))


def _qualify(node: exp.Expr, own: str) -> exp.Expr:
    if isinstance(node, exp.Column):
        return exp.Column(this=node.this.copy(), table=exp.Identifier(this=own, quoted=True))
    return node


def _where(decision: Expected, own: str | None, render: Render) -> str:
    return f" WHERE {_text_of(decision.row_filter, own, render)}" if decision.row_filter is not None else ""


def flat_text(decision: Expected, source: str, own: str | None, render: Render, *, guarded: bool) -> str:
    """Return the text of a barrier of one level: granted columns, masks, filter."""
    guarded = guarded and decision.row_filter is not None
    items = []
    for c in decision.columns:
        value = _text_of(decision.masks[c], own, render) if c in decision.masks else _reference(c, own)
        value = f"CASE WHEN random() >= 0E0 THEN {value} END" if guarded else value
        items.append(f"{value} AS {_quoted(c)}" if guarded or c in decision.masks else value)
    where = _where(decision, own, render)
    if guarded:
        condition = where.removeprefix(" WHERE ")
        where = f" WHERE ({condition}) AND coalesce(({condition}) AND random() >= 0E0, FALSE)"
    return f"SELECT {', '.join(items)} FROM {source}{where}"  # noqa: S608  (compared, never run)


def nested_text(decision: Expected, table: Table, source: str, own: str | None, render: Render) -> str:
    """Return the text of a barrier of two levels: raw columns under private names, masks around them."""
    used = set(decision.columns) - set(decision.masks)
    for mask in decision.masks.values():
        used |= {column.name for column in mask.find_all(exp.Column)}
    stem = "_p"
    while any(column.name.startswith(stem) for column in table.columns):
        stem += "_"
    hidden = {c.name: f"{stem}{i}" for i, c in enumerate(c for c in table.columns if c.name in used)}
    raw = [f"{_reference(c, own)} AS {_quoted(h)}" for c, h in hidden.items()] or ['TRUE AS "_p0"']
    shown = []
    for name in decision.columns:
        masked = decision.masks.get(name)
        value = _quoted(hidden[name]) if masked is None else render(masked.transform(_hide, hidden))
        shown.append(f"{value} AS {_quoted(name)}")
    where = _where(decision, own, render)
    inner = f"SELECT {', '.join(raw)} FROM {source}{where}"  # noqa: S608  (compared, never run)
    return f'SELECT {", ".join(shown)} FROM ({inner}) AS "_raw"'  # noqa: S608  (compared, never run)


def _hide(node: exp.Expr, hidden: Mapping[str, str]) -> exp.Expr:
    if isinstance(node, exp.Column):
        return exp.Column(this=exp.Identifier(this=hidden[node.name], quoted=True))
    return node
