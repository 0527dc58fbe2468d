"""The one row that every statement leaves, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from gateway.asked import Asked
from gateway.models import Exposed


class Priced(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a statement was expected to take, as its usage row keeps it: (low, likely, high); None for unbounded."""

    kind: str
    bytes: tuple[int, int, int | None]
    rows: tuple[int, int, int | None] = (0, 0, None)
    """Of the widest operator."""
    nano: tuple[int, int, int | None] = (0, 0, None)
    """Nanodollars."""
    seconds: tuple[float, float, float | None] = (0.0, 0.0, None)
    basis: str = ""
    coverage: float = 0.0
    """The share of statements that the interval of bytes is meant to hold."""
    scans: tuple[tuple[str, int], ...] = ()
    """(table, likely bytes) of each scan: what the cost is split by."""
    raw: tuple[int, int, int | None] = (0, 0, None)
    """The bytes before calibration: what calibration learns from."""
    saved_bytes: int = 0
    """By how much a rewriting that the caller asked for (autofix) lowered the estimate."""
    rows_hidden: int = 0
    """1 where policies hid rows of what was read: the estimate would tell of them, so usage in SQL does not show it."""


class Charge(msgspec.Struct, frozen=True):
    """What a statement took of one budget."""

    account: str
    """The account's id: budget, whose, unit, and the period's beginning; see `gateway.budgets`."""
    reserved: int
    charged: int
    """Nanodollars or bytes, as the account counts."""
    lease: str = ""
    """The part of the account that held it; see `gateway.budgets.leases`."""


class Bill(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a statement cost, as its usage row keeps it."""

    nano: int
    """Nanodollars."""
    bytes: int
    """What was paid for."""
    basis: Literal["measured", "estimated", "result size", "none"]
    rate: str = ""
    """The price book's entry."""
    region: str = ""
    shares: tuple[tuple[str, int], ...] = ()
    """(table, nanodollars); they add up to `nano`."""
    charges: tuple[Charge, ...] = ()
    note: str = ""
    """What is unusual about it: no actuals came, a reservation was released, an override was used."""


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """What materialized views had to do with a statement, as its usage row keeps it."""

    views: tuple[str, ...] = ()
    """Those that were read."""
    grade: str = ""
    certificate: str = ""
    base_tables: tuple[str, ...] = ()
    """What was read of the base beside them."""
    fallback: str = ""
    """Why the base was read although views could have answered."""
    missed: tuple[str, ...] = ()
    """Why views do not answer it, the nearest first."""


Outcome = Literal["FINISHED", "FAILED", "REFUSED", "CANCELED", "ABANDONED", "CUT_OFF"]


class UsageRecord(msgspec.Struct, frozen=True):
    """The one row every statement leaves. Times in Unix seconds, durations in milliseconds, sizes in bytes."""

    query_id: str
    received_at: float
    finished_at: float
    outcome: Outcome
    user: str
    authenticated: str
    auth_method: str
    roles: tuple[str, ...]
    source: str | None
    client_tags: tuple[str, ...]
    client_address: str | None
    trace_token: str | None
    sql: str
    kind: str
    fingerprint: str
    tables: tuple[tuple[str, str, tuple[str, ...]], ...]
    """(dotted name, action, columns)."""
    policies: tuple[str, ...]
    policy_version: str
    decision: Literal["allow", "refuse", "none"]
    reasons: tuple[str, ...]
    engine: str | None
    engine_query_id: str | None
    plan_cached: bool
    stage_ms: Mapping[str, float]
    rows: int
    bytes: int
    error_code: str | None
    error_message: str | None
    scanned_bytes: int | None = None
    """Bytes the engine says it read for the statement; None where it does not say."""
    client_info: str | None = None
    """What the client said of itself, in its own words."""
    exposures: tuple[Exposed, ...] = ()
    """What was read of protected and tagged columns, and what was withheld: what the audit tells."""
    asked: Asked | None = None
    """How it was asked; None in rows from before this was kept."""
    priced: Priced | None = None
    """What it was expected to take; None where it was not priced."""
    bill: Bill | None = None
    """What it cost; None where nothing ran, and in rows from before this was kept."""
    rewritten: Answered | None = None
    """What materialized views had to do with it; None where none is over its tables."""
