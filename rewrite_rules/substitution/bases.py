"""Parts over the base: the governed tree's own barriers, with what is written over the columns they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.objects import TableName
from rewrite_rules.substitution.blocks import Occurrence
from rewrite_rules.substitution.express import Shown
from rewrite_rules.substitution.making import column, identifier, type_of
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.spelling import copied


def relation(occurrence: Occurrence) -> exp.Expr:
    """Return what stands for an occurrence in the governed tree, by the occurrence's alias. Raises Unmatched."""
    leaf = occurrence.leaf
    if not isinstance(leaf, exp.Subquery | exp.Values) or leaf.args.get("sample") or leaf.args.get("match"):
        raise Unmatched(Lack(1, "shape", "a part of the query cannot be read beside a view"))
    given = leaf.args.get("alias")
    columns = given.args.get("columns") if given is not None and occurrence.table is None else None
    names = [identifier(each.name) for each in columns or ()]
    alias = exp.TableAlias(this=identifier(occurrence.alias), columns=names or None)
    if isinstance(leaf, exp.Subquery):
        return exp.Subquery(this=copied(leaf.this), alias=alias)
    twin = copied(leaf)
    twin.set("alias", alias)
    return twin


def shown_by(occurrence: Occurrence, ground: Ground) -> tuple[Shown, ...]:
    """Return what an occurrence shows: masks in the place of what they hide."""
    if occurrence.table is None:
        return tuple(_own(occurrence.alias, name, kind) for name, kind in occurrence.columns)
    leaf = occurrence.leaf
    inner = leaf.this if isinstance(leaf, exp.Subquery) else None
    if not isinstance(inner, exp.Select):
        return ()
    shown = []
    for item in inner.expressions:
        name = item.alias_or_name.lower()
        value = _raw(item.this if isinstance(item, exp.Alias) else item, occurrence, ground)
        kind = type_of(value) if value is not None else None
        if value is not None and kind is not None:
            shown.append(Shown(value, column(occurrence.alias, name, kind)))
    return tuple(shown)


def _own(alias: str, name: str, kind: object) -> Shown:
    node = column(alias, name)
    node.meta["type"] = kind
    return Shown(node, copied(node))


def _raw(value: exp.Expr, occurrence: Occurrence, ground: Ground) -> exp.Expr | None:
    """Return a barrier's item over the table's raw columns; None where it reads anything else."""
    described = ground.tables.get(occurrence.table) if occurrence.table is not None else None
    twin = copied(value)
    if described is None or twin.find(exp.Query) is not None:
        return None
    for node in [twin] if isinstance(twin, exp.Column) else list(twin.find_all(exp.Column)):
        name = node.name.lower()
        if name not in described.by_name:
            return None
        other = column(occurrence.alias, name, described.by_name[name].type)
        if node is twin:
            return other
        node.replace(other)
    return twin


def tables_of(occurrences: Sequence[Occurrence]) -> tuple[TableName, ...]:
    """Return the tables that parts over these occurrences read, those inside of closed queries too."""
    found: dict[TableName, None] = {}
    for each in occurrences:
        if each.table is not None:
            found[each.table] = None
        for node in each.leaf.find_all(exp.Table) if each.leaf is not None else ():
            name = node.meta.get("table")
            if isinstance(name, TableName):
                found[name] = None
    return tuple(found)


def names_read(tree: exp.Expr) -> Mapping[TableName, None]:
    """Return the physical tables that a tree reads, in order."""
    names = (node.meta.get("table") for node in tree.find_all(exp.Table))
    return dict.fromkeys(name for name in names if isinstance(name, TableName))
