"""Probe the engines in the background, so that readiness and metrics know without asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from catalog.errors import Refusal
from engines.base import Engine, Health
from gateway.events import EngineHealthChanged

_EVERY_SECONDS = 5.0
_PROBE_SECONDS = 3.0
_AGAIN = 0.2
"""After how much of the interval an engine that was up is asked again when an answer was bad."""


class EngineWatch:
    """Remember what probes found of each engine.

    An engine that was up counts as down after two bad answers in a row: one that comes late or not at all is what a
    busy machine gives now and then, and readiness must not flap with it.
    """

    def __init__(
        self,
        engines: Mapping[str, Engine],
        publish: Callable[[EngineHealthChanged], None],
        *,
        every: float = _EVERY_SECONDS,
        patience: float = _PROBE_SECONDS,
    ) -> None:
        """Know nothing yet: an engine that was not probed counts as down."""
        self._engines = engines
        self._publish = publish
        self._every = every
        self._patience = patience
        self._found: dict[str, Health] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def health(self) -> Mapping[str, Health]:
        """Return how each engine stands."""
        return {name: self._found.get(name, Health(False, "not probed yet")) for name in self._engines}

    def start(self) -> None:
        """Begin to probe; each engine by itself, since one that hangs must not keep news of the others waiting."""
        self._tasks = [asyncio.create_task(self._watch(engine)) for engine in self._engines.values()]

    async def close(self) -> None:
        """Stop probing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, engine: Engine) -> None:
        doubted = False
        while True:
            found = await self._probe(engine)
            known = self._found.get(engine.name)
            doubted = not found.healthy and known is not None and known.healthy and not doubted
            if not doubted:
                self._note(engine.name, known, found)
            await asyncio.sleep(self._every * (_AGAIN if doubted else 1))

    def _note(self, name: str, known: Health | None, found: Health) -> None:
        self._found[name] = found
        if known is None or known.healthy != found.healthy:
            self._publish(EngineHealthChanged(name, found.healthy, found.detail))

    async def _probe(self, engine: Engine) -> Health:
        try:
            async with asyncio.timeout(self._patience):
                return await engine.health()
        except TimeoutError:
            return Health(False, f"no answer within {self._patience:g} s")
        except Refusal as refusal:
            return Health(False, refusal.detail or refusal.message)
        except Exception as error:  # noqa: BLE001  (one engine's fault must not end the watch over it)
            return Health(False, type(error).__name__)
