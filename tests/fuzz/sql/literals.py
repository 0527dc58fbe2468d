"""Literals: ordinary values, and those that stand in the world, hidden ones too: whoever guesses must learn nothing."""

from __future__ import annotations

from tests.fuzz.choices import Choices
from tests.fuzz.terms import literal
from tests.fuzz.world import WORLD

_VALUES: dict[str, list[str]] = {
    "int": [
        *("0", "1", "2", "3", "7", "10", "-1", "7300040003", "9173000117", "9173000151", "8855000001", "8855000003"),
    ],
    "txt": ["'EU'", "'US'", "'a'", "''", "'12'", "'ada'", "'%a%'", "'2021-03-04'", "'é😀'"]
    + [literal(row["email"]) for row in WORLD["accounts"].rows[:4]]
    + [literal(row["code"]) for row in WORLD["secret"].rows[:3]]
    + [literal(row["ssn"]) for row in WORLD["people"].rows[:3]],
    "dec": ["DECIMAL '0.00'", "DECIMAL '10.50'", "1.25", *(literal(r["balance"]) for r in WORLD["accounts"].rows[:4])],
    "dbl": ["0e0", "0.5e0", "-2e0", "1.25E0", "100e0"],
    "bool": ["true", "false"],
    "date": ["DATE '2020-03-16'", "DATE '2021-01-01'", *(literal(row["opened"]) for row in WORLD["accounts"].rows[:3])],
    "ts": ["TIMESTAMP '2024-02-28 03:30:00'", *(literal(row["at"]) for row in WORLD["trades"].rows[:3])],
    "arr": ["ARRAY['a', 'b']", "ARRAY['zqt1']", "CAST(ARRAY[] AS array(varchar))"],
    "row": ["CAST(ROW('spot', 1) AS ROW(kind varchar, code bigint))"],
}
_TYPES = {
    "int": "bigint",
    "txt": "varchar",
    "dec": "decimal(12,2)",
    "dbl": "double",
    "bool": "boolean",
    "date": "date",
    "ts": "timestamp(6)",
    "arr": "array(varchar)",
    "row": "row(kind varchar, code bigint)",
}


def draw_literal(choices: Choices, family: str) -> str:
    """Draw a literal of a family, now and then a typed NULL."""
    if choices.chance(4):
        return f"CAST(NULL AS {_TYPES[family]})"
    return choices.pick(_VALUES[family])


def type_of_family(family: str) -> str:
    """Return a type of a family."""
    return _TYPES[family]
