"""What stands on top: a query's own SELECT, HAVING, ORDER BY, windows and LIMIT over the rows that a view gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from rewrite_rules.analysis.grouping import ordinal
from rewrite_rules.substitution.blocks import Block
from rewrite_rules.substitution.calls import is_aggregate
from rewrite_rules.substitution.express import Reader
from rewrite_rules.substitution.making import aliased, conjunction, select
from rewrite_rules.substitution.misses import Lack, Unmatched
from rewrite_rules.substitution.nested import Nested
from rewrite_rules.substitution.spelling import copied

SOURCE = "q"
"""What the rebuilt query calls the rows it reads."""
_AROUND = (exp.Window, exp.WindowSpec, exp.Order, exp.Ordered, exp.IgnoreNulls, exp.RespectNulls)
Write = Callable[[exp.Expr], exp.Expr | None]


class Top(Nested):
    """Writes what stands over the rows of a query: windows too, and aggregates where `grouping` says so."""

    __slots__ = ("grouping",)

    def __init__(self, reader: Reader, *, grouping: bool) -> None:
        """Write over what a reader shows."""
        super().__init__(reader.shown, reader.equal, reader.buckets, reader.evidence)
        self.grouping = grouping

    def _rebuilt(self, value: exp.Expr) -> exp.Expr | None:
        if isinstance(value, exp.Window):
            return self._of_window(value)
        if isinstance(value, _AROUND) or (self.grouping and _is_grouped(value)):
            return self._of_parts(value)
        return super()._rebuilt(value)

    def _of_window(self, value: exp.Window) -> exp.Expr | None:
        """Write a window function: it is no aggregate of the groups itself, but what it is called on may be."""
        inner = self._of_parts(value.this)
        rest = copied(value)
        rest.set("this", exp.Null())
        written = self._of_parts(rest)
        if inner is None or written is None:
            return None
        written.set("this", inner)
        return written


def _is_grouped(value: exp.Expr) -> bool:
    return is_aggregate(value) or isinstance(value, exp.Distinct | exp.Where | exp.Star)


def rebuilt(block: Block, source: exp.Expr, write: Write, *, grouping: bool) -> exp.Select:
    """Return the query over other rows; `grouping` says that they are still to be grouped. Raises Unmatched."""
    query = block.select
    if query is None:
        raise Unmatched(Lack(10, "shape", "the query has no SELECT of its own"))
    items = [aliased(_written(each.value, write), each.name) for each in block.outputs]
    having = conjunction([_written(each, write) for each in block.having])
    keys = [_written(each, write) for each in block.keys or ()] if grouping else []
    made = select(items, source, where=None if grouping else having, group=keys, having=having if grouping else None)
    for name in ("distinct", "limit", "offset"):
        kept = query.args.get(name)
        made.set(name, copied(kept) if kept is not None else None)
    windows = query.args.get("windows")
    if windows:
        made.set("windows", [_written(_over_base(each, block), write) for each in windows])
    order = query.args.get("order")
    if order is not None:
        made.set("order", exp.Order(expressions=[_sorted_by(each, block, write) for each in order.expressions]))
        _call_apart(made)
    return made


def _call_apart(made: exp.Select) -> None:
    """Call what is read otherwise than a result column: ORDER BY would take `q.x` for a field of that column."""
    shown = {each.alias_or_name.lower() for each in made.expressions}
    if SOURCE not in shown:
        return
    other = next(name for name in (f"{SOURCE}{number}" for number in range(len(shown) + 1)) if name not in shown)
    source = made.args["from_"].this
    source.args["alias"].set("this", exp.Identifier(this=other, quoted=True))
    for key, parts in made.args.items():
        for part in (parts if isinstance(parts, list) else [parts]) if key != "from_" else ():
            for column in part.find_all(exp.Column) if isinstance(part, exp.Expr) else ():
                if column.table == SOURCE:
                    column.set("table", exp.Identifier(this=other, quoted=True))


def _written(value: exp.Expr, write: Write) -> exp.Expr:
    found = write(value)
    if found is None:
        raise Unmatched(Lack(3, "key", "a result column cannot be computed from what the view shows"))
    return found


def sort_keys(block: Block) -> list[exp.Expr]:
    """Return what ORDER BY and named windows compute, over base columns. Raises Unmatched."""
    query = block.select
    order = query.args.get("order") if query is not None else None
    items = [_inner(each) for each in order.expressions] if order is not None else []
    windows = (query.args.get("windows") or []) if query is not None else []
    return [_over_base(each, block) for each in (*(i for i in items if not _is_output(i)), *windows)]


def _inner(item: exp.Expr) -> exp.Expr:
    return item.this if isinstance(item, exp.Ordered) else item


def _is_output(item: exp.Expr) -> bool:
    """Tell whether a sort key is a result column, by number or by name."""
    resolved = item.meta.get("resolved") if isinstance(item, exp.Column) else None
    return ordinal(item) is not None or (resolved is not None and resolved.output)


def _sorted_by(item: exp.Expr, block: Block, write: Write) -> exp.Expr:
    inner, twin = _inner(item), copied(item)
    if _is_output(inner):
        return twin
    made = _written(_over_base(inner, block), write)
    if not isinstance(twin, exp.Ordered):
        return made
    twin.set("this", made)
    return twin


def _over_base(value: exp.Expr, block: Block) -> exp.Expr:
    """Write an expression of the query's own text over base columns. Raises Unmatched."""
    outputs = {each.name.lower(): each.value for each in block.outputs}
    found = _canonical(copied(value), block.fields, outputs)
    if found is None:
        raise Unmatched(Lack(10, "shape", "what the query sorts by cannot be read"))
    return found


def _canonical(
    twin: exp.Expr, fields: Mapping[tuple[int, str], exp.Expr], outputs: Mapping[str, exp.Expr]
) -> exp.Expr | None:
    """Put what they stand for in the place of columns; the given tree is changed."""
    for node in [twin] if isinstance(twin, exp.Column) else list(twin.find_all(exp.Column)):
        resolved = node.meta.get("resolved")
        if resolved is None or resolved.outer or resolved.fields:
            return None
        name = resolved.column.lower()
        meant = outputs.get(name) if resolved.output else fields.get((resolved.relation_id, name))
        if meant is None:
            return None
        other = copied(meant) if isinstance(meant, exp.Column) else exp.Paren(this=copied(meant))
        if "type" in node.meta:
            other.meta["type"] = node.meta["type"]
        if node is twin:
            return other
        node.replace(other)
    return twin
