"""Inline functions under policy, on the real Trino: none takes the place of a function that a mask or filter calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.demo.trino_server import TrinoServer
from tests.compare.governed import ask, governed

T = "memory.routines.t"
CANARY = "canary"
POLICIES: dict[str, Any] = {
    "version": 1,
    "roles": {"seer": {}},
    "users": {"ana": {"roles": ["seer"]}},
    "grants": [
        {"id": "t", "roles": ["seer"], "assets": T, "allow": ["read"]},
        {"id": "no-secret", "roles": ["seer"], "assets": T, "deny": ["select"], "columns": ["secret"]},
    ],
    "row_filters": [{"id": "a-only", "table": T, "roles": ["seer"], "filter": "lower(region) = 'a'"}],
    "column_masks": [
        {
            "id": "mail",
            "table": T,
            "column": "mail",
            "roles": ["seer"],
            "mask": {"kind": "sql", "expression": "replace(mail, 'canary@', '***@') || reverse('!')"},
        }
    ],
}
ROWS = (
    f"(VALUES (1, 'A', CAST('{CANARY}@x' AS varchar), '7', 's1'), (2, 'B', '{CANARY}@y', '{CANARY}', 's2'), (3, 'a', 'z@z', '9', 's3')) "
    "AS v (id, region, mail, number, secret)"
)


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a gateway over a table with a hidden row, a masked column and a withheld one."""
    folder = tmp_path_factory.mktemp("routines")
    with governed(trino_server, folder, T, [f"CREATE TABLE {T} AS SELECT * FROM {ROWS}"], POLICIES) as url:
        yield url


SEEN: list[tuple[str, list[list[Any]]]] = [
    (
        "WITH FUNCTION replace(a varchar, b varchar, c varchar) RETURNS varchar RETURN a "
        f"SELECT mail, replace('q', '', '') FROM {T} ORDER BY id",
        [["***@x!", "q"], ["z@z!", "q"]],
    ),
    (
        f"WITH FUNCTION reverse(a varchar) RETURNS varchar RETURN 'mine' SELECT mail, reverse(mail) FROM {T} ORDER BY id",
        [["***@x!", "mine"], ["z@z!", "mine"]],
    ),
    (
        f"WITH FUNCTION lower(a varchar) RETURNS varchar RETURN 'a' SELECT id, lower(region) FROM {T} ORDER BY id",
        [[1, "a"], [3, "a"]],
    ),
    (
        "WITH FUNCTION random() RETURNS double RETURN -1e0 "
        f"SELECT id, random() FROM {T} WHERE CAST(number AS integer) > 0 ORDER BY id",
        [[1, "-1.0"], [3, "-1.0"]],
    ),
    (
        "WITH FUNCTION f(x varchar) RETURNS integer RETURN CAST(x AS integer) "
        f"SELECT id FROM {T} WHERE f(number) > 0 ORDER BY id",
        [[1], [3]],
    ),
    (
        "WITH FUNCTION f(x varchar) RETURNS integer BEGIN IF x LIKE '%c%' THEN RETURN 1 / 0; END IF; RETURN 1; END "
        f"SELECT count(*) FROM {T} WHERE f(number) = 1",
        [[2]],
    ),
    (
        f"WITH FUNCTION f(secret integer) RETURNS integer RETURN secret + 1 SELECT f(id) FROM {T} ORDER BY 1",
        [[2], [4]],
    ),
    (
        "WITH FUNCTION concat(a varchar, b varchar) RETURNS varchar RETURN 'mine:' "
        f"SELECT mail, mail || 'x', concat(mail, 'x') FROM {T} ORDER BY id",
        [["***@x!", "mine:", "mine:"], ["z@z!", "mine:", "mine:"]],
    ),
    (f"WITH FUNCTION f() RETURNS varchar RETURN current_user SELECT f(), count(*) FROM {T}", [["ana", 2]]),
]
REFUSED = [
    (f"WITH FUNCTION f() RETURNS bigint RETURN (SELECT count(*) FROM {T}) SELECT f()", "NOT_SUPPORTED"),
    (f"WITH FUNCTION f() RETURNS varchar RETURN secret SELECT f() FROM {T}", "COLUMN_NOT_FOUND"),
    (f"WITH FUNCTION f() RETURNS varchar RETURN t.mail SELECT f() FROM {T} t", "COLUMN_NOT_FOUND"),
    (f"WITH FUNCTION f(x varchar) RETURNS varchar RETURN x SELECT f(secret) FROM {T}", "COLUMN_NOT_FOUND"),
]


@pytest.mark.parametrize(("sql", "rows"), SEEN, ids=[sql[14:70] for sql, _ in SEEN])
def test_functions_of_the_caller_see_visible_rows_and_masked_values(
    sql: str, rows: list[list[Any]], gateway: str
) -> None:
    answer = ask(gateway, "ana", sql)
    assert answer.error is None
    assert answer.rows == rows
    assert CANARY not in str(answer.rows)


@pytest.mark.parametrize(("sql", "name"), REFUSED, ids=[sql[14:70] for sql, _ in REFUSED])
def test_functions_of_the_caller_read_nothing_by_themselves(sql: str, name: str, gateway: str) -> None:
    answer = ask(gateway, "ana", sql)
    assert answer.error_name == name
    assert CANARY not in str(answer.error)
