"""The section that says how statements are priced before they run; see `gateway.pricing`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.config.section import Section


class Pricing(Section):
    """How statements are estimated, and what becomes of those that cannot be."""

    mode: Literal["off", "observe", "enforce"] = "observe"
    """`observe`: estimates are made, told and recorded, and nothing is refused for want of one."""
    coverage: float = Field(default=0.9, ge=0.5, le=0.99)
    """The share of statements whose actual bytes are to lie within the interval."""
    refresh_seconds: float = Field(default=30.0, ge=1, le=3600)
    """How often engines are asked for the present versions of tables in use."""
    question_seconds: float = Field(default=2.0, gt=0, le=60)
    """How long a statement waits for its first estimate."""
    unestimable: Literal["allow", "bound", "refuse"] = "bound"
    """What is done where no estimate can be made: let it run, take the tables' sizes as a bound, or refuse it."""
    widest_rows: int | None = Field(default=None, ge=1)
    """The most rows that one operator may make, by the estimate's lower bound; None: as many as it likes."""
