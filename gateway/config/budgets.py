"""The section that says how budgets are held to; the budgets themselves are policies, see docs/budgets.md."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.config.section import Section


class Budgets(Section):
    """What holds for all budgets alike."""

    overrun: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    """By which share of what it holds a statement may go beyond it before it is stopped."""
    orphan_seconds: float = Field(default=3600.0, ge=10, le=604_800, allow_inf_nan=False)
    """After so long without a sign of its worker, what that held of budgets is free again."""
    store_down: Literal["refuse", "within_lease"] = "within_lease"
    """While the store is away: refuse what budgets pay for, or let run what workers hold the money for already."""
    max_override_hours: float = Field(default=72.0, gt=0, le=8784, allow_inf_nan=False)
    """How long an override may hold at most."""
