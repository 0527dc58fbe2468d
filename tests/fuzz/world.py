"""The world: tables in which every text holds a mark of its own, and every private number is easy to recognise.

What is left of them for one caller is computed by `reduction`, without the product's code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
CATALOG, SCHEMA, SANDBOX = "lake", "world", "sandbox"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table: its columns by name with their Trino types, and its rows."""

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Row]
    view: str = ""
    """The body, where the world has a view here."""
    closed: bool = False
    """A view that is listed and cannot be read, for it reads what is withheld."""


_REGIONS = ("EU", "US", "EU", "APAC", None, "US", "EU", "APAC", "EU", "US", "LATAM", "EU")
_ACCOUNTS = {
    "id": "bigint",
    "region": "varchar",
    "tier": "integer",
    "email": "varchar",
    "balance": "decimal(12,2)",
    "opened": "date",
    "note": "varchar",
    "tags": "array(varchar)",
}
_TRADES = {
    "id": "bigint",
    "account": "bigint",
    "region": "varchar",
    "price": "decimal(12,2)",
    "quantity": "integer",
    "weight": "double",
    "at": "timestamp(6)",
    "memo": "varchar",
    "attrs": "row(kind varchar, code bigint)",
}
_PEOPLE = {
    "person": "varchar",
    "region": "varchar",
    "manager": "varchar(20)",
    "salary": "bigint",
    "active": "boolean",
    "born": "date",
    "doc": "varchar",
    "ssn": "varchar(11)",
}
_SECRET = {"id": "bigint", "region": "varchar", "code": "varchar", "amount": "bigint"}
_REGION = {"region": "varchar", "label": "varchar", "tier": "integer"}


def _account(n: int) -> Row:
    return {
        "id": n,
        "region": _REGIONS[n - 1],
        "tier": (n * 7) % 4 if n % 5 else None,
        "email": f"zqe{n:02d}@corp{n % 3}.com" if n % 6 else None,
        "balance": Decimal(f"{48213000 + n * 977}.{n:02d}") if n % 4 else Decimal("0.00"),
        "opened": dt.date(2020, 1, 1) + dt.timedelta(days=n * 37),
        "note": ("12", "zqn02 apple", "x", "", "zqn05 pear", "7.5", "2021-03-04", None)[n % 8] if n < 9 else f"zqn{n}",
        "tags": [["zqt1", "a"], ["b"], [], None, ["a", "b", f"zqt{n}"]][n % 5],
    }


def _trade(n: int) -> Row:
    return {
        "id": n,
        "account": 1 + (n * 5) % 13,
        "region": _REGIONS[(n * 5) % 12],
        "price": Decimal(f"{n * 3}.{(n * 25) % 100:02d}") if n % 6 else None,
        "quantity": (n * 3) % 7 - 1 if n % 8 else None,
        "weight": (0.5, 1.25, -2.0, 0.0, None, 100.0)[n % 6],
        "at": dt.datetime(2024, 2, 27, 22, 30) + dt.timedelta(hours=n * 5, microseconds=n),
        "memo": (f"zqm{n:02d} buy", "SELL", f"{n}", None, "")[n % 5],
        "attrs": {"kind": ("spot", f"zqk{n:02d}", None)[n % 3], "code": 7300040000 + n} if n % 7 else None,
    }


def _person(n: int) -> Row:
    names = ("ada", "bo", "cy", "di", "ed", "fay", "gus", "hal", "ida")
    return {
        "person": names[n - 1],
        "region": _REGIONS[(n + 2) % 12],
        "manager": names[(n - 1) // 3] if n > 1 else None,
        "salary": 9173000100 + n * 17 if n % 4 else None,
        "active": (True, False, None)[n % 3],
        "born": dt.date(1970 + n, 1 + n, n * 3),
        "doc": (f'{{"a": {n}, "b": "zqd{n:02d}", "c": [1, {n}]}}', "{broken", "null", None)[0 if n < 6 else n % 4],
        "ssn": f"9{n:02d}-44-{7000 + n}" if n % 5 else None,
    }


def _hidden(n: int) -> Row:
    return {"id": n, "region": _REGIONS[n - 1], "code": f"zqs{n:02d}", "amount": 8855000000 + n if n % 3 else 0}


def _label(n: int) -> Row:
    names = ("EU", "US", "APAC", "LATAM", None)
    return {"region": names[n - 1], "label": f"zql{n} land", "tier": n % 4}


WORLD: Mapping[str, Relation] = {
    relation.name: relation
    for relation in (
        Relation("accounts", _ACCOUNTS, [_account(n) for n in range(1, 13)]),
        Relation("trades", _TRADES, [_trade(n) for n in range(1, 17)]),
        Relation("people", _PEOPLE, [_person(n) for n in range(1, 10)]),
        Relation("regions", _REGION, [_label(n) for n in range(1, 6)]),
        Relation("secret", _SECRET, [_hidden(n) for n in range(1, 7)]),
    )
}


@dataclass(frozen=True, slots=True)
class Derived:
    """A view: what it reads, and what it makes of a row; None leaves the row out."""

    relation: Relation
    base: str
    reads: tuple[str, ...]
    derive: Callable[[Row], Row | None]


def _lively(row: Row) -> Row | None:
    if row["quantity"] is None or row["quantity"] <= 1:
        return None
    return {"trade": row["id"], "region": row["region"], "memo": row["memo"], "price": row["price"]}


_LIVELY = {"trade": "bigint", "region": "varchar", "memo": "varchar", "price": "decimal(12,2)"}
_LIVELY_SQL = f"SELECT id AS trade, region, memo, price FROM {CATALOG}.{SCHEMA}.trades WHERE quantity > 1"
_LIVELY_ROWS = [row for row in map(_lively, WORLD["trades"].rows) if row is not None]
VIEWS = (
    Derived(
        Relation("lively", _LIVELY, _LIVELY_ROWS, _LIVELY_SQL),
        "trades",
        ("id", "region", "memo", "price", "quantity"),
        _lively,
    ),
)
WITH_VIEWS: Mapping[str, Relation] = {**WORLD, **{view.relation.name: view.relation for view in VIEWS}}


def _in_clickhouse(relation: Relation) -> Relation:
    """Return a table as ClickHouse can hold it: its texts have no lengths, its arrays and rows are never NULL."""
    nothing = {"array(varchar)": [], "row(kind varchar, code bigint)": {"kind": None, "code": None}}
    rows = [
        {name: nothing.get(relation.columns[name]) if value is None else value for name, value in row.items()}
        for row in relation.rows
    ]
    kinds = {name: "varchar" if kind.startswith("varchar") else kind for name, kind in relation.columns.items()}
    return replace(relation, columns=kinds, rows=rows)


IN_CLICKHOUSE: Mapping[str, Relation] = {name: _in_clickhouse(relation) for name, relation in WORLD.items()}


def marks(rows: Sequence[Row]) -> set[str]:
    """Return every mark in some rows: the texts and numbers by which a raw value would be recognised."""
    found: set[str] = set()
    for row in rows:
        _collect(list(row.values()), found)
    return found


def _collect(values: Sequence[Any], found: set[str]) -> None:
    for value in values:
        if isinstance(value, str):
            found.update(part for part in value.replace('"', " ").replace("@", " ").split() if _is_mark(part))
        elif isinstance(value, dict):
            _collect(list(value.values()), found)
        elif isinstance(value, list):
            _collect(value, found)
        elif isinstance(value, int | Decimal) and not isinstance(value, bool) and abs(value) > 1_000_000:
            found.add(str(value))


def _is_mark(part: str) -> bool:
    return part.startswith("zq") or (part.count("-") == 2 and part[:1] == "9")
