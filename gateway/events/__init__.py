"""What happens, as one closed set of frozen events, and the bus that tells whoever wants to know.

The door and the pipeline publish; recording, metrics and logs subscribe. Publishers know none of them.

A statement's events come in this order, those in brackets only where they apply::

    StatementReceived [StatementPlanned] [StatementRefused] [StatementSubmitted] [StatementAttested]
    [PageServed ...] StatementFinished

`StatementFinished` comes exactly once, whatever became of the statement.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from gateway.events.audit import (
    AuditAnchored,
    AuditAppended,
    AuditChainBroken,
    AuditForwarded,
    AuditForwardingLost,
    AuditSinkChanged,
)
from gateway.events.door import (
    AuthenticationFailed,
    ConnectionClosed,
    ConnectionOpened,
    DrainFinished,
    DrainStarted,
    OthersQueries,
    PartnerAsked,
    ProbingNoticed,
)
from gateway.events.money import (
    AdviceFollowed,
    BillAdjusted,
    BudgetMeasured,
    BudgetRefused,
    CoachAdvised,
    EstimateAsked,
    LeasesOrphaned,
    OverrideUsed,
)
from gateway.events.parts import (
    CatalogRefreshed,
    CatalogRefreshFailed,
    ChangesetStepped,
    ConfigReloaded,
    EngineHealthChanged,
    LoopLagMeasured,
    PlanCacheMeasured,
    PolicyReloaded,
    ShadowCompared,
    ShadowDropped,
)
from gateway.events.recording import (
    JournalRecovered,
    RecordingMeasured,
    RecordingRefused,
    RowsLost,
    RowsShipped,
    StoreAvailable,
    StoreUnavailable,
)
from gateway.events.statements import (
    AttestationResult,
    PageServed,
    StatementAttested,
    StatementFinished,
    StatementPlanned,
    StatementReceived,
    StatementRefused,
    StatementSubmitted,
)
from gateway.events.views import (
    StatementRewritten,
    ViewBuilt,
    ViewCompared,
    ViewQuarantined,
    ViewsLooked,
    ViewsPassedOver,
)

__all__ = [
    "AdviceFollowed",
    "AttestationResult",
    "AuditAnchored",
    "AuditAppended",
    "AuditChainBroken",
    "AuditForwarded",
    "AuditForwardingLost",
    "AuditSinkChanged",
    "AuthenticationFailed",
    "BillAdjusted",
    "BudgetMeasured",
    "BudgetRefused",
    "CatalogRefreshFailed",
    "CatalogRefreshed",
    "ChangesetStepped",
    "CoachAdvised",
    "ConfigReloaded",
    "ConnectionClosed",
    "ConnectionOpened",
    "DrainFinished",
    "DrainStarted",
    "EngineHealthChanged",
    "EstimateAsked",
    "Event",
    "EventBus",
    "JournalRecovered",
    "LeasesOrphaned",
    "LoopLagMeasured",
    "OthersQueries",
    "OverrideUsed",
    "PageServed",
    "PartnerAsked",
    "PlanCacheMeasured",
    "PolicyReloaded",
    "ProbingNoticed",
    "RecordingMeasured",
    "RecordingRefused",
    "RowsLost",
    "RowsShipped",
    "ShadowCompared",
    "ShadowDropped",
    "StatementAttested",
    "StatementFinished",
    "StatementPlanned",
    "StatementReceived",
    "StatementRefused",
    "StatementRewritten",
    "StatementSubmitted",
    "StoreAvailable",
    "StoreUnavailable",
    "SubscriberFailed",
    "ViewBuilt",
    "ViewCompared",
    "ViewQuarantined",
    "ViewsLooked",
    "ViewsPassedOver",
]


@dataclass(frozen=True, slots=True)
class SubscriberFailed:
    """A subscriber raised; the statement went on."""

    subscriber: str
    event: str
    error: str
    """The exception's type only: its text may hold what logs must not."""


Event: TypeAlias = (
    StatementReceived
    | StatementPlanned
    | StatementRefused
    | StatementSubmitted
    | StatementAttested
    | PageServed
    | BillAdjusted
    | StatementFinished
    | AuthenticationFailed
    | ProbingNoticed
    | ConnectionOpened
    | ConnectionClosed
    | DrainStarted
    | DrainFinished
    | PolicyReloaded
    | ChangesetStepped
    | ShadowCompared
    | ShadowDropped
    | ConfigReloaded
    | EngineHealthChanged
    | CatalogRefreshed
    | CatalogRefreshFailed
    | PlanCacheMeasured
    | LoopLagMeasured
    | BudgetRefused
    | BudgetMeasured
    | LeasesOrphaned
    | OverrideUsed
    | EstimateAsked
    | CoachAdvised
    | StatementRewritten
    | ViewsPassedOver
    | ViewCompared
    | ViewQuarantined
    | ViewsLooked
    | ViewBuilt
    | AdviceFollowed
    | StoreUnavailable
    | StoreAvailable
    | RowsShipped
    | RowsLost
    | JournalRecovered
    | RecordingRefused
    | RecordingMeasured
    | OthersQueries
    | AuditAppended
    | AuditAnchored
    | AuditChainBroken
    | AuditSinkChanged
    | AuditForwarded
    | AuditForwardingLost
    | PartnerAsked
    | SubscriberFailed
)
"""The closed set: nothing else may be published."""

E = TypeVar("E")


class EventBus:
    """Hand each event to the functions subscribed to its type, at once and in the publisher's thread.

    Subscribers run in the order in which they subscribed and must return quickly: they run on the event loop. One
    that raises is reported as `SubscriberFailed` and hurts neither the publisher nor the other subscribers.
    """

    __slots__ = ("_subscribers",)

    def __init__(self) -> None:
        """Start with no subscribers."""
        self._subscribers: dict[type, tuple[Callable[[Any], None], ...]] = {}

    def subscribe(self, kind: type[E], subscriber: Callable[[E], None]) -> Callable[[], None]:
        """Call `subscriber` with every event of exactly this type; return the function that ends it."""
        self._subscribers[kind] = (*self._subscribers.get(kind, ()), subscriber)

        def unsubscribe() -> None:
            left = tuple(each for each in self._subscribers.get(kind, ()) if each is not subscriber)
            self._subscribers[kind] = left

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Tell the subscribers; never raises on their account."""
        for subscriber in self._subscribers.get(type(event), ()):
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001  (whatever it is, it must not reach the statement)
                self._report(subscriber, event, error)

    def _report(self, subscriber: Callable[[Any], None], event: Event, error: Exception) -> None:
        name = getattr(subscriber, "__qualname__", type(subscriber).__name__)
        failure = SubscriberFailed(name, type(event).__name__, type(error).__name__)
        if isinstance(event, SubscriberFailed) or not self._subscribers.get(SubscriberFailed):
            logging.getLogger("penstock.events").error(
                "subscriber %s failed on %s: %s", failure.subscriber, failure.event, failure.error
            )
        else:
            self.publish(failure)
