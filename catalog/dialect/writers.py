"""How nodes are written as Trino SQL where sqlglot's generator writes something else than was read.

sqlglot's writers translate between dialects (`AT TIME ZONE` to `AT_TIMEZONE`, `POSITION` to `STRPOS`) and some change
the tree while they write. These write back what was read and leave the tree alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from catalog.dialect import json_forms, json_tables, routine_bodies, row_patterns, table_functions
from catalog.dialect.types import type_sql

if TYPE_CHECKING:
    Generator = Any
    """sqlglot's compiled generator."""
    Writer = Callable[[Generator, Any], str]


def _cast(self: Generator, node: exp.Cast) -> str:
    return f"CAST({self.sql(node, 'this')} AS {type_sql(node.args['to'])})"


def _try_cast(self: Generator, node: exp.TryCast) -> str:
    return f"TRY_CAST({self.sql(node, 'this')} AS {type_sql(node.args['to'])})"


def _data_type(self: Generator, node: exp.DataType) -> str:
    return type_sql(node)


def _at_time_zone(self: Generator, node: exp.AtTimeZone) -> str:
    return f"{self.sql(node, 'this')} AT TIME ZONE {self.sql(node, 'zone')}"


def _current(word: str) -> Writer:
    def write(self: Generator, node: exp.Expr) -> str:
        precision = self.sql(node, "this")
        return f"{word}({precision})" if precision else word

    return write


def _list_agg(self: Generator, node: exp.GroupConcat) -> str:
    order = node.this
    overflow = self.sql(node, "on_overflow")
    overflow = f" ON OVERFLOW {overflow}" if overflow else ""
    value = self.sql(order, "this")
    return (
        f"LISTAGG({value}, {self.sql(node, 'separator')}{overflow}) "
        f"WITHIN GROUP (ORDER BY {self.expressions(order, flat=True)})"
    )


def _substring(self: Generator, node: exp.Substring) -> str:
    length = self.sql(node, "length")
    length = f" FOR {length}" if length else ""
    return f"SUBSTRING({self.sql(node, 'this')} FROM {self.sql(node, 'start')}{length})"


def _position(self: Generator, node: exp.StrPosition) -> str:
    return f"POSITION({self.sql(node, 'substr')} IN {self.sql(node, 'this')})"


def _trim(self: Generator, node: exp.Trim) -> str:
    parts = (node.args.get("position"), self.sql(node, "expression"), "FROM", self.sql(node, "this"))
    return f"TRIM({' '.join(part for part in parts if part)})"


def _interval(self: Generator, node: exp.Interval) -> str:
    return f"INTERVAL {self.sql(node, 'this')} {self.sql(node, 'unit')}"


def _lambda(self: Generator, node: exp.Lambda) -> str:
    names = self.expressions(node, flat=True)
    names = names if len(node.expressions) == 1 else f"({names})"
    return f"{names} -> {self.sql(node, 'this')}"


def _not(self: Generator, node: exp.Not) -> str:
    inner = node.this
    if isinstance(inner, exp.Is):
        return f"{self.sql(inner, 'this')} IS NOT NULL"
    if isinstance(inner, exp.Between):
        low, high = self.sql(inner, "low"), self.sql(inner, "high")
        return f"{self.sql(inner, 'this')} NOT BETWEEN {low} AND {high}"
    if isinstance(inner, exp.In):
        listed = self.sql(inner, "query") or f"({self.expressions(inner, flat=True)})"
        return f"{self.sql(inner, 'this')} NOT IN {listed}"
    return f"NOT {self.sql(inner)}"


def _window_frame(self: Generator, node: exp.WindowSpec) -> str:
    start = _bound(self, node, "start")
    if not node.args.get("end"):
        return f"{self.sql(node, 'kind')} {start}"
    return f"{self.sql(node, 'kind')} BETWEEN {start} AND {_bound(self, node, 'end')}"


def _bound(self: Generator, node: exp.WindowSpec, key: str) -> str:
    side = self.sql(node, f"{key}_side")
    return f"{self.sql(node, key)} {side}".rstrip()


def _values(self: Generator, node: exp.Values) -> str:
    rows = f"VALUES {self.expressions(node, flat=True)}"
    alias = self.sql(node, "alias")
    plain = rows
    rows = self.query_modifiers(node, rows)
    if alias:
        return f"({rows}) AS {alias}"
    holder = node.parent
    # Parentheses right around VALUES in FROM make no node of their own, so one that is there had a second pair.
    doubled = rows == plain and isinstance(holder, exp.Subquery) and isinstance(holder.parent, (exp.From, exp.Join))
    return f"({rows})" if doubled or isinstance(holder, _BRACKETING) else rows


_BRACKETING = (exp.From, exp.Join, exp.Table, exp.Any)


def _set_operation(self: Generator, node: exp.SetOperation) -> str:
    """Write a chain of set operations, which nests to the left, from left to right."""
    spine = [node]
    while isinstance(spine[-1].this, exp.SetOperation):
        spine.append(spine[-1].this)
    text = self.sql(spine[-1], "this")
    for operation in reversed(spine):
        every = " ALL" if operation.args.get("distinct") is False else ""
        corresponding = " CORRESPONDING" if operation.args.get("by_name") else ""
        text += f" {operation.key.upper()}{every}{corresponding} {self.sql(operation, 'expression')}"
    return str(self.prepend_ctes(node, self.query_modifiers(node, text)))


def _table_sample(self: Generator, node: exp.TableSample) -> str:
    percent = node.args["percent"]
    inner = percent.this if isinstance(percent, exp.Paren) else percent
    return f" TABLESAMPLE {self.sql(node, 'method')} ({self.sql(inner)})"


def _group(self: Generator, node: exp.Group) -> str:
    quantifier = " DISTINCT" if node.args.get("all") is False else ""
    return f" GROUP BY{quantifier} {self.expressions(node, flat=True)}"


def _aliases(self: Generator, node: exp.Aliases) -> str:
    return f"{self.sql(node, 'this')} AS ({self.expressions(node, flat=True)})"


def _unnest(self: Generator, node: exp.Unnest) -> str:
    offset, alias = node.args.get("offset"), node.args.get("alias")
    text = f"UNNEST({self.expressions(node, flat=True)}){' WITH ORDINALITY' if offset else ''}"
    if not alias:
        return text
    columns = [self.sql(column) for column in alias.columns]
    if isinstance(offset, exp.Expr):
        columns.append(self.sql(offset))
    names = f"({', '.join(columns)})" if columns else ""
    return f"{text} AS {self.sql(alias, 'this')}{names}"


def _select(self: Generator, node: exp.Select) -> str:
    values = _bare_values(node)
    if values is None:
        return str(self.select_sql(node))
    rows = f"VALUES {self.expressions(values, flat=True)}"
    return str(self.prepend_ctes(node, self.query_modifiers(node, rows)))


def _distinct(self: Generator, node: exp.Distinct) -> str:
    return f"DISTINCT {self.expressions(node, flat=True)}".rstrip()


def _bare_values(node: exp.Select) -> exp.Expr | None:
    """Return the VALUES that sqlglot's parser wrapped in a selection of its own."""
    source = node.args.get("from_")
    values = source.this if source else None
    alias = values.args.get("alias") if isinstance(values, exp.Values) else None
    if alias is None or alias.name != "_values" or alias.this.meta or alias.columns:
        return None
    return values


def _offset(self: Generator, node: exp.Offset) -> str:
    return f" OFFSET {self.sql(node, 'expression')}"


def _limit(self: Generator, node: exp.Limit) -> str:
    return f" LIMIT {self.sql(node, 'expression')}"


def _fetch(self: Generator, node: exp.Fetch) -> str:
    options = node.args.get("limit_options")
    ties = options is not None and options.args.get("with_ties")
    return f" FETCH FIRST {self.sql(node, 'count')} ROWS {'WITH TIES' if ties else 'ONLY'}"


def _if(self: Generator, node: exp.If) -> str:
    parts = (self.sql(node, "this"), self.sql(node, "true"), self.sql(node, "false"))
    return f"IF({', '.join(part for part in parts if part)})"


def _bracket(self: Generator, node: exp.Bracket) -> str:
    if node.args.get("offset") != 1:
        return str(self.bracket_sql(node))
    return f"{self.sql(node, 'this')}[{self.expressions(node, flat=True)}]"


def _array(self: Generator, node: exp.Array) -> str:
    return f"ARRAY[{self.expressions(node, flat=True)}]"


WRITERS: dict[type[exp.Expr], Writer] = {
    **json_forms.WRITERS,
    **json_tables.WRITERS,
    **routine_bodies.WRITERS,
    **row_patterns.WRITERS,
    **table_functions.WRITERS,
    exp.Aliases: _aliases,
    exp.Array: _array,
    exp.AtTimeZone: _at_time_zone,
    exp.Bracket: _bracket,
    exp.Cast: _cast,
    exp.CurrentSchema: _current("CURRENT_SCHEMA"),
    exp.CurrentTime: _current("CURRENT_TIME"),
    exp.CurrentTimestamp: _current("CURRENT_TIMESTAMP"),
    exp.DataType: _data_type,
    exp.CurrentRole: _current("AUTO"),  # stands for the word, see the patch `grouping`
    exp.Distinct: _distinct,
    exp.Except: _set_operation,
    exp.Fetch: _fetch,
    exp.Group: _group,
    exp.GroupConcat: _list_agg,
    exp.If: _if,
    exp.Intersect: _set_operation,
    exp.Interval: _interval,
    exp.Lambda: _lambda,
    exp.Limit: _limit,
    exp.Localtime: _current("LOCALTIME"),
    exp.Localtimestamp: _current("LOCALTIMESTAMP"),
    exp.Not: _not,
    exp.Offset: _offset,
    exp.Select: _select,
    exp.SessionUser: _current("CURRENT_PATH"),  # stands for the word, see the patch `current_time`
    exp.StrPosition: _position,
    exp.Substring: _substring,
    exp.TableSample: _table_sample,
    exp.Trim: _trim,
    exp.TryCast: _try_cast,
    exp.Union: _set_operation,
    exp.Unnest: _unnest,
    exp.Values: _values,
    exp.WindowSpec: _window_frame,
}
"""Writers by node type, laid over those of sqlglot's Trino generator."""
