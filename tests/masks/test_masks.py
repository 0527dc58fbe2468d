"""Masks are total, keep type and NULL, and never let their input through; proven by running them on the lake's engine."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.dialect.generate import generate
from catalog.objects import Column
from catalog.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    VARCHAR,
    TrinoType,
    array,
    decimal,
    row,
    timestamp,
    varchar,
)
from policies.faults import Unfit
from policies.masks import HashKey, build_mask
from tests.masks.engines import ADDRESS, CODE, EMAIL, PERSON, PLANTS, SPEC, Spec
from tests.masks.lake_text import Masking

SETTINGS = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def masking() -> Iterator[Masking]:
    with duckdb.connect() as connection:
        yield Masking(connection)


@pytest.mark.parametrize(
    ("spec", "value", "shown"),
    [
        (EMAIL, "ada@corp.example", "user-****@****.com"),
        (EMAIL, "", "user-****@****.com"),
        (ADDRESS, "ada@corp.example", "****@corp.example"),
        (ADDRESS, "ada@corp.example\n", "****@****.com"),
        (ADDRESS, "a@b@corp.example", "****@****.com"),
        (ADDRESS, "@corp.example", "****@****.com"),
        (ADDRESS, "ada@", "****@****.com"),
        (ADDRESS, "ada@körp.example", "****@****.com"),
        ({"kind": "ssn"}, "123-45-6789", "***-**-6789"),
        ({"kind": "ssn"}, "123 45 6789", "***-**-6789"),
        ({"kind": "ssn"}, "123456789", "***-**-6789"),
        ({"kind": "ssn"}, "1234567890", "***-**-****"),
        ({"kind": "ssn"}, "123-45-678x", "***-**-****"),
        ({"kind": "ssn"}, "6789", "***-**-****"),
        ({"kind": "ssn"}, "123-45-६७८९", "***-**-****"),
        ({"kind": "ssn"}, "123-45-6789\n", "***-**-****"),
        ({"kind": "card"}, "4111-1111-1111-1234", "****-****-****-1234"),
        ({"kind": "card"}, "4111 1111 1111 1234", "****-****-****-1234"),
        ({"kind": "card"}, "378282246310005", "****-****-****-0005"),
        ({"kind": "card"}, "0005", "****-****-****-****"),
        ({"kind": "card"}, "key 4111-1111-1111-1234", "****-****-****-****"),
        ({"kind": "phone", "template": "***-***-4567"}, "+1-555-0101", "***-***-0101"),
        ({"kind": "phone"}, "(555) 010-45 67", "***-***-4567"),
        ({"kind": "phone"}, "555.010.4567", "***-***-4567"),
        ({"kind": "phone"}, "55-0101", "***-***-****"),
        ({"kind": "phone"}, "٥٥٥-٠١٠-٤٥٦٧", "***-***-****"),
        ({"kind": "phone"}, "5550101 ext. 9", "***-***-****"),
        ({"kind": "first_n", "n": 2}, "Zoë Müller", "Zo****"),
        ({"kind": "first_n", "n": 3}, "Zoë", "****"),
        ({"kind": "first_n", "n": 1}, "😀😀", "😀****"),
        ({"kind": "last_n", "n": 2}, "a\nb\nc", "****\nc"),
        ({"kind": "last_n", "n": 2}, "ab", "****"),
        ({"kind": "last_n", "n": 1, "fill": "x"}, "ab", "xb"),
        ({"kind": "last_n", "n": 2}, "שלום", "****ום"),
        (CODE, "AB-1234", "AB-****"),
        (CODE, "AB-1234\n", "none"),
        (CODE, "ab-1234", "none"),
        (CODE, "AB-" + "1" * 300, "none"),
        (PLANTS, "Elm", "tree"),
        (PLANTS, "elm", "other"),
        ({"kind": "redact"}, "anything", "****"),
        ({"kind": "constant", "value": "it's"}, "x", "it's"),
        ({"kind": "null"}, "x", None),
    ],
)
def test_a_text_shows_what_its_mask_declares(masking: Masking, spec: Spec, value: str, shown: str | None) -> None:
    assert masking.one(VARCHAR, spec, value) == shown


HIDING: list[Spec] = [
    {"kind": "email"},
    {"kind": "redact"},
    {"kind": "constant", "value": "MASKED"},
    {"kind": "null"},
    {"kind": "hash", "key": "pii"},
    {"kind": "token", "key": "pii", "prefix": "t_"},
    {"kind": "lookup", "values": {"a": "b"}, "otherwise": "c"},
    {"kind": "regexp", "pattern": ".*", "show": "text"},
]
PARTIAL: list[tuple[Spec, int]] = [
    ({"kind": "ssn"}, 4),
    ({"kind": "card"}, 4),
    ({"kind": "phone"}, 4),
    ({"kind": "first_n", "n": 3}, 3),
    ({"kind": "last_n", "n": 3}, 3),
]


@pytest.mark.parametrize("spec", HIDING, ids=lambda spec: spec["kind"])
@SETTINGS
@given(values=TEXTS)
def test_what_is_not_declared_partial_shows_no_part_of_its_input(
    masking: Masking, spec: Spec, values: list[str]
) -> None:
    shown = masking.all(VARCHAR, spec, [*values, None])
    assert shown[-1] is None
    assert (None in shown[:-1]) is (spec["kind"] == "null")
    for value, masked_value in zip(values, shown, strict=False):
        assert masked_value is None or not shares(value, str(masked_value), 8)
    if spec["kind"] in ("hash", "token"):
        assert len(set(shown)) == len({*values, None})
    elif spec["kind"] not in ("lookup", "regexp"):
        assert len(set(shown[:-1])) == 1, "a constant mask tells values apart"


def shares(value: str, shown: str, length: int) -> bool:
    """Tell whether a text of some length stands in both."""
    return any(value[at : at + length] in shown for at in range(len(value) - length + 1))


DIGITS = st.lists(
    st.one_of(
        st.text("0123456789 -()+.", max_size=24),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True),
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize(("spec", "window"), PARTIAL, ids=lambda part: str(part))
@SETTINGS
@given(values=DIGITS)
def test_a_partial_mask_shows_its_window_of_longer_values_and_nothing_of_others(
    masking: Masking, spec: Spec, window: int, values: list[str]
) -> None:
    hidden = masking.one(VARCHAR, spec, "")
    for value, shown in zip(values, masking.all(VARCHAR, spec, values), strict=True):
        if shown == hidden:
            continue
        assert isinstance(shown, str)
        assert len(value) > window
        clear = shown[:window] if spec["kind"] == "first_n" else shown[-window:]
        digits = "".join(c for c in value if c.isdigit() and c.isascii())
        assert clear in value or clear == digits[-window:]
        assert len(shown) == (len(str(hidden)) if spec["kind"] in ("ssn", "card", "phone") else window + 4)


@SETTINGS
@given(values=TEXTS, n=st.integers(1, 20))
def test_values_no_longer_than_the_window_are_hidden_whole(masking: Masking, values: list[str], n: int) -> None:
    for kind in ("first_n", "last_n"):
        for value, shown in zip(values, masking.all(VARCHAR, {"kind": kind, "n": n}, values), strict=True):
            kept = value[:n] if kind == "first_n" else value[-n:]
            assert shown == ("****" if len(value) <= n else kept + "****" if kind == "first_n" else "****" + kept)


INTEGERS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40)


@SETTINGS
@given(values=INTEGERS)
def test_rounding_is_total_at_the_extremes(masking: Masking, values: list[int]) -> None:
    ends = [-(2**63), 2**63 - 1, 0, *values]
    for value, shown in zip(ends, masking.all(BIGINT, {"kind": "round", "to": 100}, ends), strict=True):
        assert isinstance(shown, int)
        assert shown % 100 == 0
        assert abs(shown) <= abs(value) < abs(shown) + 100


@SETTINGS
@given(values=INTEGERS)
def test_noise_moves_every_number_within_its_bounds_and_type(masking: Masking, values: list[int]) -> None:
    ends = [-(2**63), 2**63 - 1, 0, *values]
    spec = {"kind": "noise", "key": "pii", "to": 1000}
    first, again = (masking.all(BIGINT, spec, ends) for _ in range(2))
    assert first == again
    for value, shown in zip(ends, first, strict=True):
        assert isinstance(shown, int)
        assert 1 <= abs(shown - value) <= 1000
        assert -(2**63) <= shown < 2**63


def test_noise_spreads_over_its_whole_range(masking: Masking) -> None:
    shown = masking.all(BIGINT, {"kind": "noise", "key": "pii", "to": 4}, list(range(400)))
    assert {found - value for value, found in enumerate(shown)} == {-4, -3, -2, -1, 1, 2, 3, 4}  # type: ignore[operator]  # None would fail the test


DECIMALS = st.lists(st.decimals("-99999999.99", "99999999.99", places=2), min_size=1, max_size=40)


@SETTINGS
@given(values=DECIMALS)
def test_decimals_round_within_their_type(masking: Masking, values: list[Decimal]) -> None:
    for value, shown in zip(values, masking.all(decimal(10, 2), {"kind": "round", "to": "0.5"}, values), strict=True):
        assert isinstance(shown, Decimal)
        assert (shown * 2) % 1 == 0
        assert abs(shown) <= abs(value)


def test_decimals_of_38_digits_get_noise_at_their_ends(masking: Masking) -> None:
    end = Decimal("9" * 28 + "." + "9" * 10)
    spec = {"kind": "noise", "key": "pii", "to": "0.0000000010"}
    up, down, zero = masking.all(decimal(38, 10), spec, [end.copy_negate(), end, Decimal(0)])
    assert isinstance(up, Decimal)
    assert isinstance(down, Decimal)
    assert str(up).startswith("-" + "9" * 28)
    assert up != end.copy_negate()
    assert str(down).startswith("9" * 28)
    assert down != end
    assert zero != 0


@SETTINGS
@given(values=st.lists(st.floats(), min_size=1, max_size=40))
def test_doubles_round_without_failing(masking: Masking, values: list[float]) -> None:
    for value, shown in zip(values, masking.all(DOUBLE, {"kind": "round", "to": 10}, values), strict=True):
        assert isinstance(shown, float)
        assert value != value or abs(shown) <= abs(value) * (1 + 2**-50)


def test_numbers_fall_into_the_ranges_of_a_bucket_mask(masking: Masking) -> None:
    values = [-1, 0, 9, 10, 99, 100, 2**63 - 1, -(2**63), None]
    spec: Spec = {"kind": "bucket", "bounds": [0, 10, 100]}
    assert masking.all(BIGINT, spec, values) == [None, 0, 0, 10, 10, 100, 100, None, None]
    assert masking.all(BIGINT, {**spec, "below": -1}, values) == [-1, 0, 0, 10, 10, 100, 100, -1, None]
    doubles = [0.0, 1.4999, 1.5, float("nan"), float("inf"), float("-inf"), None]
    assert masking.all(DOUBLE, {"kind": "bucket", "bounds": [0, "1.5"], "below": "-2.5"}, doubles) == [
        *(0.0, 0.0, 1.5, -2.5, 1.5, -2.5, None)
    ]


@pytest.mark.parametrize(
    ("kind", "of", "value", "shown"),
    [
        ("year", DATE, "2026-07-09", "2026-01-01"),
        ("quarter", DATE, "2026-08-09", "2026-07-01"),
        ("month", DATE, "2026-07-09", "2026-07-01"),
        ("week", DATE, "2026-07-09", "2026-07-06"),
        ("day", timestamp(6), "2026-07-09 23:59:59.999999", "2026-07-09 00:00:00"),
        ("month", timestamp(6), "1969-12-31 23:59:59.999999", "1969-12-01 00:00:00"),
    ],
    ids=str,
)
def test_moments_are_brought_to_the_start_of_their_period(
    masking: Masking, kind: str, of: TrinoType, value: str, shown: str
) -> None:
    assert str(masking.one(of, {"kind": kind}, value)) == shown


@pytest.mark.parametrize(
    ("of", "value", "shown"),
    [
        (BIGINT, 5, "0"),
        (DOUBLE, 5.5, "0.0"),
        (decimal(9, 2), 5, "0.00"),
        (BOOLEAN, True, "False"),
        (DATE, "2026-07-09", "1970-01-01"),
        (timestamp(6), "2026-07-09 01:02:03", "1970-01-01 00:00:00"),
        (varchar(2), "x", "**"),
        (array(BIGINT), [1, 2], "[]"),
    ],
    ids=str,
)
def test_redaction_knows_a_neutral_value_of_most_types(
    masking: Masking, of: TrinoType, value: object, shown: str
) -> None:
    found, nothing = masking.all(of, {"kind": "redact"}, [value, None])
    assert str(found) == shown
    assert nothing is None


def test_null_may_be_hidden_too(masking: Masking) -> None:
    for spec in ({"kind": "redact"}, {"kind": "email"}, ADDRESS, {"kind": "constant", "value": "x"}):
        assert masking.one(VARCHAR, {**spec, "nulls": "hide"}, None) is not None


ADA = {"name": "Ada", "age": 36, "home": {"street": "1 St", "city": "London"}}


def test_fields_of_a_row_are_masked_and_those_that_nobody_named_are_null(masking: Masking) -> None:
    spec: Spec = {"kind": "fields", "fields": {"name": {"kind": "first_n", "n": 1}}}
    assert values_of(masking.all(PERSON, spec, [ADA, None])) == [["A****", None, None], None]
    assert values_of(masking.all(PERSON, {**spec, "others": "none"}, [ADA])) == [["A****", 36, ["1 St", "London"]]]
    within: Spec = {"kind": "fields", "fields": {"home": {"kind": "fields", "fields": {"street": "redact"}}}}
    assert values_of(masking.all(PERSON, within, [ADA, {**ADA, "home": None}])) == [
        *([None, None, ["****", None]], [None, None, None])
    ]


def values_of(found: object) -> object:
    """Return rows by place."""
    if isinstance(found, dict):
        return [values_of(value) for value in found.values()]
    return [values_of(value) for value in found] if isinstance(found, list) else found


def test_elements_of_an_array_are_masked_one_by_one(masking: Masking) -> None:
    spec: Spec = {"kind": "elements", "mask": {"kind": "last_n", "n": 1}}
    assert masking.all(array(VARCHAR), spec, [["ab", "x", None], [], None]) == [["****b", "****", None], [], None]
    people: Spec = {"kind": "elements", "mask": {"kind": "fields", "fields": {"name": "redact"}, "others": "none"}}
    shown = masking.all(array(row(("name", VARCHAR), ("age", BIGINT))), people, [[{"name": "Ada", "age": 36}]])
    assert values_of(shown) == [[["****", 36]]]


def test_equal_values_have_equal_tokens_within_a_domain_and_others_outside(masking: Masking) -> None:
    of = {domain: {"kind": "hash", "key": "pii", "domain": domain} for domain in ("people", "orders")}
    a, b, c = masking.all(VARCHAR, of["people"], ["ada", "ada", "bob"])
    assert a == b != c
    assert masking.one(VARCHAR, of["orders"], "ada") != a
    assert masking.one(VARCHAR, {"kind": "token", "key": "pii", "domain": "people"}, "ada") == str(a)[:32]
    number = masking.all(BIGINT, {"kind": "token", "key": "pii"}, [1, 1, 2, None])
    assert number[0] == number[1] != number[2]
    assert number[3] is None


def test_each_tenant_has_a_key_of_its_own_and_nobody_without_a_tenant_sees_the_column() -> None:
    keys = {"pii": HashKey(b"k" * 32, frozenset({"lake"}), tenant="organization")}
    spec = SPEC.validate_python({"kind": "hash", "key": "pii"})

    def text(*attributes: tuple[str, str]) -> str:
        return generate(build_mask(spec, Column("c", VARCHAR), "lake", keys, attributes=attributes))

    acme, other = text(("organization", "acme")), text(("organization", "other"))
    assert acme != other
    assert acme == text(("desk", "x"), ("organization", "acme"))
    for attributes in ((), (("organization", ""),), (("organization", "a"), ("organization", "b"))):
        with pytest.raises(Unfit, match="tenant"):
            text(*attributes)
