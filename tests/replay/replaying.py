"""Two policy sets over declared tables, and statements as usage rows have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.asked import Asked
from gateway.policy_files import load_policy_files
from gateway.replay.compare import Compared, Comparison, at_one_moment
from gateway.replay.statements import Statement
from policies.index import PolicySet
from tests.gateway.planning.house import POLICIES, make_pipeline

NOW = 1_800_000_000.0
Document = dict[str, Any]


def base() -> Document:
    """Return the policies of the planning tests, to be changed."""
    found: Document = yaml.safe_load(POLICIES.read_text())
    return found


def policy_set(document: Mapping[str, Any], folder: Path, name: str = "draft") -> PolicySet:
    """Compile a document."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(dict(document)))
    return load_policy_files([path])


def statement(sql: str, user: str = "ana", **told: Any) -> Statement:
    """Return a statement in the session of lake.sales; `tables` and `allowed` say what was recorded of it."""
    asked = told.pop("asked", Asked("lake", "sales"))
    return Statement("q1", sql, user, told.pop("authenticated", user), "jwt", None, asked, **told)


async def compare(draft: Document, folder: Path, *asked: Statement) -> list[Compared]:
    """Compare statements under the base policies and under a draft."""
    pipeline, catalog = await make_pipeline()
    before, after = at_one_moment(policy_set(base(), folder, "live"), policy_set(draft, folder), NOW)
    comparison = Comparison(pipeline, catalog, before, after)
    return [await comparison.compare(each, NOW) for each in asked]
