"""What the partners' operations share: changes that act everywhere, and the registry's refusals as problems."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from gateway.admin.api.preconditions import stale
from gateway.admin.api.problems import Fault, Problem
from gateway.admin.api.rooms import Rooms
from gateway.config.partners import Partners
from gateway.partners.database import Beyond, Change, ChangeUnknown, Missing, Refused, RegistryError, Stale
from gateway.partners.names import DATASET_NAME

T = TypeVar("T")

PARTNER_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
PartnerId = Annotated[
    str,
    Field(pattern=PARTNER_NAME, description="The name that the partner connects as.", examples=["acme-corp"]),
]
DatasetName = Annotated[
    str,
    Field(
        pattern=DATASET_NAME,
        description="table, schema.table or catalog.schema.table, without quotes.",
        examples=["lmp_prices"],
    ),
]
PartnerPath = Annotated[str, Path(pattern=PARTNER_NAME, description="The partner's name.")]
Rate = Annotated[
    float,
    Field(ge=0.01, le=1_000_000, allow_inf_nan=False, strict=True, description="Statements a minute.", examples=[120]),
]


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Unset: Any = Field(default=None, json_schema_extra=_without_default)
"""The default of what may be left out and cannot be null: the description must not call null its default."""


class Body(BaseModel):
    """What is not known in a request is refused."""

    model_config = ConfigDict(extra="forbid")


async def change(rooms: Rooms, work: Change[T]) -> T:
    """Make a change, and have this worker, the others and all replicas act on it. Raises Problem."""
    try:
        result = await rooms.house.partners.change(work)
    except (Refused, RegistryError) as error:
        raise problem_of(error) from None
    with suppress(RegistryError, TimeoutError):  # it is written: who does not hear of it now reads it soon
        await rooms.house.following.refresh()
    await rooms.announce()
    return result


async def read(reading: Awaitable[T]) -> T:
    """Return what the registry says. Raises Problem 503 where the store does not answer."""
    try:
        return await reading
    except RegistryError as error:
        raise problem_of(error) from None


def settings_of(rooms: Rooms) -> Partners:
    """Return the configuration of partners as it is now: keys change while a gateway runs."""
    return rooms.house.authenticator.partner_tokens.config


def problem_of(error: Refused | RegistryError) -> Problem:
    """Return the problem that a refusal of the registry is to a caller."""
    match error:
        case ChangeUnknown():
            text = "The store fell silent: whether the change was made is not known. Look again when it answers."
            return Problem(503, "outcome_unknown", text)
        case RegistryError():
            return Problem(503, "store_unavailable", f"The store does not answer, nothing was changed: {error}")
        case Stale():
            return stale(error.text)
        case Missing():
            return Problem(404, "not_found", error.text, errors=_faults(error))
        case Beyond():
            return Problem(403, "beyond_entitlements", error.text, errors=_faults(error))
    return Problem(409, "conflict", error.text, errors=_faults(error))


def gone(what: str, where: str) -> Problem:
    """Return the problem of what was revoked: it is there no more, but in lists."""
    fault = Fault(field="", reason="only lists name what was revoked", fix=f"Find it in {where}.")
    return Problem(404, "revoked", f"{what} was revoked", errors=[fault])


def missing(what: str) -> Problem:
    """Return the problem of what is not there."""
    return Problem(404, "not_found", f"there is no {what}")


def _faults(error: Refused) -> list[Fault]:
    return [Fault(field=error.field, reason=error.text, fix=error.fix)] if error.field or error.fix else []
