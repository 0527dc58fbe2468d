"""What is written twice fails only where it is computed: DuckDB may not compute it once, in front of what guards it."""

from __future__ import annotations

import pytest

from engines.lake.database import Limits, open_cursor, open_database

GUARDED = {
    "TRY(1 // n + 1 // n)": [(None,), (2,)],
    "TRY(CASE WHEN 1 // n = 5 THEN NULL ELSE 1 // n END)": [(None,), (1,)],
    "coalesce(n + 1, 1 // n) + coalesce(n + 2, 1 // n)": [(3,), (5,)],
}


@pytest.mark.parametrize("expression", GUARDED)
def test_an_expression_that_stands_twice_stays_behind_its_guards(expression: str) -> None:
    database = open_database(Limits(), [])
    database.execute("CREATE TABLE t AS SELECT CAST(range AS INTEGER) AS n FROM range(2)")
    cursor = open_cursor(database, "UTC")
    assert cursor.execute(f"SELECT {expression} FROM t ORDER BY n").fetchall() == GUARDED[expression]
    database.close()
