"""Cells: the partition of a line of moments into units of a clock, as date_trunc makes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rewrite_rules.outline.constants import instant, zone_of
from rewrite_rules.outline.units import following, start_of
from rewrite_rules.substitution.ranges import DAY, PICOSECONDS, Cut, Line
from rewrite_rules.substitution.values import moment, picoseconds
from rewrite_rules.substitution.zones import is_utc, offset_at

SIZES = {
    "millisecond": 10**9,
    "second": PICOSECONDS,
    "minute": 60 * PICOSECONDS,
    "hour": 3_600 * PICOSECONDS,
    "day": DAY,
    "week": 7 * DAY,
}
"""Units of one length; weeks start on Mondays, and 1970 began on a Thursday."""
_MONDAY = -3 * DAY
_CALENDAR = ("month", "quarter", "year")
UNITS = (*SIZES, *_CALENDAR)
_COARSER = {
    "week": frozenset({"week"}),
    "month": frozenset(_CALENDAR),
    "quarter": frozenset({"quarter", "year"}),
    "year": frozenset({"year"}),
}
"""Weeks make up nothing but weeks."""


def makes_up(fine: str, coarse: str) -> bool:
    """Tell whether each unit of the second kind consists of whole units of the first."""
    known = _COARSER.get(fine)
    return coarse in known if known is not None else UNITS.index(coarse) >= UNITS.index(fine)


@dataclass(frozen=True, slots=True)
class Cells:
    """Units of a clock: of local time (`zone` is None), or of the instants that a zone's clocks show."""

    unit: str
    zone: str | None = None

    def floor(self, point: int) -> int | None:
        """Return where the unit around a point starts; None where that is not one known place."""
        if self.zone is None or is_utc(self.zone):
            return _floor(point, self.unit)
        local = self._local(point)
        return self._instant(_floor(local, self.unit)) if local is not None else None

    def after(self, point: int) -> int | None:
        """Return where the unit after the one around a point starts; None as for `floor`."""
        if self.zone is None or is_utc(self.zone):
            return _after(point, self.unit)
        local = self._local(point)
        return self._instant(_after(local, self.unit)) if local is not None else None

    def is_start(self, point: int) -> bool:
        """Tell whether a unit starts at a point."""
        return self.floor(point) == point

    def up(self, cut: Cut, line: Line) -> Cut | None:
        """Return the first place, at or after a cut, at which a unit starts; None where that is not known."""
        return self._beside(cut, line, up=True)

    def down(self, cut: Cut, line: Line) -> Cut | None:
        """Return the last place, at or before a cut, at which a unit starts; None where that is not known."""
        return self._beside(cut, line, up=False)

    def _beside(self, cut: Cut, line: Line, *, up: bool) -> Cut | None:
        if cut.rank:
            return cut
        if not isinstance(cut.value, int) or cut.side:
            return None
        found = self.floor(cut.value)
        if found is not None and found != cut.value and up:
            found = self.after(cut.value)
        return line.cut(found, 0) if found is not None else None

    def local(self, point: int) -> int | None:
        """Return what the clock shows at a point."""
        return point if self.zone is None or is_utc(self.zone) else self._local(point)

    def instant(self, local: int) -> int | None:
        """Return the one point at which the clock shows a time; None where it never does, or twice."""
        return local if self.zone is None or is_utc(self.zone) else self._instant(local)

    def _local(self, point: int) -> int | None:
        offset = offset_at(self.zone or "UTC", point // PICOSECONDS)
        return point + offset * PICOSECONDS if offset is not None else None

    def _instant(self, local: int | None) -> int | None:
        shown = moment(local) if local is not None else None
        if shown is None or self.zone is None or zone_of(self.zone) is None:
            return None
        known = instant(shown, self.zone)
        return picoseconds(known.replace(tzinfo=None)) if known is not None else None


def _floor(point: int | None, unit: str) -> int | None:
    if point is None:
        return None
    size = SIZES.get(unit)
    if size is not None:
        return point - (point - (_MONDAY if unit == "week" else 0)) % size
    day = _day(point)
    return picoseconds(start_of(day, unit)) if day is not None else None


def _after(point: int | None, unit: str) -> int | None:
    start = _floor(point, unit)
    if start is None:
        return None
    size = SIZES.get(unit)
    if size is not None:
        return start + size
    day = _day(start)
    beyond = following(day, unit) if day is not None else None
    return picoseconds(beyond) if beyond is not None else None


def _day(point: int) -> datetime | None:
    return moment(point - point % DAY)
