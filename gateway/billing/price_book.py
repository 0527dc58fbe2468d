"""The price book: what a terabyte costs on an engine, in a region, at a moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from catalog.errors import ErrorCode, Refusal
from gateway.config.prices import Price, Prices
from policies.cost.money import nano_of, price_of


@dataclass(frozen=True, slots=True)
class Rate:
    """One price, and the entry of the book that it stands in."""

    nano_per_tb: int
    name: str
    """`trino/us-west-1: USD 5.00 per TB`."""
    usd_per_tb: Decimal
    minimum_nano: int = 0
    """What a statement that read anything costs at least."""

    def price(self, size: float) -> int:
        """Return what so many bytes cost, in nanodollars. Raises ValueError where that is no number of bytes."""
        nano = price_of(size, self.nano_per_tb)
        return max(nano, self.minimum_nano) if size else nano


@dataclass(frozen=True, slots=True)
class _Held:
    """A rate and when it holds."""

    begin: float
    until: float
    rate: Rate


class PriceBook:
    """Prices by engine, region and moment; one is found by a dictionary and a search among its periods."""

    def __init__(self, prices: Prices, partner_usd_per_tb: Decimal | None = None) -> None:
        """Read the section; `partner_usd_per_tb` is what partners pay instead, where that is given."""
        zone = ZoneInfo(prices.zone)
        held: dict[tuple[str | None, str | None], list[_Held]] = {}
        for entry in prices.entries:
            begin, until = entry.period(zone)
            held.setdefault((entry.engine, entry.region), []).append(_Held(begin, until, _rate(entry)))
        self._held: Mapping[tuple[str | None, str | None], list[_Held]] = {
            key: sorted(each, key=lambda one: one.begin) for key, each in held.items()
        }
        self._default = rate_of("default", prices.default_usd_per_tb) if prices.missing == "default" else None
        self._partner = None if partner_usd_per_tb is None else rate_of("partners", partner_usd_per_tb)

    def rate(self, engine: str, region: str, at: float, *, partner: bool = False) -> Rate:
        """Return the price of a statement received `at` (Unix seconds); `region` is empty where it is not known.

        Raises Refusal where no entry holds and the rule says to refuse.
        """
        if partner and self._partner is not None:
            return self._partner
        for key in _specific_first(engine, region):
            found = _at(self._held.get(key, ()), at)
            if found is not None:
                return found
        if self._default is not None:
            return self._default
        place = f"{engine} in {region}" if region else engine
        raise Refusal(
            ErrorCode.QUERY_REJECTED,
            f"There is no price for engine {place} at this time, and what has no price is not run. "
            "Ask an administrator for an entry in `prices`",
        )


def rate_of(name: str, usd_per_tb: Decimal, minimum_usd: Decimal = Decimal(0)) -> Rate:
    """Return a price with the words that estimates and bills show it in."""
    words = f"{name}: USD {usd_per_tb:f} per TB"
    if minimum_usd:
        words += f", at least USD {minimum_usd:f}"
    return Rate(nano_of(usd_per_tb), words, usd_per_tb, nano_of(minimum_usd))


def _rate(entry: Price) -> Rate:
    name = f"{entry.engine or '*'}/{entry.region}" if entry.region else entry.engine or "*"
    return rate_of(name, entry.usd_per_tb, entry.minimum_usd_per_query)


def _specific_first(engine: str, region: str) -> Iterable[tuple[str | None, str | None]]:
    if region:
        yield engine, region
    yield engine, None
    if region:
        yield None, region
    yield None, None


def _at(held: Sequence[_Held], at: float) -> Rate | None:
    number = bisect_right(held, at, key=lambda each: each.begin) - 1
    return held[number].rate if number >= 0 and at < held[number].until else None
