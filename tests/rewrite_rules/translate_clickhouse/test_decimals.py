"""Decimal arithmetic on the real engine equals exact arithmetic rounded by Trino's rules, or raises where it overflows."""

from __future__ import annotations

import random
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext

import pytest

from catalog.types import decimal
from engines.clickhouse.errors import translate_error
from engines.clickhouse.settings import query_settings
from rewrite_rules.translate_clickhouse.decimals import OPERATIONS
from tests.real.clickhouse import client


def result_type(operation: str, p1: int, s1: int, p2: int, s2: int) -> tuple[int, int] | None:
    """Return Trino's result type; None where there is none."""
    scale = s1 + s2 if operation == "*" else max(s1, s2)
    precision = {
        "+": max(p1 - s1, p2 - s2) + scale + 1,
        "-": max(p1 - s1, p2 - s2) + scale + 1,
        "*": p1 + p2,
        "/": p1 + s2 + max(0, s2 - s1),
        "%": min(p1 - s1, p2 - s2) + scale,
    }[operation]
    precision = min(38, precision)
    return (precision, scale) if scale <= precision and precision > 0 else None


def exact(operation: str, a: Decimal, b: Decimal, precision: int, scale: int) -> str:
    """Compute the digits of the result, or name the error."""
    if operation in "/%" and not b:
        return "DIVISION_BY_ZERO"
    with localcontext() as context:
        context.prec = 160
        value = {
            "+": lambda: a + b,
            "-": lambda: a - b,
            "*": lambda: a * b,
            "/": lambda: a / b,
            "%": lambda: a - b * (a / b).to_integral_value(ROUND_DOWN),
        }[operation]()
        value = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
        if abs(value) >= Decimal(10) ** (precision - scale):
            return "NUMERIC_VALUE_OUT_OF_RANGE"
        return format(value, "f") if value else format(abs(value), "f")


def operands(count: int) -> list[tuple[tuple[int, int, Decimal], tuple[int, int, Decimal]]]:
    chance = random.Random(20260201)

    def one() -> tuple[int, int, Decimal]:
        precision = chance.randint(1, 38)
        scale = chance.randint(0, precision)
        digits = chance.randint(1, precision)
        return precision, scale, Decimal(chance.randint(-(10**digits) + 1, 10**digits - 1)).scaleb(-scale)

    return [(one(), one()) for _ in range(count)]


@pytest.mark.parametrize("operation", "+-*/%")
def test_every_digit_is_right_or_the_overflow_is_raised(operation: str) -> None:
    settings = query_settings({}, "decimals")
    with client() as engine:
        for (p1, s1, a), (p2, s2, b) in operands(60):
            kind = result_type(operation, p1, s1, p2, s2)
            if kind is None:
                continue
            left, right = (
                f"CAST('{value:f}', 'Nullable(Decimal({p}, {s}))')" for p, s, value in ((p1, s1, a), (p2, s2, b))
            )
            text = OPERATIONS[operation]((left, p1, s1), (right, p2, s2), decimal(*kind))
            try:
                found = engine.query(f"SELECT toDecimalString({text}, {kind[1]})", settings=settings).result_rows[0][0]
            except Exception as error:
                found = translate_error(error).code.name
            assert found == exact(operation, a, b, *kind), (operation, a, b, kind)


def test_null_divides_to_null() -> None:
    text = OPERATIONS["/"](
        ("CAST(1, 'Decimal(5, 2)')", 5, 2), ("CAST(NULL, 'Nullable(Decimal(5, 2))')", 5, 2), decimal(9, 2)
    )
    with client() as engine:
        assert engine.query(f"SELECT {text}").result_rows == [(None,)]
