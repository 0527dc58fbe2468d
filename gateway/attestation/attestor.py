"""Decide which statements are attested, and keep what is known of plans: the door asks here and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Callable

from engines.base import Engine, EngineStatement
from engines.reads import ForetellingEngine, WitnessingEngine
from gateway.attestation.attesting import Attesting
from gateway.attestation.expected import tells
from gateway.config.attestation import Attestation
from gateway.events import AttestationResult, Event, StatementAttested
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan


class Attestor:
    """Begin attestations as the configuration says; one per worker."""

    def __init__(
        self, settings: Attestation, publish: Callable[[Event], None], draw: Callable[[], float] = random.random
    ) -> None:
        """`draw` gives a number from 0 up to 1, by which a share of statements is chosen."""
        self._settings = settings
        self._publish = publish
        self._draw = draw

    def begin(self, plan: Plan, statement: EngineStatement, engine: Engine) -> Attesting | None:
        """Begin to ask an engine about a statement that is about to be handed to it; None where it is not asked.

        An engine that cannot be asked at all is left alone by `sample`, and refused by `always`.
        """
        if engine.name == SYSTEM:
            return None
        mode = self._settings.mode(engine.name, engine.kind)
        query_id = statement.trace or ""
        if mode == "off" or not tells(plan):
            self._publish(StatementAttested(query_id, engine.name, "unasked"))
            return None
        if mode == "sample" and plan.standing.asked and self._draw() >= self._settings.sample_share:
            known: AttestationResult = "remembered" if plan.standing.confirmed else "unasked"
            self._publish(StatementAttested(query_id, engine.name, known))
            return None
        if mode == "sample" and not isinstance(engine, ForetellingEngine | WitnessingEngine):
            self._publish(StatementAttested(query_id, engine.name, "unasked"))
            return None
        return Attesting(
            plan, statement, engine, self._publish, strict=mode == "always", seconds=self._settings.seconds
        )
