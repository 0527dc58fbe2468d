"""What happens at the door, whoever asks and whatever for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PartnerAsked:
    """A partner asked for something: it was allowed, refused, or he asks too often."""

    partner: str
    decision: Literal["allow", "refuse", "throttle"]
    limit: str = ""
    """Which limit throttled him: his own, or that of an entitlement."""


@dataclass(frozen=True, slots=True)
class AuthenticationFailed:
    """A request could not prove who it is.

    `reason` is a short phrase of the authenticator's own (`expired`, `bad signature`), never the credential.
    """

    method: str
    """`jwt`, `password`, `api_key`, `certificate`, `insecure` or `none` when no credential came."""
    reason: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ProbingNoticed:
    """A principal's statements failed so often on values of restricted tables that they are slowed or refused now."""

    user: str
    authenticated: str
    failures: int
    verdict: str
    """`slowed` or `refused`; published when it changes."""


@dataclass(frozen=True, slots=True)
class ConnectionOpened:
    """A client connected to the protocol's port."""


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """A client's connection ended, by whichever side."""


@dataclass(frozen=True, slots=True)
class DrainStarted:
    """No new statements from here on; `running` ones are given time to finish."""

    running: int


@dataclass(frozen=True, slots=True)
class DrainFinished:
    """The drain is over; `left` statements were still unfinished."""

    left: int


@dataclass(frozen=True, slots=True)
class OthersQueries:
    """Somebody saw or ended queries that are not his own."""

    way: Literal["view", "kill"]
    user: str
    queries: tuple[tuple[str, str], ...]
    """The queries' ids and whose they are."""
