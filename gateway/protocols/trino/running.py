"""One statement's life in this worker, from its id to its one finished event."""

from __future__ import annotations

import asyncio

import msgspec

from catalog.errors import Refusal
from engines.base import Engine, ResultPage
from engines.rows import Progress
from gateway.attestation.attesting import Attesting
from gateway.models import Owed, Plan
from gateway.protocols.trino.ports import NotPlanned, Planned
from gateway.received import Received
from gateway.usage_record import Bill, Outcome

_SMALL = 65_536
"""A page larger than this is not kept beside the one that follows it."""


class ServedPage(msgspec.Struct, frozen=True):
    """One page as it was given out, kept until the next is asked for: a client may have lost it."""

    number: int
    queued: bool
    """Its address says `queued`; such a page stays readable while the query runs."""
    rendered: bytes
    """The members, see `pages.render_members`."""
    headers: tuple[tuple[str, str], ...]
    next_token: str | None
    next_queued: bool = False
    partial_token: str | None = None
    spooled: bool = False
    """Addresses of segments begin with `spooling.BASE`."""


class RunningQuery:
    """What is known about a statement while it runs, and for a while after."""

    __slots__ = (
        "attesting",
        "bill",
        "changing",
        "columns",
        "cursor",
        "ended_at",
        "engine",
        "engine_query_id",
        "error_code",
        "error_message",
        "failure",
        "fetching",
        "first_page_ms",
        "id",
        "kept",
        "kept_queued",
        "last_contact",
        "lock",
        "lost_polls",
        "next_page",
        "outcome",
        "owed",
        "plan",
        "planned",
        "received",
        "recorded",
        "rows",
        "scanned",
        "size",
        "started",
        "state",
        "submit_ms",
        "unconfirmed",
        "waiting",
        "weight",
    )

    def __init__(self, received: Received, now: float) -> None:
        """Begin; `now` is monotonic seconds."""
        self.received = received
        self.id = received.query_id
        """The id the client knows."""
        self.started = now
        self.last_contact = now
        self.planned: Planned | NotPlanned | None = None
        """What planning gave; see `plan_is`."""
        self.plan: Plan | None = None
        """The plan, if there is one."""
        self.engine: Engine | None = None
        self.engine_query_id: str | None = None
        self.cursor: str | None = None
        self.attesting: Attesting | None = None
        """What the engine is asked about the statement; None where it is not, or once it has answered well."""
        self.unconfirmed = False
        """The engine did not confirm what it reads, as it must; what it says beside rows is withheld."""
        self.columns: int | None = None
        """Hash of the columns that the engine has named; they are the same on every page."""
        self.next_page: int | None = 1
        """Number of the page to make next; None after the last."""
        self.kept: ServedPage | None = None
        self.kept_queued: ServedPage | None = None
        self.failure: Refusal | None = None
        """What the next page has to say, if it is the last."""
        self.outcome: Outcome | None = None
        self.error_code: str | None = None
        self.error_message: str | None = None
        self.state = "QUEUED"
        self.rows = 0
        self.size = 0
        self.scanned: int | None = None
        self.owed: list[Owed] = []
        """Whose bytes are told a moment after their end; those that its plan owes come beside them."""
        self.bill: Bill | None = None
        """What it cost, once it has ended."""
        self.submit_ms = 0.0
        self.first_page_ms: float | None = None
        self.ended_at: float | None = None
        self.lost_polls = 0
        self.recorded = False
        """`StatementReceived` was published, so `StatementFinished` is owed."""
        self.changing: asyncio.Future[None] | None = None
        """The change of policies that the statement asks for, once it is being made."""
        self.waiting: ResultPage | None = None
        """A page that the engine gave with its answer to the submission."""
        self.weight = 0
        self.lock = asyncio.Lock()
        self.fetching: asyncio.Task[object] | None = None

    def plan_is(self, planned: Planned | NotPlanned) -> None:
        """Take what planning gave."""
        self.planned = planned
        self.plan = planned.plan if isinstance(planned, Planned) else None

    @property
    def all_owed(self) -> tuple[Owed, ...]:
        """Return the queries whose bytes are told a moment after their end: its own, and those for its plan."""
        own = tuple(self.owed)
        return (*self.planned.owed, *own) if isinstance(self.planned, Planned) else own

    def told(self, late: int | None) -> None:
        """Add the bytes that were told after its end, unless they are not all: then nobody knows what it read."""
        if late is None or (self.scanned is None and not self.owed):
            return
        staged = self.planned.staged_bytes if isinstance(self.planned, Planned) else 0
        self.scanned = (staged if self.scanned is None else self.scanned) + late

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the client is told beside the answer."""
        planned = self.planned
        if not isinstance(planned, Planned):
            return ()
        return planned.plan.warnings + planned.warnings if planned.warnings else planned.plan.warnings

    @property
    def user(self) -> str:
        """Return the owner's name."""
        return self.received.principal.user

    @property
    def ended(self) -> bool:
        """Tell whether the outcome is settled."""
        return self.outcome is not None

    @property
    def policed(self) -> bool:
        """Tell whether filters or masks apply."""
        return self.plan is not None and self.plan.policed

    @property
    def relayed(self) -> bool:
        """Tell whether an engine of its own keeps the pages, so that any replica can fetch them."""
        return self.engine is not None and self.engine.kind == "trino"

    def find(self, number: int, *, queued: bool) -> ServedPage | None:
        """Return a page that was given out and is still readable."""
        if self.kept is not None and self.kept.number == number:
            return self.kept
        if queued and self.kept_queued is not None and self.kept_queued.number == number:
            return self.kept_queued
        return None

    def keep(self, page: ServedPage) -> None:
        """Remember a page in place of the one before it."""
        self.kept = page
        if page.queued and len(page.rendered) <= _SMALL:
            self.kept_queued = page
        self.next_page = page.number + 1 if page.next_token is not None else None

    def progress(self, state: str, now: float) -> Progress:
        """Return the statistics of a page that the gateway itself makes."""
        elapsed = int((now - self.started) * 1000)
        return Progress(state, elapsed_ms=elapsed, rows=self.rows, bytes=self.size)

    def interrupt(self) -> None:
        """Wake a poll that waits for the engine, since the answer is known now."""
        if self.fetching is not None and self.fetching is not asyncio.current_task():
            self.fetching.cancel()
