"""The section that says how policies are changed by people; see `gateway.changesets`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.config.section import Section


class Governing(Section):
    """Rules for changesets."""

    four_eyes: bool = False
    """Whoever makes a changeset live must be somebody else than who edited it last."""
    shadow_sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Which part of the statements is planned again under changesets in shadow."""
