"""Which changesets are in shadow, and what policies they would make: what `gateway.replay.shadow` looks at."""

from __future__ import annotations

import logging

from gateway.admin.api.problems import Problem
from gateway.changesets.compiling import candidate
from gateway.changesets.model import Changeset
from gateway.changesets.store import changesets_of
from gateway.house import House
from gateway.policy_store.store import PolicyStoreError
from gateway.recording.bounded import BoundedStore
from gateway.replay.process import ComparingProcess
from gateway.replay.running import kinds_of, limits_of
from gateway.replay.shadow import Look, Shadow, Sighting
from gateway.replay.shadow_store import ShadowStore
from policies.faults import PolicyError
from policies.index import PolicySet

_log = logging.getLogger("penstock.shadow")
MOST_SHADOWS = 5
"""Changesets that are compared at once: the youngest."""


def shadow_of(house: House, database: BoundedStore) -> Shadow:
    """Return the shadows of a gateway's worker."""

    def process() -> ComparingProcess:
        return ComparingProcess(house.catalog, kinds_of(house.config, house.engines), limits_of(house.config))

    sample = house.config.governing.shadow_sample
    return Shadow(house.bus, ShadowStore(database), looking(house), process, sample=sample)


def looking(house: House) -> Look:
    """Return the look at what is in shadow."""

    async def look() -> Sighting | None:
        files = house.policies
        if files.store is None or not files.known:
            return None
        try:
            found = await changesets_of(files).page("shadow", None, None, MOST_SHADOWS)
        except PolicyStoreError:
            return None  # what was in shadow still is
        live = files.current()
        state = (live.version, live.partners.serial, tuple((each.id, each.revision) for each in found))

        async def load() -> tuple[PolicySet, dict[tuple[str, int], PolicySet]]:
            drafts = {}
            for each in found:
                draft = await _draft(house, each)
                if draft is not None:
                    drafts[each.id, each.revision] = draft
            return live, drafts

        return Sighting(state, load)

    return look


async def _draft(house: House, changeset: Changeset) -> PolicySet | None:
    """Return the policies of a changeset; None where they do not go with the live ones any more."""
    try:
        return (await candidate(house, changeset.id))[1]
    except (Problem, PolicyError) as error:
        _log.warning("changeset %s cannot be compared: %s", changeset.id, type(error).__name__)
        return None
