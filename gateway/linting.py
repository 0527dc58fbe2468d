"""Lint with what a gateway knows: files without connecting anywhere, or what is in force with the tables there are."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, Field

from catalog.cache import CatalogCache
from catalog.dialect.parse import parse_expression
from gateway.config import Config
from gateway.house import House
from gateway.usage_tables.layouts import CATALOG as USAGE
from policies.compile import compile_policies
from policies.faults import PolicyError
from policies.index import PolicySet
from policies.lint.findings import Finding, Severity
from policies.lint.run import lint, lint_faults
from policies.lint.scope import Scope
from policies.reload import read_files
from rewrite_rules.analysis import analyze_expression

_KEPT = 4
_MOST = 1000
"""Findings that are shown."""
Key = tuple[str, int, bool]
_recent: WeakKeyDictionary[CatalogCache, OrderedDict[Key, tuple[Finding, ...]]] = WeakKeyDictionary()
"""What was found of late, by policies and tables: lint is asked for again and again while little changes."""
_one_at_a_time: WeakKeyDictionary[CatalogCache, asyncio.Lock] = WeakKeyDictionary()


class Found(BaseModel):
    """One thing that lint found."""

    code: str = Field(examples=["always-true-filter"])
    severity: Severity
    rule: str = Field(description="The id of the rule; empty where it is about no single one.")
    file: str
    line: int
    path: str = Field(examples=["row_filters[2]"])
    reason: str
    fix: str


class Linted(BaseModel):
    """What lint found, errors first; the counts are of everything, also where the list is cut at 1000."""

    whole: bool = Field(description="Whether the policies can be taken at all.")
    errors: int
    warnings: int
    notes: int
    findings: list[Found]


def linted(findings: Iterable[Finding], *, whole: bool = True) -> Linted:
    """Return findings as the API and `--json` show them."""
    all_of_them = tuple(findings)
    counts = Counter(each.severity for each in all_of_them)
    shown = [
        Found(
            code=each.code,
            severity=each.severity,
            rule=each.rule,
            file=each.origin.file,
            line=each.origin.line,
            path=each.origin.path,
            reason=each.reason,
            fix=each.fix,
        )
        for each in all_of_them[:_MOST]
    ]
    return Linted(
        whole=whole,
        errors=counts["error"],
        warnings=counts["warning"],
        notes=counts["note"],
        findings=shown,
    )


def lint_paths(paths: Sequence[Path], config: Config | None = None) -> Linted:
    """Lint files by themselves, connecting nowhere; keys of hashes need not be there."""
    try:
        files = read_files(paths)
    except PolicyError as error:
        return linted(lint_faults((), error.faults), whole=False)
    try:
        policies = compile_policies(
            files.sources,
            parse_expression,
            version=files.digest[:16],
            secrets=lambda name: name.ljust(32, "-"),
            type_of=analyze_expression,
        )
    except PolicyError as error:
        return linted(lint_faults(files.sources, error.faults), whole=False)
    if config is None:
        return linted(lint(Scope(policies, tokens_bring_roles=True)))
    served = frozenset(catalog for engine in config.engines for catalog in engine.catalogs) | {USAGE}
    return linted(lint(Scope(policies, served=served, files=files.sources, **_of_tokens(config))))


async def lint_in_house(house: House, policies: PolicySet) -> tuple[Finding, ...]:
    """Lint policies against the tables that the gateway knows, off the loop and one at a time."""
    kept = _recent.setdefault(house.catalog, OrderedDict())
    async with _one_at_a_time.setdefault(house.catalog, asyncio.Lock()):
        key = (policies.version, house.catalog.generation, house.catalog.complete)
        if key not in kept:
            kept[key] = await asyncio.to_thread(lint, _scope(house, policies))
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return kept[key]


def _scope(house: House, policies: PolicySet) -> Scope:
    catalogs = frozenset(house.catalog.catalogs)
    tables = {table.name: table for catalog in house.catalog.catalogs for table in house.catalog.tables(catalog)}
    known = catalogs if house.catalog.complete else frozenset()
    files = house.policies.files.sources
    return Scope(policies, tables, known, catalogs, files=files, **_of_tokens(house.config))


def _of_tokens(config: Config) -> Mapping[str, Any]:
    """Return what tokens may add to what the files say of people."""
    issuers = config.identity.jwt
    claims = frozenset(claim for issuer in issuers for claim in issuer.attribute_claims)
    return {"claims": claims, "tokens_bring_roles": bool(issuers)}
