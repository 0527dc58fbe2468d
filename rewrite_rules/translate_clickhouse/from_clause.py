"""FROM: relations side by side and joined, in brackets and multiplied by UNNEST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from catalog.names import fold_trino
from catalog.type_coercions import common_super_type
from catalog.types import BIGINT
from rewrite_rules.from_items import Item, holds_relation, items_of
from rewrite_rules.translate_clickhouse.casts import convert
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.joins import join_condition, using_condition
from rewrite_rules.translate_clickhouse.native import NESTED
from rewrite_rules.translate_clickhouse.relations import relation, renamed
from rewrite_rules.translate_clickhouse.scope import Field, Relation, Scope
from rewrite_rules.translate_clickhouse.text import call, nested, select


@dataclass(frozen=True, slots=True)
class Source:
    """The FROM clause so far: its text and what it brings into sight, in the order of `SELECT *`."""

    sql: str
    relations: tuple[Relation, ...]


def source(node: exp.Select, scope: Scope) -> Source | None:
    """Translate a SELECT's FROM clause with its joins; None where there is none."""
    clause = node.args.get("from_")
    if clause is None:
        return None
    if node.args.get("laterals"):
        raise unsupported("LATERAL", node)
    return _chain(clause.this, node.args.get("joins") or (), scope)


def _chain(first: exp.Expr, joins: Sequence[exp.Expr], scope: Scope) -> Source:
    """Join from left to right, item by item; what is an item by itself may name columns of those before."""
    start, *others = items_of(first, joins)
    so_far = _item(start, scope)
    for item in others:
        if isinstance(item.first, exp.Unnest) and not item.joins:
            so_far = _unnested(so_far, item.first, scope)
        else:
            so_far = _crossed(so_far, _held_together(_item(item, scope), item.joins, scope))
    return so_far


def _item(item: Item, scope: Scope) -> Source:
    found = _side(item.first, scope)
    for join in item.joins:
        found = _joined(found, join, scope)
    return found


def _side(node: exp.Expr, scope: Scope) -> Source:
    """Translate what stands on one side of a join, with the joins that brackets hold together with it."""
    if isinstance(node, exp.Unnest):
        found = _unnested(None, node, scope)
    elif isinstance(node, exp.Subquery) and holds_relation(node.this):
        found = _bracketed(node, scope)
    else:
        sql, alone = relation(node, scope)
        found = Source(sql, (alone,))
    for join in node.args.get("joins") or ():
        found = _joined(found, join, scope)
    return found


def _bracketed(node: exp.Subquery, scope: Scope) -> Source:
    """Translate a relation or joins in brackets; an alias makes one relation of them."""
    if node.args.get("sample") or node.args.get("match"):
        raise unsupported("A sample or a pattern of a join", node)
    found = _held_together(_side(node.this, scope), node.this.args.get("joins"), scope)
    written = node.args.get("alias")
    if written is None or written.args.get("this") is None:
        return found
    return Source(found.sql, (Relation(fold_trino(written.name), renamed(_fields(found), node)),))


def _held_together(found: Source, joins: Sequence[exp.Expr] | None, scope: Scope) -> Source:
    """Put joins into a subquery, so that they are done before all else."""
    if not joins:
        return found
    alias, items = scope.build.fresh("t"), list[str]()
    relations = tuple(_carried(each, alias, items, scope) for each in found.relations)
    return Source(nested(select(items or ["1 AS d0"], found.sql), alias), relations)


def _crossed(left: Source, right: Source) -> Source:
    sql = f"{left.sql} CROSS JOIN {right.sql}"
    return Source(sql, (*left.relations, *right.relations))


def _joined(left: Source, join: exp.Expr, scope: Scope) -> Source:
    """Add one join to the relations so far."""
    side = str(join.args.get("side") or "").upper()
    kind = str(join.args.get("kind") or "").upper()
    if isinstance(join.this, exp.Lateral) or join.args.get("method"):
        raise unsupported("LATERAL" if isinstance(join.this, exp.Lateral) else "NATURAL JOIN", join)
    if isinstance(join.this, exp.Unnest):
        if side or (join.args.get("on") is not None and not isinstance(join.args["on"], exp.Boolean)):
            raise unsupported("An outer join with UNNEST", join)
        return _unnested(left, join.this, scope)
    right = _side(join.this, scope)
    if join.args.get("using"):
        return _using(left, right, join, side, scope)
    on, both = join.args.get("on"), _crossed(left, right)
    if on is None or kind == "CROSS":
        return both
    condition = join_condition(on, _fields(left), _fields(right), side, _sight(both, scope))
    text = f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {condition}"
    return Source(text, _with_nulls(left, right, side))


def _fields(source: Source) -> tuple[Field, ...]:
    return tuple(field for relation in source.relations for field in relation.fields)


def _sight(source: Source, scope: Scope) -> Scope:
    return Scope(scope.build, source.relations, scope.parent, scope.ctes, correlated=scope.correlated)


def _using(left: Source, right: Source, join: exp.Expr, side: str, scope: Scope) -> Source:
    """Join by common column names, which become columns of neither side and stand in front of both."""
    names = [fold_trino(column.name) for column in join.args["using"]]
    ours, theirs = _sight(left, scope), _sight(right, scope)
    pairs = [(ours.find([n]), theirs.find([n])) for n in names]
    merged, conditions = [], []
    for key, (a, b) in zip(names, pairs, strict=True):
        kind = common_super_type(a.type, b.type) if a is not None and b is not None else None
        if a is None or b is None or kind is None or a.refusal or b.refusal:
            raise unsupported(f"USING ({key})", join)
        first, second = (convert(f.sql, f.type, kind, zone=scope.build.time_zone) for f in (a, b))
        conditions.append(using_condition(first, second, kind, join))
        value = {"RIGHT": second, "FULL": call("coalesce", first, second)}.get(side, first)
        merged.append(Field(key, value, kind))
    text = f"{left.sql} {side or 'INNER'} JOIN {right.sql} ON {' AND '.join(conditions)}"
    kept = (_without(relation, names) for relation in _with_nulls(left, right, side))
    return Source(text, (Relation(None, tuple(merged)), *kept))


def _without(relation: Relation, names: Sequence[str]) -> Relation:
    return replace(relation, fields=tuple(f for f in relation.fields if f.name not in names))


def _with_nulls(left: Source, right: Source, side: str) -> tuple[Relation, ...]:
    """Note which columns an outer join can make NULL; arrays, maps and rows cannot be, so they are out of use."""
    ours = left.relations if side in ("", "LEFT") else tuple(map(_all_nulled, left.relations))
    theirs = right.relations if side in ("", "RIGHT") else tuple(map(_all_nulled, right.relations))
    return (*ours, *theirs)


def _all_nulled(relation: Relation) -> Relation:
    return replace(relation, fields=tuple(map(_nulled, relation.fields)))


def _nulled(field: Field) -> Field:
    if field.type.base in NESTED:
        return replace(field, refusal=f"An {field.type.base} that an outer join may leave out")
    return replace(field, nullable=True)


def _unnested(left: Source | None, node: exp.Unnest, scope: Scope) -> Source:
    """Translate UNNEST of one array: the relations so far become a subquery whose rows are multiplied."""
    if len(node.expressions) != 1:
        raise unsupported("UNNEST of several arrays", node)
    before = left or Source(nested(select(["1 AS d0"]), "t0"), ())
    sight = _sight(before, scope)
    kind = sight.type_of(node.expressions[0])
    if kind.base != "array" or kind.arguments[0].base in (*NESTED, "unknown"):
        raise unsupported(f"UNNEST of {kind}", node)
    array = sight.value(node.expressions[0])
    build, alias = scope.build, scope.build.fresh("t")
    items: list[str] = []
    relations = tuple(_carried(r, alias, items, scope) for r in before.relations)
    element, position = build.fresh("c"), build.fresh("c")
    own = [Field(None, f"{alias}.{element}", kind.arguments[0])]
    items.append(f"{element} AS {element}")
    joins = f"{array} AS {element}"
    if node.args.get("offset"):
        own.append(Field(None, f"{alias}.{position}", BIGINT, nullable=False))
        items.append(f"toInt64({position}) AS {position}_")
        own[-1] = replace(own[-1], sql=f"{alias}.{position}_")
        joins += f", arrayEnumerate({array}) AS {position}"
    sql = nested(select(items, before.sql, f"ARRAY JOIN {joins}"), alias)
    return Source(sql, (*relations, _unnest_relation(node, own)))


def _unnest_relation(node: exp.Unnest, fields: list[Field]) -> Relation:
    written, offset = node.args.get("alias"), node.args.get("offset")
    columns = list(written.args.get("columns") or ()) if written is not None else []
    if isinstance(offset, exp.Identifier) and len(columns) < len(fields):
        columns.append(offset)
    named = tuple(
        replace(f, name=fold_trino(columns[at].name) if at < len(columns) else None) for at, f in enumerate(fields)
    )
    shown = fold_trino(written.name) if written is not None and written.args.get("this") is not None else None
    return Relation(shown, named)


def _carried(relation: Relation, alias: str, items: list[str], scope: Scope) -> Relation:
    """Pass a relation's columns through a subquery; what may not be used stays behind."""
    fields = []
    for field in relation.fields:
        if field.refusal is None:
            own = scope.build.fresh("c")
            items.append(f"{field.sql} AS {own}")
            field = replace(field, sql=f"{alias}.{own}")
        fields.append(field)
    return replace(relation, fields=tuple(fields))
