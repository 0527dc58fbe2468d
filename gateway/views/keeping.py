"""Build again, in the background, what the configuration wants kept up: when its base tables changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from catalog.errors import Refusal
from catalog.objects import TableName
from gateway.config.materialized_views import ViewDefinition
from gateway.views.known import KnownViews
from gateway.views.making import Maker

_log = logging.getLogger("penstock.views")
_EVERY_SECONDS = 1.0


async def keep_built(
    wanted: Iterable[ViewDefinition], known: Callable[[], KnownViews], maker: Maker, leads: Callable[[], bool]
) -> None:
    """Build what is due, one view after the other, until cancelled.

    Of several workers and replicas only the one that `leads` does it. Should two think so for a moment both build,
    which costs time: each puts whole rows with their own watermark in place.
    """
    kept = [each for each in wanted if each.rebuild == "on_change"]
    begun: dict[TableName, float] = {}
    while kept:
        await asyncio.sleep(_EVERY_SECONDS)
        for each in kept if leads() else ():
            name, now = each.definition.name, time.monotonic()
            if now - begun.get(name, -each.rebuild_seconds) >= each.rebuild_seconds and due(each, known()):
                begun[name] = now
                await _build(each, maker)


def due(wanted: ViewDefinition, known: KnownViews) -> bool:
    """Tell whether a view lacks something that its base holds, or holds what its definition no longer says."""
    view = next((each for each in known.views if each.name == wanted.definition.name), None)
    if view is None:
        return False  # nobody has looked yet
    held, asked = view.definition, wanted.definition
    if (held.form, held.maintained) != (asked.form, asked.maintained) or view.watermark is None:
        return True
    return view.freshness is not None and (not view.freshness.current)


async def _build(wanted: ViewDefinition, maker: Maker) -> None:
    try:
        await maker.build(wanted.definition)
    except Refusal as refusal:
        _log.warning("view %s was not built: %s", wanted.name, refusal.code.name)
    except Exception as error:  # noqa: BLE001  (whatever an engine raises, the next view has its turn)
        _log.warning("view %s was not built: %s", wanted.name, type(error).__name__)
