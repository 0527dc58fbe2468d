"""The states of a statement: frozen dataclasses that the pipeline's stages exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Grade
from catalog.objects import Table, TableName
from engines.base import OutputColumn, Write
from gateway.asked import Asked
from gateway.policy_store.edits import PolicyEdit
from gateway.vault.asked import Reveal
from policies.cost.estimate import Estimate
from policies.decisions import PolicyRef, Subject, Window
from policies.entitlements import Scope
from rewrite_rules.outline.nodes import Outline
from rewrite_rules.substitution.certificate import Certificate
from rewrite_rules.substitution.model import Miss

SYSTEM_ROLES, ALL_ROLES, NO_ROLES = "system", "ALL", "NONE"
"""How a session names its choice among the roles that policy gives: by this catalog, as all, none or `ROLE{name}`."""


class Claimed(NamedTuple):
    """What a credential itself says of whom it speaks for; see `gateway.asked`."""

    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()


NOTHING_CLAIMED = Claimed()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, as verified by an authenticator; never built from a bare client header outside `insecure`."""

    user: str
    """The session user: the identity policies apply to."""
    authenticated: str
    """The principal that proved itself; differs from `user` under impersonation."""
    roles: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
    method: str = ""
    """`jwt`, `password`, `api_key`, `certificate` or `insecure`."""
    expires_at: float | None = None
    """Unix seconds after which the credential no longer holds."""
    original: str = ""
    """The session's user before SET SESSION AUTHORIZATION; empty where that is `user`."""
    groups: frozenset[str] = frozenset()
    claimed: Claimed = NOTHING_CLAIMED
    """What of all this the credential said; policy says the rest."""
    scope: Scope | None = None
    """What a partner's token is good for."""

    @property
    def subject(self) -> Subject:
        """Return what policy may see of the caller."""
        return self.asking_from("")

    def asking_from(self, source: str) -> Subject:
        """Return what policy may see of the caller, with the application as it calls itself."""
        return Subject(
            self.user,
            self.roles,
            self.attributes,
            groups=self.groups,
            source=source,
            authenticated=self.authenticated,
            scope=self.scope,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """What the request's headers say, checked and decoded; carried by the client, so the gateway keeps none of it."""

    catalog: str | None = None
    schema: str | None = None
    path: str | None = None
    time_zone: str = "UTC"
    language: str | None = None
    source: str | None = None
    client_info: str | None = None
    client_tags: tuple[str, ...] = ()
    trace_token: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    prepared: Mapping[str, str] = field(default_factory=dict)
    """Prepared statements as the client sent them, decoded once."""
    roles: Mapping[str, str] = field(default_factory=dict)
    transaction: str | None = None
    """None: the client knows no transactions; `NONE`: it does and has none; else a sealed id, not opened yet."""
    capabilities: frozenset[str] = frozenset()
    resource_estimates: Mapping[str, str] = field(default_factory=dict)
    data_encodings: tuple[str, ...] = ()
    """The forms of results in segments that the client takes, in its order."""
    remote_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """An explicit transaction: the engine that keeps it, and its id there, which the client never sees."""

    engine: str
    id: str


class Received(msgspec.Struct, frozen=True):
    """A statement as it came through the door."""

    query_id: str
    sql: str
    principal: Principal
    session: Session
    received_at: float
    """Unix seconds."""
    transaction: Transaction | None = None
    """The open transaction that the session names, if it is one of this caller's."""

    @property
    def subject(self) -> Subject:
        """Return what policy may see of the caller: with the role that the session chose, if it chose one."""
        whole = self.principal.asking_from(self.session.source or "")
        chosen = self.session.roles.get(SYSTEM_ROLES, ALL_ROLES)
        if chosen == ALL_ROLES:
            return whole
        roles = frozenset() if chosen == NO_ROLES else frozenset({chosen[len("ROLE{") : -1]})
        return replace(whole, roles=roles, held=whole.roles)


class TooOften(Refusal):
    """Refuse a statement for now: its caller has asked as often as he may."""

    def __init__(self, message: str, seconds: float) -> None:
        """Say after how many seconds another may succeed."""
        super().__init__(ErrorCode.QUERY_QUEUE_FULL, message)
        self.seconds = seconds


Shown = Literal["clear", "masked", "denied"]


class Exposure(NamedTuple):
    """How a caller meets a protected or tagged column: read as it is, read through its mask, or withheld."""

    column: str
    shown: Shown
    tags: tuple[str, ...]
    """Why it counts: its and its table's tags, `sensitive` or `unclassified`, `masked` where a mask is for anybody."""


@dataclass(frozen=True, slots=True)
class TableAccess:
    """One table a plan touches: for the record, metrics and lineage."""

    name: TableName
    action: str
    columns: tuple[str, ...]
    exposures: tuple[Exposure, ...] = ()
    """What becomes of those columns that policy protects or tags."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a pass changed the statement. `text` is for users; `detail` (policy ids, SQL) for stewards only."""

    rule: str
    text: str
    detail: str = ""


Exposed = tuple[str, str, Shown, tuple[str, ...]]
"""An exposure in a usage row: (dotted table, column, how it is shown, tags)."""


@dataclass(frozen=True, slots=True)
class PlanNote:
    """What a plan adds to the usage row of each of its executions, in the row's own form."""

    tables: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    policies: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    exposures: tuple[Exposed, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """A result that the gateway itself gives: SHOW, SET SESSION, USE, PREPARE, EXPLAIN."""

    columns: tuple[OutputColumn, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    """Values already in the protocol's JSON form (str, int, float, bool, None, list)."""
    headers: tuple[tuple[str, str], ...] = ()
    """X-Trino-Set-* and its like, values encoded as Trino does."""
    update_type: str | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """End another query: what `CALL system.runtime.kill_query` asks of the gateway."""

    query_id: str
    message: str
    anybody: bool
    """The caller may end other people's queries."""


@dataclass(slots=True)
class Standing:
    """What was learnt about a plan while it was used; it goes with the plan. See `gateway.attestation`."""

    asked: bool = False
    """An engine was asked what it reads for the plan, and said so or kept silent."""
    confirmed: bool = False
    """It said that it reads what was authorised."""
    expected: object = None
    """What an engine may read, once it was worked out."""
    priced: object = None
    """What it was estimated to take, and at which versions of its tables; see `gateway.pricing`."""
    coached: object = None
    """What the coach says of it, once that was worked out; see `gateway.coaching`."""
    views: object = None
    """The known materialized views at which it was last found to hold."""
    too_many_rows: bool = False
    """A view gave it more rows than another engine is handed: it is not asked again for this plan."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A reading of a materialized view that is done before its statement, into which the rows are written."""

    view: TableName
    engine: str
    sql: str
    columns: tuple[OutputColumn, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """How a statement is answered from materialized views, and what that rests on."""

    plan: Plan
    """What runs instead; where there are stages, its text has no rows yet."""
    views: tuple[TableName, ...]
    grade: Grade
    certificate: Certificate
    certificate_id: str
    document: bytes
    """The certificate with all that it rests on, as it is kept under its id."""
    versions: Mapping[TableName, str]
    """The versions of the base tables at which it holds; empty where staleness is tolerated."""
    asked: tuple[Table, ...]
    """The tables whose versions these are."""
    base_tables: tuple[TableName, ...]
    """What is still read of the base."""
    scans: tuple[tuple[TableName, str], ...]
    """(view, its reading in Trino's SQL): for stewards."""
    built_at: float
    """Unix seconds: when the oldest of the views was filled."""
    expires: float | None = None
    """Unix seconds after which it is older than its session tolerates; None where it is up to date."""
    bytes: int | None = None
    """Of the views' tables."""
    stages: tuple[Stage, ...] = ()
    parts: tuple[str, ...] = ()
    """The text between the places of the stages' rows."""
    places: tuple[int, ...] = ()
    """Which stage's rows stand behind each part but the last."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided about a statement before it runs. Executing, explaining and recording read this.

    A plan is cached; it holds nothing of one execution (no query id, no clock). Only `standing` ever changes.
    """

    kind: str
    """`SELECT`, `INSERT`, `SHOW TABLES`, ...: for the record."""
    route: Literal["engine", "local"]
    engine: str | None = None
    sql: str | None = None
    """Governed text in the engine's dialect."""
    governed_sql: str | None = None
    """Governed text in Trino's dialect: what EXPLAIN POLICY shows to stewards."""
    answer: LocalAnswer | None = None
    kill: Kill | None = None
    """What is done before a local answer is given."""
    reveal: Reveal | None = None
    """What the vault is asked when the answer is given: the value itself is never part of a plan."""
    policy_edit: PolicyEdit | None = None
    """What changes in the stored policies before the answer is given, or before an engine is asked."""
    columns: tuple[OutputColumn, ...] | None = None
    update_type: str | None = None
    write: Write | None = None
    tables: tuple[TableAccess, ...] = ()
    depends_on: tuple[tuple[TableName, Table | None], ...] = ()
    """Catalog entries the plan was made from; the plan holds while the catalog returns the very same objects."""
    engine_tables: tuple[Table, ...] = ()
    policies: tuple[PolicyRef, ...] = ()
    policy_version: str = ""
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()
    policed: bool = False
    """True when a filter or mask applies: engine errors are then redacted."""
    exportable: bool = True
    """False where licence terms keep the result from being handed out in files."""
    holds: Window | None = None
    """Set where the plan has a moment in it (an embargo), and so ages."""
    prepared: tuple[str, str] | None = None
    """Name and governed text of a statement that `sql` speaks of as prepared."""
    headers: tuple[tuple[str, str], ...] = ()
    """Session effects of an engine-run statement that the gateway itself must announce."""
    invalidates: tuple[TableName, ...] = ()
    """Catalog entries to read again once the statement succeeded (DDL)."""
    invalidates_schemas: bool = False
    """The lists of schemas of those entries' catalogs changed, too."""
    fingerprint: str = ""
    """The statement's shape: equal for texts that differ in literals and layout only."""
    outline: Outline | None = None
    """What it does, for pricing; None where that is off, and for what reads nothing."""
    explained: Plan | None = None
    """The plan that an EXPLAIN speaks of: what it would cost is told with the explanation."""
    question: str | None = None
    """What an engine is asked about in the place of `sql`, where that holds the rows of one execution."""
    rewritten: Rewritten | None = None
    """How it is answered from materialized views; None where it is not."""
    from_views: bool = False
    """It reads views in the place of tables that it was asked of: what it takes says nothing of those."""
    misses: tuple[Miss, ...] = ()
    """Why views do not answer it, the nearest first; for the caller those in `views_told` only."""
    views_told: frozenset[TableName] = frozenset()
    """The views that the caller may be told of: he may read all that they hold."""
    views_above: tuple[tuple[TableName, object], ...] = ()
    """What was known of the views over each table that it reads; it holds while that is the very same."""
    note: PlanNote | None = None
    """Taken once, when the plan is complete."""
    standing: Standing = field(default_factory=Standing, compare=False, repr=False)

    def noted(self) -> PlanNote:
        """Return what the usage rows say of the plan."""
        return self.note or PlanNote(
            tables=tuple((str(each.name), each.action, each.columns) for each in self.tables),
            policies=tuple(each.id for each in self.policies),
            reasons=tuple(f"{each.rule}: {each.detail or each.text}" for each in self.reasons),
            exposures=tuple((str(each.name), *exposure) for each in self.tables for exposure in each.exposures),
        )


class Planned(msgspec.Struct, frozen=True):
    """A plan and how it came about."""

    plan: Plan
    cached: bool = False
    stage_ms: Mapping[str, float] = msgspec.field(default_factory=dict)
    """Milliseconds by the stage's name."""
    estimate: Estimate | None = None
    """What it is expected to take; None where it is not priced."""
    warnings: tuple[str, ...] = ()
    """What this execution's client is told besides the plan's own warnings: hints, budgets that run low."""
    saved_bytes: int = 0
    """By how much a rewriting that the caller asked for (autofix) lowered the estimate."""
    rewritten: Rewritten | None = None
    """Set where `plan` answers from materialized views."""
    base: Plan | None = None
    """The plan over the base tables, which stands ready where `plan` answers from views."""
    fallback: str = ""
    """Why the base is read although views could have answered."""
    staged_bytes: int = 0
    """What was scanned for it before its engine got it: stages, and readings of views that failed."""

    @property
    def fingerprint(self) -> str:
        """Return the statement's shape."""
        return self.plan.fingerprint


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """A refusal and how far planning had come: what the usage row says of it."""

    refusal: Refusal
    stage: str = "plan"
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str = ""
    kind: str = ""
    tables: tuple[TableAccess, ...] = ()
    policies: tuple[str, ...] = ()
    policy_version: str = ""
    depends_on: tuple[tuple[TableName, Table | None], ...] = ()
    """The catalog entries that were looked up, whether or not the caller may know of them."""
    estimate: Estimate | None = None
    """What it was expected to take, where it was refused for its price."""


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
