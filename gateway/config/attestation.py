"""The section that says which engines are asked what they read; see `gateway.attestation`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from gateway.config.section import Section

AttestationMode = Literal["off", "sample", "always"]


class Attestation(Section):
    """Whether engines are asked what they read, and a statement that would read anything else is stopped."""

    trino: AttestationMode = "sample"
    clickhouse: AttestationMode = "sample"
    lake: AttestationMode = "sample"
    engines: dict[str, AttestationMode] = Field(default_factory=dict)
    """Modes of single engines, by name, where they differ from their kind's."""
    sample_share: float = Field(default=0.05, ge=0, le=1)
    """The share of a known plan's executions that `sample` asks about; every new plan is."""
    seconds: float = Field(default=10.0, gt=0, le=60)
    """How long an answer is waited for, once the statement itself has begun."""

    @field_validator("trino", "clickhouse", "lake", "engines", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        """Take YAML's `off`, which is its word for false, as it was meant."""
        if isinstance(value, dict):
            return {name: cls._off(mode) for name, mode in value.items()}
        return "off" if value is False else value

    def mode(self, engine: str, kind: str) -> AttestationMode:
        """Return the mode of an engine."""
        own = self.engines.get(engine)
        if own is not None:
            return own
        return self.trino if kind == "trino" else self.clickhouse if kind == "clickhouse" else self.lake
