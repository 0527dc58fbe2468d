"""The SELECT of one of ClickHouse's own materialized views, read into a definition in Trino's SQL.

Only what means the very same on both sides is read; anything else is named as the reason why not. The target's rows are
parts of groups: each insert adds its own, merges put them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlglot
from sqlglot import exp

from catalog.errors import Refusal
from catalog.materialized_views import Definition, State
from catalog.names import fold_trino, quoted
from catalog.objects import TableName
from engines.clickhouse.sizes import identifier

_UNITS = {"toStartOfMinute": "minute", "toStartOfHour": "hour", "toStartOfDay": "day"}
DAYS = {"toStartOfMonth": "month", "toStartOfQuarter": "quarter", "toStartOfYear": "year"}
SETS = {"uniqExactState": "uniqExact", "uniqState": "uniq"}
MERGING = {"count": "sum", "sum": "sum", "min": "min", "max": "max"}
_COMPARED = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


class Unread(ValueError):  # noqa: N818  (an answer, not a crash)
    """Say why a view's SELECT is not read."""


class Native(NamedTuple):
    """A table as the server names it."""

    database: str
    table: str


@dataclass(frozen=True, slots=True)
class Item:
    """One column of the view."""

    name: str
    function: str
    """Empty for a key."""
    column: str = ""
    """The base column in it, if any."""
    cut: str = ""
    """What a key is cut by: `toStartOfHour`."""


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT that is understood."""

    base: Native
    items: tuple[Item, ...]
    where: str
    """In Trino's SQL, which means the same; empty for all rows."""
    filtered: tuple[tuple[str, str], ...]
    """(column that the condition compares, `number` or `text` or empty where it is only asked for NULL)."""
    sql: str

    def definition(self, view: TableName, base: TableName) -> Definition:
        """Return the definition in Trino's SQL."""
        shown = ", ".join(f"{_trino(item)} AS {quoted(fold_trino(item.name))}" for item in self.items)
        keys = ", ".join(_trino(item) for item in self.items if not item.function)
        where = f" WHERE {self.where}" if self.where else ""
        place = ".".join(quoted(part) for part in base)
        sql = f"SELECT {shown} FROM {place}{where} GROUP BY {keys}"  # noqa: S608  (quoted names)
        states = tuple(
            State(fold_trino(item.name), SETS[item.function], (quoted(fold_trino(item.column)),))
            for item in self.items
            if item.function in SETS
        )
        return Definition(view, sql, states=states, maintained="inserts", integrity="enforced")

    def comparison(self, view: str) -> str:
        """Ask how many groups differ between the view's rows, merged, and its SELECT."""
        keys = ", ".join(identifier(item.name) for item in self.items if not item.function)
        plain = [item for item in self.items if item.function and item.function not in SETS]
        sets = [item for item in self.items if item.function in SETS]
        merged = [f"{MERGING[item.function]}({identifier(item.name)}) AS {identifier(item.name)}" for item in plain]
        merged += [f"{SETS[i.function]}MergeState({identifier(i.name)}) AS {identifier(i.name)}" for i in sets]
        names = ", ".join(identifier(item.name) for item in self.items)
        one = f"SELECT {names}, 1 AS `side$` FROM ({self.sql})"  # noqa: S608  (the server's own text)
        other = f"SELECT {', '.join([keys, *merged])} FROM {view} GROUP BY {keys}"  # noqa: S608  (quoted names)
        other = f"SELECT {names}, -1 AS `side$` FROM ({other})"  # noqa: S608  (as above)
        differs = ["sum(`side$`) != 0 OR count() != 2"]
        differs += [f"uniqExact(tuple({identifier(i.name)})) != 1" for i in plain]
        for item in sets:
            merge, name = f"{SETS[item.function]}Merge", identifier(item.name)
            sizes = (f"{merge}If({name}, `side$` = {side})" for side in (1, -1))
            differs += [f"{size} != {merge}({name})" for size in sizes]
        rows = f"SELECT 1 FROM ({one} UNION ALL {other}) GROUP BY {keys} HAVING {' OR '.join(differs)}"  # noqa: S608  (as above)
        return f"SELECT toString(count()) FROM ({rows})"  # noqa: S608  (as above)


def read_select(sql: str, database: str) -> Select:
    """Read the text of a SELECT as the server shows it. Raises Unread."""
    try:
        tree = sqlglot.parse_one(sql, dialect="clickhouse")
    except sqlglot.errors.SqlglotError:
        raise Unread("its SELECT is not read") from None
    if not isinstance(tree, exp.Select):
        raise Unread("it is not one SELECT")
    given = {name for name, value in tree.args.items() if value}
    odd = given - {"expressions", "from_", "where", "group", "kind"}
    if odd or tree.args.get("kind"):
        words = ", ".join(sorted(name.strip("_").upper() for name in odd)) or "a form of its own"
        raise Unread(f"its SELECT has {words}, which is not read")
    source = tree.args["from_"].this if tree.args.get("from_") else None
    if (
        not isinstance(source, exp.Table)
        or set(_given(source)) - {"this", "db"}
        or not isinstance(source.this, exp.Identifier)
    ):
        raise Unread("it does not read one table")
    items = tuple(_item(each) for each in tree.expressions)
    names = [item.name for item in items]
    if len(set(names)) != len(names) or len({name.lower() for name in names}) != len(names):
        raise Unread("two of its columns have one name")
    _check_group(tree, items)
    filtered: list[tuple[str, str]] = []
    where = tree.args.get("where")
    written = _condition(where.this, filtered) if where is not None else ""
    return Select(Native(source.db or database, source.name), items, written, tuple(filtered), sql)


def _given(node: exp.Expr) -> list[str]:
    return [name for name, value in node.args.items() if value]


def _item(node: exp.Expr) -> Item:
    inner, name = node.unalias(), node.alias_or_name
    if isinstance(inner, exp.Column) and not inner.table:
        return Item(name, "", inner.name)
    function, arguments = _call(inner)
    if not isinstance(node, exp.Alias):
        raise Unread(f"{_told(inner)} has no name")
    columns = [each.name for each in arguments if isinstance(each, exp.Column) and not each.table]
    if len(columns) != len(arguments) or len(arguments) > 1:
        raise Unread(f"{_told(inner)} is not read")
    if function == "count" or (len(columns) == 1 and function in (*MERGING, *SETS)):
        return Item(name, function, columns[0] if columns else "")
    if len(columns) == 1 and function in (*_UNITS, *DAYS, "toDate"):
        return Item(name, "", columns[0], function)
    raise Unread(f"{_told(inner)} is not read")


def _call(node: exp.Expr) -> tuple[str, Sequence[exp.Expr]]:
    """Return a function by the name that it has here, and the columns that it is called with. Raises Unread."""
    text = node.sql(dialect="clickhouse")
    match = re.fullmatch(r"(\w+)\((.*)\)", text, re.DOTALL)
    if match is None:
        raise Unread(f"{_told(node)} is not read")
    arguments = [*node.find_all(exp.Column)]
    truncated = re.fullmatch(r"dateTrunc\('(\w+)', (.*)\)", text, re.DOTALL)
    if truncated is not None and [truncated[2]] == [each.sql(dialect="clickhouse") for each in arguments]:
        return f"toStartOf{truncated[1].capitalize()}", arguments
    inside = ", ".join(each.sql(dialect="clickhouse") for each in arguments)
    if match[2] not in (inside, "*" if match[1].lower() == "count" else inside):
        raise Unread(f"{_told(node)} is not read")
    spelled = {each.lower(): each for each in (*_UNITS, *DAYS, *MERGING, *SETS, "toDate")}
    return spelled.get(match[1].lower(), match[1]), arguments


def _told(node: exp.Expr) -> str:
    return node.sql(dialect="clickhouse")[:80]


def _check_group(tree: exp.Select, items: Sequence[Item]) -> None:
    """Hold GROUP BY to the keys: all of them, by their names or as they are written, and nothing else."""
    group = tree.args.get("group")
    if not isinstance(group, exp.Group) or set(_given(group)) != {"expressions"}:
        raise Unread("it has no plain GROUP BY")
    shown = {item.name: at for at, item in enumerate(items)}
    texts = {each.unalias().sql(dialect="clickhouse"): at for at, each in enumerate(tree.expressions)}
    found = set()
    for key in group.expressions:
        at = shown.get(key.name) if isinstance(key, exp.Column) and not key.table else None
        at = texts.get(key.sql(dialect="clickhouse")) if at is None else at
        if at is None:
            raise Unread(f"it groups by {_told(key)}, which it does not show")
        found.add(at)
    if found != {at for at, item in enumerate(items) if not item.function}:
        raise Unread("its groups are not those of the columns that it shows")


def _condition(node: exp.Expr, filtered: list[tuple[str, str]]) -> str:
    """Write a condition of comparisons with constants in Trino's SQL. Raises Unread."""
    if isinstance(node, exp.Paren):
        return _condition(node.this, filtered)
    if isinstance(node, exp.And):
        return f"{_condition(node.this, filtered)} AND {_condition(node.expression, filtered)}"
    negated = isinstance(node, exp.Not)
    inner = node.this if isinstance(node, exp.Not) else node
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return f"{_filtered(inner.this, None, filtered)} IS {'NOT ' if negated else ''}NULL"
    sign = next((sign for kind, sign in _COMPARED.items() if type(inner) is kind), None)
    if not negated and sign is not None:
        column = _filtered(inner.this, inner.expression, filtered)
        return f"{column} {sign} {_constant(inner.expression)}"
    raise Unread(f"the condition {_told(node)} is not read")


def _filtered(column: exp.Expr, constant: exp.Expr | None, filtered: list[tuple[str, str]]) -> str:
    if not isinstance(column, exp.Column) or column.table:
        raise Unread(f"a condition on {_told(column)} is not read")
    what = "" if constant is None else "text" if isinstance(constant, exp.Literal) and constant.is_string else "number"
    filtered.append((column.name, what))
    return quoted(fold_trino(column.name))


def _constant(node: exp.Expr) -> str:
    inner = node.this if isinstance(node, exp.Neg) else node
    if isinstance(inner, exp.Literal) and inner.is_string and node is inner and inner.name.isprintable():
        return "'" + inner.name.replace("'", "''") + "'"
    if isinstance(inner, exp.Literal) and inner.is_int:
        return f"{'-' if node is not inner else ''}{inner.name}"
    raise Unread(f"a comparison with {_told(node)} is not read")


_TRINO: Mapping[str, str] = {
    **{name: f"date_trunc('{unit}', @)" for name, unit in _UNITS.items()},
    **{name: f"CAST(date_trunc('{unit}', @) AS date)" for name, unit in DAYS.items()},
    **{name: f"{name}(@)" for name in ("count", "sum", "min", "max")},
    "toDate": "CAST(@ AS date)",
    "": "@",
    "uniqExactState": "array_agg(DISTINCT @) FILTER (WHERE @ IS NOT NULL)",
    "uniqState": "approx_distinct(@)",
}


def _trino(item: Item) -> str:
    try:
        column = quoted(fold_trino(item.column)) if item.column else "*"
    except Refusal:
        raise Unread(f"{item.column} cannot be named in Trino's SQL") from None
    return _TRINO[item.function or item.cut].replace("@", column)
