"""Run the steps of a scenario and say what ended otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.attacks.arena import patiently
from tests.attacks.caller import Caller, Seen
from tests.attacks.process import Gateway
from tests.conformance.scenarios import Scenario


def faults(gateway: Gateway, scenario: Scenario, engine: str) -> list[str]:
    """Return what ended otherwise than the scenario says, in words."""
    return [
        f"{sql}\n    {fault}"
        for step in scenario.steps_on(engine)
        for sql in _statements(step)
        for fault in _ended(gateway, scenario, step, sql)
    ]


def _statements(step: Mapping[str, Any]) -> list[str]:
    texts = step.get("each") or [step["sql"]]
    return [f"{form} {sql}".strip() for form in step.get("forms") or [""] for sql in texts]


def _ended(gateway: Gateway, scenario: Scenario, step: Mapping[str, Any], sql: str) -> Iterator[str]:
    user = step.get("as") or scenario.user
    caller = Caller(gateway, user, "iceberg", step.get("schema", "tiny"))
    seen = patiently(lambda: caller.ask(sql))
    if "refused" in step:
        yield from _refusal(seen, step["refused"])
    elif seen.refused and not ("hides" in step and "rows" not in step and seen.says == "NOT_SUPPORTED"):
        yield f"{seen.says}: {seen.message}"
    if "rows" in step and step["rows"] != "any" and sorted(map(str, seen.rows)) != sorted(map(str, step["rows"])):
        yield f"rows {seen.rows[:5]} instead of {step['rows']}"
    if "columns" in step and [column["name"] for column in seen.columns or []] != step["columns"]:
        yield f"columns {[column['name'] for column in seen.columns or []]}"
    if "types" in step and [column["type"] for column in seen.columns or []] != step["types"]:
        yield f"types {[column['type'] for column in seen.columns or []]}"
    told = seen.raw + (caller.get(f"/v1/query/{seen.query_id}").raw if step.get("info") else "")
    yield from (f"shows {text!r}: {told[:500]}" for text in step.get("hides") or () if text in told)
    if step.get("tells") == "query" and (seen.query_id or "?") not in seen.message:
        yield f"does not tell the query: {seen.message}"
    if "same_for" in step:
        other = Caller(gateway, step["same_for"], "iceberg", "tiny").ask(sql)
        if (other.rows, other.says, other.columns) != (seen.rows, seen.says, seen.columns):
            yield f"{seen.rows} for {user}, {other.rows} for {step['same_for']}"
    for name, missing in (step.get("reads_like") or {}).items():
        unknown = caller.ask(sql.replace(name, missing))
        if unknown.message != seen.message.replace(name, missing) or unknown.says != seen.says:
            yield f"{seen.message}, while of a missing column: {unknown.message}"


def _refusal(seen: Seen, wanted: str) -> Iterator[str]:
    if not seen.refused:
        yield f"answered: {seen.rows[:5]}"
    elif seen.says in ("GENERIC_INTERNAL_ERROR", "HTTP 500") or (wanted != "any" and seen.says != wanted):
        yield f"{seen.says}: {seen.message}"
