"""What a scan's condition keeps holds all that DuckDB selects, and is just that where nothing in it is opaque."""

from __future__ import annotations

import random

import duckdb
import pytest

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, VARCHAR, TrinoType, decimal, timestamp
from rewrite_rules.outline.describe import describe
from tests.rewrite_rules.outline.interpreting import is_exact, keeps

NAME = TableName("memory", "main", "v")
TYPES: dict[str, TrinoType] = {
    "i": BIGINT, "j": INTEGER, "n": decimal(10, 2), "x": DOUBLE, "s": VARCHAR, "f": BOOLEAN, "day": DATE,
    "ts": timestamp(6), "tz": timestamp(6, zone=True),
}  # fmt: skip
TABLE = Table(NAME, tuple(Column(name, kind) for name, kind in TYPES.items()), "lake")
DAYS = ["2025-12-31", "2026-01-01", "2026-01-05", "2026-02-28", "2026-03-29", "2026-10-25", "2027-01-01"]
TIMES = ["00:00:00", "00:00:00.000001", "01:30:00", "02:30:00", "12:00:00", "23:59:59.999999"]


def filled(rng: random.Random, rows: int) -> duckdb.DuckDBPyConnection:
    lake = duckdb.connect()
    lake.execute("SET TimeZone = 'UTC'")
    lake.execute(
        "CREATE TABLE v (i BIGINT, j INTEGER, n DECIMAL(10, 2), x DOUBLE, s VARCHAR, f BOOLEAN, day DATE, "
        "ts TIMESTAMP, tz TIMESTAMPTZ)"
    )

    def maybe(text: str) -> str:
        return "NULL" if rng.random() < 0.1 else text

    for _ in range(rows):
        moment = f"{rng.choice(DAYS)} {rng.choice(TIMES)}"
        values = [
            *(maybe(str(rng.randint(-3, 9))) for _ in range(2)),
            maybe(str(rng.choice([-1.5, 0, 1.25, 2, 5.75]))),
            maybe(str(rng.choice([-1.5, 0.0, 0.1, 2.0, 5.5]))),
            maybe(repr(rng.choice(["a", "ab", "abc", "b", "a%c", "", "B"]))),
            maybe(rng.choice(["true", "false"])),
            maybe(f"DATE '{rng.choice(DAYS)}'"),
            maybe(f"TIMESTAMP '{moment}'"),
            maybe(f"TIMESTAMPTZ '{moment}+00'"),
        ]
        lake.execute(f"INSERT INTO v VALUES ({', '.join(values)})")
    return lake


class Conditions:
    """Make conditions that Trino's grammar and DuckDB both read, and mean the same by."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def any(self, depth: int = 2) -> str:
        form = self.rng.random()
        if depth and form < 0.3:
            return f"({self.any(depth - 1)} {self.rng.choice(['AND', 'OR'])} {self.any(depth - 1)})"
        if depth and form < 0.45:
            return f"NOT ({self.any(depth - 1)})"
        return self.rng.choice([self.number, self.number, self.text, self.date, self.moment, self.zoned, self.odd])()

    def sign(self) -> str:
        return self.rng.choice(["=", "<>", "<", "<=", ">", ">="])

    def number(self) -> str:
        column = self.rng.choice(["i", "j", "n", "x", "CAST(j AS bigint)", "CAST(j AS decimal(12, 1))"])
        value = self.rng.choice(["-1", "0", "2", "5", "1.25", "2.5", "5.755", "0.1", "1 + 1", "-(3)", "NULL"])
        form = self.rng.random()
        if form < 0.5:
            return f"{column} {self.sign()} {value}" if form < 0.4 else f"{value} {self.sign()} {column}"
        if form < 0.65:
            return f"{column} {self.rng.choice(['', 'NOT '])}BETWEEN {self.rng.choice(['-1', '0.5', '2'])} AND {value}"
        if form < 0.85:
            return f"{column} {self.rng.choice(['', 'NOT '])}IN (0, 2, {value})"
        return f"{column} IS {self.rng.choice(['', 'NOT '])}{self.rng.choice(['NULL', f'DISTINCT FROM {value}'])}"

    def text(self) -> str:
        form = self.rng.random()
        if form < 0.4:
            return f"s {self.sign()} '{self.rng.choice(['a', 'ab', 'b', ''])}'"
        if form < 0.6:
            return (
                f"s {self.rng.choice(['', 'NOT '])}LIKE '{self.rng.choice(['a%', 'ab', '%b', 'a_', 'a%c', '%', ''])}'"
            )
        if form < 0.8:
            return f"s LIKE '{self.rng.choice(['a!%%', 'a!%c', 'a!_'])}' ESCAPE '!'"
        return f"starts_with(s, '{self.rng.choice(['a', 'ab', ''])}')"

    def date(self) -> str:
        column = self.rng.choice(["day", "CAST(ts AS date)", "CAST(tz AS date)"])
        form = self.rng.random()
        if form < 0.3:
            return f"{column} {self.sign()} DATE '{self.rng.choice(DAYS)}' + INTERVAL '{self.rng.randint(0, 40)}' DAY"
        if form < 0.5:
            return f"year({self.rng.choice(['day', 'ts', 'tz'])}) {self.sign()} {self.rng.choice([2025, 2026, 2027])}"
        if form < 0.6:
            return f"extract(year FROM {column}) IN (2025, 2027)"
        if form < 0.7:
            return f"day {self.sign()} TIMESTAMP '{self.rng.choice(DAYS)} {self.rng.choice(TIMES)}'"
        if form < 0.85:
            return f"{column} {self.rng.choice(['', 'NOT '])}IN (DATE '{self.rng.choice(DAYS)}', DATE '{self.rng.choice(DAYS)}')"
        return f"{column} BETWEEN DATE '{self.rng.choice(DAYS)}' AND DATE '{self.rng.choice(DAYS)}'"

    def moment(self) -> str:
        unit = self.rng.choice(["second", "minute", "hour", "day", "week", "month", "quarter", "year"])
        column = self.rng.choice(["ts", f"date_trunc('{unit}', ts)"])
        value = self.rng.choice(
            [
                f"TIMESTAMP '{self.rng.choice(DAYS)} {self.rng.choice(TIMES)}'",
                f"DATE '{self.rng.choice(DAYS)}'",
                f"TIMESTAMP '{self.rng.choice(DAYS)} 00:00:00' - INTERVAL '1' MONTH",
            ]
        )
        return f"{column} {self.sign()} {value}"

    def zoned(self) -> str:
        unit = self.rng.choice(["hour", "day", "month", "year"])
        column = self.rng.choice(["tz", f"date_trunc('{unit}', tz)"])
        return f"{column} {self.sign()} TIMESTAMP '{self.rng.choice(DAYS)} {self.rng.choice(TIMES)} UTC'"

    def odd(self) -> str:
        return self.rng.choice(
            ["f", "f = true", "f <> false", "1 = 0", "NULL", "i = j", "i + 1 > 2", "lower(s) = 'b'", "true"]
        )


def check(seed: int, conditions: int) -> int:
    rng = random.Random(seed)
    lake = filled(rng, 60)
    names = list(TYPES)
    rows = lake.execute("SELECT rowid, * FROM v").fetchall()
    exact = 0
    for _ in range(conditions):
        text = Conditions(rng).any()
        told = text.replace(" UTC'", "+00'").replace("TIMESTAMP '", "TIMESTAMPTZ '") if " UTC'" in text else text
        if "ts" in text and " UTC'" in text:
            continue  # one text with both kinds of timestamps has no plain translation
        selected = {row[0] for row in lake.execute(f"SELECT rowid FROM v WHERE {told}").fetchall()}
        outline = describe(parse_query(f"SELECT 1 FROM memory.main.v WHERE {text}"), {NAME: TABLE})
        condition = outline.scans[0].condition
        kept = {row[0] for row in rows if keeps(condition, dict(zip(names, row[1:], strict=True)))}
        assert selected <= kept, (text, condition)
        if is_exact(condition):
            assert selected == kept, (text, condition)
            exact += 1
    return exact


def test_conditions_of_scans_keep_what_the_engine_selects() -> None:
    assert check(1, 200) > 80


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_more_conditions_of_scans_keep_what_the_engine_selects(seed: int) -> None:
    assert check(100 + seed, 5000) > 2000
