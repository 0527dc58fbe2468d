"""What all sections of the configuration are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Reject what is not known and freeze what is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
