"""Have a reading of a view fail where its table is not the very one that the proof was about.

A view that is built again is another table under the same name, and may follow another definition. Each table of a view
has a column of no width that is named after its document (`catalog.view_documents`): a text that names it is understood
by that table alone, in the very step in which ClickHouse looks the table up. The base is read then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from catalog.objects import Column, Table, TableName
from catalog.types import INTEGER
from catalog.view_documents import mark_of
from rewrite_rules.substitution.model import Scan
from rewrite_rules.substitution.spelling import copied


def marked(tables: Mapping[TableName, Table], scans: tuple[Scan, ...]) -> dict[TableName, Table]:
    """Return the tables that readings name, those of views with the columns that tell one building from another."""
    return {**tables, **{scan.view: _marked(tables[scan.view]) for scan in scans}}


def held_to(scan: Scan, table: Table) -> Scan:
    """Return a reading that only the very table answers; what it shows is the same. It is to be typed again."""
    mark = mark_of(table.comment)
    if mark is None:
        return scan
    tree = copied(scan.tree)
    for leaf in list(tree.find_all(exp.Table)):
        select = leaf.parent_select
        if select is not None:
            named = exp.Column(this=_quoted(mark), table=_quoted(leaf.alias_or_name))
            select.where(exp.EQ(this=named, expression=exp.Literal.number(0)), copy=False)
    return replace(scan, tree=tree)


def _marked(table: Table) -> Table:
    mark = mark_of(table.comment)
    if mark is None:
        return table
    column = Column(mark, INTEGER, nullable=False, native_name=mark, native_type="Int32")
    return replace(table, columns=(*table.columns, column))


def _quoted(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)
