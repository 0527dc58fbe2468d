"""What the door needs of the rest of the gateway, as plain functions and data, so that the pipeline plugs in."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from engines.base import Engine, EngineStatement
from gateway.attestation.attesting import Attesting
from gateway.auth.credentials import Credentials
from gateway.budgets.bounds import Bounds
from gateway.events import Event
from gateway.models import NotPlanned, Plan, Planned
from gateway.policy_store.changing import Alone
from gateway.policy_store.edits import PolicyEdit
from gateway.received import Principal, Received
from gateway.usage_record import Bill, Outcome
from gateway.vault.asked import Reveal

__all__ = ["DoorSettings", "Ended", "NotPlanned", "Planned", "Ports"]


def _nobody(_: Principal, __: str) -> bool:
    return False


async def _nothing(_: Sequence[TableName], __: bool) -> None:
    return None


def _always(_: Received) -> None:
    return None


def _unasked(_: Plan, __: EngineStatement, ___: Engine) -> Attesting | None:
    return None


async def _unchanged(_: PolicyEdit, __: Received, ___: Alone) -> None:
    raise Refusal(ErrorCode.NOT_SUPPORTED, "This gateway keeps no policies beside its files.")


async def _sealed(_: Reveal, __: Received) -> str:
    raise Refusal(ErrorCode.NOT_SUPPORTED, "This gateway keeps no vault.")


async def _unread() -> None:
    return None


def _unheard(_: str, __: str) -> None:
    return None


def _unbound(_: Received, __: Plan | None) -> Refusal | None:
    return None


async def _as_planned(planned: Planned, _: Received, __: str, ___: str, ____: int) -> Planned | NotPlanned:
    return planned


def _unreserved(_: str) -> None:
    return None


def _free(_: Ended) -> Bill | None:
    return None


def _unwatched(_: str, __: int) -> Refusal | None:
    return None


def _boundless(_: str) -> Bounds | None:
    return None


async def _nothing_lent(_: Sequence[str]) -> bool:
    return True


def _unlimited(_: Principal) -> bool:
    return False


async def _at_once(_: Principal) -> None:
    return None


class Ended(msgspec.Struct, frozen=True):
    """What the door knows of a statement at its end: what its bill is made from."""

    received: Received
    planned: Planned | NotPlanned | None
    outcome: Outcome
    begun: bool
    """An engine has taken it."""
    rows: int
    bytes: int
    """Of the result."""
    scanned_bytes: int | None
    seconds: float
    engine_query_id: str | None
    engine: str | None = None
    """Who took it: known also to a replica that went on with it and has no plan."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The door's connections to identity, planning, engines and recording."""

    authenticate: Callable[[Credentials], Awaitable[Principal]]
    """Raises `gateway.auth.credentials.Unauthorized` (401) or `Forbidden` (403)."""
    plan: Callable[[Received], Awaitable[Planned | NotPlanned]]
    """May also raise Refusal."""
    engine_statement: Callable[[Plan, Received], EngineStatement]
    engines: Mapping[str, Engine]
    publish: Callable[[Event], None]
    """The door publishes a statement's six events itself; planning publishes none of them."""
    over_base: Callable[[Planned, Received, str, str, int], Awaitable[Planned | NotPlanned]] = _as_planned
    """Plan a statement over its base tables whose views failed: why, in a word and for people, and bytes in vain."""
    change_policies: Callable[[PolicyEdit, Received, Alone], Awaitable[None]] = _unchanged
    """Change the stored policies for a statement's author; raises Refusal, and nothing has changed then.

    What it is given last tells whether no other statement of the cluster writes into a table.
    """
    reveal: Callable[[Reveal, Received], Awaitable[str]] = _sealed
    """Turn a token back for a caller; raises Refusal. The audit has it before the caller does."""
    refresh_policies: Callable[[], Awaitable[None]] = _unread
    """Read the stored policies again; awaited before who changed them gets an answer."""
    admit: Callable[[Received], None] = _always
    """Called before anything else is done with a statement; raises Refusal when it could not be recorded."""
    may_kill: Callable[[Principal, Literal["view", "kill"]], bool] = _nobody
    """Whether a principal may see, or end, other people's queries."""
    attest: Callable[[Plan, EngineStatement, Engine], Attesting | None] = _unasked
    """Begin to ask an engine what a statement reads, just before it is handed over; None where it is not asked."""
    invalidate: Callable[[Sequence[TableName], bool], Awaitable[None]] = _nothing
    """Read these catalog entries again, and their catalogs' schemas if the flag says so; awaited before the client
    learns that its DDL succeeded. Called on every worker."""
    review: Callable[[Received, Plan | None], Refusal | None] = _unbound
    """Why a running statement is answered no more: what its caller may see is bound in time, and has ended."""
    bound: Callable[[Principal], bool] = _unlimited
    """Whether a caller's access may end in the midst of a statement: then only what can be reviewed answers it."""
    settle: Callable[[Ended], Bill | None] = _free
    """Say what a statement cost and settle what was reserved for it; called once, when it ends. Raises nothing."""
    watch: Callable[[str, int], Refusal | None] = _unwatched
    """Told how many bytes a statement has scanned so far: why it goes no further, if so."""
    bounds: Callable[[str], Bounds | None] = _boundless
    """What a statement is held to by another worker that serves its pages when this one is gone."""
    release: Callable[[str], None] = _unreserved
    """Let go of what was reserved for a statement that ended before its plan was made, so that nobody settles it."""
    give_back: Callable[[Sequence[str]], Awaitable[bool]] = _nothing_lent
    """Give back what no statement here holds of accounts of budgets; tell whether the store has it."""
    pace: Callable[[Principal], Awaitable[None]] = _at_once
    """Let a caller send a statement; raises `TooOften`, and nothing else is done with it."""
    greeted: Callable[[str, str], None] = _unheard
    """Another worker says its id and its address."""
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """What an operator can say about the door; times in seconds, sizes in bytes."""

    worker: str
    """This worker's id: five letters, fresh at each start (`ids.new_worker_id`)."""
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    certificate_header: str | None = None
    node_version: str = "476"
    """The Trino version that clients are told: it decides what JDBC and others expect."""
    environment: str = "penstock"
    abandon_seconds: float = 300.0
    page_token_seconds: float = 86_400.0
    segment_token_seconds: float = 43_200.0
    lost_engine_polls: int = 1
    """How many polls of a page answer 503 after the engine itself gave up, before the query fails."""
    kept_queries: int = 2_000
    """How many ended queries are remembered for `/v1/query` and for clients that lost the last page."""
    kept_bytes: int = 67_108_864
    """How much of their last pages."""
    new_worker_seconds: float = 3.0
    """How long a poll waits for its worker to become known, before the worker counts as gone."""
    list_length: int = 200
    drain_retry_seconds: int = 5
