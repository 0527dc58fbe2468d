"""SQL that policies are made of, each piece with its meaning in Python: three-valued logic, Trino's arithmetic."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.fuzz.choices import Choices
from tests.fuzz.world import Relation, Row

Attributes = Mapping[str, str]
Value = Callable[[Row, Attributes], Any]


@dataclass(frozen=True, slots=True)
class Term:
    """An expression over a table's raw columns: as policies write it, and what it gives for a row."""

    sql: str
    value: Value


def literal(value: Any) -> str:
    """Write a value as Trino reads it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, dt.datetime):
        return f"TIMESTAMP '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, dt.date):
        return f"DATE '{value:%Y-%m-%d}'"
    if isinstance(value, Decimal):
        return f"DECIMAL '{value}'"
    return f"{value!r}e0" if isinstance(value, float) else str(value)


def flat_columns(relation: Relation) -> list[str]:
    """Return the columns whose values have no parts."""
    return [name for name, kind in relation.columns.items() if not kind.startswith(("array", "row"))]


def _base(relation: Relation, column: str) -> str:
    return relation.columns[column].partition("(")[0]


def _known(relation: Relation, column: str, choices: Choices) -> Any:
    """Draw one of the values that stand in a column, hidden or not."""
    values = [row[column] for row in relation.rows if row[column] is not None]
    return choices.pick(values)


def condition(relation: Relation, choices: Choices, depth: int = 2) -> Term:
    """Draw a row filter."""
    kind = choices.below(10 if depth else 7)
    if kind < 5:
        return _comparison(relation, choices)
    if kind < 6:
        return _personal(relation, choices)
    if kind < 7:
        return _computed(relation, choices)
    left = condition(relation, choices, depth - 1)
    if kind == 7:
        return Term(f"NOT ({left.sql})", lambda row, a: _not(left.value(row, a)))
    right = condition(relation, choices, depth - 1)
    if kind == 8:
        return Term(f"({left.sql}) AND ({right.sql})", lambda row, a: _and(left.value(row, a), right.value(row, a)))
    return Term(
        f"({left.sql}) OR ({right.sql})",
        lambda row, a: _not(_and(_not(left.value(row, a)), _not(right.value(row, a)))),
    )


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


_STEPS: Mapping[type, Any] = {int: 1, dt.date: dt.timedelta(1), Decimal: Decimal("0.01")}
"""From a value to the next."""


def _comparison(relation: Relation, choices: Choices) -> Term:
    column = choices.pick(flat_columns(relation))
    form = choices.pick(("compare", "compare", "in", "between", "null", "distinct", "unknown"))
    if form == "null":
        return _null_test(column, choices.chance(50))
    low, high = sorted((_known(relation, column, choices), _known(relation, column, choices)))
    if form == "compare":
        operator = choices.pick(tuple(_OPERATORS))
        holds = _OPERATORS[operator]
        return Term(
            f"{column} {operator} {literal(low)}",
            lambda row, _: None if row[column] is None else holds(row[column], low),
        )
    if form == "in":
        return Term(
            f"{column} IN ({literal(low)}, {literal(high)})",
            lambda row, _: None if row[column] is None else row[column] in (low, high),
        )
    if form == "unknown":
        return _with_unknown(column, relation.columns[column], low, choices)
    if form == "distinct":
        return Term(f"{column} IS DISTINCT FROM {literal(low)}", lambda row, _: row[column] != low)
    return Term(
        f"{column} BETWEEN {literal(low)} AND {literal(high)}",
        lambda row, _: None if row[column] is None else low <= row[column] <= high,
    )


def _with_unknown(column: str, kind: str, value: Any, choices: Choices) -> Term:
    """Draw a comparison with neighbours and a constant that is NULL, which Trino 476 takes for one of them."""
    text = literal(value)
    casts = () if kind.startswith(("varchar", "boolean")) else (f"TRY_CAST('none' AS {kind})",)
    unknown = choices.pick(("NULL", f"nullif({text}, {text})", *casts))
    values = [value, value + _STEPS[type(value)]] if type(value) in _STEPS else [value]
    items = [*map(literal, values), unknown]
    listed = f"{column} IN ({', '.join(items)})"
    sql = listed if choices.chance(60) else "(" + " OR ".join(f"{column} = {item}" for item in items) + ")"
    return Term(sql, lambda row, _: True if row[column] in values else None)


def _null_test(column: str, negated: bool) -> Term:
    word = "IS NOT NULL" if negated else "IS NULL"
    return Term(f"{column} {word}", lambda row, _: (row[column] is None) != negated)


def _personal(relation: Relation, choices: Choices) -> Term:
    """Draw a condition on who asks. A missing attribute is the reduction's business: it hides the table."""
    if "person" in relation.columns and choices.chance(60):
        column = choices.pick(("person", "manager"))
        return Term(
            f"{column} = currentUser()", lambda row, a: None if row[column] is None else row[column] == a["currentUser"]
        )
    name = choices.pick(("region", "region", "desk"))
    return Term(f"region = attr('{name}')", lambda row, a: None if row["region"] is None else row["region"] == a[name])


def _computed(relation: Relation, choices: Choices) -> Term:
    column = choices.pick(flat_columns(relation))
    base = _base(relation, column)
    if base == "varchar":
        return _on_text(column, _known(relation, column, choices), choices)
    if base in ("bigint", "integer"):
        step, rest = choices.number(2, 5), choices.number(0, 2)
        return Term(
            f"{column} % {step} = {rest}",
            lambda row, _: None if row[column] is None else _modulus(row[column], step) == rest,
        )
    if base in ("date", "timestamp"):
        month = choices.number(1, 12)
        return Term(
            f"month({column}) > {month}", lambda row, _: None if row[column] is None else row[column].month > month
        )
    value = _known(relation, column, choices)
    return Term(
        f"coalesce({column}, {literal(value)}) = {literal(value)}",
        lambda row, _: (value if row[column] is None else row[column]) == value,
    )


def _on_text(column: str, value: str, choices: Choices) -> Term:
    form = choices.below(4)
    if form == 0:
        start = value[:2].replace("%", "").replace("_", "")
        return Term(
            f"{column} LIKE '{start}%'", lambda row, _: None if row[column] is None else row[column].startswith(start)
        )
    if form == 1:
        return Term(
            f"length({column}) > {len(value)}",
            lambda row, _: None if row[column] is None else len(row[column]) > len(value),
        )
    if form == 2:
        return Term(
            f"lower({column}) = {literal(value.lower())}",
            lambda row, _: None if row[column] is None else row[column].lower() == value.lower(),
        )
    pattern = re.escape(value[1:3])
    return Term(
        f"strpos({column}, {literal(value[1:3])}) > 0",
        lambda row, _: None if row[column] is None else re.search(pattern, row[column]) is not None,
    )


def masking(relation: Relation, column: str, choices: Choices) -> Term:
    """Draw a custom mask of a column, of the column's own type."""
    base = _base(relation, column)
    form = choices.below(3)
    if form == 0 or base in ("array", "row", "double", "decimal", "timestamp"):
        shown = condition(relation, choices, 1)
        return Term(
            f"CASE WHEN {shown.sql} THEN {column} END",
            lambda row, a: row[column] if shown.value(row, a) is True else None,
        )
    if base in ("bigint", "integer"):
        return Term(f"{column} % 10", lambda row, _: None if row[column] is None else _modulus(row[column], 10))
    if base == "boolean":
        return Term(f"NOT {column}", lambda row, _: _not(row[column]))
    if base == "date":
        return Term(f"date_trunc('month', {column})", lambda row, _: row[column] and row[column].replace(day=1))
    if form == 1:
        return Term(f"upper({column})", lambda row, _: row[column] and row[column].upper())
    return Term(
        f"CAST(concat(substr({column}, 1, 2), '.') AS {relation.columns[column]})",
        lambda row, _: None if row[column] is None else row[column][:2] + ".",
    )


def _modulus(value: int, step: int) -> int:
    return value % step if value >= 0 else -(-value % step)


def _not(value: Any) -> Any:
    return None if value is None else not value


def _and(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True
