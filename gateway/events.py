"""What happens, as one closed set of frozen events, and the bus that tells whoever wants to know.

The door and the pipeline publish; recording, metrics and logs subscribe. Publishers know none of them.

A statement's events come in this order, those in brackets only where they apply::

    StatementReceived [StatementPlanned] [StatementRefused] [StatementSubmitted] [StatementAttested]
    [PageServed ...] StatementFinished

`StatementFinished` comes exactly once, whatever became of the statement.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import msgspec

if TYPE_CHECKING:
    from catalog.errors import ErrorCode
    from gateway.audit.links import Head, Link
    from gateway.models import Plan, Planned, Received, UsageRecord


# --- A statement's life: structs, for a frozen dataclass takes five times as long to make, and a dozen are made --


class StatementReceived(msgspec.Struct, frozen=True):
    """A statement came through the door and has its query id; nothing is decided yet."""

    statement: Received


class StatementPlanned(msgspec.Struct, frozen=True):
    """The plan is made (or was found in the plan cache)."""

    query_id: str
    plan: Plan
    cached: bool
    stage_ms: Mapping[str, float] = msgspec.field(default_factory=dict)
    """Milliseconds per stage of planning, by the stage's name in the pipeline."""


class StatementRefused(msgspec.Struct, frozen=True):
    """The gateway said no. `StatementFinished` with outcome REFUSED follows."""

    query_id: str
    code: ErrorCode
    stage: str
    """The pipeline's stage that refused: `parse`, `authorize`, `verify`, ..."""


class StatementSubmitted(msgspec.Struct, frozen=True):
    """An engine has taken the governed statement."""

    query_id: str
    engine: str
    engine_query_id: str | None = None


AttestationResult = Literal["same", "remembered", "different", "unanswered", "unasked"]
"""What an engine said of what it reads: the same as was authorised, now or for the same plan before; other; nothing."""


class StatementAttested(msgspec.Struct, frozen=True):
    """An engine said, or was not asked, what a statement reads; once for every statement that an engine runs."""

    query_id: str
    engine: str
    result: AttestationResult
    found: tuple[str, ...] = ()
    """For operators: what differs, or why there is no answer; names of tables and columns, no values."""


class PageServed(msgspec.Struct, frozen=True):
    """One page of a result went to the client; `bytes` as relayed, before compression."""

    query_id: str
    engine: str | None
    rows: int
    bytes: int


class StatementFinished(msgspec.Struct, frozen=True):
    """A statement is over; `record` is its usage row."""

    record: UsageRecord


class BillAdjusted(msgspec.Struct, frozen=True):
    """A statement's bill was corrected by an entry: by so much, and by so much for each table."""

    record: UsageRecord
    nano: int
    bytes: int
    shares: tuple[tuple[str, int], ...]


# --- The door ---------------------------------------------------------------------------------------------------


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


# --- What the gateway is made of --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangesetStepped:
    """A changeset went a step, or its author may not have it go there."""

    changeset: str
    step: str
    """`begin`, `edit`, `submit`, `recall`, `rebase`, `promote`, `roll back`, `discard`."""
    ok: bool
    author: str


@dataclass(frozen=True, slots=True)
class ShadowCompared:
    """Statements were planned again under the changesets in shadow; how many of them differ, by kind of difference."""

    statements: int
    differences: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShadowDropped:
    """Statements were not compared with the changesets in shadow: too many at once, or the comparison failed."""

    statements: int


@dataclass(frozen=True, slots=True)
class PolicyReloaded:
    """Policies were read again. When not `ok` the last good ones, of `version`, stay in force."""

    ok: bool
    version: str
    seconds: float
    error: str = ""
    """For operators: which file and line; no policy text."""


@dataclass(frozen=True, slots=True)
class ConfigReloaded:
    """The configuration was read again. When not `ok` the last good one stays in force."""

    ok: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class EngineHealthChanged:
    """An engine began or ceased to answer; also published once with the first finding."""

    engine: str
    healthy: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CatalogRefreshed:
    """One catalog was read from its engine: so many tables, in so many seconds."""

    catalog: str
    tables: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CatalogRefreshFailed:
    """One catalog could not be read; what was known of it stays."""

    catalog: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlanCacheMeasured:
    """The plan cache holds so many entries now."""

    entries: int


@dataclass(frozen=True, slots=True)
class LoopLagMeasured:
    """The event loop woke this much later than asked: what any client waited for nothing."""

    seconds: float


# --- Money ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BudgetRefused:
    """A statement was refused, or stopped, since a budget or cap has no room for it."""

    limit: str
    """The budget's or cap's id."""
    kind: Literal["budget", "cap"]
    unit: str
    """What ran out: `usd`, `bytes`, `rows` or `seconds`."""
    stopped: bool = False
    """It had begun, and was ended midway."""


@dataclass(frozen=True, slots=True)
class BudgetMeasured:
    """An account in use, as the store had it a moment ago; in dollars or bytes."""

    budget: str
    holder: str
    unit: str
    limit: float
    spent: float
    reserved: float


@dataclass(frozen=True, slots=True)
class LeasesOrphaned:
    """Parts of budgets went back whose workers were not heard of; what their statements took is not known."""

    workers: int
    leases: int


@dataclass(frozen=True, slots=True)
class OverrideUsed:
    """A statement runs that only an override let pass."""

    limit: str
    """The id of the budget or cap that was overridden."""


@dataclass(frozen=True, slots=True)
class EstimateAsked:
    """An engine was asked what a statement would read, in so many seconds."""

    engine: str
    result: Literal["answered", "late", "failed"]
    """`late`: its statement no longer waited for it."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CoachAdvised:
    """A statement went on its way with advice: a hint, or in a cheaper form that its session asks for."""

    way: Literal["hint", "autofix"]
    kind: str
    """What it was about: `partition_filter`, `fewer_columns`, ..."""


@dataclass(frozen=True, slots=True)
class StatementRewritten:
    """A statement is answered from materialized views; what runs, and the plan over its base, come along."""

    received: Received
    planned: Planned


@dataclass(frozen=True, slots=True)
class ViewsPassedOver:
    """A statement over tables that views are known of is answered from its base."""

    reason: str
    """Why a view that could have answered was not read: `moved`, `cost`, `rows`, `failed`, ...; else empty."""
    missing: str
    """What the nearest view lacks: `key`, `measure`, `freshness`, ...; else empty."""


@dataclass(frozen=True, slots=True)
class ViewCompared:
    """A statement answered from a view was, or was not, compared with its base."""

    view: str
    outcome: str
    """`equal`, `different`, or why there was no comparison: `moved`, `budget`, `order`, `volatile`, ..."""


@dataclass(frozen=True, slots=True)
class ViewQuarantined:
    """A comparison differed: the view answers nobody from now on, until a person releases it."""

    view: str
    reason: str
    """Without values of anybody's data."""
    certificate: str


@dataclass(frozen=True, slots=True)
class ViewsLooked:
    """All materialized views were looked at."""

    seconds: float
    states: Mapping[str, int]
    """How many are in which state: `current`, `behind`, `stale`, `unusable`, `quarantined`."""
    behind_seconds: float
    """How long the one furthest behind has lacked what its base holds; 0 where all are current."""
    error: str = ""
    """The kind of what went wrong, where the look failed; then nothing else is told."""


@dataclass(frozen=True, slots=True)
class ViewBuilt:
    """A materialized view was built from its base, or could not be."""

    view: str
    ok: bool
    seconds: float
    rows: int = 0
    reason: str = ""
    """The name of the error, where it could not."""


@dataclass(frozen=True, slots=True)
class AdviceFollowed:
    """A cheaper form that the coach offered, or put in place by autofix, was run and billed by what it read."""

    kind: str
    by_autofix: bool
    saved_nano: int | None
    """What the original costs, by its own bill or a calibrated estimate, less this bill; None where it is not known."""


# --- Recording --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoreUnavailable:
    """The usage store does not take rows; they wait in the journal. Published once per outage."""

    reason: str
    """The kind of the error, without addresses or values."""


@dataclass(frozen=True, slots=True)
class StoreAvailable:
    """The usage store takes rows (again)."""


@dataclass(frozen=True, slots=True)
class RowsShipped:
    """A batch of usage rows reached the store."""

    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RowsLost:
    """Usage rows are gone for good: only ever by the loss policy `drop_oldest` or by damage to the journal."""

    rows: int
    reason: str


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """A dead worker's journal was read to its end and its rows are in the store."""

    finished: int
    cut_off: int
    """Statements that the worker's death cut off."""
    damaged: int
    """Lines that could not be read."""


@dataclass(frozen=True, slots=True)
class RecordingRefused:
    """A statement was turned away because it could not have been recorded."""

    reason: str
    """`journal full` or `disk`."""


@dataclass(frozen=True, slots=True)
class RecordingMeasured:
    """How the journal stands now."""

    journal_bytes: int
    waiting_rows: int
    lag_seconds: float
    """Age of the oldest finished row that is not in the store yet; 0 when none waits."""


# --- The audit --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OthersQueries:
    """Somebody saw or ended queries that are not his own."""

    way: Literal["view", "kill"]
    user: str
    queries: tuple[tuple[str, str], ...]
    """The queries' ids and whose they are."""


@dataclass(frozen=True, slots=True)
class AuditAppended:
    """The audit's chain took entries; those `known` were in it already and were sent again."""

    new: tuple[Link, ...]
    known: tuple[Link, ...]
    head: Head


@dataclass(frozen=True, slots=True)
class AuditAnchored:
    """The chain's end at this moment, to be kept where the database's keeper has no hand."""

    head: Head


@dataclass(frozen=True, slots=True)
class AuditChainBroken:
    """The chain does not hold an end that this gateway had seen: it was cut, bent, or the store is another one."""

    expected: Head
    found: Head


@dataclass(frozen=True, slots=True)
class AuditSinkChanged:
    """A sink of the audit began or ceased to take entries; they wait in its spool."""

    sink: str
    up: bool
    reason: str = ""
    """The kind of the error, without addresses."""


@dataclass(frozen=True, slots=True)
class AuditForwarded:
    """A sink took entries; so many bytes still wait in its spool."""

    sink: str
    entries: int
    waiting_bytes: int


@dataclass(frozen=True, slots=True)
class AuditForwardingLost:
    """Entries will never reach a sink: its spool was full or not writable. The chain in the store has them."""

    sink: str
    entries: int
    reason: str


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
