"""Raw values for masks: the odd ones that must be among them, and any number of random ones."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal

ODD_TEXTS = (
    *(
        "",
        " ",
        "a",
        "ab",
        "abc",
        "\0",
        "a\0b",
        "\n",
        "a\nb\nc",
        "\r\n",
        "\t",
        "ab  ",
        "  ab",
        "\u2003x\u2003",
        "\u00a0",
    ),
    *(
        "Zoë Müller",
        "e\u0301e\u0301e\u0301",
        "😀",
        "😀😀😀😀😀",
        "👩‍👩‍👧‍👦 family",
        "שלום עולם",
        "\u202eabc\u202c",
        "İıſß",
        "\ufeffx",
    ),
    *(
        "\U0010ffff",
        "\ud7ff\ue000",
        "क्षत्रिय",
        "한국어",
        "日本語テキスト",
        "\u200b",
        "𝟙𝟚𝟛-𝟜𝟝-𝟞𝟟𝟠𝟡",
        "x" * 4000,
        "é" * 300,
    ),
    *("123-45-6789", "123456789", "123 45 6789", "123-45-678", "1-2-3-4-5-6-7-8-9", "123-45-6789\n", "123-45-६७८९"),
    *("4111 1111 1111 1234", "4111-1111-1111-1234", "378282246310005", "4111", "4" * 20, "card 4111111111111234"),
    *("(555) 010-4567", "+1-555-0101", "555.010.4567", "+49 89/1234567", "55-0101", "٥٥٥-٠١٠-٤٥٦٧", "5550101x9"),
    *("ada@corp.example", "a@b@c.d", "@x", "x@", "ada@corp.example\n", "ada@körp.example", "a b@c-d.e", "@", "a\0@b.c"),
    *("AB-1234", "AB-1234\n", "ab-1234", "AB-" + "1" * 300, "A-1", "Oak", "Elm", "oak", "'", "\\", "$1", "%_", "\\A"),
)


def texts(count: int, seed: int) -> list[str | None]:
    """Return the odd texts, NULL, and random ones: any code points, digits with separators, addresses."""
    source = random.Random(seed)
    makers = (_any, _digits, _address, _code)
    return [*ODD_TEXTS, None, *(source.choice(makers)(source) for _ in range(count))]


def _any(source: random.Random) -> str:
    return "".join(_character(source) for _ in range(source.randrange(20)))


def _character(source: random.Random) -> str:
    top = source.choice((0x80, 0x250, 0x3000, 0x10000, 0x110000))
    code = source.randrange(top)
    return chr(code) if not 0xD800 <= code <= 0xDFFF else "\ufffd"


def _digits(source: random.Random) -> str:
    return "".join(source.choice("0123456789" * 3 + " -().+/x٣\n") for _ in range(source.randrange(24)))


def _address(source: random.Random) -> str:
    return "".join(source.choice("abcXYZ019._-@@+ é\n") for _ in range(source.randrange(16)))


def _code(source: random.Random) -> str:
    return f"{source.choice(('AB', 'XY', 'ab', 'A', 'ÄB'))}{source.choice('-_–')}{source.randrange(10 ** source.randrange(1, 12))}"


def integers(count: int, seed: int, bits: int) -> list[int | None]:
    """Return the ends of a type, what lies beside powers of ten, and random numbers of every size."""
    source = random.Random(seed)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    near = [sign * 10**power + by for power in range(1, 18) for sign in (1, -1) for by in (-1, 0, 1)]
    random_ones = [source.randrange(-(2**size), 2**size) for size in (source.randrange(1, bits) for _ in range(count))]
    return [
        low,
        low + 1,
        low + 5,
        high,
        high - 1,
        high - 5,
        0,
        1,
        -1,
        None,
        *(n for n in near if low <= n <= high),
        *random_ones,
    ]


def decimals(count: int, seed: int, precision: int, scale: int) -> list[Decimal | None]:
    """Return the ends of a decimal type, and random numbers of every size."""
    source = random.Random(seed)
    units = [10**precision - 1, 1 - 10**precision, 0, 1, -1, 5, -5]
    units += [
        source.randrange(-(10**size), 10**size) for size in (source.randrange(1, precision) for _ in range(count))
    ]
    return [None, *(Decimal(f"{unit}E-{scale}") for unit in units)]


def doubles(count: int, seed: int) -> list[float | None]:
    """Return the odd doubles, and random ones of every size."""
    source = random.Random(seed)
    odd = [0.0, -0.0, 0.1, -0.1, 1.5, 9.999999999999999, 1e308, -1e308, 5e-324, 2.0**53 + 2, 0.3]
    ends = [float("inf"), float("-inf"), float("nan"), None]
    return [*odd, *ends, *(source.uniform(-1, 1) * 10.0 ** source.randrange(-5, 20) for _ in range(count))]


def days(count: int, seed: int) -> list[date | None]:
    """Return the first and last days that all engines hold, and random ones."""
    source = random.Random(seed)
    ends = [
        date(1, 1, 1),
        date(9999, 12, 31),
        date(1969, 12, 31),
        date(1970, 1, 1),
        date(2000, 2, 29),
        date(1582, 10, 15),
    ]
    return [None, *ends, *(date.fromordinal(source.randrange(1, date.max.toordinal())) for _ in range(count))]


def moments(count: int, seed: int) -> list[datetime | None]:
    """Return the first and last instants that all engines hold, and random ones."""
    source = random.Random(seed)
    first, last = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)
    ends = [first, last, datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(1970, 1, 1)]
    whole = (last - first) // timedelta(microseconds=1)
    random_ones = (first + timedelta(microseconds=source.randrange(whole)) for _ in range(count))
    return [None, *ends, *random_ones]
