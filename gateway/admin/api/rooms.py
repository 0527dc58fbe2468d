"""What the admin API needs of the gateway; every operation takes it from the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from gateway.house import House
from gateway.replay.running import Diffs
from gateway.replay.shadow_store import ShadowStore
from gateway.spending import Spending


@dataclass(frozen=True, slots=True)
class Rooms:
    """One worker's rooms, and how the others learn of a change."""

    house: House
    announce: Callable[[], Awaitable[None]]
    """Have every other worker and replica read the stored policies now; who is not reached does so within seconds."""
    diffs: Diffs
    """Comparisons of drafts with what was recorded."""
    shadows: ShadowStore
    """What changesets in shadow would have made otherwise."""
    spending: Spending
    """What statements cost, and who is asked before they run."""


def _rooms(request: Request) -> Rooms:
    return cast(Rooms, request.app.state.rooms)


WithRooms = Annotated[Rooms, Depends(_rooms)]
"""Type a parameter so to be handed the rooms."""
