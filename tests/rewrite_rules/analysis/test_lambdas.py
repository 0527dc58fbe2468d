"""Lambdas: what their bodies give has to be the type that is bound, and finding types must not take for ever."""

from __future__ import annotations

import pytest

from catalog.dialect.parse import parse_statement
from catalog.dialect.statements import Query
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.analysis.env import Walk


def types_of(sql: str) -> list[str]:
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    return [str(column.type) for column in analyze(statement.tree, AnalysisContext(None, None, {}, True)).columns]


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("reduce(ARRAY[1], BIGINT '0', (s, x) -> s + x, s -> s)", "bigint"),
        ("reduce(ARRAY[1], 0, (s, x) -> s + BIGINT '1', s -> s)", "bigint"),
        ("reduce(ARRAY[1], SMALLINT '0', (s, x) -> s + x, s -> s)", "integer"),
        ("reduce(ARRAY['ab'], CAST('' AS varchar(1)), (s, x) -> x, s -> s)", "varchar(2)"),
        ("reduce(ARRAY[1], CAST(0 AS decimal(38,2)), (s, x) -> s + x, s -> s)", "decimal(38,2)"),
        ("transform(ARRAY[1], x -> NULL)", "array(unknown)"),
        ("filter(ARRAY[1], x -> x > 1 AND NULL)", "array(integer)"),
    ],
)
def test_what_is_bound_widens_to_what_bodies_give(call: str, kind: str) -> None:
    assert types_of(f"SELECT {call}") == [kind]


@pytest.mark.parametrize(
    "call",
    [
        "reduce(ARRAY[1], BIGINT '0', (s, x) -> x, s -> s)",
        "reduce(ARRAY['a'], CAST('' AS varchar), (s, x) -> x, s -> s)",
        "reduce(ARRAY[DATE '2020-01-01'], TIMESTAMP '2020-01-01 00:00:00', (s, x) -> x, s -> s)",
        "reduce(ARRAY[1], 0, (s, x) -> NULL, s -> s)",
        "reduce(ARRAY[1], CAST(0 AS decimal(10,2)), (s, x) -> s + x, s -> s)",
        "any_match(ARRAY[1], x -> NULL)",
        "array_sort(ARRAY[1], (x, y) -> SMALLINT '1')",
    ],
)
def test_what_bodies_give_is_never_turned_into_what_is_bound(call: str) -> None:
    with pytest.raises(Refusal) as refused:
        types_of(f"SELECT {call}")
    assert refused.value.code is ErrorCode.FUNCTION_NOT_FOUND


SMALL = "SMALLINT '0'"


def nested(start: str, depth: int = 8) -> str:
    inner = "1"
    for level in range(depth):
        inner = f"reduce(ARRAY[1], {start}, (s{level}, x{level}) -> s{level} + {inner}, r{level} -> r{level})"
    return inner


def test_a_body_is_typed_once_for_the_same_types(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = 0
    real = Walk.lambda_body

    def count(walk: Walk) -> None:
        nonlocal counted
        counted += 1
        real(walk)

    monkeypatch.setattr(Walk, "lambda_body", count)
    assert types_of(f"SELECT {nested('0')}") == ["integer"]
    assert counted == 16, "two bodies on each of eight levels"


def test_lambdas_whose_types_take_too_long_to_find_are_refused() -> None:
    assert types_of(f"SELECT {nested(SMALL, 6)}") == ["integer"]
    many = ", ".join(nested(SMALL) for _ in range(20))
    with pytest.raises(Refusal, match="nested too deeply"):
        types_of(f"SELECT {many}")
