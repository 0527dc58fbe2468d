"""Expressions as Trino's messages show them: `(b + 2)`, `sum(a) OVER (ORDER BY b ASC)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS

_OPERATORS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    **SIGNS,
    exp.And: "AND",
    exp.Or: "OR",
    exp.DPipe: "||",
    exp.Like: "LIKE",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}


def text_of(node: exp.Expr) -> str:
    """Return an expression as messages show it, identifiers as they were written but without quotes."""
    writer = _WRITERS.get(node.__class__)
    if writer is not None:
        return writer(node)
    sign = _OPERATORS.get(node.__class__)
    if sign is not None:
        return f"({text_of(node.this)} {sign} {text_of(node.expression)})"
    return node.sql(dialect="trino", comments=False)


def _list(nodes: Iterable[exp.Expr]) -> str:
    return ", ".join(text_of(node) for node in nodes)


def _column(node: exp.Expr) -> str:
    parts = (node.args.get(key) for key in ("catalog", "db", "table", "this"))
    return ".".join(text_of(part) for part in parts if isinstance(part, exp.Expr))


def _literal(node: exp.Expr) -> str:
    escaped = node.name.replace("'", "''")
    return f"'{escaped}'" if node.args.get("is_string") else node.name


def _call(node: exp.Expr) -> str:
    return f"{node.name.lower()}({_list(node.expressions)})"


def _case(node: exp.Expr) -> str:
    operand = node.args.get("this")
    default = node.args.get("default")
    parts = ["CASE", *([text_of(operand)] if operand is not None else [])]
    parts += [f"WHEN {text_of(branch.this)} THEN {text_of(branch.args['true'])}" for branch in node.args["ifs"]]
    parts += [f"ELSE {text_of(default)}"] if default is not None else []
    return f"({' '.join(parts)} END)"


def _lambda(node: exp.Expr) -> str:
    return f"({_list(node.expressions)}) -> {text_of(node.this)}"


def _ordered(node: exp.Expr) -> str:
    nulls = " NULLS FIRST" if node.args.get("nulls_first") else ""
    return f"{text_of(node.this)} {'DESC' if node.args.get('desc') else 'ASC'}{nulls}"


def _order(node: exp.Expr) -> str:
    before = node.args.get("this")
    items = f"ORDER BY {_list(node.expressions)}"
    return f"{text_of(before)} {items}" if isinstance(before, exp.Expr) else items


def _window(node: exp.Expr) -> str:
    keys = node.args.get("partition_by")
    order = node.args.get("order")
    parts = [f"PARTITION BY {_list(keys)}"] if keys else []
    parts += [text_of(order)] if order is not None else []
    return f"{text_of(node.this)} OVER ({' '.join(parts)})"


_WRITERS: Mapping[type[exp.Expr], Callable[[exp.Expr], str]] = {
    exp.Column: _column,
    exp.Identifier: lambda node: node.name,
    exp.Literal: _literal,
    exp.Star: lambda node: "*",
    exp.Paren: lambda node: text_of(node.this),
    exp.Neg: lambda node: f"-{text_of(node.this)}",
    exp.Not: lambda node: f"(NOT {text_of(node.this)})",
    exp.Dot: lambda node: f"{text_of(node.this)}.{text_of(node.expression)}",
    exp.Tuple: lambda node: f"ROW ({_list(node.expressions)})",
    exp.Array: lambda node: f"ARRAY[{_list(node.expressions)}]",
    exp.Distinct: lambda node: f"DISTINCT {_list(node.expressions)}",
    exp.Anonymous: _call,
    exp.Case: _case,
    exp.Lambda: _lambda,
    exp.Ordered: _ordered,
    exp.Order: _order,
    exp.Window: _window,
}
