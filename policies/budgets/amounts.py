"""Amounts as people write them: dollars, sizes in decimal units, shares. What is not plain is refused with its mend."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

from policies.budgets.model import Unit
from policies.cost.money import MOST, nano_of

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,6})?) ?(B|kB|MB|GB|TB|PB)?")
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_SOFT_USD = re.compile(r"(.+?) ?USD")
_DOLLARS = 'write dollars as a plain number of at least zero, with 9 decimals at most: "50.00"'
_BYTES = 'write a size of at least zero in decimal units (B, kB, MB, GB, TB, PB): "10 TB"'
_SOFT = 'write a share of the limit (0.8 or "80%") or an amount with its unit ("40 USD", "8 TB")'


def _plain(value: object) -> str:
    """Return what is written as text: YAML has numbers of its own, of which true and false are none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def check_usd(value: object) -> str:
    """Check dollars, and return them as text: no sign, no exponent, nothing that is no number."""
    text = _plain(value)
    if not _NUMBER.fullmatch(text) or nano_of(Decimal(text)) >= MOST:
        raise ValueError(f"{value!r} is no amount of dollars; {_DOLLARS}")
    return text


def check_size(value: object) -> str:
    """Check a size, and return it as text; it is a whole number of bytes."""
    text = _plain(value)
    found = _SIZE.fullmatch(text)
    if found is None or isinstance(value, float):
        raise ValueError(f"{value!r} is no size; {_BYTES}")
    size = Decimal(found[1]) * _UNITS[found[2] or "B"]
    if size != int(size) or size >= MOST:
        raise ValueError(f"{value!r} is no whole number of bytes below 9 EB; {_BYTES}")
    return text


def check_soft(value: object) -> str:
    """Check a soft limit in its form; whether it fits the budget's unit is seen with the limit beside it."""
    text = _plain(value)
    if _share(text) is None and not _SOFT_USD.fullmatch(text) and not (_SIZE.fullmatch(text) and text[-1] == "B"):
        raise ValueError(f"{value!r} is no soft limit; {_SOFT}")
    return text


Usd = Annotated[str, BeforeValidator(check_usd)]
Size = Annotated[str, BeforeValidator(check_size)]
Soft = Annotated[str, BeforeValidator(check_soft)]


def nano(usd: str) -> int:
    """Return checked dollars as nanodollars."""
    return nano_of(Decimal(usd))


def size(text: str) -> int:
    """Return a checked size in bytes."""
    found = _SIZE.fullmatch(text)
    return int(Decimal(found[1]) * _UNITS[found[2] or "B"]) if found else 0


def soft_of(text: str, unit: Unit, hard: int) -> int:
    """Return a soft limit beside its hard one. Raises ValueError where they do not fit together."""
    share = _share(text)
    if share is not None:
        return int(hard * share)
    money = _SOFT_USD.fullmatch(text)
    if (money is not None) != (unit == "usd"):
        raise ValueError(f"soft: {text!r} is not in the budget's unit, {'dollars' if unit == 'usd' else 'bytes'}")
    found = nano(check_usd(money[1])) if money is not None else size(check_size(text))
    if found > hard:
        raise ValueError(f"soft: {text!r} lies above the limit, so that nobody would ever be warned")
    return found


def _share(text: str) -> Decimal | None:
    """Return a share between nothing and all; None for what is none."""
    number, percent = (text[:-1].rstrip(), True) if text.endswith("%") else (text, False)
    if not _NUMBER.fullmatch(number):
        return None
    share = Decimal(number) / 100 if percent else Decimal(number)
    return share if 0 < share <= 1 else None
