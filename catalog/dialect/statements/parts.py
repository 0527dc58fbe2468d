"""What forms are made of: names with their place in the text, and patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.errors import Location


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """Name something as written: one to four identifier parts, unfolded."""

    parts: tuple[str, ...]
    location: Location

    def __str__(self) -> str:
        """Return the dotted form for messages."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Hold the LIKE pattern of a SHOW statement and its escape character."""

    like: str
    escape: str | None = None
