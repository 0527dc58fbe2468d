"""The page that simulates: a statement beside what becomes of it as somebody, with the reason for each change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError
from starlette.responses import Response

from gateway.admin.api.problems import Fault, Problem
from gateway.admin.api.simulate import Asked, simulate_statement
from gateway.admin.console.differences import Piece, by_words
from gateway.admin.console.layout import laid_out
from gateway.admin.console.visiting import Visit, problem_of
from gateway.simulation.answers import Simulation

_FIELDS = ("user", "sql", "catalog", "schema", "roles", "attributes", "changeset")


class Sides(NamedTuple):
    """A statement and its governed form, each with what the other lacks marked."""

    original: list[Piece]
    governed: list[Piece]


async def form(visit: Visit) -> Response:
    """Show the form, filled in with what the address names."""
    return visit.page("simulate.html", asked={name: visit.asked(name) for name in _FIELDS}, found=None, problem=None)


async def run(visit: Visit) -> Response:
    """Show what becomes of the statement; what cannot be asked is told above the form, which stays as it was."""
    asked = {name: visit.form.get(name, "") for name in _FIELDS}
    try:
        found = await simulate_statement(_question(asked), visit.caller, visit.rooms)
        sides = await asyncio.to_thread(_sides, asked["sql"], found)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told beside the form that it came of)
        problem = problem_of(error)
        return visit.page("simulate.html", problem.status, asked=asked, found=None, problem=problem.body)
    return visit.page("simulate.html", asked=asked, found=found, sides=sides, problem=None)


def _question(asked: Mapping[str, str]) -> Asked:
    """Return what a form asks. Raises Problem 422 that names its fields."""
    given: dict[str, object] = {"user": asked["user"].strip(), "sql": asked["sql"]}
    given |= {name: asked[name].strip() for name in ("catalog", "schema", "changeset") if asked[name].strip()}
    given["roles"] = [role.strip() for role in asked["roles"].split(",") if role.strip()]
    given["attributes"] = _attributes(asked["attributes"])
    try:
        return Asked.model_validate(given)
    except ValidationError as error:
        faults = [Fault(field=".".join(map(str, each["loc"])), reason=each["msg"]) for each in error.errors()]
        raise Problem(422, "invalid", "Something in the form cannot be taken.", errors=faults) from None


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.replace("\n", ",").split(","):
        name, separator, value = part.partition("=")
        if separator and name.strip():
            found[name.strip()] = value.strip()
        elif part.strip():
            fault = Fault(
                field="attributes", reason=f"{part.strip()!r} has no value", fix="Write desk=CAISO, region=west."
            )
            raise Problem(422, "invalid", "Something in the form cannot be taken.", errors=[fault])
    return found


def _sides(sql: str, found: Simulation) -> Sides | None:
    """Return the statement beside its governed form; None where no engine gets any."""
    return Sides(*by_words(sql, laid_out(found.sql))) if found.sql is not None else None
