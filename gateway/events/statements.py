"""The life of a statement, as events: structs, for a frozen dataclass takes five times as long to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from catalog.errors import ErrorCode
    from gateway.models import Plan
    from gateway.received import Received
    from gateway.usage_record import UsageRecord


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
