"""Relations: tables, joins, UNNEST, LATERAL, WITH queries, and the columns each brings into sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlglot import exp

from catalog.objects import TableName
from catalog.types import TIMESTAMP_TZ
from rewrite_rules.from_items import Item, holds_relation, items_of
from rewrite_rules.outline.conditions import predicate, terms
from rewrite_rules.outline.constants import cast, constant
from rewrite_rules.outline.drafts import Cluster, Limited, Outer, Rel, ScanDraft, Side
from rewrite_rules.outline.expressions import need_all
from rewrite_rules.outline.making import json_table, matched, table_function, unnested
from rewrite_rules.outline.placing import never
from rewrite_rules.outline.placing import place as place_condition
from rewrite_rules.outline.predicates import NEVER, Equal, Pred, conjuncts, refs_in
from rewrite_rules.outline.reading import Named, Place
from rewrite_rules.outline.subqueries import require, tie
from rewrite_rules.outline.values import Col, Mix, Ref, Scope, Undescribed, held, mixed, refs_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_clause(node: exp.Expr, place: Place) -> Rel:
    """Read FROM with its joins; without one there is one row."""
    from_ = node.args.get("from_")
    if from_ is None:
        return Rel(Cluster([place.reader.given(1)]), ())
    return _chain(from_.this, node.args.get("joins") or (), place)


def _chain(first: exp.Expr, joins: Sequence[exp.Expr], place: Place) -> Rel:
    """Join from left to right, item by item."""
    start, *others = items_of(first, joins)
    so_far = _item(start, place)
    for item in others:
        alone = isinstance(item.first, exp.Unnest | exp.Lateral | exp.TableFromRows) and not item.joins
        if alone and item.comma is not None:
            so_far = _joined(so_far, item.comma, place)
        else:
            so_far = _beside(so_far, _item(item, place))
    return so_far


def _item(item: Item, place: Place) -> Rel:
    found = relation(item.first, place, None)
    for join in item.joins:
        found = _joined(found, join, place)
    return found


def _beside(left: Rel, right: Rel) -> Rel:
    """Put two relations side by side, every row with every other."""
    left.rows.absorb(right.rows)
    return Rel(left.rows, (*left.columns, *right.columns), left.otherwise or right.otherwise)


def relation(node: exp.Expr, place: Place, left: Rel | None) -> Rel:
    """Read one relation; `left` is what UNNEST and LATERAL may look at, and is part of what they give."""
    place.reader.spend(1)
    if isinstance(node, exp.Table):
        found = _table(node, place)
    elif isinstance(node, exp.Subquery) and holds_relation(node.this):
        inner = node.this
        joins = () if isinstance(inner, exp.Subquery) else inner.args.get("joins") or ()
        found = _aliased(_chain(inner, joins, place), node, place, keep=True)
    elif isinstance(node, exp.Query | exp.Values):
        found = _aliased(place.reader.query(node, _inside(node, place)), node, place)
    elif isinstance(node, exp.TableFromRows):
        found = _aliased(table_function(node, place), node, place, keep=True)
    else:
        raise Undescribed(f"{node.key} in FROM")
    if node.args.get("sample") is not None:
        held_back = [column._replace(value=held(column.value)) for column in found.columns]
        found = Rel(Cluster([Limited(found.rows, None)]), held_back, found.otherwise)
    if node.args.get("match") is not None:
        found = matched(node, found, place)
    for join in node.args.get("joins") or () if isinstance(node, exp.Subquery) else ():
        found = _joined(found, join, place)
    return found


def _inside(node: exp.Expr, place: Place) -> Place:
    """Note the view whose text a query is: what is named there, the caller may not know."""
    parts = node.alias.split(".") if isinstance(node, exp.Subquery) else []
    if place.via is None and len(parts) == 3:
        name = TableName(*parts)
        if name in place.reader.tables and place.reader.tables[name].kind != "table":
            return replace(place, via=name)
    return place


def scan(node: exp.Table, place: Place) -> ScanDraft | None:
    """Begin to read a physical table; None for a name of a WITH query."""
    name = node.meta_get("table")
    parts = [part.name.lower() for key in ("catalog", "db", "this") if (part := node.args.get(key)) is not None]
    if name is None and len(parts) == 3:
        name = TableName(*parts)
    if name is None:
        return None
    table = place.reader.tables.get(name)
    if table is None:
        raise Undescribed("a table is not known")
    scans = place.reader.scans
    draft = ScanDraft(len(scans), table, name.table, place.via)
    _read_version(node.args.get("version"), draft, place)
    scans.append(draft)
    return draft


def _table(node: exp.Table, place: Place) -> Rel:
    draft = scan(node, place)
    if draft is None:
        name = node.name.lower()
        named = place.named.get(name)
        if named is None or node.args.get("db") is not None:
            raise Undescribed("a table's name is not known")
        return _aliased(_mention(named, name), node, place, qualifier=(name,))
    number, qualifier = draft.number, tuple(draft.table.name)
    columns = tuple(Col(c.name, qualifier, Ref(number, c.name, c.type)) for c in draft.table.columns)
    return _aliased(Rel(Cluster([draft]), columns), node, place, keep=True)


def _read_version(version: exp.Expr | None, draft: ScanDraft, place: Place) -> None:
    if version is None:
        return
    given = constant(version.args["expression"], place.reader.clock)
    if given is None:
        raise Undescribed("a version is not known")
    if str(version.this).upper() == "VERSION" and isinstance(given.value, int | str):
        draft.snapshot = given.value
        return
    moment = cast(given, TIMESTAMP_TZ, place.reader.zone)
    if moment is None or not isinstance(moment.value, datetime):
        raise Undescribed("a version is not known")
    draft.as_of_millis = (moment.value - _EPOCH) // timedelta(milliseconds=1)


def _mention(named: Named, name: str) -> Rel:
    """Read a WITH query where it is mentioned."""
    reader = named.place.reader
    if named.known is not None:
        rows = reader.given(None, name)
        return Rel(Cluster([rows]), [column._replace(value=rows.value) for column in named.known.columns])
    begin = len(reader.scans)
    rel = reader.recursion(named) if named.recursive else reader.query(named.body, named.place)
    names: tuple[str | None, ...] = named.columns or tuple(column.name for column in rel.columns)
    columns = [Col(shown, (), column.value) for shown, column in zip(names, rel.columns, strict=True)]
    if named.ranges is not None:
        named.ranges.append((begin, len(reader.scans)))
        columns = [column._replace(value=held(column.value)) for column in columns]
    return Rel(rel.rows, columns, rel.otherwise)


def _aliased(inner: Rel, node: exp.Expr, place: Place, *, keep: bool = False, qualifier: tuple[str, ...] = ()) -> Rel:
    """Give a relation its alias. Without one, columns of a query lose their qualifier, others keep theirs."""
    alias = node.args.get("alias")
    written = alias.args.get("this") if alias is not None else None
    if written is None:
        if keep:
            return inner
        _name(inner, qualifier[-1] if qualifier else "", place)
        return Rel(inner.rows, [column._replace(qualifier=qualifier) for column in inner.columns], inner.otherwise)
    known_as = (written.name.lower(),)
    listed = alias.args.get("columns") if alias is not None else None
    names = [name.name.lower() for name in listed] if listed else [c.name for c in inner.columns]
    _name(inner, written.name, place)
    columns = [Col(name, known_as, c.value) for name, c in zip(names, inner.columns, strict=False)]
    return Rel(inner.rows, columns, inner.otherwise)


def _name(rel: Rel, name: str, place: Place) -> None:
    """Note by what people know a relation that is one part of a join."""
    if len(rel.rows.parts) != 1 or not name or place.via is not None or name.count(".") == 2:
        return
    part = rel.rows.parts[0]
    if isinstance(part, ScanDraft):
        if part.via is None:
            part.name = part.table.name.table if name.lower() == part.table.name.table else _twice(part, name)
    elif not isinstance(part, Cluster):
        part.name = name


def _twice(part: ScanDraft, name: str) -> str:
    return f"{part.table.name.table} {name}"


def _joined(left: Rel, join: exp.Expr, place: Place) -> Rel:
    side = str(join.args.get("side") or "").lower() or "inner"
    if side not in ("inner", "left", "right", "full"):
        raise Undescribed("this kind of join")
    kind: Side = side  # type: ignore[assignment]  # one of the four
    if isinstance(join.this, exp.Unnest):
        return unnested(left, join.this, place, least=1 if kind in ("left", "full") else 0)
    if isinstance(join.this, exp.Lateral):
        return _lateral(left, join, kind, place)
    if isinstance(join.this, exp.TableFromRows) and isinstance(join.this.this, exp.JSONTable):
        return json_table(left, join.this, place)
    right = relation(join.this, place, left)
    columns = (*left.columns, *right.columns)
    scope = Scope(columns, place.scope, left.otherwise or right.otherwise)
    if kind == "inner":
        left.rows.absorb(right.rows)
        rows = left.rows
        if join.args.get("on") is not None:
            require(join.args["on"], replace(place, scope=scope, rows=rows))
    else:
        outer = Outer(kind, left.rows, right.rows, full=kind == "full")
        rows = Cluster([outer])
        if join.args.get("on") is not None:
            _outer_on(join.args["on"], outer, replace(place, scope=scope, rows=rows))
    if join.args.get("using"):
        columns = _using(left, right, join.args["using"], kind, rows, place)
    return Rel(rows, columns, scope.otherwise)


def _outer_on(node: exp.Expr, outer: Outer, place: Place) -> None:
    """Read the condition of an outer join: what looks at the side that may be missing only is checked there."""
    reader = place.reader
    for term in terms(node) if isinstance(node, exp.And) else [node]:
        for pred in conjuncts(predicate(term, place)):
            reader.need(refs_in(pred))
            optional = {"left": outer.right, "right": outer.left}.get(outer.kind)
            scans = {ref.scan for ref in refs_in(pred)}
            if pred == NEVER:
                never(optional, reader.scans) if optional is not None else None
                outer.others += 1
            elif optional is not None and scans and scans <= optional.scans:
                place_condition(pred, optional, reader.scans, reader.loose)
            else:
                _match(pred, outer)
                if not scans <= outer.scans:
                    reader.loose.append(pred)


def _match(pred: Pred, outer: Outer) -> None:
    if isinstance(pred, Equal):
        left, right = ({ref.scan for ref in refs_of(value)} for value in (pred.left, pred.right))
        if left and right and left <= outer.left.scans and right <= outer.right.scans:
            outer.pairs.append((pred.left, pred.right))
            return
        if left and right and right <= outer.left.scans and left <= outer.right.scans:
            outer.pairs.append((pred.right, pred.left))
            return
    outer.others += 1


def _using(
    left: Rel, right: Rel, names: Sequence[exp.Expr], kind: Side, rows: Cluster, place: Place
) -> tuple[Col, ...]:
    """Join by columns of one name: each appears once, in front, from whichever side has it."""
    merged: list[Col] = []
    used: set[int] = set()
    for identifier in names:
        name = identifier.name.lower()
        sides = [next((c for c in rel.columns if c.name == name), None) for rel in (left, right)]
        a, b = (column.value if column is not None else Mix() for column in sides)
        used |= {id(column) for column in sides if column is not None}
        need_all([a, b], place)
        part = rows.parts[0]
        if kind == "inner":
            place_condition(Equal(a, b), rows, place.reader.scans, place.reader.loose)
        elif isinstance(part, Outer):
            part.pairs.append((a, b))
        value = mixed([a, b], held=True) if kind == "full" else b if kind == "right" else a
        merged.append(Col(name, (), value))
    rest = [c for c in (*left.columns, *right.columns) if id(c) not in used]
    return (*merged, *rest)


def _lateral(left: Rel, join: exp.Expr, kind: Side, place: Place) -> Rel:
    reader, before = place.reader, len(place.reader.loose)
    scope = Scope(left.columns, place.scope, left.otherwise)
    inner = reader.query(join.this.this, replace(place, scope=scope, rows=None))
    right = _aliased(inner, join.this, place)
    outer = Outer(kind, left.rows, right.rows, correlated=True)
    outer.pairs, outer.others, _ = tie(reader, before, left.rows, right.rows)
    rows, columns = Cluster([outer]), (*left.columns, *right.columns)
    if join.args.get("on") is not None:
        both = Scope(columns, place.scope, left.otherwise or right.otherwise)
        _outer_on(join.args["on"], outer, replace(place, scope=both, rows=rows))
    return Rel(rows, columns, left.otherwise or right.otherwise)
