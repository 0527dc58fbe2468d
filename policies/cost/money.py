"""Money in whole nanodollars (10^-9 USD), so that sums are exact, and the splitting of sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

NANO = 10**9
"""Nanodollars in a dollar."""
CENT = NANO // 100
TERABYTE = 10**12
MOST = 2**63 - 1
"""What the store's column can hold: some nine thousand million dollars."""


def nano_of(usd: Decimal) -> int:
    """Return an amount in dollars as nanodollars, rounded half to even. Raises ValueError where it is no number."""
    if not usd.is_finite():
        raise ValueError("an amount of money must be a number")
    return min(int((usd * NANO).to_integral_value(ROUND_HALF_EVEN)), MOST)


def price_of(size: float, nano_per_tb: int) -> int:
    """Return the price of so many bytes, rounded up to a nanodollar: what is not free never costs nothing.

    Raises ValueError for sizes that are negative or no number.
    """
    if not math.isfinite(size) or size < 0:
        raise ValueError("a size must be a number of bytes")
    return min(-(-math.ceil(size) * nano_per_tb // TERABYTE), MOST)


def split(total: int, weights: Sequence[float]) -> tuple[int, ...]:
    """Split a whole amount by weights, so that the parts add up to it: largest remainders first, then the order.

    Weights that are negative or no numbers count as nothing; where all are nothing, parts are equal.
    """
    if not weights:
        return ()
    sound = [weight if math.isfinite(weight) and weight > 0 else 0.0 for weight in weights]
    ratios = [float(weight).as_integer_ratio() for weight in (sound if any(sound) else [1.0] * len(weights))]
    finest = max(below for _, below in ratios)  # all are powers of two
    exact = [above * (finest // below) for above, below in ratios]
    whole = sum(exact)
    parts, remainders = map(list, zip(*(divmod(total * weight, whole) for weight in exact), strict=True))
    order = sorted(range(len(parts)), key=lambda number: (-remainders[number], number))
    for number in order[: total - sum(parts)]:
        parts[number] += 1
    return tuple(parts)


def dollars(nano: int) -> Decimal:
    """Return nanodollars as dollars, exactly."""
    return Decimal(nano) / NANO
