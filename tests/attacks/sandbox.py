"""What attacks write: the sandbox of the attacker beside that of his twin, made from the same tables before each write."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from tests.attacks.arena import Arena, reducer, restored
from tests.attacks.cases import Case
from tests.attacks.world import ROWS, TWINS

_BASE = ("t", "guess")
_WRITES = re.compile(
    r"(?i)\b(INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|TRUNCATE|CALL|REFRESH|COMMENT|GRANT|REVOKE|ANALYZE|REPLACE)\b"
)
_NAMED = re.compile(r'(?i)\bsandbox\."?(\w+)"?')
_MADE = re.compile(
    r'(?i)\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|MATERIALIZED\s+VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?[\w."]*\bsandbox\."?(\w+)"?'
)
_INSERTED = re.compile(r"(?is)\bINSERT\s+INTO\s+\S*\bsandbox\.(\w+)\s+((?:SELECT|WITH|TABLE|VALUES)\b.*)")
_SET = re.compile(r"(?i)\bSET\s+(\w+)\s*=")
_NOT_THERE = re.compile(r"(?i)^(no|missing|none?xist)")
_COLUMNS = {
    "x": "CAST({n} AS bigint)",
    "v": "CAST('v{n}' AS varchar)",
    "e": "CAST('e{n}' AS varchar)",
    "order_id": "CAST({n} AS bigint)",
    "region": "CAST('EU' AS varchar)",
    "amount": "CAST({n} AS decimal(12, 2))",
    "customer_email": "CAST('mail' AS varchar)",
    "customer_id": "CAST({n} AS bigint)",
}
"""The columns of a sandbox table that a case names without describing it."""


def may_write(case: Case) -> bool:
    """Tell whether a case says a word that writes."""
    return _WRITES.search(_said(case)) is not None


def prepare(arena: Arena, case: Case) -> None:
    """Make the sandbox tables that a case names and does not make itself, in both sandboxes; drop those that it makes."""
    said = _said(case)
    named, made = {name.lower() for name in _NAMED.findall(said)}, {name.lower() for name in _MADE.findall(said)}
    told = {name.lower() for name in _NAMED.findall(str(case.session.get("note") or ""))}
    wanted = {name for name in named - told - set(_BASE) if not _NOT_THERE.search(name)}
    if not arena.writes or not wanted or len(wanted) > 5:
        return
    there = _tables(arena, "sandbox")
    for name in sorted(wanted):
        if name in made and name in there:
            _drop(arena, name)
        elif name not in made and name not in there:
            _make(arena, name, said)


def differences(arena: Arena) -> list[str]:
    """Say where the sandboxes differ, or the tables that nobody may change are not what they were."""
    found = untouched(arena)
    mine, twins = _state(arena, "sandbox"), _state(arena, "sandbor")
    for name in sorted({*mine, *twins}):
        if mine.get(name) != twins.get(name):
            found.append(f"{name} was written as {mine.get(name)}, over the copy as {twins.get(name)}")
    return found


def untouched(arena: Arena) -> list[str]:
    """Say what was changed of the tables that no attack may change."""
    found = []
    orders = arena.steward("SELECT count(*), count(DISTINCT region), sum(amount) FROM orders").rows
    if orders != [[len(ROWS), 2, str(sum(row["amount"] for row in ROWS))]]:
        found.append(f"orders were changed: {orders}")
    if arena.steward("SELECT count(*) FROM lake.hr.salaries").rows != [[1]]:
        found.append("salaries were changed")
    if made := _tables(arena, "sales") - {"orders", "customers", "v_orders", "twin"}:
        found.append(f"tables were made in sales: {sorted(made)}")
    return found


def reset(arena: Arena) -> None:
    """Make both sandboxes what they were."""
    for schema in ("sandbox", "sandbor"):
        there = _tables(arena, schema)
        for name in there - set(_BASE):
            arena.steward(f"DROP TABLE lake.{schema}.{name}")
        for name in _BASE:
            if name in there and _rows(arena, schema, name) == _rows(arena, "kept", name):
                continue
            arena.steward(f"DROP TABLE IF EXISTS lake.{schema}.{name}")
            arena.steward(f"CREATE TABLE lake.{schema}.{name} AS SELECT * FROM lake.kept.{name}")


def _said(case: Case) -> str:
    return case.sql + " " + " ".join(unquote(value.replace("+", " ")) for _, value in case.headers)


def _make(arena: Arena, name: str, said: str) -> None:
    inserted = _INSERTED.search(said)
    for schema in ("sandbox", "sandbor"):
        if inserted is not None and inserted[1].lower() == name:
            query = reducer(TWINS["EU"])(arena.spelled(inserted[2], TWINS["EU"].schema))
            made = arena.caller("eva", TWINS["EU"].schema).ask(
                f"CREATE TABLE {arena.spelled('lake')}.{schema}.{name} AS {query} WITH NO DATA"
            )
            if not made.refused:
                continue
        columns = {**dict.fromkeys(_SET.findall(said), _COLUMNS["v"]), **_COLUMNS}
        rows = " UNION ALL ".join(
            "SELECT " + ", ".join(f"{value.format(n=n)} AS {column}" for column, value in columns.items())
            for n in (1, 2)
        )
        arena.steward(f"CREATE TABLE lake.{schema}.{name} AS {rows}")


def _drop(arena: Arena, name: str) -> None:
    for schema in ("sandbox", "sandbor"):
        arena.steward(f"DROP TABLE IF EXISTS lake.{schema}.{name}")


def _tables(arena: Arena, schema: str) -> set[str]:
    return {row[0] for row in arena.steward(f"SHOW TABLES FROM lake.{schema}").rows}


def _state(arena: Arena, schema: str) -> dict[str, object]:
    return {name: _rows(arena, schema, name) for name in _tables(arena, schema)}


def _rows(arena: Arena, schema: str, name: str) -> object:
    seen = arena.steward(f"SELECT * FROM lake.{schema}.{name}")
    columns = [(column["name"], column["type"]) for column in seen.columns or []]
    return columns, sorted(restored(json.dumps(row, sort_keys=True)) for row in seen.rows)
