"""The section that says whether this gateway fills the vault by itself; see docs/masks.md."""

from __future__ import annotations

from pydantic import Field

from gateway.config.section import Section


class Vault(Section):
    """Keep the values of tokenised columns up to date."""

    fill_seconds: float = Field(default=0.0, ge=0)
    """How often the columns are read for new values; 0 for never."""
