"""Session time zones as Trino knows them: names of the tz database in any case, UTC by many names, and offsets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from zoneinfo import available_timezones

_OFFSET = re.compile(r"(?:(?:utc|gmt|ut|etc/utc|etc/gmt|etc/ut))?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_UTC_NAMES = ("utc", "ut", "uct", "gmt", "gmt0", "greenwich", "universal", "zulu")
_UTC = frozenset({"z", *_UTC_NAMES, *(f"etc/{name}" for name in _UTC_NAMES)})
_NOT_ZONES = frozenset({"localtime", "posixrules", "factory"})


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    return {name.lower(): name for name in available_timezones() if name.lower() not in _NOT_ZONES}


@lru_cache(maxsize=512)
def canonical_zone(name: str) -> str | None:
    """Return Trino's own spelling of a zone (`UTC`, `Europe/Berlin`, `+05:30`), or None if there is no such zone."""
    folded = name.lower()
    if folded in _UTC:
        return "UTC"
    if folded in _zones():
        return _zones()[folded]
    match = _OFFSET.fullmatch(folded)
    if match is None:
        return None
    sign, hours, minutes = match.group(1), int(match.group(2)), int(match.group(3) or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    return "UTC" if hours == minutes == 0 else f"{sign}{hours:02}:{minutes:02}"
