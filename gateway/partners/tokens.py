"""Tokens for partners: JWTs that carry what they are good for, and end no later than any entitlement of theirs."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.objects import TableName
from gateway.audit.entries import entry
from gateway.audit.links import Link
from gateway.auth.partner_tokens import ALGORITHM
from gateway.config.partners import Partners
from gateway.partners.changes import find_partner
from gateway.partners.database import Beyond, Change, Done, Taken
from gateway.partners.model import EntitlementRecord, TokenRecord
from gateway.partners.names import matches
from gateway.partners.rows import entitlement_of, row_of
from gateway.recording.partner_tables import entitlements, partner_tokens
from policies.clock import PROCESS_CLOCK

_WHAT = "partner token"
"""How the audit calls these among all that it calls tokens."""
Limit = Literal["duration", "entitlement", "maximum"]
"""What ends a token: the hours asked for, the end of an entitlement, or `partners.max_token_hours`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A token that somebody asks for."""

    partner_id: str
    datasets: tuple[tuple[str, ...], ...]
    """Names in one to three parts, folded."""
    hours: float


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was made: shown once."""

    record: TokenRecord
    token: str = field(repr=False)
    limited_by: Limit = "duration"


def issue(asked: Asked, by: str, config: Partners) -> Change[Issued]:
    """Make a token within a transaction that sees its entitlements live.

    Raises Missing for an unknown partner, Beyond for datasets that he is not entitled to now, Taken where he may
    have none.
    """

    async def work(connection: AsyncConnection) -> Done[Issued]:
        partner = await find_partner(connection, asked.partner_id)
        if partner.state == "suspended":
            raise Taken(f"{partner.partner_id} is suspended", field="partner_id", fix="Set his state to `active`.")
        carried = _carried(asked, await _live(connection, asked.partner_id))
        made = _made(asked, carried, by, config)
        await connection.execute(insert(partner_tokens).values(row_of(made.record)))
        detail = {
            "what": _WHAT,
            "partner": asked.partner_id,
            "datasets": [str(each.table) for each in carried],
            "entitlements": [each.id for each in carried],
            "expires_at": made.record.expires_at,
            "key": made.record.key_id,
            "sha256": made.record.digest,
        }
        told = entry(
            "token.issue", actor=by, subject=made.record.id, detail=detail, entry_id=f"token.issue:{made.record.id}"
        )
        return Done(made, told, acts=False)  # a token gives nothing that its entitlements do not

    return work


async def _live(connection: AsyncConnection, partner_id: str) -> list[EntitlementRecord]:
    query = select(entitlements).where(entitlements.c.partner_id == partner_id, entitlements.c.state == "open")
    found = [entitlement_of(row) for row in (await connection.execute(query)).mappings()]
    moment = PROCESS_CLOCK.moment()
    return [each for each in found if each.standing(moment) == "live"]


def _carried(asked: Asked, live: Sequence[EntitlementRecord]) -> list[EntitlementRecord]:
    """Return the entitlements that the datasets mean. Raises Beyond with all that are not covered."""
    found: dict[TableName, EntitlementRecord] = {}
    outside: list[str] = []
    for parts in asked.datasets:
        meant = [each for each in live if matches(each.table, parts)]
        if len(meant) > 1:
            names = ", ".join(sorted(str(each.table) for each in meant))
            raise Beyond(f"{'.'.join(parts)} may be any of {names}", field="datasets", fix="Write the full name.")
        if meant:
            found[meant[0].table] = meant[0]
        else:
            outside.append(".".join(parts))
    if outside:
        raise Beyond(
            f"{asked.partner_id} has no live entitlement to {', '.join(outside)}",
            field="datasets",
            fix="Grant it first (POST /entitlements/), or leave it out.",
        )
    return [found[table] for table in sorted(found)]


def _made(asked: Asked, carried: Sequence[EntitlementRecord], by: str, config: Partners) -> Issued:
    """Make the token. Raises Taken where it would end at once."""
    now = time.time()
    ends: list[tuple[float, Limit]] = [
        (now + asked.hours * 3600, "duration"),
        (min(each.expires_at for each in carried), "entitlement"),
        (now + config.max_token_hours * 3600, "maximum"),
    ]
    end, limit = min(ends, key=lambda each: each[0])
    issued_at, expires_at = int(now), int(end)  # whole seconds: never longer than allowed
    if expires_at <= issued_at:
        raise Taken("the token would end within this second", field="duration_hours", fix="Ask for a longer one.")
    token_id, key = str(uuid.uuid4()), config.secrets[0]
    scope = tuple(claim_of(each) for each in carried)
    payload = {
        "iss": config.issuer,
        "aud": config.audience,
        "sub": asked.partner_id,
        "jti": token_id,
        "iat": issued_at,
        "nbf": issued_at,
        "exp": expires_at,
        "scope": list(scope),
    }
    token = jwt.encode(payload, key[1], algorithm=ALGORITHM, headers={"kid": key[0]})
    digest = hashlib.sha256(token.encode()).hexdigest()
    record = TokenRecord(
        id=token_id,
        partner_id=asked.partner_id,
        digest=digest,
        key_id=key[0],
        scope=scope,
        issued_at=float(issued_at),
        expires_at=float(expires_at),
        issued_by=by,
        state="issued",
        revoked_at=None,
        revoked_by=None,
    )
    return Issued(record, token, limit)


def is_partner_token(link: Link) -> bool:
    """Tell whether a link of the audit's chain says that a partner's token was made."""
    return link.kind == "token.issue" and bool(json.loads(link.detail).get("what") == _WHAT)


def claim_of(entitlement: EntitlementRecord) -> dict[str, Any]:
    """Return what a token says of one dataset: as it is granted now; what is granted later never widens it."""
    table = entitlement.table
    return {
        "catalog": table.catalog,
        "schema": table.schema,
        "table": table.table,
        "entitlement": entitlement.id,
        "row_filter": entitlement.row_filter,
        "allowed_columns": _listed(entitlement.allowed_columns),
        "denied_columns": _listed(entitlement.denied_columns) or [],
    }


def _listed(columns: Iterable[str] | None) -> list[str] | None:
    return None if columns is None else sorted(columns)
