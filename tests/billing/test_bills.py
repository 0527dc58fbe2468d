"""A statement's bill: what was read, at the price of its engine and time, shared among its tables to the nanodollar."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, nan
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.billing.bills import NO_PRICE, NOT_MEASURED, NOT_OVER
from gateway.billing.price_book import PriceBook
from gateway.budgets.model import Word
from gateway.config.prices import Prices
from gateway.usage_record import Bill, Charge, Outcome
from policies.cost.money import CENT
from tests.billing.statements import billing, ended

FIVE = 5 * 10**9
WEIGHTS = st.one_of(st.floats(0, 1e15), st.sampled_from([0.0, inf, nan, -1.0]))


def bill_of(made: Bill | None) -> Bill:
    assert made is not None
    return made


def test_what_the_engine_read_is_billed_at_the_price_of_its_engine() -> None:
    bill = bill_of(billing().settle(ended()))
    assert (bill.nano, bill.bytes, bill.basis) == (FIVE, 10**12, "measured")
    assert (bill.rate, bill.region, bill.note) == ("default: USD 5 per TB", "us", "")
    assert bill.shares == (("iceberg.a.t", FIVE),)


@pytest.mark.parametrize("outcome", ["CANCELED", "FAILED", "ABANDONED"])
def test_what_was_read_before_a_statement_ended_badly_is_billed_all_the_same(outcome: Outcome) -> None:
    bill = bill_of(billing().settle(ended(outcome=outcome, scanned_bytes=10**9)))
    assert (bill.bytes, bill.basis) == (10**9, "measured")


def test_engines_that_report_no_actuals_are_billed_by_the_estimate_and_then_by_the_result() -> None:
    estimated = bill_of(billing().settle(ended([("iceberg.a.t", 2e12)], scanned_bytes=None)))
    assert (estimated.bytes, estimated.basis, estimated.note) == (2 * 10**12, "estimated", NOT_MEASURED)
    shown = bill_of(billing().settle(ended(scanned_bytes=None)))
    assert (shown.bytes, shown.basis, shown.note) == (1000, "result size", NOT_MEASURED)
    nothing = bill_of(billing().settle(ended(scanned_bytes=None, bytes=0)))
    assert (nothing.nano, nothing.bytes, nothing.basis, nothing.shares) == (0, 0, "none", (("iceberg.a.t", 0),))


@pytest.mark.parametrize("unknown", [nan, inf, -1.0])
def test_an_estimate_that_is_no_number_bills_nobody(unknown: float) -> None:
    bill = bill_of(billing().settle(ended([("iceberg.a.t", unknown)], scanned_bytes=None)))
    assert (bill.bytes, bill.basis) == (1000, "result size")


def test_a_statement_that_no_engine_took_costs_nothing_and_gives_back_what_was_reserved() -> None:
    assert billing().settle(ended(begun=False, outcome="REFUSED")) is None
    assert billing().settle(ended(planned=None, engine=None)) is None
    kept = Charge("trading/emea/usd/2026-11-26", 100, 0)
    freed = bill_of(billing(charge=lambda *_: (kept,)).settle(ended(begun=False)))
    assert (freed.nano, freed.charges) == (0, (kept,))


def test_what_the_gateway_itself_answers_is_free() -> None:
    assert billing(free=frozenset({"system"})).settle(ended(engine="system")) is None


def test_budgets_are_charged_what_the_bill_says() -> None:
    told: list[tuple[int, int]] = []

    def charge(_: object, nano: int, size: int, __: Word) -> tuple[Charge, ...]:
        told.append((nano, size))
        return (Charge("a", 1, nano),)

    assert bill_of(billing(charge=charge).settle(ended())).charges == (Charge("a", 1, FIVE),)
    assert told == [(FIVE, 10**12)]


@pytest.mark.parametrize(
    ("changes", "accounting", "word"),
    [
        ({}, True, "last"),
        ({}, False, "last"),
        ({"scanned_bytes": None}, True, "open"),  # as of ClickHouse, which is asked afterwards
        ({"scanned_bytes": None}, False, "last"),
        ({"outcome": "CANCELED"}, True, "open"),
        ({"outcome": "FAILED"}, True, "open"),
        ({"outcome": "ABANDONED"}, True, "open"),
        ({"outcome": "CANCELED"}, False, "last"),
        ({"outcome": "CUT_OFF"}, True, "leaving"),
        ({"outcome": "CANCELED", "begun": False}, True, "last"),
    ],
)
def test_what_an_engine_may_say_more_of_is_told_to_who_keeps_its_hold(
    changes: dict[str, Any], accounting: bool, word: Word
) -> None:
    told: list[Word] = []

    def charge(_: object, __: int, ___: int, said: Word) -> tuple[Charge, ...]:
        told.append(said)
        return (Charge("a", 1, 1),)

    one = ended(**changes)
    bill = bill_of(billing(charge=charge, accounting=frozenset({one.engine or ""} if accounting else ())).settle(one))
    assert told == [word]
    assert (NOT_OVER in bill.note) == (word == "leaving")


def test_tables_share_by_what_was_expected_of_each_however_often_they_are_read() -> None:
    scans = [("iceberg.a.t", 1e9), ("iceberg.a.u", 2e9), ("iceberg.a.t", 5e9)]
    bill = bill_of(billing().settle(ended(scans)))
    assert bill.shares == (("iceberg.a.t", FIVE * 3 // 4), ("iceberg.a.u", FIVE // 4))
    unknown = bill_of(billing().settle(ended(tables=["iceberg.a.t", "iceberg.a.u", "iceberg.a.t"])))
    assert unknown.shares == (("iceberg.a.t", FIVE // 2), ("iceberg.a.u", FIVE // 2))
    assert bill_of(billing().settle(ended(tables=[]))).shares == (("", FIVE),)


def test_a_replica_that_ends_what_another_began_bills_it_without_its_tables() -> None:
    bill = bill_of(billing().settle(ended(planned=None)))
    assert (bill.nano, bill.shares) == (FIVE, (("", FIVE),))


@given(st.lists(WEIGHTS, min_size=1, max_size=20), st.integers(0, 10**16))
def test_shares_add_up_to_the_bill_whatever_the_weights(weights: list[float], size: int) -> None:
    scans = [(f"iceberg.a.t{number}", weight) for number, weight in enumerate(weights)]
    bill = bill_of(billing("4.999999999").settle(ended(scans, scanned_bytes=size)))
    assert sum(nano for _, nano in bill.shares) == bill.nano
    assert all(nano >= 0 for _, nano in bill.shares)
    assert bill.nano <= FIVE * size // 10**12 + 1


def test_a_statement_pays_the_price_of_when_it_was_received() -> None:
    entries = [{"until": "2025-10-09", "usd_per_tb": "5"}, {"from": "2025-10-09", "usd_per_tb": "7"}]
    book = PriceBook(Prices.model_validate({"entries": entries}))
    midnight = 1_759_968_000.0
    costs = []
    for at in (midnight - 0.001, midnight):
        received = msgspec.structs.replace(ended().received, received_at=at)
        costs.append(bill_of(billing(book=book).settle(ended(received=received))).nano)
    assert costs == [500 * CENT, 700 * CENT]


def test_what_had_no_price_is_billed_for_nothing_and_says_so() -> None:
    book = PriceBook(Prices(missing="refuse"))
    bill = bill_of(billing(book=book).settle(ended()))
    assert (bill.nano, bill.bytes, bill.note) == (0, 10**12, NO_PRICE)


def test_partners_are_billed_at_their_own_price() -> None:
    partners = replace(billing(), book=PriceBook(Prices(), Decimal(8)), is_partner=lambda who: who.user == "analyst1")
    bill = bill_of(partners.settle(ended()))
    assert (bill.nano, bill.rate) == (8 * 10**9, "partners: USD 8 per TB")
