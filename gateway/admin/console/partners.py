"""Pages of partners: who they are; of one, what was granted to him, his tokens, and what he used in a month."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from starlette.responses import Response

from gateway.admin.api.entitlements import list_entitlements
from gateway.admin.api.partners import get_partner, list_partners
from gateway.admin.api.problems import unfit
from gateway.admin.api.registry import PARTNER_NAME, missing
from gateway.admin.api.tokens import list_tokens
from gateway.admin.api.usage import get_usage
from gateway.admin.console.visiting import Visit

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_PAGE = 50


async def listing(visit: Visit) -> Response:
    """Show the partners by name, a page of them."""
    found = await list_partners(visit.caller, visit.rooms, visit.position("after"), _PAGE)
    return visit.page("partners.html", partners=found.items, next=visit.address(after=found.next))


async def one(visit: Visit) -> Response:
    """Show a partner."""
    name, caller, rooms = visit.request.path_params["partner_id"], visit.caller, visit.rooms
    if not re.fullmatch(PARTNER_NAME, name):
        raise missing("partner of that name")
    partner = await get_partner(name, caller, rooms, Response())
    begin, end = _month(visit.asked("month"))
    entitlements = await list_entitlements(caller, rooms, visit.position("entitlements"), name, True, _PAGE)
    tokens = await list_tokens(caller, rooms, visit.position("tokens"), name, _PAGE)
    return visit.page(
        "partner.html",
        partner=partner,
        entitlements=entitlements.items,
        more_entitlements=visit.address(entitlements=entitlements.next),
        tokens=tokens.items,
        more_tokens=visit.address(tokens=tokens.next),
        usage=await get_usage(caller, rooms, name, begin, end),
        month=begin.strftime("%Y-%m"),
        now=datetime.now(UTC),
    )


def _month(text: str) -> tuple[datetime, datetime]:
    """Return a month's first moment and the next month's; of this month where none is named. Raises Problem 422."""
    if not text:
        text = datetime.now(UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(text) or not 1970 <= int(text[:4]) <= 9998:
        raise unfit("month", "it is no month", "Write it as 2027-01.")
    year, month = int(text[:4]), int(text[5:])
    begin = datetime(year, month, 1, tzinfo=UTC)
    return begin, datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
