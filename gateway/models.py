"""The states of a statement: frozen dataclasses that the pipeline's stages exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from catalog.errors import Refusal
from catalog.materialized_views import Grade
from catalog.objects import Table, TableName
from engines.base import OutputColumn, Write
from gateway.policy_store.edits import PolicyEdit
from gateway.vault.asked import Reveal
from policies.cost.estimate import Estimate
from policies.decisions import PolicyRef, Window
from rewrite_rules.outline.nodes import Outline
from rewrite_rules.substitution.certificate import Certificate
from rewrite_rules.substitution.model import Miss

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


class Owed(NamedTuple):
    """A query whose engine says a moment after its end what it scanned; see `ResultPage.scanned_soon`."""

    engine: str
    query_id: str
    """The gateway's name for it."""
    engine_query_id: str | None = None


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
    owed: tuple[Owed, ...] = ()
    """Readings of views whose engines say a moment later what they scanned."""

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
