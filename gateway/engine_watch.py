"""Probe the engines in the background, so that readiness and metrics know without asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from catalog.errors import Refusal
from engines.base import Engine, Health
from gateway.events import EngineHealthChanged

_EVERY_SECONDS = 5.0
_PROBE_SECONDS = 3.0


class EngineWatch:
    """Remember the last probe of each engine."""

    def __init__(self, engines: Mapping[str, Engine], publish: Callable[[EngineHealthChanged], None]) -> None:
        """Know nothing yet: an engine that was not probed counts as down."""
        self._engines = engines
        self._publish = publish
        self._found: dict[str, Health] = {}
        self._task: asyncio.Task[None] | None = None

    def health(self) -> Mapping[str, Health]:
        """Return what was found last, by engine."""
        return {name: self._found.get(name, Health(False, "not probed yet")) for name in self._engines}

    @property
    def probed(self) -> bool:
        """Tell whether every engine has been probed at least once."""
        return len(self._found) == len(self._engines)

    def start(self) -> None:
        """Begin to probe."""
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop probing."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.gather(*(self._probe(engine) for engine in self._engines.values()))
            await asyncio.sleep(_EVERY_SECONDS)

    async def _probe(self, engine: Engine) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                found = await engine.health()
        except TimeoutError:
            found = Health(False, f"no answer within {_PROBE_SECONDS:g} s")
        except Refusal as refusal:
            found = Health(False, refusal.detail or refusal.message)
        except Exception as error:  # noqa: BLE001  (one engine's fault must not end the watch over all)
            found = Health(False, type(error).__name__)
        known = self._found.get(engine.name)
        self._found[engine.name] = found
        if known is None or known.healthy != found.healthy:
            self._publish(EngineHealthChanged(engine.name, found.healthy, found.detail))
