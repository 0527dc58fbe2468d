"""Proofs about time zones: whether buckets of UTC make up the days of a zone's clocks, over a stretch of time.

Every change of a zone's offset in tzdata counts, those that its rule makes in the future too. Without a known range the
local mean times of the nineteenth century count as well, whose offsets are no whole minutes.
"""

from __future__ import annotations

import struct
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from catalog.dialect.words import words
from rewrite_rules.outline.constants import zone_of

_UTC_NAMES = words("utc z ut uct gmt gmt0 gmt+0 gmt-0 greenwich universal zulu +00:00 -00:00")
_RULED = 3
"""Years for which a rule is followed: each year its clocks change at the same hours, by as much."""
_DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a zone's clocks: when, and their offsets from UTC around it, in seconds."""

    at: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in seconds since 1970, both ends inclusive; None is without end."""

    low: int | None = None
    high: int | None = None

    def __str__(self) -> str:
        """Return it for evidence."""
        return f"from {_shown(self.low)} to {_shown(self.high)}"


FOREVER = Stretch()


def _shown(second: int | None) -> str:
    if second is None:
        return "ever"
    try:
        return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S UTC")
    except OverflowError:
        return f"second {second}"


def is_utc(zone: str) -> bool:
    """Tell whether a zone's clocks always show UTC."""
    return zone.lower().removeprefix("etc/") in _UTC_NAMES


def same_clocks(first: str, second: str) -> bool:
    """Tell whether two names are of one zone; names whose rules only happen to agree are not."""
    return first == second or (is_utc(first) and is_utc(second))


def offset_at(zone: str, second: int) -> int | None:
    """Return by how many seconds the clocks of a zone are ahead of UTC at an instant."""
    if is_utc(zone):
        return 0
    place = zone_of(zone)
    if isinstance(place, timezone):
        found = place.utcoffset(None)
        return int(found.total_seconds())
    if place is None:
        return None
    try:
        offset = (_EPOCH + timedelta(seconds=second)).astimezone(place).utcoffset()
    except OverflowError:
        return None
    return int(offset.total_seconds()) if offset is not None else None


def changes(zone: str, stretch: Stretch) -> tuple[Change, ...] | None:
    """Return the changes of a zone's clocks within a stretch of time; None for what is no zone.

    Those that a rule makes are given for its first years only, wherever the stretch reaches beyond the listed ones.
    """
    if is_utc(zone) or isinstance(zone_of(zone), timezone):
        return ()
    recorded = _recorded(zone)
    if recorded is None:
        return None
    last = recorded[-1].at if recorded else 0
    ruled = _ruled(zone, last) if stretch.high is None or stretch.high > last else ()
    low, high = stretch.low, stretch.high
    listed = [each for each in recorded if (low is None or each.at > low) and (high is None or each.at <= high)]
    return (*listed, *ruled)


def aligned(zone: str, size: int, stretch: Stretch) -> str | None:
    """Return why buckets of `size` seconds of UTC never cut the zone's own buckets of that size; None where they do."""
    known = changes(zone, stretch)
    if known is None:
        return None
    first = known[0].before if known else offset_at(zone, _inside(stretch))
    if first is None or first % size:
        return None
    if any(each.after % size or each.before % size or each.at % size for each in known):
        return None
    return f"{zone} {stretch}: its {len(known)} changes of clocks and their offsets from UTC are multiples of {size} s"


def _inside(stretch: Stretch) -> int:
    if stretch.low is not None:
        return stretch.low
    return stretch.high if stretch.high is not None else 0


def clear(zone: str, stretch: Stretch) -> str | None:
    """Return why each day of a zone's clocks starts at exactly one instant; None where one starts never, or twice."""
    known = changes(zone, stretch)
    if known is None or any(_covers_midnight(each) for each in known):
        return None
    return f"{zone} {stretch}: no change of clocks skips or repeats a midnight"


def _covers_midnight(change: Change) -> bool:
    low, high = sorted((change.at + change.before, change.at + change.after))
    return -(-low // _DAY) * _DAY <= high


@lru_cache(maxsize=512)
def _recorded(zone: str) -> tuple[Change, ...] | None:
    """Read the changes that tzdata lists one by one."""
    data = _file_of(zone)
    if data is None or data[:4] != b"TZif":
        return None
    counts = struct.unpack(">6l", data[20:44])
    at, width = 44, 4
    if data[4:5] >= b"2":
        at += _length(counts, 4)
        counts = struct.unpack(">6l", data[at + 20 : at + 44])
        at, width = at + 44, 8
    _, _, _, times, types, _ = counts
    moments = struct.unpack(f">{times}{'q' if width == 8 else 'l'}", data[at : at + times * width])
    kinds = data[at + times * width : at + times * (width + 1)]
    table = at + times * (width + 1)
    offsets = [int(struct.unpack(">l", data[table + 6 * i : table + 6 * i + 4])[0]) for i in range(types)]
    return _joined(zone, moments, [offsets[kind] for kind in kinds])


def _length(counts: tuple[int, ...], width: int) -> int:
    universal, standard, leaps, times, types, letters = counts
    return times * (width + 1) + types * 6 + letters + leaps * (width + 4) + standard + universal


def _joined(zone: str, moments: tuple[int, ...], offsets: list[int]) -> tuple[Change, ...] | None:
    if not moments:
        return ()
    before = offset_at(zone, moments[0] - 1)
    if before is None:
        before = 1  # no clock's: nothing is aligned to it
    around = [before, *offsets]
    found = [
        Change(at, was, becomes) for at, (was, becomes) in zip(moments, pairwise(around), strict=True) if was != becomes
    ]
    return tuple(found)


def _file_of(zone: str) -> bytes | None:
    if not isinstance(zone_of(zone), ZoneInfo):
        return None
    for folder in zoneinfo.TZPATH:
        path = Path(folder, *zone.split("/"))
        if path.is_file():
            return path.read_bytes()
    try:
        return resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    except (ImportError, OSError):
        return None


@lru_cache(maxsize=64)
def _ruled(zone: str, last: int) -> tuple[Change, ...]:
    """Find the changes that the zone's rule makes in the first years after the last one listed."""
    start = max(last, 0)
    end = start + _RULED * 366 * _DAY
    found: list[Change] = []
    place = ZoneInfo(zone)
    before = _offset(place, start)
    for day in range(start, end, _DAY):
        after = _offset(place, day + _DAY)
        if after != before:
            found.append(Change(_turn(place, day, day + _DAY, before), before, after))
            before = after
    return tuple(found)


def _turn(place: ZoneInfo, low: int, high: int, before: int) -> int:
    """Find the first second at which another offset holds."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(place, middle) == before else (low, middle)
    return high


def _offset(place: ZoneInfo, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(place).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
