"""The same mask gives equal values on the real Trino, on ClickHouse and on the embedded lake."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from catalog.types import BIGINT, DATE, DOUBLE, INTEGER, REAL, VARCHAR, TrinoType, array, char, decimal, row, timestamp
from gateway.demo.trino_server import TrinoServer
from tests.masks import values
from tests.masks.engines import Batch, Spec, on_clickhouse, on_the_lake, on_trino

TEXT_MASKS: tuple[Spec, ...] = (
    {"kind": "null"},
    {"kind": "redact"},
    {"kind": "constant", "value": "it's \\ $1"},
    {"kind": "email"},
    {"kind": "email", "show": "domain"},
    {"kind": "ssn"},
    {"kind": "card"},
    {"kind": "phone"},
    {"kind": "first_n", "n": 1},
    {"kind": "first_n", "n": 3},
    {"kind": "last_n", "n": 2},
    {"kind": "regexp", "pattern": r"([A-Z]{2})-\d+", "show": "$1-****"},
    {"kind": "regexp", "pattern": r"[^@\d]+|.\d{2,5}.*", "show": "form", "otherwise": "other"},
    {"kind": "regexp", "pattern": r"(\w{1,3})[ .@\-]([^ ]?).+", "show": "$2$$$1", "otherwise": ""},
    {
        "kind": "lookup",
        "values": {"Oak": "tree", "Elm": "tree", "": "nothing", "日本語テキスト": "text"},
        "otherwise": "?",
    },
    {"kind": "hash", "key": "pii"},
    {"kind": "hash", "key": "pii", "domain": "people"},
    {"kind": "token", "key": "pii", "length": 16, "prefix": "t_"},
)
NUMBER_MASKS: tuple[Spec, ...] = (
    {"kind": "redact"},
    {"kind": "constant", "value": 7},
    {"kind": "round", "to": 10},
    {"kind": "bucket", "bounds": [-100, 0, 10, 1000]},
    {"kind": "bucket", "bounds": [0, 10], "below": -1},
)
PERIODS: tuple[Spec, ...] = tuple({"kind": kind} for kind in ("redact", "year", "quarter", "month", "week"))
PERSON = row(("name", VARCHAR), ("age", BIGINT), ("home", row(("street", VARCHAR), ("no", INTEGER))))
PEOPLE = [
    {"name": text, "age": number, "home": {"street": text, "no": None}}
    for text, number in zip(values.ODD_TEXTS, range(40), strict=False)
]
Case = tuple[Callable[[int], Batch], pa.DataType]
CASES: dict[str, Case] = {
    "varchar": (lambda n: Batch(VARCHAR, values.texts(n, 1), TEXT_MASKS), pa.string()),
    "bigint": (
        lambda n: Batch(
            BIGINT,
            values.integers(n, 2, 64),
            (
                *NUMBER_MASKS,
                {"kind": "token", "key": "pii"},
                {"kind": "noise", "key": "pii", "to": 1000},
                {"kind": "lookup", "values": {"0": "7", "-1": "8"}, "otherwise": "9"},
            ),
        ),
        pa.int64(),
    ),
    "integer": (
        lambda n: Batch(INTEGER, values.integers(n, 3, 32), (*NUMBER_MASKS, {"kind": "noise", "key": "pii", "to": 7})),
        pa.int32(),
    ),
    "decimal": (
        lambda n: Batch(
            decimal(38, 10),
            values.decimals(n, 4, 38, 10),
            (*NUMBER_MASKS, {"kind": "round", "to": "0.25"}, {"kind": "noise", "key": "pii", "to": "0.5"}),
        ),
        pa.decimal128(38, 10),
    ),
    "money": (
        lambda n: Batch(
            decimal(12, 2), values.decimals(n, 5, 12, 2), (*NUMBER_MASKS, {"kind": "noise", "key": "pii", "to": 3})
        ),
        pa.decimal128(12, 2),
    ),
    "double": (
        lambda n: Batch(DOUBLE, values.doubles(n, 6), (*NUMBER_MASKS, {"kind": "round", "to": "0.1"})),
        pa.float64(),
    ),
    "date": (lambda n: Batch(DATE, values.days(n, 7), PERIODS), pa.date32()),
    "timestamp": (
        lambda n: Batch(timestamp(6), values.moments(n, 8), (*PERIODS, {"kind": "day"})),
        pa.timestamp("us"),
    ),
    "instant": (
        lambda n: Batch(timestamp(6, zone=True), values.moments(n, 9), (*PERIODS, {"kind": "day"})),
        pa.timestamp("us", "UTC"),
    ),
    "row": (
        lambda n: Batch(
            PERSON,
            PEOPLE,
            (
                {"kind": "fields", "fields": {"name": {"kind": "last_n", "n": 1}}, "others": "none"},
                {
                    "kind": "fields",
                    "fields": {
                        "name": {"kind": "hash", "key": "pii"},
                        "home": {"kind": "fields", "fields": {"no": "redact"}},
                    },
                },
            ),
        ),
        pa.struct(
            [
                ("name", pa.string()),
                ("age", pa.int64()),
                ("home", pa.struct([("street", pa.string()), ("no", pa.int32())])),
            ]
        ),
    ),
    "array": (
        lambda n: Batch(
            array(VARCHAR),
            [list(values.ODD_TEXTS[at : at + 5]) for at in range(0, 60, 5)] + [[None], []],
            (
                {"kind": "redact"},
                {"kind": "elements", "mask": {"kind": "first_n", "n": 1}},
                {"kind": "elements", "mask": {"kind": "hash", "key": "pii"}},
            ),
        ),
        pa.list_(pa.string()),
    ),
}


ONLY_LONG = ("integer", "money", "instant")


def compare(case: Case, count: int, trino: TrinoServer, folder: Path) -> None:
    """Ask all engines for a case's masks and hold every value of the others against Trino's."""
    batch, arrow = case[0](count), case[1]
    truth = on_trino(batch, trino.url)
    assert len(truth) == len(batch.values)
    for engine, found in (("clickhouse", on_clickhouse(batch)), ("lake", on_the_lake(batch, folder, arrow))):
        assert differences(batch, truth, found) == [], engine


def differences(batch: Batch, truth: Sequence[Sequence[object]], found: Sequence[Sequence[object]]) -> list[object]:
    """Return the first values that differ, with their mask."""
    assert len(found) == len(truth)
    different = [
        (batch.specs[at], value, a, b)
        for value, wanted, given in zip(batch.values, truth, found, strict=True)
        for at, (a, b) in enumerate(zip(wanted, given, strict=True))
        if json.dumps(a) != json.dumps(b)
    ]
    return list(different[:5])


@pytest.mark.parametrize("name", [name for name in CASES if name not in ONLY_LONG])
def test_a_mask_gives_equal_values_on_all_engines(name: str, trino_server: TrinoServer, tmp_path: Path) -> None:
    compare(CASES[name], 60, trino_server, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("row", "array")])
def test_a_mask_gives_equal_values_on_all_engines_by_the_thousand(
    name: str, trino_server: TrinoServer, tmp_path: Path
) -> None:
    compare(CASES[name], 4000, trino_server, tmp_path)


def test_real_numbers_are_masked_alike_too(trino_server: TrinoServer, tmp_path: Path) -> None:
    batch = Batch(REAL, [0.0, 1.5, -1.5, 16777216.0, 0.25, float("inf"), float("nan"), None], NUMBER_MASKS)
    compare((lambda n: batch, pa.float32()), 0, trino_server, tmp_path)


def test_a_char_is_masked_without_its_padding_and_padded_again(trino_server: TrinoServer) -> None:
    specs: tuple[Spec, ...] = (
        {"kind": "last_n", "n": 2},
        {"kind": "first_n", "n": 3},
        {"kind": "ssn"},
        {"kind": "lookup", "values": {"ab": "x"}, "otherwise": "y"},
        {"kind": "redact"},
    )
    batch = Batch(char(12), ["ab", "abc", "", "Zoë Müller", "123-45-6789", "123456789", "ab  cd", None], specs)
    shown = [
        [cell if cell is None else str(cell).rstrip(" ") for cell in row_] for row_ in on_trino(batch, trino_server.url)
    ]
    assert [row_[0] for row_ in shown] == ["****", "****bc", "****", "****er", "****89", "****89", "****cd", None]
    assert [row_[1] for row_ in shown] == ["****", "****", "****", "Zoë****", "123****", "123****", "ab ****", None]
    assert [row_[2] for row_ in shown] == [*["***-**-****"] * 4, *["***-**-6789"] * 2, "***-**-****", None]
    assert [row_[3] for row_ in shown] == ["x", *["y"] * 6, None]
    raw = on_trino(replace(batch, specs=({"kind": "redact"},)), trino_server.url)
    assert all(cell == "****".ljust(12) for (cell,) in raw[:-1])


def test_no_period_fails_at_the_ends_of_trinos_own_types(trino_server: TrinoServer) -> None:
    ends: dict[TrinoType, list[object]] = {
        DATE: ["-5877641-06-23", "5881580-07-11", "-5800000-01-01"],
        timestamp(6): ["-290307-12-21 20:00:00", "294247-01-10 04:00:54.775807", "-290000-01-01 00:00:00"],
        timestamp(3, zone=True): [
            "-69386-01-01 00:00:00 Asia/Tokyo",
            "73326-09-11 00:00:00 UTC",
            "-69000-01-01 00:00:00 UTC",
        ],
    }
    for of, values_ in ends.items():
        early, *others = on_trino(Batch(of, values_, PERIODS[1:]), trino_server.url)
        assert early == [None] * 4
        assert not any(cell is None for row_ in others for cell in row_)
