"""Reals are written with the digits that Trino writes, on every engine, those next to zero too."""

from __future__ import annotations

import json
import struct

import pyarrow as pa
import pytest

from catalog.types import REAL
from engines.lake.arrow_rows import wire_converter
from engines.values import real_value

SHOWN = {
    1: "1.4e-45",
    2: "2.8e-45",
    3: "4.2e-45",
    7: "9.8e-45",
    0x80000001: "-1.4e-45",
    123456: "1.72999e-40",
    0x007FFFFF: "1.1754942e-38",
    0x00800000: "1.1754944e-38",
    0x3DCCCCCD: "0.1",
    0x4B800000: "16777216.0",
    0x7F7FFFFF: "3.4028235e+38",
}
"""By the bits of a real, as Java writes it."""


def of_bits(bits: int) -> float:
    found: float = struct.unpack("f", struct.pack("I", bits))[0]
    return found


@pytest.mark.parametrize(("bits", "text"), SHOWN.items())
def test_a_real_is_written_with_the_fewest_digits_but_two_at_least(bits: int, text: str) -> None:
    assert json.dumps(real_value(of_bits(bits))) == text
    column = pa.array([of_bits(bits), None, 0.5], pa.float32())
    assert [json.dumps(each) for each in wire_converter(REAL, "UTC", True)(column)] == [text, "null", "0.5"]
