"""What happens to the parts of the gateway: policies, configuration, engines, catalog, caches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
