"""The section that says how partners are served: their tokens, their limits and their bill; see docs/partners.md."""

from __future__ import annotations

from pydantic import Field, model_validator

from gateway.config.prices import Usd
from gateway.config.section import NamedKey, Section


class PartnerKey(NamedKey):
    """A key that signs partners' tokens."""


class Partners(Section):
    """How partners are let in, how often they may ask, and what it costs."""

    keys: tuple[PartnerKey, ...] = Field(default=(), max_length=4)
    """The first signs tokens, all check them, by `kid`: so keys change with overlap. None: no tokens are issued."""
    issuer: str = Field(default="penstock-partners", min_length=1, max_length=200)
    audience: str = Field(default="penstock-partners", min_length=1, max_length=200)
    role: str = Field(default="partner", min_length=1)
    """The role of every registered partner, where policies know it."""
    max_token_hours: float = Field(default=720.0, gt=0, le=8784)
    """How long a token may live at most, whatever its entitlement."""
    leeway_seconds: float = Field(default=10.0, ge=0, le=30)
    """How far the clocks of hosts may lie apart."""
    stale_seconds: float = Field(default=60.0, ge=5, le=3600)
    """How long partners are served while the store does not answer; then they, and nobody else, are refused."""
    rate: float = Field(default=600.0, gt=0, le=1_000_000)
    """Statements a minute of one partner who has no rate of his own."""
    usd_per_tb: Usd | None = None
    """What partners pay for a terabyte (10^12 bytes) read, whatever the price book says; by default as all others."""

    @property
    def secrets(self) -> tuple[tuple[str, str], ...]:
        """Return the keys as (id, secret) pairs, the first of them the one in use."""
        return tuple((key.id, key.secret.get_secret_value()) for key in self.keys)

    @model_validator(mode="after")
    def _each_once(self) -> Partners:
        names = [key.id for key in self.keys]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"keys: {twice[0]!r} stands twice")
        return self
