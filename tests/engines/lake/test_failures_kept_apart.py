"""What is written twice fails only where it is computed: DuckDB may not compute it once, in front of what guards it."""

from __future__ import annotations

import duckdb
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


@pytest.mark.parametrize("hidden", [(), (-5, 500), (500, 600), (1, 2)])
def test_what_hidden_rows_hold_does_not_decide_whether_a_row_that_is_seen_fails(hidden: tuple[int, ...]) -> None:
    """Bounds of a column are those of all rows: `salary < 100` would be known to be false, or not."""
    database = open_database(Limits(), [])
    database.execute("CREATE TABLE t AS SELECT 'US' AS region, 300 AS salary")
    for salary in hidden:
        database.execute("INSERT INTO t VALUES ('EU', ?)", [salary])
    seen = "(SELECT salary, length(region) - 2 AS none FROM t WHERE region = 'US')"
    with pytest.raises(duckdb.Error, match="out of range"):
        database.execute(f"SELECT salary < 100 AND CAST(salary + none AS TINYINT) > 0 FROM {seen}").fetchall()
    database.close()
