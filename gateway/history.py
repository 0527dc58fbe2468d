"""Give metadata statements what the door knows of statements: the rows of system.runtime.queries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from engines.base import EngineStatement
from gateway.house import House
from gateway.metadata.visible import View
from gateway.models import Plan
from gateway.protocols.trino.resource import TrinoDoor
from gateway.received import Received

_ASK_SECONDS = 10.0


def with_statements(
    house: House, door: Callable[[], TrinoDoor], loop: asyncio.AbstractEventLoop
) -> Callable[[Plan, Received], EngineStatement]:
    """Return the maker of engines' statements that lets those over metadata ask all workers what their caller ran.

    They are made on the loop and ask from a thread, only when the table is read.
    """

    def made(plan: Plan, received: Received) -> EngineStatement:
        statement = house.statement(plan, received)
        if not isinstance(statement.caller, View):
            return statement
        user, anybody = received.principal.user, house.policies.current().may_handle_queries(received.subject, "view")

        def known() -> Sequence[Mapping[str, Any]]:
            asking = asyncio.run_coroutine_threadsafe(door().statements(user, anybody=anybody), loop)
            return asking.result(_ASK_SECONDS)

        return msgspec.structs.replace(statement, caller=replace(statement.caller, statements=known))

    return made
