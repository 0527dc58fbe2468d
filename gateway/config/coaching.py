"""The section that says when and how people are told how to ask for less; see `gateway.coaching`."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from gateway.config.section import Section


class Coaching(Section):
    """What is worth a hint, and how long advice may take."""

    hints: bool = True
    """Tell clients, as warnings of the protocol, what would have cost less."""
    seconds: float = Field(default=0.2, gt=0, le=30, allow_inf_nan=False)
    """How long cheaper statements are looked for when one is refused, or rewritten because its session asks for it."""
    least_saving_share: float = Field(default=0.1, ge=0, le=1, allow_inf_nan=False)
    """No hint for less than this share of a statement's bytes..."""
    least_saving_bytes: int = Field(default=10_000_000, ge=0)
    """...or for less than so many bytes..."""
    least_saving_usd: Decimal = Field(default=Decimal(0), ge=0, allow_inf_nan=False)
    """...or for less money."""
    exploding_rows: int = Field(default=100_000_000, ge=1)
    """From so many likely rows on, a join that nothing bounds is told of."""
