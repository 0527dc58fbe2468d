"""A tiny evaluator of Trino's scalar expressions over one row: the oracle of random tests, checked against Trino.

It shares nothing with the rules it judges: values are Python's own (int, Decimal, float, str, bool, date, datetime),
instants are aware datetimes that remember their zone, NULL is None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from catalog.types import TrinoType

Row = Mapping[str, Any]


def evaluate(node: exp.Expr, row: Row) -> Any:
    """Return the value of an expression; raises KeyError for what this evaluator does not know."""
    return _NODES[type(node)](node, row)


def _number(text: str) -> Any:
    if "e" in text.lower():
        return float(text)
    return Decimal(text) if "." in text else int(text)


def _logic(node: exp.Expr, row: Row) -> bool | None:
    if isinstance(node, exp.Not):
        value = evaluate(node.this, row)
        return None if value is None else not value
    values = [evaluate(node.this, row), evaluate(node.expression, row)]
    return _and(values) if isinstance(node, exp.And) else _or(values)


def _and(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _or(values: list[bool | None]) -> bool | None:
    if True in values:
        return True
    return None if None in values else False


def compare(sign: str, left: Any, right: Any) -> bool | None:
    """Compare two values as Trino does."""
    if left is None or right is None:
        return None
    left, right = _alike(left, right)
    if any(isinstance(side, float) and math.isnan(side) for side in (left, right)):
        return sign == "<>"
    order = (left > right) - (left < right)
    return {"=": order == 0, "<>": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(left, float) or isinstance(right, float):
        return float(left), float(right)
    if isinstance(left, date) and isinstance(right, date):
        return _moment(left), _moment(right)
    return left, right


def _moment(value: date) -> datetime:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment


def _same(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is None and right is None
    nans = [isinstance(side, float) and math.isnan(side) for side in (left, right)]
    return all(nans) if any(nans) else bool(compare("=", left, right))


def _like(node: exp.Like, row: Row) -> bool | None:
    value, pattern = evaluate(node.this, row), evaluate(node.expression, row)
    if value is None or pattern is None:
        return None
    text = "".join("." if c == "_" else ".*" if c == "%" else re.escape(c) for c in pattern)
    return (re.fullmatch(text, value, re.DOTALL) is not None) != bool(node.args.get("negate"))


def cast(value: Any, kind: TrinoType) -> Any:
    """Cast a value; of texts only what the tests write."""
    if value is None:
        return None
    if kind.base == "date":
        return date.fromisoformat(value) if isinstance(value, str) else date(value.year, value.month, value.day)
    if kind.base == "timestamp":
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
        return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if kind.base == "timestamp with time zone":
        return _instant(value)
    if kind.base in ("double", "real"):
        return float(value)
    if kind.base in ("integer", "bigint", "smallint", "tinyint"):
        return int(value)
    if kind.base == "decimal":
        return Decimal(value)
    return value


def _instant(value: Any) -> datetime:
    if isinstance(value, str):
        text, _, zone = value.rpartition(" ")
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return value


def _arithmetic(node: exp.Expr, row: Row) -> Any:
    left, right = (evaluate_operand(part, row) for part in (node.this, node.expression))
    if left is None or right is None:
        return None
    if isinstance(right, timedelta):
        return left + (right if isinstance(node, exp.Add) else -right)
    if isinstance(node, exp.Add):
        return left + right
    return left - right if isinstance(node, exp.Sub) else left * right


def evaluate_operand(node: exp.Expr, row: Row) -> Any:
    """Return the value of an operand, which may be an interval of days or less."""
    if isinstance(node, exp.Interval):
        size = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}[node.args["unit"].name.upper()]
        return timedelta(seconds=size * int(node.this.name))
    return evaluate(node, row)


def _at(value: datetime | None, zone: str) -> datetime | None:
    return None if value is None else value.astimezone(ZoneInfo(zone))


def _field(name: str, value: Any) -> int | None:
    if value is None:
        return None
    day = date(value.year, value.month, value.day)
    found: dict[str, int] = {
        "quarter": (value.month + 2) // 3,
        "day_of_week": day.isoweekday(),
        "day_of_year": day.timetuple().tm_yday,
        "week": day.isocalendar()[1],
        "year_of_week": day.isocalendar()[0],
    }
    return found[name] if name in found else int(getattr(value, name))


def _call(name: str, values: list[Any]) -> Any:
    if name == "nan":
        return math.nan
    if name == "infinity":
        return math.inf
    if None in values:
        return None
    if name == "date":
        return cast(values[0], TrinoType("date"))
    if name == "date_trunc":
        return truncate(values[0], values[1])
    if name == "abs":
        return abs(values[0])
    if name == "length":
        return len(values[0])
    return _field(name, values[0])


def truncate(unit: str, value: Any) -> Any:
    """Truncate as date_trunc does; an instant by the clock of its zone, keeping the side of a fold it is on."""
    day = date(value.year, value.month, value.day)
    if unit in ("hour", "minute", "second"):
        parts = {"hour": ("minute", "second"), "minute": ("second",), "second": ()}[unit]
        return value.replace(microsecond=0, **dict.fromkeys(parts, 0))
    if unit == "week":
        day -= timedelta(days=day.weekday())
    elif unit != "day":
        month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
        day = day.replace(day=1, month=month)
    if not isinstance(value, datetime):
        return day
    return value.replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0, second=0, microsecond=0)


def _distinct(node: exp.Expr, row: Row) -> bool:
    return _same(evaluate(node.this, row), evaluate(node.expression, row)) == isinstance(node, exp.NullSafeEQ)


def _between(node: exp.Expr, row: Row) -> bool | None:
    value, low, high = (evaluate(part, row) for part in (node.this, node.args["low"], node.args["high"]))
    return _and([compare(">=", value, low), compare("<=", value, high)])


def _in(node: exp.Expr, row: Row) -> bool | None:
    value = evaluate(node.this, row)
    return _or([compare("=", value, evaluate(item, row)) for item in node.expressions])


def _negated(node: exp.Expr, row: Row) -> Any:
    value = evaluate(node.this, row)
    return None if value is None else -value


def _comparing(sign: str) -> Callable[[exp.Expr, Row], bool | None]:
    return lambda node, row: compare(sign, evaluate(node.this, row), evaluate(node.expression, row))


_NODES: Mapping[type, Callable[[Any, Row], Any]] = {
    exp.Paren: lambda node, row: evaluate(node.this, row),
    exp.Column: lambda node, row: row[node.name],
    exp.Literal: lambda node, row: node.name if node.is_string else _number(node.name),
    exp.Null: lambda node, row: None,
    exp.Boolean: lambda node, row: bool(node.this),
    exp.Neg: _negated,
    **dict.fromkeys((exp.And, exp.Or, exp.Not), _logic),
    **{
        kind: _comparing(sign)
        for kind, sign in {
            exp.EQ: "=",
            exp.NEQ: "<>",
            exp.LT: "<",
            exp.LTE: "<=",
            exp.GT: ">",
            exp.GTE: ">=",
        }.items()
    },
    exp.Between: _between,
    exp.In: _in,
    exp.Is: lambda node, row: evaluate(node.this, row) is None,
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), _distinct),
    exp.Like: _like,
    exp.Cast: lambda node, row: cast(evaluate(node.this, row), node.meta["type"]),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), _arithmetic),
    exp.AtTimeZone: lambda node, row: _at(evaluate(node.this, row), evaluate(node.args["zone"], row)),
    exp.Extract: lambda node, row: _field(node.name.lower(), evaluate(node.expression, row)),
    exp.Anonymous: lambda node, row: _call(node.name.lower(), [evaluate(part, row) for part in node.expressions]),
}
