"""A view as it was found, before it is known how fresh it is."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.materialized_views import Bound, Definition, Watermark
from catalog.objects import Table


@dataclass(frozen=True, slots=True)
class Found:
    """A view as it is declared."""

    definition: Definition
    table: Table
    """Of its rows; without columns where it was never built."""
    watermark: Watermark | None = None
    bounds: tuple[Bound, ...] = ()
    why: str | None = None
    """Why it answers nobody."""
    lost: str | None = None
    """Why its rows are not those that it was filled with."""
    rows: int | None = None
    bytes: int | None = None
    compared: bool = False
    """Its rows were compared with its base at the watermark's versions, and count for no other."""
