"""Scripts are cut at the semicolons that the lexer sees."""

from __future__ import annotations

import pytest

from catalog.dialect.split import Part, split_statements


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" ;; -- nothing\n;", []),
        ("SELECT 1; SELECT 2", [("SELECT 1", 1), ("SELECT 2", 1)]),
        ("SELECT ';' ; SELECT \";\"", [("SELECT ';'", 1), ('SELECT ";"', 1)]),
        ("-- a; b\nSELECT 1 /* ; */ + 1;\n\nSELECT 2", [("SELECT 1 /* ; */ + 1", 2), ("SELECT 2", 4)]),
        ("SELECT `a;b`; SELECT 2", [("SELECT `a", 1), ("b`", 1), ("SELECT 2", 1)]),
        (
            "SELECT 1; SELECT 123abc;\nSELECT #x;SELECT 2",
            [("SELECT 1", 1), ("SELECT 123abc", 1), ("SELECT #x", 2), ("SELECT 2", 2)],
        ),
        ("SELECT 'never closed; SELECT 2", [("SELECT 'never closed", 1), ("SELECT 2", 1)]),
    ],
)
def test_statements_end_at_semicolons_outside_of_strings_names_and_comments(
    script: str, expected: list[tuple[str, int]]
) -> None:
    assert split_statements(script) == [Part(*part) for part in expected]


def test_the_body_of_an_inline_function_stays_whole() -> None:
    function = (
        "WITH FUNCTION f(x int) RETURNS int BEGIN IF x > 0 THEN RETURN CASE x WHEN 1 THEN 2 ELSE 3 END; END IF; "
        "CASE x WHEN 1 THEN RETURN 4; END CASE; RETURN 1; END SELECT f(1)"
    )
    assert [part.text for part in split_statements(f"{function}; SELECT 2")] == [function, "SELECT 2"]


def test_begin_and_case_end_as_usual_outside_of_functions() -> None:
    assert [part.text for part in split_statements("BEGIN; SELECT CASE; SELECT 1")] == [
        "BEGIN",
        "SELECT CASE",
        "SELECT 1",
    ]
