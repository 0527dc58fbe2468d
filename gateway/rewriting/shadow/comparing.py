"""Compare two results as multisets of rows, column by column as closely as the column's grade promises."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.materialized_views import Grade

RELATIVE = 1e-9
"""How far sums of the same numbers in another order may be apart."""
BAND = 0.15
"""How far two approximate counts may be apart: more than six standard errors of 2.3 %."""
_MOST_SHOWN = 5
_MOST_PAIRED = 400
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What of two results is not alike."""

    base_rows: int
    view_rows: int
    only_base: tuple[Row, ...]
    """The first rows that the base gave and the views did not."""
    only_views: tuple[Row, ...]

    @property
    def text(self) -> str:
        """Say it without any of the values."""
        if self.base_rows != self.view_rows:
            return f"{self.view_rows} rows from views in the place of {self.base_rows}"
        return f"the {self.base_rows} rows are as many, but not the same"


def difference(
    base: Sequence[Row], views: Sequence[Row], grades: Sequence[Grade], *, band: float | None = None
) -> Difference | None:
    """Return how two results differ; None where they are alike.

    `band` bounds the relative distance of approximate columns; None: only whether they are NULL is compared.
    """
    exact = [place for place, grade in enumerate(grades) if grade == "exact"]
    left, right = _grouped(base, exact), _grouped(views, exact)
    only_base: list[Row] = []
    only_views: list[Row] = []
    for key in left.keys() | right.keys():
        lone = _unpaired(left.get(key, []), right.get(key, []), grades, band)
        only_base.extend(lone[0])
        only_views.extend(lone[1])
    if not only_base and not only_views:
        return None
    return Difference(len(base), len(views), tuple(only_base[:_MOST_SHOWN]), tuple(only_views[:_MOST_SHOWN]))


def checksum(rows: Sequence[Row]) -> str:
    """Return a sum of rows that does not depend on their order."""
    total = 0
    for row in rows:
        total += int.from_bytes(hashlib.sha256(_text(row).encode()).digest()[:16])
    return f"{total % (1 << 128):032x}"


def _grouped(rows: Sequence[Row], exact: Sequence[int]) -> dict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_text([_plain(row[place]) for place in exact])].append(row)
    return groups


def _plain(value: Any) -> Any:
    """Return a value in one form: negative zero is zero."""
    return 0.0 if isinstance(value, float) and value == 0 else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _unpaired(
    left: list[Row], right: list[Row], grades: Sequence[Grade], band: float | None
) -> tuple[list[Row], list[Row]]:
    """Return the rows of a group that have no partner on the other side."""
    if all(grade == "exact" for grade in grades):
        size = min(len(left), len(right))
        return left[size:], right[size:]
    left, right = sorted(left, key=_text), sorted(right, key=_text)
    if max(len(left), len(right)) > _MOST_PAIRED:
        left, right = (sorted(rows, key=lambda row: _numbers(row, grades)) for rows in (left, right))
        pairs = zip(left, right, strict=False)
        lone = [(a, b) for a, b in pairs if not _alike(a, b, grades, band)]
        size = min(len(left), len(right))
        return [a for a, _ in lone] + left[size:], [b for _, b in lone] + right[size:]
    lonely, rest = [], list(right)
    for row in left:
        partner = next((place for place, other in enumerate(rest) if _alike(row, other, grades, band)), None)
        if partner is None:
            lonely.append(row)
        else:
            del rest[partner]
    return lonely, rest


def _numbers(row: Row, grades: Sequence[Grade]) -> tuple[float, ...]:
    return tuple(_number(value) or 0.0 for value, grade in zip(row, grades, strict=True) if grade != "exact")


def _alike(one: Row, two: Row, grades: Sequence[Grade], band: float | None) -> bool:
    return all(_close(a, b, grade, band) for a, b, grade in zip(one, two, grades, strict=True))


def _close(one: Any, two: Any, grade: Grade, band: float | None) -> bool:
    if one is None or two is None:
        return one is two
    if grade == "exact":
        return _text(_plain(one)) == _text(_plain(two))
    if grade == "approximate" and band is None:
        return True
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(_close(a, b, grade, band) for a, b in zip(one, two, strict=True))
    a, b = _number(one), _number(two)
    if a is None or b is None:
        return bool(one == two)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=RELATIVE if grade == "float" else band or 0.0, abs_tol=1e-12)


def _number(value: Any) -> float | None:
    """Return a value as a number: decimals come as text, as do NaN and infinities."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def upper_bound(wrong: int, compared: int, confidence: float = 0.95) -> float | None:
    """Return the rate of wrong answers that is not exceeded, at this confidence (Clopper and Pearson); None for none.

    It is the share at which so few wrong ones among so many would be seen only once in twenty times.
    """
    if compared == 0:
        return None
    if wrong >= compared:
        return 1.0
    low, high = wrong / compared, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(wrong, compared, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(wrong: int, compared: int, rate: float) -> float:
    """Return the chance of at most so many wrong ones at a rate."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    return math.fsum(_terms(wrong, compared, math.log(rate), math.log1p(-rate)))


def _terms(wrong: int, compared: int, yes: float, no: float) -> Iterator[float]:
    every = math.lgamma(compared + 1)
    for count in range(wrong + 1):
        ways = every - math.lgamma(count + 1) - math.lgamma(compared - count + 1)
        yield math.exp(ways + count * yes + (compared - count) * no)
