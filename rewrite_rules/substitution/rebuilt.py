"""A block written as a SELECT again, over the raw tables: what it means, without barriers, aliases and nesting."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from rewrite_rules.substitution.blocks import Block, Occurrence
from rewrite_rules.substitution.spelling import copied

_SIDES = {"left": "LEFT", "full": "FULL"}


def as_select(block: Block) -> exp.Select:
    """Return the SELECT that a block stands for; what cuts its rows on top (LIMIT) is left out. Not for odd blocks."""
    conditions = [condition.value for condition in block.conditions]
    distinct = exp.Distinct() if block.distinct else None
    return exp.Select(
        expressions=[_aliased(output.value, output.name) for output in block.outputs],
        distinct=distinct,
        from_=exp.From(this=_relation(block.occurrences[0])) if block.occurrences else None,
        joins=[_joined(each) for each in block.occurrences[1:]],
        where=_clause(exp.Where, conditions),
        group=_group(block),
        having=_clause(exp.Having, block.having),
        with_=_common(block),
    )


def _aliased(value: exp.Expr, name: str) -> exp.Alias:
    return exp.Alias(this=copied(value), alias=exp.Identifier(this=name, quoted=True))


def _relation(occurrence: Occurrence) -> exp.Expr:
    alias = exp.Identifier(this=occurrence.alias, quoted=True)
    if occurrence.table is None:
        return _closed(occurrence, alias)
    catalog, schema, table = (exp.Identifier(this=part, quoted=True) for part in occurrence.table)
    node = exp.Table(this=table, db=schema, catalog=catalog, alias=exp.TableAlias(this=alias))
    version = occurrence.leaf.find(exp.Version) if occurrence.leaf is not None else None
    if version is not None:
        node.set("version", copied(version))
    return node


def _closed(occurrence: Occurrence, alias: exp.Identifier) -> exp.Expr:
    """Call what is closed by its alias; its columns keep their names."""
    if occurrence.leaf is None:
        raise ValueError(f"nothing is known of {occurrence.alias}")
    node = copied(occurrence.leaf)
    node.set("joins", None)
    before = node.args.get("alias")
    columns = [copied(each) for each in before.args.get("columns") or ()] if before is not None else []
    node.set("alias", exp.TableAlias(this=alias, columns=columns))
    return node


def _joined(occurrence: Occurrence) -> exp.Join:
    side = _SIDES.get(occurrence.join)
    if side is None:
        return exp.Join(this=_relation(occurrence), kind="CROSS")
    return exp.Join(this=_relation(occurrence), side=side, on=_all(occurrence.on))


def _all(conditions: Sequence[exp.Expr]) -> exp.Expr:
    """Join conditions by AND; of none, TRUE."""
    found: exp.Expr | None = None
    for condition in conditions:
        part = exp.Paren(this=copied(condition))
        found = part if found is None else exp.And(this=found, expression=part)
    return found if found is not None else exp.Boolean(this=True)


def _clause(kind: type[exp.Where] | type[exp.Having], conditions: Sequence[exp.Expr]) -> exp.Expr | None:
    return kind(this=_all(conditions)) if conditions else None


def _group(block: Block) -> exp.Group | None:
    if block.keys is None or (not block.keys and any(_aggregates(output.value) for output in block.outputs)):
        return None
    return exp.Group(expressions=[_key(each) for each in block.keys] or [exp.Tuple()])


def _key(value: exp.Expr) -> exp.Expr:
    """Write a key so that a number does not count off a column."""
    return exp.Tuple(expressions=[copied(value)]) if isinstance(value, exp.Literal | exp.Neg) else copied(value)


def _aggregates(value: exp.Expr) -> bool:
    return any(isinstance(node, exp.Anonymous | exp.Filter) for node in value.walk())


def _common(block: Block) -> exp.Expr | None:
    with_ = block.select.args.get("with_") if block.select is not None else None
    return copied(with_) if with_ is not None else None
