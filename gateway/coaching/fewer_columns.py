"""Fewer columns than `*`: what is left are the columns that the caller may see, without the widest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from catalog.objects import TableName
from gateway.coaching.drafts import Draft, Matter, column_of

_HALF = 0.5
"""What the columns that stay may take of the whole at most."""
_MOST = 60
"""Columns to write out: a longer list helps nobody."""


def fewer_columns(matter: Matter) -> Iterator[Draft]:
    """Draft a query that names its columns, without those that take the most bytes."""
    tree = matter.own.tree.copy()
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") or not any(map(_is_star, tree.expressions)):
        return
    leaves = _leaves(tree)
    if leaves is None:
        return
    sizes = _sizes(matter)
    limited = matter.room.nano is not None or matter.room.bytes is not None
    share = min(max(matter.share, 0.05), _HALF) if limited else _HALF
    dropped = _widest(sizes, {leaf.meta["table"] for leaf in leaves}, share)
    items: list[exp.Expr] = []
    for item in tree.expressions:
        items += _written_out(item, leaves, matter, dropped) if _is_star(item) else [item]
    if not dropped or not items or len(items) > _MOST:
        return
    tree.set("expressions", items)
    names = ", ".join(column for _, column in sorted(dropped, key=lambda each: -sizes[each])[:5])
    more = f" and {len(dropped) - 5} more" if len(dropped) > 5 else ""
    yield Draft(
        "fewer_columns",
        f"without the widest columns: {names}{more}",
        tree,
        same_result=False,
        difference=f"without the columns {names}{more}",
        table=str(max(dropped, key=lambda each: sizes[each])[0]),
    )


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _leaves(tree: exp.Select) -> list[exp.Table] | None:
    """Return the tables that `*` stands for; None where it stands for anything else, or for a column only once."""
    source = tree.args.get("from_")
    joins = tree.args.get("joins") or []
    if source is None or tree.args.get("laterals") or any(join.args.get("using") for join in joins):
        return None
    relations = [source.this, *(join.this for join in joins)]
    found = [each for each in relations if isinstance(each, exp.Table) and each.meta.get("table") is not None]
    plain = all(not (each.args.get("alias") and each.args["alias"].args.get("columns")) for each in found)
    return found if plain and len(found) == len(relations) else None


def _sizes(matter: Matter) -> Mapping[tuple[TableName, str], float]:
    sizes: dict[tuple[TableName, str], float] = {}
    for scan in matter.heaviest():
        seen = matter.sight[scan.scan.table]
        for column, size in scan.column_bytes.items():
            if column in seen:
                key = (scan.scan.table, column)
                sizes[key] = sizes.get(key, 0.0) + size * scan.scan.times
    return sizes


def _widest(
    sizes: Mapping[tuple[TableName, str], float], tables: set[TableName], share: float
) -> set[tuple[TableName, str]]:
    """Return the widest columns, as many as it takes for the rest to be that share of the whole; one column stays."""
    shown = {key: size for key, size in sizes.items() if key[0] in tables and size > 0}
    left = sum(shown.values())
    wanted = left * share
    dropped: set[tuple[TableName, str]] = set()
    for key in sorted(shown, key=lambda each: (-shown[each], each)):
        if left <= wanted or len(dropped) >= len(shown) - 1:
            break
        dropped.add(key)
        left -= shown[key]
    return dropped


def _written_out(
    star: exp.Expr, leaves: list[exp.Table], matter: Matter, dropped: set[tuple[TableName, str]]
) -> list[exp.Expr]:
    qualifier = star.text("table") if isinstance(star, exp.Column) else ""
    meant = [each for each in leaves if not qualifier or each.alias_or_name.lower() == qualifier.lower()]
    return [
        column_of(leaf, column.name, qualified=len(leaves) > 1)
        for leaf in meant
        for column in matter.own.tables[leaf.meta["table"]].columns
        if (leaf.meta["table"], column.name) not in dropped
    ]
