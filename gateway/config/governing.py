"""The section that says how policies are changed by people; see `gateway.changesets`."""

from __future__ import annotations

from gateway.config.section import Section


class Governing(Section):
    """Rules for changesets."""

    four_eyes: bool = False
    """Whoever makes a changeset live must be somebody else than who edited it last."""
