"""Verify a kept certificate with nothing but its document: its hash, the checker, and a replay."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from gateway.rewriting.certificates.replay import NotReplayable, Replayed, replay
from rewrite_rules.certificates import Rejection, check_dossier, from_json, id_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a certificate."""

    id: str
    rejections: tuple[Rejection, ...]
    replayed: Replayed | None = None
    not_replayed: str = ""
    """Why it was not: that is no judgement."""

    @property
    def accepted(self) -> bool:
        """Tell whether nothing speaks against it."""
        return not self.rejections and (self.replayed is None or self.replayed.counterexample is None)


def verify(document: bytes, expected: str | None = None, *, databases: int = 60) -> Verdict:
    """Look at a document again; `expected` is the id that it should have."""
    found = id_of(document)
    if expected is not None and found != expected:
        return Verdict(expected, (Rejection("hash", f"the document was altered: its hash is {found}"),))
    try:
        dossier = from_json(document)
    except (ValueError, msgspec.DecodeError) as error:
        return Verdict(found, (Rejection("text", f"this is no certificate: {error}"),))
    rejections = check_dossier(dossier)
    if databases <= 0:
        return Verdict(found, rejections, None, "it was not asked for")
    try:
        return Verdict(found, rejections, replay(dossier, count=databases))
    except NotReplayable as why:
        return Verdict(found, rejections, None, str(why))
