"""What the gateway is given to read: its configuration, and the policies of every place's users."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway.demo.ports import free_port
from loadtests.mv_cases.cases import Policy
from loadtests.mv_cases.places import LAKE, MARTS, Place

WRITER = "writer"
"""Who makes tables and changes them."""
_SETTABLE = ("as_of", "branch", "integrity", "materialized_views", "max_staleness", "min_grade")


def policies(places: Sequence[Place]) -> dict[str, Any]:
    """Write the policies of all places' users; what protects a table names the writer, who sees all."""
    document: dict[str, Any] = {
        "version": 1,
        "roles": {"writers": {}},
        "users": {WRITER: {"roles": ["writers"]}},
        "grants": [{"id": "all", "roles": ["writers"], "assets": "*", "allow": ["all"]}],
        "session_properties": [{"roles": "all", "allow": list(_SETTABLE)}],
        "row_filters": [],
        "column_masks": [],
    }
    for place in places:
        readers = {place.user: place.setting.policies}
        readers |= {place.builder(view): view.built_under for view in place.setting.views if view.built_under}
        for number, (user, bound) in enumerate(readers.items()):
            document["users"][user] = {"roles": []}
            document["grants"].extend(_grants(f"{place.name}-{number}", place, user, bound))
        document["row_filters"].extend(_filters(place, readers))
        document["column_masks"].extend(_masks(place, readers))
    return document


def _grants(name: str, place: Place, user: str, bound: Sequence[Policy]) -> Iterator[dict[str, Any]]:
    yield {"id": name, "users": [user], "assets": f"{LAKE}.{place.name}.*", "allow": ["read"]}
    for number, policy in enumerate(each for each in bound if each.deny):
        asset = f"{LAKE}.{place.name}.{policy.table}"
        yield {
            "id": f"{name}-deny-{number}",
            "users": [user],
            "assets": asset,
            "deny": ["select"],
            "columns": list(policy.deny),
        }


def _filters(place: Place, readers: Mapping[str, Sequence[Policy]]) -> Iterator[dict[str, Any]]:
    """Filter each table for whom a policy says so; everybody else who reads it is named, too."""
    filtered = {policy.table for bound in readers.values() for policy in bound if policy.row_filter}
    number = itertools.count()
    for table in sorted(filtered):
        asset = f"{LAKE}.{place.name}.{table}"
        free = [WRITER]
        for user, bound in readers.items():
            texts = [policy.row_filter for policy in bound if policy.table == table and policy.row_filter]
            for text in texts:
                yield {"id": f"{place.name}-f{next(number)}", "table": asset, "users": [user], "filter": text}
            free += [] if texts else [user]
        yield {"id": f"{place.name}-f{next(number)}", "table": asset, "users": free, "filter": "none"}


def _masks(place: Place, readers: Mapping[str, Sequence[Policy]]) -> Iterator[dict[str, Any]]:
    masked = {(policy.table, column) for bound in readers.values() for policy in bound for column, _ in policy.masks}
    number = itertools.count()
    for table, column in sorted(masked):
        of = {"table": f"{LAKE}.{place.name}.{table}", "column": column}
        free = [WRITER]
        for user, bound in readers.items():
            texts = [text for policy in bound if policy.table == table for name, text in policy.masks if name == column]
            for text in texts:
                kind = dict(place.tables[table].columns)[column]  # a mask has its column's type
                mask = {"kind": "sql", "expression": f"CAST({text} AS {kind})"}
                yield {"id": f"{place.name}-m{next(number)}", **of, "users": [user], "mask": mask}
            free += [] if texts else [user]
        yield {"id": f"{place.name}-m{next(number)}", **of, "users": free, "mask": "none"}


def configuration(folder: Path, base: Mapping[str, Any], clickhouse: Path, places: Sequence[Place]) -> dict[str, Any]:
    """Write the configuration of a gateway over base tables and views.

    Only this differs from production: no view is too dear to be used (the data are tiny), and no comparison in the
    shadow takes the time of the next case.
    """
    return {
        "door": {"port": free_port()},
        "admin": {"port": 0},
        "metrics": {"port": 0},
        "data_dir": str(folder / "data"),
        "drain_seconds": 1,
        "identity": {"insecure": True},
        "keys": [{"id": "cases", "secret": "a page key of the cases, long enough to seal"}],
        "engines": [
            dict(base),
            {"kind": "clickhouse", "name": "clickhouse", "catalog": MARTS, "path": str(clickhouse)},
        ],
        "policies": [str(folder / "policies.yaml")],
        "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        "catalogs": {"describe_seconds": 60},
        "materialized_views": {"refresh_seconds": 600, "verify_seconds": 1, "cost_margin": None},
        "constraints": _constraints(places),
        "log_format": "json",
    }


def _constraints(places: Iterable[Place]) -> dict[str, list[dict[str, Any]]]:
    """Declare what is said of tables, whatever its status: the gateway tests it on the data itself."""
    keys: list[dict[str, Any]] = []
    foreign: list[dict[str, Any]] = []
    for place in places:
        for fact in place.facts:
            said = {"table": f"{LAKE}.{place.name}.{fact.table}", "columns": list(fact.columns)}
            if fact.references:
                other = f"{LAKE}.{place.name}.{fact.references}"
                foreign.append({**said, "references": other, "referenced": list(fact.referenced)})
            else:
                keys.append(said)
    return {"keys": keys, "foreign_keys": foreign}


def write_yaml(path: Path, document: Mapping[str, Any]) -> Path:
    """Write a document."""
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    return path
