"""The section that says when who probes is slowed, and when refused; see `gateway.breaker`."""

from __future__ import annotations

from pydantic import Field, model_validator

from gateway.config.section import Section


class Breaker(Section):
    """How many failures on values of tables under policy are taken for typos, and what comes after."""

    enabled: bool = True
    window_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """How long a failure counts."""
    slow_after: int = Field(default=20, ge=1)
    """From so many failures on, each statement waits before it is planned."""
    delay_seconds: float = Field(default=1.0, ge=0, le=10)
    refuse_after: int = Field(default=100, ge=1, le=10_000)
    """From so many failures on, statements are refused."""
    refuse_seconds: float = Field(default=300.0, ge=1, le=86_400)
    """For how long after the last failure."""

    @model_validator(mode="after")
    def _in_order(self) -> Breaker:
        if self.slow_after > self.refuse_after:
            raise ValueError("slow_after must not be more than refuse_after")
        return self
